"""Enhancers of several threads and processes: closing against use, forks, copies, pickles. A hang is a failure.

Each case runs in an interpreter of its own, which must end by itself, in time, with exit code 0.
"""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from dcelite import Enhancer, core

from support import REPOSITORY

SECONDS = 60
MODEL = REPOSITORY / "models" / "zerodcepp_scene.dce"

PRELUDE = """
import copy, gc, multiprocessing, os, pickle, signal, sys, threading, time
import numpy as np
from dcelite import Enhancer
image = np.random.default_rng(1).integers(0, 80, (480, 200, 3), np.uint8)
wanted = Enhancer(threads=1)(image)

def check(enhance):
    assert np.array_equal(enhance(image), wanted)

def wait_for(child):
    assert os.waitpid(child, 0)[1] == 0
"""

CASES = {
    "a child that ends": """
        enhance = Enhancer(threads=4); check(enhance)
        child = os.fork()
        if child == 0: sys.exit(0)
        wait_for(child); check(enhance)
    """,
    "a child that uses and closes": """
        enhance = Enhancer(threads=4); check(enhance)
        child = os.fork()
        if child == 0: check(enhance); enhance.close(); sys.exit(0)
        wait_for(child); check(enhance)
    """,
    "a child that drops and opens again": """
        enhance = Enhancer(threads=4); check(enhance)
        child = os.fork()
        if child == 0: enhance = Enhancer(threads=4); check(enhance); sys.exit(0)
        wait_for(child); check(enhance)
    """,
    "a child of a child": """
        enhance = Enhancer(threads=3)
        child = os.fork()
        if child == 0:
            grandchild = os.fork()
            if grandchild == 0: check(enhance); sys.exit(0)
            wait_for(grandchild); check(enhance); sys.exit(0)
        wait_for(child); check(enhance)
    """,
    "a fork while another thread uses it": """
        enhance = Enhancer(threads=3)
        stop = threading.Event()
        def work():
            while not stop.is_set(): check(enhance)
        thread = threading.Thread(target=work, daemon=True); thread.start()
        for i in range(40):
            time.sleep(i % 7 * 1e-4)
            child = os.fork()
            if child == 0:
                check(enhance); check(copy.copy(enhance)); enhance.close(); os._exit(0)
            wait_for(child)
        stop.set(); thread.join(); check(enhance)
    """,
    "a fork at each line of another thread's work": """
        # The thread stands still there, whatever lock it holds, its own or one of the standard library.
        small = image[:9, :8].copy()
        planes = [small[..., 0].copy(), small[:5, :4, 1].copy(), small[:5, :4, 2].copy()]
        def work(enhance):
            enhance(small[::-1], out=small.copy())
            enhance.yuv420(planes, full_range=True)
            enhance.set_strength(1.0)
            copy.copy(enhance).close()
            assert enhance.curve_map(small).shape == (1, 1, 3)
        seen = set()
        def work_to_new_line():
            def trace(frame, *_):
                if not reached.is_set() and (line := (frame.f_code, frame.f_lineno)) not in seen:
                    seen.add(line)
                    reached.set(); go_on.wait()
                return trace
            sys.settrace(trace)
            work(enhance)
            sys.settrace(None)
            reached.set()
        enhance, other = Enhancer(threads=2), Enhancer(threads=1)
        work(enhance); work(other)
        lines = -1
        while len(seen) > lines:
            lines = len(seen)
            reached, go_on = threading.Event(), threading.Event()
            thread = threading.Thread(target=work_to_new_line, daemon=True)
            thread.start(); reached.wait()
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                work(other); work(enhance); other.close(); enhance.close(); os._exit(0)
            _, status = os.waitpid(child, 0)
            assert status == 0, f"{status} at line {lines}"
            go_on.set(); thread.join()
        assert lines > 100
        check(enhance)
    """,
    "a pool whose initializer opens its own": """
        def open_own():
            global enhance
            enhance = Enhancer(threads=2)
        def use_own(_): check(enhance); return True
        enhance = Enhancer(threads=2); check(enhance)
        with multiprocessing.get_context("fork").Pool(2, open_own) as pool:
            assert all(pool.map(use_own, range(8)))
    """,
    "a pool that gets it pickled": """
        enhance = Enhancer(threads=2)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            assert all(np.array_equal(result, wanted) for result in pool.map(enhance, [image] * 8))
    """,
    "a handler of a signal that closes": """
        enhance = Enhancer(threads=2, scale=1)
        signal.signal(signal.SIGALRM, lambda *_: enhance.close())
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            while True: enhance(image)
        except ValueError as error:
            assert "closed" in str(error)
    """,
    "a program that ends while a thread uses it": """
        enhance = Enhancer(threads=3)
        def work():
            while True: enhance(image)
        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.3)
    """,
}

ENGINES = {
    "uses and closes": "check(enhance); enhance.close()",
    "closes": "enhance.close()",
    "collects another as garbage while one is opened again": """
            from dcelite import enhancer
            opened = enhancer.open_session
            enhancer.open_session = lambda *given, **named: (gc.collect(), opened(*given, **named))[1]
            check(enhance)""",
    "ends": "pass",
}


