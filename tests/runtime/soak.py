"""Threads and processes that open, use, copy, pickle, fork and close Enhancers at random; every picture is checked.

    python tests/runtime/soak.py --minutes 60

Eight threads work on forty slots. A step that takes longer than STEP_SECONDS is a hang: all stacks are printed and the
exit code is 3. A picture that differs from the NumPy reference, or an exception that the documentation does not name,
ends with 1. Between rounds everything is closed and the memory of the process is noted: the last line says by how much
it grew.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import faulthandler
import gc
import multiprocessing
import os
import pickle
import random
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from dcelite import Enhancer, reference

from support import REPOSITORY, assert_equals_reference, load_weights

THREADS = 8
SLOTS = 40
STEP_SECONDS = 120.0
SIZES = [(1, 1), (1, 777), (777, 1), (11, 13), (97, 101), (301, 53), (480, 640), (1080, 1920), (2160, 3840)]
CHANCES = [9, 9, 9, 9, 9, 9, 6, 2, 1]  # how often each size is drawn
MODEL = (REPOSITORY / "models" / "zerodcepp_scene.dce").read_bytes()

Case = tuple[np.ndarray, np.ndarray]


def make_cases() -> list[Case]:
    """Pictures, and what the NumPy reference makes of them."""
    weights = load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt")
    rng = np.random.default_rng(5)
    cases = []
    for height, width in SIZES:
        light = np.linspace(0.1, 1.0, width)[None, :, None] * np.linspace(1.0, 0.3, height)[:, None, None]
        image = (255 * light * rng.random((height, width, 3), np.float32) ** 2).astype(np.uint8)
        cases.append((image, reference.enhance(image, weights, 12)))
    return cases


CASES: list[Case] = []


def check(enhance: Enhancer, case: Case, into: np.ndarray | None = None) -> None:
    image, wanted = case
    assert_equals_reference(enhance(image, out=into), wanted)


def open_one(numbers: random.Random) -> Enhancer:
    model = numbers.choice([None, MODEL, REPOSITORY / "models" / "zerodcepp_scene.dce"])
    return Enhancer(model, threads=numbers.choice([0, 1, 2, 3, 8]))


def in_worker(enhance: Enhancer, index: int) -> bool:
    """In another process: an Enhancer that was pickled to it, its copy, and one of its own."""
    with copy.copy(enhance) as copied, Enhancer(threads=2) as own:
        for each in (enhance, copied, own):
            check(each, CASES[index])
    enhance.close()
    return True


def start_worker() -> None:
    """The initializer of a pool: opens an Enhancer of its own and makes the small cases."""
    Enhancer(threads=2).close()
    if not CASES:
        sizes = SIZES[:6]
        SIZES[:] = sizes
        CASES.extend(make_cases())


class Soak:
    def __init__(self, seed: int) -> None:
        self.slots: list[Enhancer | None] = [None] * SLOTS
        self.counts: Counter[str] = Counter()
        self.failure: str | None = None
        self.started = [time.monotonic()] * THREADS
        self.seed = seed

    def step(self, numbers: random.Random) -> None:
        slot = numbers.randrange(SLOTS)
        enhance = self.slots[slot]
        if enhance is None:
            self.slots[slot] = open_one(numbers)
            self.counts["opened"] += 1
            return
        actions = [self.use, self.use_in_place, self.clone, self.close, self.fork, self.processes]
        action = numbers.choices(actions, [60, 15, 12, 12, 4, 0.3])[0]
        try:
            action(enhance, slot, numbers)
            self.counts[action.__name__] += 1
        except (RuntimeError, ValueError) as error:
            if "in use by another thread" not in str(error) and "is closed" not in str(error):
                raise
            self.counts[f"refused: {type(error).__name__}"] += 1

    def use(self, enhance: Enhancer, _slot: int, numbers: random.Random) -> None:
        check(enhance, numbers.choices(CASES, CHANCES)[0])

    def use_in_place(self, enhance: Enhancer, _slot: int, numbers: random.Random) -> None:
        image, wanted = numbers.choices(CASES, CHANCES)[0]
        pixels = image.copy()
        assert_equals_reference(enhance(pixels, out=pixels), wanted)

    def clone(self, enhance: Enhancer, _slot: int, numbers: random.Random) -> None:
        ways = [copy.copy, copy.deepcopy, lambda original: pickle.loads(pickle.dumps(original))]
        self.slots[numbers.randrange(SLOTS)] = numbers.choice(ways)(enhance)  # whatever was there is dropped

    def close(self, enhance: Enhancer, slot: int, _numbers: random.Random) -> None:
        enhance.close()
        enhance.close()
        self.slots[slot] = None

    def fork(self, enhance: Enhancer, _slot: int, numbers: random.Random) -> None:
        """A child that uses, closes, drops and opens what it has inherited, while the other threads go on here."""
        index = numbers.randrange(6)
        others = [other for other in numbers.sample(self.slots, 4) if other is not None]
        child = os.fork()
        if child == 0:
            code = 1
            try:
                faulthandler.dump_traceback_later(STEP_SECONDS / 2, exit=True)  # says where it hangs
                for each in (enhance, *others):
                    try:
                        check(each, CASES[index])
                        each.close()
                    except ValueError as error:
                        if "is closed" not in str(error):
                            raise
                self.slots.clear()  # the rest is dropped
                with Enhancer(threads=3) as own:
                    check(own, CASES[index])
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert status == 0, f"a forked child ended with status {status}"

    def processes(self, enhance: Enhancer, _slot: int, numbers: random.Random) -> None:
        context = multiprocessing.get_context(numbers.choice(["fork", "spawn", "forkserver"]))
        with context.Pool(2, start_worker) as pool:
            work = [(enhance, numbers.randrange(6)) for _ in range(4)]
            assert pool.starmap_async(in_worker, work).get(timeout=STEP_SECONDS / 2) == [True] * 4

    def work(self, thread: int, end: float) -> None:
        numbers = random.Random(f"{self.seed} {thread}")
        try:
            while time.monotonic() < end and self.failure is None:
                self.started[thread] = time.monotonic()
                self.step(numbers)
        except BaseException:
            self.failure = traceback.format_exc()
        finally:
            self.started[thread] = float("inf")

    def watch(self) -> None:
        while True:
            time.sleep(1)
            if time.monotonic() - min(self.started) > STEP_SECONDS:
                print(f"soak: a step takes longer than {STEP_SECONDS:g} s", file=sys.stderr)
                faulthandler.dump_traceback(all_threads=True)
                os._exit(3)

    def round(self, seconds: float) -> None:
        """Work for a while, then close everything, in random order."""
        end = time.monotonic() + seconds
        self.started = [time.monotonic()] * THREADS
        threads = [threading.Thread(target=self.work, args=(i, end)) for i in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        order = list(range(SLOTS))
        random.Random(self.seed).shuffle(order)
        for slot in order:
            enhance, self.slots[slot] = self.slots[slot], None
            if enhance is not None:
                enhance.close()


def return_freed_memory() -> None:
    """Makes the C library give back what is freed, so that the memory of the process is what it holds.

    NumPy's pictures would otherwise leave gaps in an arena for each thread: 100 MB and more, which no Enhancer has.
    """
    mmap_threshold, arena_max = -3, -8  # M_… of malloc.h
    libc = ctypes.CDLL(None)
    libc.mallopt(mmap_threshold, 1 << 17)
    libc.mallopt(arena_max, 1)


def resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--growth", type=float, default=16.0, help="megabytes from the second round to the last (16)")
    options = parser.parse_args()
    return_freed_memory()
    CASES.extend(make_cases())
    resident: list[float] = []
    counts: Counter[str] = Counter()
    soak = Soak(options.seed)
    threading.Thread(target=soak.watch, daemon=True).start()
    for number in range(options.rounds):
        soak.seed = options.seed * 1000 + number
        soak.round(60 * options.minutes / options.rounds)
        if soak.failure:
            print(soak.failure, file=sys.stderr)
            return 1
        gc.collect()
        resident.append(resident_megabytes())
        counts = soak.counts
        print(f"round {number + 1}: {sum(counts.values())} steps, {resident[-1]:.0f} MB", flush=True)
    for name, count in sorted(counts.items()):
        print(f"  {name}: {count}")
    growth = resident[-1] - resident[min(1, len(resident) - 1)]
    print(f"memory grew by {growth:.1f} MB")
    return 1 if growth > options.growth else 0


if __name__ == "__main__":
    sys.exit(main())
