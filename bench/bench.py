"""The run: opens every variant, takes turns between them, and reports.

``dcelite bench`` and ``python bench/bench.py`` both end in :func:`main`.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import functools
import os
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.bench import change, fidelity, memory, report, roofline, system
from dcelite.bench.cli import CPU_BIND_MODES, parse_size
from dcelite.bench.measure import Cell, Rules, attempt, failure_text, first_run, take_turns
from dcelite.bench.scene import bench_image
from dcelite.bench.variants import (
    ENHANCE,
    NETWORK,
    NUMPY,
    STAGES,
    OpenVariant,
    Staged,
    Variant,
    available_isas,
    variant_of,
)
from dcelite.bench.weights import Model, read_dce
from dcelite.errors import DceliteError
from dcelite.files import prepare_output_directory, refuse_existing

QUICK = Rules(runs=10, seconds=0.2, max_seconds=2.0, warm_up=2)
PEAK_SECONDS, QUICK_PEAK_SECONDS = 0.3, 0.05
"""For the first measurement of the rates of the processor."""
BURST_SECONDS = 0.002
"""And for the one in every round."""
MEMORY_SHARE = 0.9
"""Of the memory that is free, which the run may take before allocations fail."""
THREAD_BYTES = 80 << 20
"""Address space (not memory) that the C library reserves for a thread: its stack and an arena."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    variants: tuple[Variant, ...]
    sizes: tuple[tuple[int, int], ...]
    threads: tuple[int, ...]
    rules: Rules
    image: Path | None = None
    reference: Path | None = None
    processors: str | None = None
    stages: bool = True
    memory: bool = True
    quick: bool = False


@dataclass
class Row:
    """A variant at a size with a number of threads, and what is known of it."""

    variant: Variant
    size: tuple[int, int]
    threads: int
    cells: dict[str, Cell] = field(default_factory=dict)
    """By task."""
    stages: list[dict[str, float]] = field(default_factory=list)
    """Times of the stages in ms, for each run of the task that keeps them."""
    failure: str | None = None
    load_ms: float | None = None
    fidelity: fidelity.Fidelity | None = None
    memory: memory.Memory | None = None
    memory_reason: str | None = None
    model: Model | None = None
    """That of the reference."""

    @property
    def reason(self) -> str | None:
        """Why there are no times."""
        return self.failure or self.cells[ENHANCE].failure if ENHANCE in self.cells else self.failure

    @property
    def blocks(self) -> dict[int, list[float]]:
        return self.cells[ENHANCE].blocks if ENHANCE in self.cells else {}


