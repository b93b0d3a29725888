"""What an actor does: photographs of a batch, one after the other, by the code of ``dcelite enhance``."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import heapq
import itertools
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dcelite
from dcelite import reference
from dcelite.archive import manifest
from dcelite.archive.manifest import STAGES, Row, row
from dcelite.archive.places import Batch, Place
from dcelite.archive.plan import Job
from dcelite.batch.work import failure_of, make
from dcelite.enhancer import Enhancer, open_with_defaults
from dcelite.errors import DceliteError, OutputError
from dcelite.files import reason
from dcelite.images import Photograph, eight_bits
from dcelite.images.reading import admission
from dcelite.metrics import noise_level

if sys.platform != "win32":
    import fcntl

LARGE = 400 << 20
"""Bytes of memory from which on pictures of a machine are decoded one at a time: 46 megapixels of 8 bits."""
BRIGHT_LIFT = 10.0
"""Levels of 255 by which the model would brighten a picture on average, below which it needs nothing."""
_SAMPLES = 64
"""Rows and columns of which the brightness is the mean."""
_CROP = 96
"""Side of the square in the middle whose noise is measured."""
_MALLOC = {-8: 1, -3: 32 << 20, -1: 128 << 20}
"""M_ARENA_MAX, M_MMAP_THRESHOLD (the largest there is), M_TRIM_THRESHOLD of glibc."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Task:
    """What is the same for all pictures of a run."""

    source: Place
    output: Place
    model: bytes | None
    """A model file; None: the shipped weights."""
    arguments: Mapping[str, Any]
    """Of the Enhancer."""
    defaults: Mapping[str, float]
    quality: int | None
    bright: str
    """What becomes of bright pictures: DONE (enhanced like others), COPIED or LEFT."""
    settings: str
    token: str
    """What the file of this name below the output holds, if it is the output of this run and no other machine's."""
    token_name: str


@dataclass
class _Call:
    """Of ``work``."""

    number: int
    outputs: Batch
    written: list[tuple[Job, Row, Row]] = field(default_factory=list)
    """Pictures without failure, their rows, and what is true of these once the outputs are published."""


