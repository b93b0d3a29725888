"""Pictures on several threads: each reads, enhances and writes one at a time, with an Enhancer of its own."""

from __future__ import annotations

import contextlib
import functools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dcelite import interrupts
from dcelite.batch.plan import Job
from dcelite.enhancer import Enhancer
from dcelite.errors import DceliteError, ImageError, OutputError
from dcelite.files import is_complete, prepare_output_directory, reason, write_bytes_atomically
from dcelite.images import SUFFIXES, Photograph, encode_photograph, read_photograph
from dcelite.streams import write_standard_output

_PAUSE = 0.2
_GRACE = 2.0
"""Seconds that an interrupted run waits for what is at work."""

STAGES = ("decode", "enhancement", "encode", "write")

OpenEnhancer = Callable[[], Enhancer]


@dataclass
class Outcome:
    """What became of a picture."""

    job: Job
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    size: tuple[int, int] | None = None
    """Width and height of the result; None where there is none."""
    notes: list[str] = field(default_factory=list)
    error: str = ""
    """Why it failed, in words; or what is missing of it where there is a result."""
    skipped: bool = False
    """Another process has made the result in the meantime."""


Stage = Callable[[str], contextlib.AbstractContextManager[None]]
"""Entered with the name of what is done next, one of STAGES."""


def make(
    source: Path,
    data: bytes | None,
    destination: Callable[[Photograph], Path],
    enhance: Enhancer,
    quality: int | None,
    stage: Stage,
    wanted: Callable[[Photograph], bool] | None = None,
) -> tuple[Photograph, bytes | None]:
    """What every command makes of a photograph: what is decoded, its pixels enhanced in place; and the file of that.

    Args:
        source: the file, or with ``data`` what messages call it.
        data: what to decode instead of the file.
        destination: by its suffix the format of the result.
        quality: of the formats that lose something, 1 to 100; None: that of the format.
        wanted: asked with the decoded picture; where it says no, the picture stays as it is, and there is no file.

    Raises:
        DceliteError: it cannot be read, enhanced or encoded.
    """
    with stage("decode"):
        photograph = read_photograph(source, data)
    if wanted is not None and not wanted(photograph):
        return photograph, None
    with stage("enhancement"):
        try:
            photograph.pixels = enhance(photograph.pixels, out=photograph.pixels)
        except ValueError as error:
            raise ImageError(f"{source}: {error}") from None
    with stage("encode"):
        return photograph, encode_photograph(destination(photograph), photograph.pixels, photograph, quality)


