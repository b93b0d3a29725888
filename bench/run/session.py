"""The run: opens every variant, takes turns between them, and writes down the samples."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import itertools
import sys
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
from dcelite.bench.run.turns import Cell, take_turns
from dcelite.bench.run.variants import ENHANCE, NETWORK, NUMPY, STAGES, OpenVariant, Task, Variant, available_isas
from dcelite.errors import DceliteError, ModelError
from dcelite.metrics import differences
from dcelite.model.dce_file import FLOAT32, DceModel, read_dce

FORMAT, VERSION = "dcelite-bench-samples", 2
"""What ``dce_bench`` writes too: the samples, from which ``report/document.py`` makes the report."""

PEAK_SECONDS = 0.1
"""For the first measurement of the rates of the processor."""
BURST_SECONDS = 0.002
"""And for the one in every round."""
MEMORY_SHARE = 0.9
"""Of the memory that is free, which the run may take before allocations fail."""
THREAD_BYTES = 80 << 20
"""Address space (not memory) that the C library reserves for a thread: its stack and an arena."""


Wanted = dict[tuple[int, float], NDArray[np.uint8] | None]
"""What the reference makes of the picture, by model and denoising; None where there is no memory for it."""


@dataclass
class Row:
    """A variant at a size with a number of threads, and what is known of it."""

    variant: Variant
    size: tuple[int, int]
    threads: int
    model: DceModel
    """That of the reference."""
    cells: dict[str, Cell] = field(default_factory=lambda: {ENHANCE: Cell()})
    """By task."""
    found: dict[str, Any] = field(default_factory=dict)
    """What else is measured, by its name in the report."""

    def samples(self) -> dict[str, Any]:
        """What was measured, as ``schema.json`` describes samples, and more."""
        timed = self.cells[ENHANCE]
        others = {task: cell for task, cell in self.cells.items() if task != ENHANCE}
        return {
            **self.variant.record(),
            "width": self.size[0],
            "height": self.size[1],
            "threads": self.threads,
            "reason": timed.failure,
            "architecture": self.model.architecture,
            "scale": self.model.scale,
            "failures": {task: cell.failure for task, cell in others.items() if cell.failure is not None},
            "first_ms": timed.first_ms,
            "samples": [sample for cell in self.cells.values() for sample in cell.samples],
            "energy_joules": timed.energy_joules,
            **self.found,
        }


class Session:
    """The models that are open, the pictures, and the tasks that bring both together."""

    def __init__(self, settings: Settings, say: Callable[[str], None] = lambda _: None) -> None:
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
        self._opened: dict[tuple[Variant, int], OpenVariant] = {}
        """By the number of threads, too."""
        self._images: dict[tuple[int, int], tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
        """By size: the picture, and where the result goes."""

    @property
    def cells(self) -> list[Cell]:
        return [cell for row in self.rows for cell in row.cells.values()]

    def run(self, command: list[str]) -> dict[str, Any]:
        """Measure; returns the samples. Ctrl-C ends the measurement, not the report."""
        settings = self.settings
        if settings.processors is not None:
            try:
                reason = host.set_affinity(host.choose_processors(settings.processors))
            except ValueError as error:
                raise DceliteError(f"--cpu {error}") from None
            if reason is not None:
                self.notes.append(f"not bound to processors: {reason}")
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

    def _measure(self) -> None:
        settings = self.settings
        self.say("measuring the processor")
        self._measure_peaks(PEAK_SECONDS)
        self.copied = roofline.copied_bytes_a_second(PEAK_SECONDS)
        with limited_memory(max(settings.threads) * len(settings.variants)):
            try:
                self._prepare()
                self.say(f"timing {len(self.cells)} tasks in turn")
                take_turns(self.cells, settings.rules, self.energy.read, self._between_rounds, host.wait_for_threads)
            finally:
                for opened in self._opened.values():
                    opened.close()
        if settings.memory:
            self.say("measuring memory, each in a process of its own")
            for row in self.rows:
                if row.cells[ENHANCE].failure is None:
                    found, reason = memory.measure(row.variant, row.threads, *row.size)
                    row.found |= {"memory": found, "memory_reason": reason}

    def _measure_peaks(self, seconds: float) -> None:
        for isa in available_isas():
            self.peaks[isa] = max(self.peaks.get(isa, 0.0), roofline.multiply_adds_a_second(isa, seconds) or 0.0)

    def _between_rounds(self, number: int) -> None:
        self._measure_peaks(BURST_SECONDS)
        if number % change.ROUNDS_IN_A_PLACE == 0:
            if number > 0:
                self._renew()
            done = sum(cell.is_finished(self.settings.rules) for cell in self.cells)
            self.say(f"round {number}: {done} of {len(self.cells)} tasks have enough runs")

    def _prepare(self) -> None:
        """Open everything, run each row once and compare its result."""
        for size, rows in itertools.groupby(self.rows, lambda row: row.size):
            self.say(f"preparing {size[0]}x{size[1]}")
            wanted: Wanted = {}
            for row in rows:
                with row.cells[ENHANCE].attempt():
                    self._prepare_row(row, wanted)

    def _prepare_row(self, row: Row, wanted: Wanted) -> None:
        if row.size not in self._images:
            image = bench_image(*row.size, self.settings.image)
            self._images[row.size] = image, np.empty_like(image)
        key = (row.variant, row.threads)
        if key not in self._opened:
            self._opened[key] = OpenVariant(row.variant, row.threads, row.model)
        opened, cell = self._opened[key], row.cells[ENHANCE]
        row.found["load_ms"] = opened.load_ms
        cell.run = self._task(row, ENHANCE)
        result = cell.first_run()
        cell.probe = functools.partial(roofline.probe, row.variant.isa or available_isas()[0], row.threads)
        self._compare(row, result, wanted)
        if self.settings.stages and opened.has_curve_network:
            for name in (STAGES, NETWORK):
                cell = row.cells[name] = Cell(name)
                with cell.attempt():
                    cell.run = self._task(row, name)
                    cell.first_run()
            row.cells[STAGES].stages = opened.stages

    def _task(self, row: Row, name: str) -> Task:
        """For what is open and the pictures as they are now."""
        return self._opened[row.variant, row.threads].task(name, *self._images[row.size])

    def _compare(self, row: Row, result: Any, wanted: Wanted) -> None:
        image, out = self._images[row.size]
        key = id(row.model), row.variant.denoise
        if key not in wanted:
            wanted[key] = None
            with contextlib.suppress(MemoryError):
                curve_map = reference.curve_map(image, row.model.arrays, row.model.scale)
                wanted[key] = reference.finish(image, curve_map, denoise=row.variant.denoise)
        expected = wanted[key]
        if expected is not None:
            seen = out if result is None else result
            found = {"reference": row.model.name, "differences": differences(expected, seen).tolist()}
            row.found["fidelity"] = {**found, "mean_brightness": float(seen.mean())}

    def _renew(self) -> None:
        """Pictures and native engines at other places in memory."""
        for opened in self._opened.values():
            opened.renew()
        for size, (image, _) in self._images.items():
            with contextlib.suppress(MemoryError):  # then they stay where they are
                copy = image.copy()
                self._images[size] = copy, np.empty_like(copy)
        for row in self.rows:
            for name, cell in row.cells.items():
                if cell.failure is None:
                    with cell.attempt():
                        cell.run = self._task(row, name)


def _references(settings: Settings) -> dict[Variant, DceModel]:
    """The reference of each variant: its own weights where they can be read, else --reference or the first of these."""
    common = _reference(settings.reference) if settings.reference is not None else None
    own: dict[Variant, DceModel] = {}
    for variant in settings.variants:
        if common is None and variant.engine == "native":
            with contextlib.suppress(DceliteError):  # the row will say what is wrong with the model
                own[variant] = _reference(variant.model)
    other = common or next(iter(own.values()), None) or roofline.shipped_model()
    return {variant: own.get(variant, other) for variant in settings.variants}


@functools.cache
def _reference(path: Path | None) -> DceModel:
    """The weights of a ``.dce`` file, or those that are shipped; raises ModelError, also for another precision."""
    model = roofline.shipped_model() if path is None else read_dce(path)
    if model.precision != FLOAT32:
        raise ModelError(f"{path}: holds weights of precision {model.precision}; give a float32 file with --reference")
    return model


@contextlib.contextmanager
def limited_memory(threads: int) -> Iterator[None]:
    """Let allocations beyond the memory that is free fail, instead of having the kernel end the process later."""
    available, used = host.available_memory(), host.address_space()
    if sys.platform == "win32" or available is None or used is None:
        yield
        return
    import resource

    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = used + int(MEMORY_SHARE * available) + threads * THREAD_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))