class _Precedence:
    """A lock that goes to the lowest of the numbers that wait for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[int] = []
        self._held = False

    @contextlib.contextmanager
    def of(self, number: int) -> Iterator[None]:
        with self._changed:
            heapq.heappush(self._waiting, number)
            self._changed.wait_for(lambda: not self._held and self._waiting[0] == number)
            heapq.heappop(self._waiting)
            self._held = True
        try:
            yield
        finally:
            with self._changed:
                self._held = False
                self._changed.notify_all()


class Worker:
    """Holds one Enhancer. Several threads may call ``work``: they read and write beside each other, one computes.

    The call that came first computes before others: so they do not end, and flush their outputs, all at once, while
    nothing is computed.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._enhance: Enhancer | None = None
        self._computing = _Precedence()
        self._calls = itertools.count()
        self._stopped = threading.Event()
        self._seen: set[str] = set()

    def problem(self) -> str:
        """Why this machine cannot do the work; "" where it can."""
        task = self._task
        try:
            if task.source.stat() is None:
                return f"{task.source.url} is not there"
            if task.output.read(task.token_name).decode() != task.token:
                return f"{task.output.url} is another folder there"
        except FileNotFoundError:
            return f"{task.output.url} is not there"
        except (DceliteError, OSError, UnicodeDecodeError) as error:
            return reason(error)
        try:
            _keep_memory()
            self._enhance, _ = open_with_defaults(task.model, task.defaults, **task.arguments)
        except (DceliteError, ValueError) as error:
            return str(error)
        return ""

    def stop(self) -> None:
        """Begin no further picture."""
        self._stopped.set()

    def work(self, jobs: Sequence[Job]) -> list[Row]:
        """A row for each picture; when it is stopped, for those that are done."""
        rows = []
        with Batch(self._task.output) as outputs:
            call = _Call(next(self._calls), outputs)
            for job in jobs:
                if self._stopped.is_set():
                    break
                rows.append(self._row(job, call))
            self._publish(call)
        return rows

    def _publish(self, call: _Call) -> None:
        """Give the outputs of a call their names, and their rows what is true from then on."""
        begin, processor_begin = time.perf_counter(), time.thread_time()
        failures = call.outputs.publish()
        count = max(1, len(call.written))
        seconds, processor_seconds = (
            (time.perf_counter() - begin) / count,
            (time.thread_time() - processor_begin) / count,
        )
        for job, result, final in call.written:
            if error := failures.get(job.path):
                result["error"] = str(error)
                self._tell_existing(job, result)
            else:
                result |= final
            result["write_seconds"] += seconds
            result["processor_seconds"] += processor_seconds
            result["finished"] = time.time_ns() // 1000

    def _row(self, job: Job, call: _Call) -> Row:
        task = self._task
        result = row(job.path, job.size, job.modified, manifest.FAILED, task.settings)
        result |= {"node": socket.gethostname(), "version": dcelite.__version__}
        seconds = dict.fromkeys(STAGES, 0.0)
        begin = time.thread_time()
        try:
            self._make(job, call, result, seconds)
        except BaseException as error:  # decoders throw what they like: it is a row, and the next one's turn
            result["error"] = failure_of(Path(job.path), error)
            if result["outcome"] == manifest.FAILED and job.stale:
                self._remove(job, result)
        result |= {f"{stage}_seconds": value for stage, value in seconds.items()}
        result["processor_seconds"] = time.thread_time() - begin
        result["finished"] = time.time_ns() // 1000
        return result

    def _make(self, job: Job, call: _Call, result: Row, seconds: dict[str, float]) -> None:
        task = self._task

        @contextlib.contextmanager
        def stage(name: str) -> Iterator[None]:
            begin = time.perf_counter()
            try:
                yield
            finally:
                seconds[name] += time.perf_counter() - begin

        with stage("read"):
            source = self._read(job)
        result["source_sha256"] = hashlib.sha256(source).hexdigest()
        with self._computing.of(call.number):
            photograph, data = self._compute(job, source, result, stage)
        height, width = photograph.pixels.shape[:2]
        result |= {"width": width, "height": height, "notes": "; ".join(photograph.notes) or None}
        del photograph.pixels
        outcome = manifest.DONE
        if data is None:
            outcome = task.bright
            data = source
        if outcome == manifest.LEFT:
            result["outcome"] = outcome
            if job.stale:
                self._remove(job, result)
            return
        result["outcome"] = manifest.UNWRITTEN
        with stage("write"):
            self._write(job, data, result, call.outputs)
        final = {"outcome": outcome, "output_size": len(data), "output_sha256": hashlib.sha256(data).hexdigest()}
        if photograph.damage and outcome == manifest.DONE:
            final["outcome"] = manifest.DAMAGED
            final["error"] = f"{job.path}: {'; '.join(photograph.damage)}; the output holds what could be read"
        call.written.append((job, result, final))

    def _read(self, job: Job) -> bytes:
        try:
            return self._task.source.read(job.path)
        except OSError as error:
            raise DceliteError(f"{job.path}: cannot be read: {' '.join(reason(error).split())}") from None

    def _compute(self, job: Job, source: bytes, result: Row, stage: Any) -> tuple[Photograph, bytes | None]:
        """The picture, and the file of the result; None where it needs nothing."""
        enhance = self._enhance
        assert enhance is not None
        path = Path(job.path)

        def wanted(photograph: Photograph) -> bool:
            result["brightness_before"] = brightness(photograph.pixels)
            result["noise"] = noise(photograph.pixels)
            if self._task.bright == manifest.DONE:
                return True
            result["lift"] = lift(enhance, photograph.pixels)
            return result["lift"] >= BRIGHT_LIFT or bool(photograph.damage)

        def attempt() -> tuple[Photograph, bytes | None]:
            photograph, data = make(path, source, lambda _: path, enhance, self._task.quality, stage, wanted)
            result["brightness_after"] = brightness(photograph.pixels)
            return photograph, data

        with _Turn() as turn:
            try:
                return attempt()
            except MemoryError:  # another picture may have what it needs: once more, beside no other large one
                turn.take()
                return attempt()

    def _write(self, job: Job, data: bytes, result: Row, outputs: Batch) -> None:
        folder = job.path.rpartition("/")[0]
        if folder not in self._seen:
            self._task.output.remove_leftovers(folder)
            self._seen.add(folder)
        try:
            outputs.write(job.path, data, overwrite=job.replace)
        except OutputError:
            self._tell_existing(job, result)
            raise

    def _tell_existing(self, job: Job, result: Row) -> None:
        """Of an output that could not be written: whether a file is there that was not when the run began."""
        output = self._task.output
        if not job.replace and output.local and output.stat(job.path) is not None:
            result["outcome"] = manifest.EXISTS

    def _remove(self, job: Job, result: Row) -> None:
        """What the archive has made of this path is of another input or of other settings."""
        try:
            self._task.output.remove(job.path)
        except OSError as error:
            text = f"the earlier output cannot be removed: {reason(error)}"
            result["error"] = f"{result['error']}; {text}" if result.get("error") else f"{job.path}: {text}"