def failure_of(source: Path, error: BaseException) -> str:
    """What to say of a picture that failed, whatever was thrown over it."""
    if isinstance(error, DceliteError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{source}: needs more memory than there is"
    return f"{source}: {type(error).__name__}: {error}"


class _Dropped(Exception):  # noqa: N818
    """The command is being ended."""


class Batch:
    """The work on a list of pictures. The results do not depend on the number of workers.

    Args:
        workers: how many pictures are in memory at a time, each on a thread of its own.
        open_enhancer: opens an Enhancer for one of them, when it begins.
        interrupted: once it is set, no picture is begun, and those at work are given up at their next stage.
        skip_existing: a result that another process has made meanwhile is no failure.
        quality: of the formats that lose something, 1 to 100; None: that of the format.
        standard_input: what came from there, for the job that is of it.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        workers: int,
        open_enhancer: OpenEnhancer,
        interrupted: threading.Event,
        *,
        skip_existing: bool = False,
        quality: int | None = None,
        standard_input: bytes | None = None,
    ) -> None:
        self._jobs = jobs
        self._workers = workers
        self._open_enhancer = open_enhancer
        self._interrupted = interrupted
        self._skip_existing = skip_existing
        self._quality = quality
        self._standard_input = standard_input
        self._given_up = threading.Event()
        self._left_at: float | None = None
        self._folders: set[Path] = set()

    def __iter__(self) -> Iterator[Outcome]:
        """What becomes of the pictures, as they are done; of those that are dropped nothing.

        Those that there is no memory for beside others are tried once more, alone.
        """
        again: list[Job] = []
        yield from self._round(self._jobs, self._workers, again)
        yield from self._round(again, 1, None)

    def _round(self, jobs: Sequence[Job], workers: int, again: list[Job] | None) -> Iterator[Outcome]:
        """``again`` takes the pictures to try once more; None: there is no second try, or no need of one."""
        waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            waiting.put(job)
        outcomes: queue.SimpleQueue[Outcome | Exception | None] = queue.SimpleQueue()
        workers = min(workers, len(jobs))
        if workers == 1:
            again = None
        threads = [
            threading.Thread(target=self._work, args=(waiting, outcomes, again), daemon=True) for _ in range(workers)
        ]
        failure: Exception | None = None
        try:
            for thread in threads:
                try:
                    thread.start()
                except RuntimeError:  # there may be no more of them: those that are there do the work
                    if thread is threads[0]:
                        raise
                    outcomes.put(None)
            running = len(threads)
            while running:
                try:
                    outcome = outcomes.get(timeout=_PAUSE)
                except queue.Empty:
                    self._leave_after(_GRACE)
                    continue
                if outcome is None:
                    running -= 1
                elif isinstance(outcome, Outcome):
                    yield outcome
                else:
                    failure = outcome
        finally:
            self._given_up.set()
            for thread in [] if interrupts.threads_left() else threads:
                if thread.ident is not None:
                    thread.join()
            self._given_up.clear()
        if failure is not None and not waiting.empty() and not self._interrupted.is_set():  # no worker had an Enhancer
            raise failure

    def _leave_after(self, seconds: float) -> None:
        """Raise KeyboardInterrupt when an interruption was that long ago: a stage of a picture may take minutes."""
        if self._interrupted.is_set():
            self._left_at = self._left_at or time.monotonic() + seconds
            if time.monotonic() > self._left_at:
                interrupts.leave_threads()
                raise KeyboardInterrupt

    def _work(
        self,
        waiting: queue.SimpleQueue[Job],
        outcomes: queue.SimpleQueue[Outcome | Exception | None],
        again: list[Job] | None,
    ) -> None:
        try:
            if waiting.empty():
                return
            with self._open_enhancer() as enhance:
                while True:
                    outcome = Outcome(waiting.get_nowait())
                    with contextlib.suppress(_Dropped):
                        if self._process(outcome, enhance, last_try=again is None):
                            outcomes.put(outcome)
                        elif again is not None:
                            again.append(outcome.job)
        except queue.Empty:
            pass
        except Exception as error:
            outcomes.put(error)
        finally:
            outcomes.put(None)

    def _process(self, outcome: Outcome, enhance: Enhancer, *, last_try: bool) -> bool:
        """Fill in the outcome; False where there was no memory, and another try is left."""
        job = outcome.job
        try:
            if self._skip_existing and is_complete(job.destination):
                outcome.skipped = True
            else:
                self._enhance(outcome, enhance)
        except _Dropped:
            raise
        except BaseException as error:
            if isinstance(error, MemoryError) and not last_try:
                return False
            outcome.error = failure_of(job.source, error)
            outcome.skipped = self._skip_existing and isinstance(error, OutputError) and is_complete(job.destination)
        return True

    def _enhance(self, outcome: Outcome, enhance: Enhancer) -> None:
        job = outcome.job

        def destination(photograph: Photograph) -> Path:
            suffix = SUFFIXES[photograph.format] if job.to_output else ""
            return job.destination.with_name(f"{job.destination.name}{suffix}")

        data = self._standard_input if job.from_input else None
        stage = functools.partial(self._stage, outcome)
        photograph, result = make(job.source, data, destination, enhance, self._quality, stage)
        assert result is not None
        with stage("write"):
            if job.to_output:
                _write_standard_output(result)
            else:
                self._prepare(job.destination.parent)
                write_bytes_atomically(job.destination, result, overwrite=job.overwrite)
        outcome.notes = photograph.notes
        outcome.size = (photograph.pixels.shape[1], photograph.pixels.shape[0])
        if photograph.damage:
            outcome.error = f"{job.source}: {'; '.join(photograph.damage)}; {job.destination} holds what could be read"

    @contextlib.contextmanager
    def _stage(self, outcome: Outcome, name: str) -> Iterator[None]:
        if self._interrupted.is_set() or self._given_up.is_set():
            raise _Dropped
        begin = time.perf_counter()
        yield
        outcome.seconds[name] += time.perf_counter() - begin

    def _prepare(self, folder: Path) -> None:
        if folder not in self._folders:
            prepare_output_directory(folder)
            self._folders.add(folder)


def _write_standard_output(data: bytes) -> None:
    try:
        write_standard_output(data)
    except OSError as error:
        raise OutputError(f"standard output: cannot be written: {reason(error)}") from None
