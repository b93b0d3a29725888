"""The run: opens every variant, takes turns between them, and writes down the samples."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.bench.compare import change
from dcelite.bench.fixtures.scene import bench_image
from dcelite.bench.run import host, memory, roofline
from dcelite.bench.run.settings import Settings
from dcelite.bench.run.turns import Cell, attempt, failure_text, first_run, take_turns
from dcelite.bench.run.variants import ENHANCE, NETWORK, NUMPY, STAGES, OpenVariant, Staged, Variant, available_isas
from dcelite.errors import DceliteError, ModelError
from dcelite.metrics import differences
from dcelite.model.dce_file import FLOAT32, DceModel, read_dce

FORMAT, VERSION = "dcelite-bench-samples", 2
"""What ``dce_bench`` writes too: the samples, from which ``report/document.py`` makes the report."""

PEAK_SECONDS, QUICK_PEAK_SECONDS = 0.3, 0.05
"""For the first measurement of the rates of the processor."""
BURST_SECONDS = 0.002
"""And for the one in every round."""
MEMORY_SHARE = 0.9
"""Of the memory that is free, which the run may take before allocations fail."""
THREAD_BYTES = 80 << 20
"""Address space (not memory) that the C library reserves for a thread: its stack and an arena."""

Say = Callable[[str], None]


@dataclass
class Row:
    """A variant at a size with a number of threads, and what is known of it."""

    variant: Variant
    size: tuple[int, int]
    threads: int
    model: DceModel
    """That of the reference."""
    cells: dict[str, Cell] = field(default_factory=dict)
    """By task."""
    stages: list[dict[str, float]] = field(default_factory=list)
    """Times of the stages in ms, for each run of the task that keeps them."""
    failure: str | None = None
    found: dict[str, Any] = field(default_factory=dict)
    """What else is measured, by its name in the report."""

    @property
    def reason(self) -> str | None:
        """Why there are no times."""
        return self.failure or (self.cells[ENHANCE].failure if ENHANCE in self.cells else None)

    def samples(self) -> dict[str, Any]:
        """What was measured, ready for JSON, which knows no numbers as names."""
        cells = {task: self.cells.get(task, Cell(run=_nothing)) for task in (ENHANCE, STAGES, NETWORK)}
        timed = cells[ENHANCE]
        by_round: dict[str, dict[int, Any]] = {"blocks_ms": timed.blocks, "probes_ms": timed.probes}
        by_round |= {"parallel_probes_ms": timed.parallel_probes, "staged_blocks_ms": cells[STAGES].blocks}
        by_round["network_blocks_ms"] = cells[NETWORK].blocks
        names = ("width", "height", "threads", "reason", "architecture", "scale")
        values = (*self.size, self.threads, self.reason, self.model.architecture, self.model.scale)
        return {
            **self.variant.record(),
            **dict(zip(names, values, strict=True)),
            "failures": {task: cells[task].failure for task in (STAGES, NETWORK) if cells[task].failure is not None},
            "first_ms": timed.first_ms,
            **{name: {str(number): value for number, value in rounds.items()} for name, rounds in by_round.items()},
            "stage_runs_ms": {name: [times[name] for times in self.stages] for name in (self.stages or [{}])[0]},
            "energy_joules": timed.energy_joules,
            **self.found,
        }


def _nothing() -> None:
    """The task of a cell that is not there yet."""


class Session:
    """The models that are open, the pictures, and the tasks that bring both together."""

    def __init__(self, settings: Settings, say: Say = lambda _: None) -> None:
        """Raises DceliteError: the reference or the photograph cannot be read."""
        self.settings = settings
        self.say = say
        references = _references(settings)
        if settings.image is not None:
            bench_image(1, 1, settings.image)  # refuse an unreadable photograph before the work begins
        self.rows = [
            Row(variant, size, threads, references[variant])
            for size in settings.sizes
            for threads in settings.threads
            for variant in settings.variants
            if variant.engine != NUMPY or threads == settings.threads[0]  # its threads are NumPy's own affair
        ]
        self.notes: list[str] = []
        self.interrupted = False
        self.peaks: dict[str, float] = {}
        """Instruction set -> multiply-adds a second of a core, the best seen."""
        self.copied: float | None = None
        self.energy = host.EnergyCounter()
        self._opened: dict[tuple[Variant, int], OpenVariant | str] = {}
        """Or why it cannot be opened."""
        self._images: dict[tuple[int, int], tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
        """By size: the picture, and where the result goes."""

    def run(self, command: list[str]) -> dict[str, Any]:
        """Measure; returns the samples. Ctrl-C ends the measurement, not the report."""
        settings = self.settings
        if settings.processors is not None:
            self._bind(settings.processors)
        before = host.HERE.state(time.time())
        try:
            self._measure()
        except KeyboardInterrupt:
            self.interrupted = True
            self.notes.append("interrupted: what had been measured until then is reported")
        return {
            "format": FORMAT,
            "version": VERSION,
            "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "command": command,
            "interrupted": self.interrupted,
            "notes": self.notes,
            "settings": {
                **dataclasses.asdict(settings.rules),
                "rounds_of_a_series": change.ROUNDS_OF_A_SERIES,
                "image": "synthetic dark scene" if settings.image is None else settings.image.name,
                "processors": settings.processors,
            },
            "system": {**host.describe(), "before": before, "after": host.HERE.state(time.time())},
            "roofline": {
                "multiply_adds_a_second": self.peaks,
                "copied_bytes_a_second": self.copied,
                "energy_source": self.energy.source,
            },
            "results": [row.samples() for row in self.rows],
        }

    def _bind(self, text: str) -> None:
        try:
            reason = host.set_affinity(host.choose_processors(text))
        except ValueError as error:
            raise DceliteError(f"--cpu {error}") from None
        if reason is not None:
            self.notes.append(f"not bound to processors: {reason}")

    def _measure(self) -> None:
        settings = self.settings
        self.say("measuring the processor")
        seconds = QUICK_PEAK_SECONDS if settings.quick else PEAK_SECONDS
        for isa in available_isas():
            self.peaks[isa] = roofline.multiply_adds_a_second(isa, seconds) or 0.0
        self.copied = roofline.copied_bytes_a_second(seconds)
        with limited_memory(max(settings.threads) * len(settings.variants)), contextlib.ExitStack() as stack:
            self._prepare(stack)
            cells = [cell for row in self.rows for cell in row.cells.values()]
            self.say(f"timing {len(cells)} tasks in turn")
            between_rounds = functools.partial(self._between_rounds, cells)
            take_turns(cells, settings.rules, self.energy.read, between_rounds, host.wait_for_threads)
        if settings.memory:
            self.say("measuring memory, each in a process of its own")
            for row in self.rows:
                if row.reason is None:
                    found, reason = memory.measure(row.variant, row.threads, *row.size)
                    row.found |= {"memory": found, "memory_reason": reason}

    def _between_rounds(self, cells: list[Cell], number: int) -> None:
        for isa in self.peaks:
            self.peaks[isa] = max(self.peaks[isa], roofline.multiply_adds_a_second(isa, BURST_SECONDS) or 0.0)
        if number % change.ROUNDS_IN_A_PLACE == 0:
            if number > 0:
                self._renew()
            done = sum(cell.is_finished(self.settings.rules) for cell in cells)
            self.say(f"round {number}: {done} of {len(cells)} tasks have enough runs")

    def _prepare(self, stack: contextlib.ExitStack) -> None:
        """Open everything, run each row once and compare its result."""
        for row in self.rows:
            key = (row.variant, row.threads)
            if key not in self._opened:
                try:
                    self._opened[key] = opened = OpenVariant(row.variant, row.threads, row.model)
                except Exception as error:  # a failing model must not end the others
                    self._opened[key] = failure_text(error)
                else:
                    stack.callback(opened.close)
        for size in self.settings.sizes:
            rows = [row for row in self.rows if row.size == size]
            self.say(f"preparing {size[0]}x{size[1]}")
            try:
                image = bench_image(*size, self.settings.image)
                self._images[size] = image, np.empty_like(image)
            except MemoryError as error:
                for row in rows:
                    row.failure = failure_text(error)
                continue
            wanted: dict[int, NDArray[np.uint8] | None] = {}
            for row in rows:
                self._prepare_row(row, wanted)

    def _prepare_row(self, row: Row, wanted: dict[int, NDArray[np.uint8] | None]) -> None:
        """``wanted``: what the reference makes of the picture, by model; None where there is no memory for it."""
        opened = self._opened[row.variant, row.threads]
        if isinstance(opened, str):
            row.failure = opened
            return
        row.found["load_ms"] = opened.load_ms
        stages = self.settings.stages and opened.has_curve_network
        for name in (ENHANCE, STAGES, NETWORK) if stages else (ENHANCE,):
            cell = row.cells[name] = Cell(run=_nothing)
            results: list[Any] = []
            attempt(cell, functools.partial(self._connect, row, name))
            if cell.failure is None:
                first_run(cell, results.append)
            if name == ENHANCE:
                if cell.failure is not None:
                    return
                cell.probe = roofline.probe_of(row.variant.isa or available_isas()[0], row.threads)
                attempt(cell, functools.partial(self._compare, row, results[0], wanted))

    def _connect(self, row: Row, name: str) -> None:
        """Make the task of a cell for what is open and the pictures as they are now."""
        opened = self._opened[row.variant, row.threads]
        assert isinstance(opened, OpenVariant)
        task = opened.task(name, *self._images[row.size])
        if isinstance(task, Staged):
            task.times = row.stages
        row.cells[name].run = task

    def _compare(self, row: Row, result: Any, wanted: dict[int, NDArray[np.uint8] | None]) -> None:
        image, out = self._images[row.size]
        key = id(row.model.arrays)
        if key not in wanted:
            wanted[key] = None
            with contextlib.suppress(MemoryError):
                wanted[key] = reference.enhance(image, row.model.arrays, row.model.scale)
        expected = wanted[key]
        if expected is not None:
            seen = out if result is None else result
            found = {"reference": row.model.name, "differences": differences(expected, seen).tolist()}
            row.found["fidelity"] = {**found, "mean_brightness": float(seen.mean())}

    def _renew(self) -> None:
        """Pictures and native engines at other places in memory."""
        for opened in self._opened.values():
            if isinstance(opened, OpenVariant):
                opened.renew()
        for size, (image, _) in self._images.items():
            with contextlib.suppress(MemoryError):  # then they stay where they are
                copy = image.copy()
                self._images[size] = copy, np.empty_like(copy)
        for row in self.rows:
            for name, cell in row.cells.items():
                if cell.failure is None:
                    attempt(cell, functools.partial(self._connect, row, name))


def _references(settings: Settings) -> dict[Variant, DceModel]:
    """The reference of each variant: its own weights where they can be read, else --reference or the first of these."""
    common = _read_reference(settings.reference) if settings.reference is not None else None
    own: dict[Variant, DceModel] = {}
    for variant in settings.variants:
        if common is None and variant.engine == "native":
            with contextlib.suppress(DceliteError):  # the row will say what is wrong with the model
                own[variant] = roofline.shipped_model() if variant.model is None else _read_reference(variant.model)
    other = common or next(iter(own.values()), None) or roofline.shipped_model()
    return {variant: own.get(variant, other) for variant in settings.variants}


def _read_reference(path: Path) -> DceModel:
    """The weights of a ``.dce`` file; raises ModelError, also where they are of another precision."""
    model = read_dce(path)
    if model.precision != FLOAT32:
        raise ModelError(f"{path}: holds weights of precision {model.precision}; give a float32 file with --reference")
    return model


@contextlib.contextmanager
def limited_memory(threads: int) -> Iterator[None]:
    """Let allocations beyond the memory that is free fail, instead of having the kernel end the process later."""
    available, used = host.available_memory(), host.address_space()
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    if available is None or used is None:
        yield
        return
    limit = used + int(MEMORY_SHARE * available) + threads * THREAD_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))