@dataclass
class Outcome:
    """All that a run found; complete or not."""

    settings: Settings
    rows: list[Row] = field(default_factory=list)
    peaks: dict[str, float] = field(default_factory=dict)
    """Instruction set -> multiply-adds a second of a core, the best seen."""
    copied: float | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    energy_source: str | None = None
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the command line asks for; raises DceliteError."""
    isas = _chosen_isas(args.isa)
    models = [None if model == "shipped" else model for model in args.model or ["shipped"]]
    libraries = _libraries(args.library)
    variants = [
        variant_of(model, isa, library=library)
        for model in models
        for isa in (isas if _is_native(model) else (None,))
        for library in (libraries if _is_native(model) else (None,))
    ]
    variants += [variant_of(model, None, is_baseline=True) for model in args.baseline or []]
    sizes = [parse_size(text) for text in args.size or ["1200x900"]]
    processors = len(system.affinity() or range(os.cpu_count() or 1))
    threads = args.threads or [1, processors]
    for number in threads:
        if not 1 <= number <= 64:
            raise DceliteError(f"--threads {number}: 1 to 64 was wanted")
    return Settings(
        variants=tuple(dict.fromkeys(variants)),
        sizes=tuple(dict.fromkeys(sizes)),
        threads=tuple(dict.fromkeys(threads)),
        rules=_rules(args),
        image=args.image,
        reference=args.reference,
        processors=args.cpu or CPU_BIND_MODES.get(args.cpu_bind_mode),
        stages=not (args.no_stages or args.quick),
        memory=not (args.no_memory or args.quick),
        quick=args.quick,
    )


def _is_native(model: str | None) -> bool:
    return model is None or model.lower().endswith(".dce")


def _libraries(paths: list[Path] | None) -> tuple[Path | None, ...]:
    for path in paths or []:
        if not path.is_file():
            raise DceliteError(f"--library {path}: no such file")
    return tuple(dict.fromkeys(paths or [])) or (None,)


def _chosen_isas(given: list[str] | None) -> tuple[str, ...]:
    names = [name.strip() for text in given or [] for name in text.split(",") if name.strip()]
    chosen: list[str] = []
    for name in names:
        if name != "all" and name not in roofline.ISAS:
            raise DceliteError(f"--isa {name}: one of {', '.join(roofline.ISAS)} or 'all' was wanted")
        chosen += available_isas() if name == "all" else [name]
    return tuple(dict.fromkeys(chosen)) or available_isas()[:1]


def _rules(args: argparse.Namespace) -> Rules:
    base = QUICK if args.quick else Rules()
    rules = Rules(
        runs=base.runs if args.runs is None else args.runs,
        seconds=base.seconds if args.seconds is None else args.seconds,
        max_seconds=base.max_seconds if args.max_seconds is None else args.max_seconds,
        warm_up=base.warm_up if args.warm_up is None else args.warm_up,
        block_ms=base.block_ms,
    )
    if rules.runs < 1 or rules.warm_up < 0 or not 0 <= rules.seconds <= 3600 or not 0 < rules.max_seconds <= 3600:
        raise DceliteError(
            f"--runs {rules.runs} --warm-up {rules.warm_up} --seconds {rules.seconds:g} --max-seconds "
            f"{rules.max_seconds:g}: at least 1 run, 0 warm-up runs, 0 to 3600 seconds were wanted"
        )
    return rules


def run(settings: Settings, say: Say = lambda _: None) -> Outcome:
    """Measure. Ctrl-C ends the measurement, not the report.

    Raises:
        DceliteError: the reference or the photograph cannot be read.
    """
    outcome = Outcome(settings)
    references = _references(settings)
    if settings.image is not None:
        bench_image(1, 1, settings.image)  # refuse an unreadable photograph before the work begins
    outcome.rows = [
        Row(variant, size, threads, model=references[variant])
        for size in settings.sizes
        for threads in settings.threads
        for variant in settings.variants
        if variant.engine != NUMPY or threads == settings.threads[0]  # its threads are NumPy's own affair
    ]
    if settings.processors is not None:
        _bind(settings.processors, outcome)
    outcome.before = system.state()
    try:
        _measure(outcome, say)
    except KeyboardInterrupt:
        outcome.interrupted = True
        outcome.notes.append("interrupted: what had been measured until then is reported")
    outcome.after = system.state()
    return outcome


def _references(settings: Settings) -> dict[Variant, Model]:
    """The reference of each variant: its own weights where they can be read, else --reference or the first of these."""
    common = read_dce(settings.reference) if settings.reference is not None else None
    own: dict[Variant, Model] = {}
    for variant in settings.variants:
        if common is None and variant.engine == "native":
            with contextlib.suppress(DceliteError):  # the row will say what is wrong with the model
                own[variant] = roofline.shipped_model() if variant.model is None else read_dce(variant.model)
    other = common or next(iter(own.values()), None) or roofline.shipped_model()
    return {variant: own.get(variant, other) for variant in settings.variants}


def _bind(text: str, outcome: Outcome) -> None:
    try:
        reason = system.set_affinity(system.choose_processors(text))
    except ValueError as error:
        raise DceliteError(f"--cpu {error}") from None
    if reason is not None:
        outcome.notes.append(f"not bound to processors: {reason}")


def _measure(outcome: Outcome, say: Say) -> None:
    settings = outcome.settings
    say("measuring the processor")
    seconds = QUICK_PEAK_SECONDS if settings.quick else PEAK_SECONDS
    for isa in available_isas():
        outcome.peaks[isa] = roofline.multiply_adds_a_second(isa, seconds) or 0.0
    outcome.copied = roofline.copied_bytes_a_second(seconds)
    energy = system.EnergyCounter()
    outcome.energy_source = energy.source
    with limited_memory(max(settings.threads) * len(settings.variants)), contextlib.ExitStack() as stack:
        bench = Bench(outcome, stack)
        bench.prepare(say)
        cells = [cell for row in outcome.rows for cell in row.cells.values()]
        say(f"timing {len(cells)} tasks in turn")
        between_rounds = functools.partial(_between_rounds, bench, cells, say)
        take_turns(cells, settings.rules, energy.read, between_rounds, system.wait_for_threads)
    if settings.memory:
        say("measuring memory, each in a process of its own")
        for row in outcome.rows:
            if row.reason is None:
                row.memory, row.memory_reason = memory.measure(row.variant, row.threads, *row.size)


def _between_rounds(bench: Bench, cells: list[Cell], say: Say, number: int) -> None:
    outcome = bench.outcome
    for isa in outcome.peaks:
        rate = roofline.multiply_adds_a_second(isa, BURST_SECONDS) or 0.0
        outcome.peaks[isa] = max(outcome.peaks[isa], rate)
    if number % change.ROUNDS_IN_A_PLACE == 0:
        if number > 0:
            bench.renew()
        done = sum(cell.is_finished(outcome.settings.rules) for cell in cells)
        say(f"round {number}: {done} of {len(cells)} tasks have enough runs")


@contextlib.contextmanager
def limited_memory(threads: int) -> Iterator[None]:
    """Let allocations beyond the memory that is free fail, instead of having the kernel end the process later."""
    available, used = system.available_memory(), system.address_space()
    before = resource.getrlimit(resource.RLIMIT_AS)
    if available is None or used is None:
        yield
        return
    limit = used + int(MEMORY_SHARE * available) + threads * THREAD_BYTES
    hard = before[1]
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


class Bench:
    """The models that are open, the pictures, and the tasks that bring both together."""

    def __init__(self, outcome: Outcome, stack: contextlib.ExitStack) -> None:
        self.outcome = outcome
        self._stack = stack
        self._opened: dict[tuple[Variant, int], OpenVariant | str] = {}
        """Or why it cannot be opened."""
        self._images: dict[tuple[int, int], tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
        """By size: the picture, and where the result goes."""
        self._probes: dict[tuple[str, int], roofline.Probe] = {}

    def prepare(self, say: Say) -> None:
        """Open everything, run each row once and compare its result."""
        for row in self.outcome.rows:
            key = (row.variant, row.threads)
            if key not in self._opened:
                self._opened[key] = self._open(row)
        for size in self.outcome.settings.sizes:
            rows = [row for row in self.outcome.rows if row.size == size]
            say(f"preparing {size[0]}x{size[1]}")
            try:
                image = bench_image(*size, self.outcome.settings.image)
                self._images[size] = image, np.empty_like(image)
            except MemoryError as error:
                for row in rows:
                    row.failure = failure_text(error)
                continue
            wanted: dict[int, NDArray[np.uint8] | str] = {}
            for row in rows:
                self._prepare_row(row, wanted)

    def _open(self, row: Row) -> OpenVariant | str:
        assert row.model is not None
        try:
            opened = OpenVariant(row.variant, row.threads, row.model)
        except Exception as error:  # a failing model must not end the others
            return failure_text(error)
        self._stack.callback(opened.close)
        return opened

    def _prepare_row(self, row: Row, wanted: dict[int, NDArray[np.uint8] | str]) -> None:
        opened = self._opened[row.variant, row.threads]
        if isinstance(opened, str):
            row.failure = opened
            return
        row.load_ms = opened.load_ms
        image, out = self._images[row.size]
        stages = self.outcome.settings.stages and opened.has_curve_network
        for name in (ENHANCE, STAGES, NETWORK) if stages else (ENHANCE,):
            cell = row.cells[name] = Cell(run=lambda: None)
            attempt(cell, functools.partial(self._connect, row, name))
            if cell.failure is None:
                results: list[Any] = []
                first_run(cell, results.append)
                if name == ENHANCE and cell.failure is None:
                    cell.probe = self._probe(row)
                    attempt(
                        cell, functools.partial(_compare, row, out if results[0] is None else results[0], image, wanted)
                    )
            if name == ENHANCE and cell.failure is not None:
                return

    def _connect(self, row: Row, name: str) -> None:
        """Make the task of a cell for what is open and the pictures as they are now."""
        opened = self._opened[row.variant, row.threads]
        assert isinstance(opened, OpenVariant)
        task = opened.task(name, *self._images[row.size])
        if isinstance(task, Staged):
            task.times = row.stages
        row.cells[name].run = task

    def _probe(self, row: Row) -> roofline.Probe:
        key = (row.variant.isa or available_isas()[0], row.threads)
        if key not in self._probes:
            self._probes[key] = roofline.Probe(*key)
        return self._probes[key]

    def renew(self) -> None:
        """Pictures and native engines at other places in memory."""
        for opened in self._opened.values():
            if isinstance(opened, OpenVariant):
                opened.renew()
        for size, (image, _) in self._images.items():
            with contextlib.suppress(MemoryError):  # then they stay where they are
                copy = image.copy()
                self._images[size] = copy, np.empty_like(copy)
        for row in self.outcome.rows:
            for name, cell in row.cells.items():
                if cell.failure is None:
                    attempt(cell, functools.partial(self._connect, row, name))


def _compare(row: Row, result: Any, image: NDArray[np.uint8], wanted: dict[int, NDArray[np.uint8] | str]) -> None:
    model = row.model
    assert model is not None
    if id(model.arrays) not in wanted:
        try:
            wanted[id(model.arrays)] = fidelity.enhance(image, model)
        except MemoryError as error:
            wanted[id(model.arrays)] = failure_text(error)
    reference = wanted[id(model.arrays)]
    if not isinstance(reference, str):
        row.fidelity = fidelity.compare(result, reference, model.name)


def main(args: argparse.Namespace) -> int:
    """Run the command; returns the exit code: 0, 1 where a row has no times, 130 when interrupted."""
    outputs = [path for path in (args.json, args.csv, args.html) if path is not None]
    for path in outputs:
        refuse_existing(path, args.overwrite)
        prepare_output_directory(path.parent)
    settings = settings_of(args)
    outcome = run(settings, functools.partial(print, file=sys.stderr, flush=True))
    created = datetime.datetime.now(datetime.timezone.utc)
    document = report.document(outcome, created, sys.argv[1:])
    print(report.terminal(document))
    report.write(document, json_path=args.json, csv_path=args.csv, html_path=args.html, overwrite=args.overwrite)
    if outcome.interrupted:
        return 130
    return 1 if any(row["reason"] is not None for row in document["results"]) else 0


if __name__ == "__main__":
    from dcelite.cli import main as dcelite

    sys.exit(dcelite(["bench", *sys.argv[1:]]))