def run(code: str, *arguments: str) -> None:
    program = textwrap.dedent(PRELUDE) + textwrap.dedent(code)
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", CASES)
def test_forks_and_signals(name: str) -> None:
    run(CASES[name])


# ONNX Runtime 1.32 lets a forked child that has imported it before end by os._exit alone, as multiprocessing does.
LEAVE = {"onnx": "os._exit(0)", "ms": "sys.exit(0)"}


@pytest.mark.parametrize("suffix", LEAVE)
@pytest.mark.parametrize("action", ENGINES)
def test_forks_with_other_engines(engine_models: Path, suffix: str, action: str) -> None:
    model = engine_models / f"model.{suffix}"
    if not model.exists():
        pytest.skip("MindSpore Lite is not installed")
    run(
        f"""
        enhance = Enhancer(sys.argv[1], threads=2)
        wanted = enhance(image)
        for given in (pickle.loads(pickle.dumps(enhance)), Enhancer(open(sys.argv[1], "rb").read(), threads=2)):
            check(given); given.close()
        gc.disable()
        others = [Enhancer(sys.argv[1], threads=1)]; others.append(others); del others
        child = os.fork()
        if child == 0:
            {ENGINES[action]}
            {LEAVE[suffix]}
        wait_for(child); check(enhance)
        """,
        str(model),
    )


@pytest.fixture(scope="session")
def engine_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped weights as model.onnx, and as model.ms where MindSpore Lite is installed."""
    pytest.importorskip("dcelite.training.backend")
    from dcelite import EngineUnavailableError, cli
    from dcelite.mindspore_lite.sdk import find_sdk

    folder = tmp_path_factory.mktemp("models")
    formats = "onnx,ms"
    try:
        find_sdk()
    except EngineUnavailableError:
        formats = "onnx"
    checkpoint = str(REPOSITORY / "models" / "zerodcepp_scene.ckpt")
    arguments = ["export", "--checkpoint", checkpoint, "--output", str(folder), "--name", "model", "--formats", formats]
    assert cli.main(arguments) == 0
    return folder


def test_close_waits_for_the_call_of_another_thread(rng: np.random.Generator) -> None:
    image = rng.integers(0, 80, (700, 900, 3), np.uint8)
    with Enhancer() as enhance:
        wanted = enhance(image)
    for _ in range(30):
        enhance = Enhancer(threads=2)
        outcomes: list[str] = []

        def work(enhance: Enhancer = enhance, outcomes: list[str] = outcomes) -> None:
            try:
                while True:
                    outcomes.append("right" if np.array_equal(enhance(image), wanted) else "wrong")
            except ValueError as error:
                outcomes.append(str(error))

        thread = threading.Thread(target=work)
        thread.start()
        while not outcomes:
            time.sleep(0.001)
        enhance.close()
        thread.join(SECONDS)
        assert not thread.is_alive()
        assert outcomes.pop() == "this Enhancer is closed"
        assert set(outcomes) == {"right"}


def test_a_call_beside_another_is_refused(rng: np.random.Generator) -> None:
    image = rng.integers(0, 80, (2000, 3000, 3), np.uint8)
    enhance = Enhancer(threads=1, scale=2)
    begun = threading.Event()
    thread = threading.Thread(target=lambda: (begun.set(), [enhance(image) for _ in range(20)]))
    thread.start()
    begun.wait(SECONDS)

    def ask() -> None:
        while thread.is_alive():
            enhance.reset()

    with pytest.raises(RuntimeError, match="in use by another thread"):
        ask()
    thread.join(SECONDS)
    enhance.close()


@pytest.mark.parametrize("model", [None, MODEL, str(MODEL), MODEL.read_bytes()])
@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda enhance: pickle.loads(pickle.dumps(enhance))])
def test_copies_open_the_model_themselves(model: object, way: object, rng: np.random.Generator) -> None:
    image = rng.integers(0, 80, (60, 80, 3), np.uint8)
    enhance = Enhancer(model, threads=2, scale=5, timings=True)  # type: ignore[arg-type]
    enhance.set_strength(0.5)
    wanted = enhance(image)
    copied = way(enhance)  # type: ignore[operator]
    enhance.close()
    np.testing.assert_array_equal(copied(image), wanted)
    assert copied.info.scale == 5
    assert copied.timings.total > 0
    copied.close()
    with pytest.raises(ValueError, match="closed"):
        way(enhance)  # type: ignore[operator]


def test_a_pickle_finds_a_relative_model_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.dce").write_bytes(MODEL.read_bytes())
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps(Enhancer("model.dce"))
    monkeypatch.chdir("/")
    pickle.loads(data).close()


@pytest.mark.parametrize("data", [b"", b"\0" * 100, MODEL.read_bytes()[:-1], b"\x08\x01", b"abcdMSL2"])
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    from dcelite import DceliteError

    with pytest.raises(DceliteError):
        Enhancer(data)


def test_the_kernels_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in core.kernels():
        monkeypatch.setenv("DCELITE_ISA", name)
        assert Enhancer(threads=1).kernels == name


def test_soak() -> None:
    """A minute of soak.py; an hour of it is for a person to start."""
    minutes = os.environ.get("DCELITE_SOAK_MINUTES", "1")
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("soak.py")), "--minutes", minutes],
        capture_output=True,
        text=True,
        timeout=60 * float(minutes) + 300,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