class _Turn:
    """Of the large pictures of a machine: one at a time, whichever processes decode them."""

    def __init__(self) -> None:
        self._descriptor: int | None = None

    def __enter__(self) -> _Turn:
        self._token = admission.set(self._admit)
        return self

    def __exit__(self, *_exception: object) -> None:
        admission.reset(self._token)
        if self._descriptor is not None:
            os.close(self._descriptor)
            _give_back_memory()

    def _admit(self, size: int) -> None:
        if size > LARGE:
            self.take()

    def take(self) -> None:
        """Wait for it; it ends with the block, or with the process."""
        if self._descriptor is None and sys.platform != "win32":
            # The folder of the package: every machine has one, and nothing is left behind.
            self._descriptor = os.open(Path(dcelite.__file__).parent, os.O_RDONLY)
            with contextlib.suppress(OSError):  # a file system without locks: the check of free memory is left
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)


def _keep_memory() -> None:
    """Let the C library keep what a picture took for the next one, whichever thread it is on.

    By default, it asks the kernel for every picture anew, and for pages that are all zero.
    """
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        for parameter, value in _MALLOC.items():
            ctypes.CDLL(None).mallopt(parameter, value)


def _give_back_memory() -> None:
    """The C library keeps what a large picture took, in case the next one is as large."""
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def brightness(pixels: NDArray[Any]) -> float:
    """The mean of luma over rows and columns spread over the picture, in levels of 255."""
    rows, columns = (max(1, -(-side // _SAMPLES)) for side in pixels.shape[:2])
    sample = pixels[rows // 2 :: rows, columns // 2 :: columns]
    # By channel: numpy goes along rows then, and not along three values at a time, which takes ten times as long.
    mean = [sample[..., channel].sum(0, dtype=np.uint32).mean() / len(sample) for channel in range(3)]
    return float(mean @ _LUMA) / (257.0 if pixels.dtype == np.uint16 else 1.0)


def noise(pixels: NDArray[Any]) -> float | None:
    """Of the square in the middle, in levels of 255; None for a picture that is too small."""
    top, left = (max(0, (side - _CROP) // 2) for side in pixels.shape[:2])
    crop = eight_bits(pixels[top : top + _CROP, left : left + _CROP])
    return noise_level(crop) if min(crop.shape[:2]) > 2 else None


def lift(enhance: Enhancer, pixels: NDArray[Any]) -> float:
    """By how many levels of 255 the model would brighten the picture on average: its curves on the small picture."""
    curves = enhance.curve_map(pixels)
    picks = [
        ((np.arange(small) + 0.5) * side / small).astype(np.intp)
        for small, side in zip(curves.shape, pixels.shape[:2], strict=False)
    ]
    small = pixels[np.ix_(*picks)][..., :3] / (65535.0 if pixels.dtype == np.uint16 else 255.0)
    return 255.0 * float((reference.apply_curve(small, curves.astype(np.float64)) - small).mean())
