"""Taking times: all variants in turn, round after round, so that whatever drifts on the machine hits all alike."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dcelite.errors import DceliteError

SETTLE_MS = 4.0
"""Untimed runs at the beginning of a block: caches fill."""
LONG_RUN_MS = 250.0
"""A run that takes longer has nothing to gain from an untimed one before it."""


@dataclass(frozen=True)
class Rules:
    """When enough is measured: both ``runs`` and ``seconds``, or ``max_seconds``, for each cell."""

    runs: int = 50
    seconds: float = 4.0
    max_seconds: float = 10.0
    warm_up: int = 3
    block_ms: float = 20.0


@dataclass
class Cell:
    """One thing to time."""

    kind: str = "run"
    """Of its samples, as ``schema.json`` has it."""
    run: Callable[[], object] = lambda: None
    probe: Callable[[], Sequence[float]] = lambda: ()
    """Takes the time, in ms, of the fixed work that says how fast the machine is just now: of one core, and where the
    task has more threads, of as many; empty where that cannot be told."""
    stages: Callable[[], Sequence[float]] = lambda: ()
    """What the engine's own clock says of the run that has just ended, in ms."""
    first_ms: float | None = None
    samples: list[tuple[Any, ...]] = field(default_factory=list)
    """(kind, round, ms, *stages) of every run; of the probe the shorter time before and after a block."""
    energy_joules: float | None = None
    """Of all timed runs, where the kernel tells."""
    failure: str | None = None
    spent_ms: float = 0.0
    """With probes and untimed runs."""
    timed_ms: float = 0.0
    count: int = 0

    def is_finished(self, rules: Rules) -> bool:
        if self.failure is not None or self.spent_ms >= 1e3 * rules.max_seconds:
            return True
        return self.count >= rules.runs and self.timed_ms >= 1e3 * rules.seconds

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Whatever an engine raises within becomes the reason in the row: a failing model must not end the others."""
        try:
            yield
        except Exception as error:
            self.failure = failure_text(error)

    def first_run(self) -> object:
        """The first run, timed by itself; returns what it returned."""
        begin = time.perf_counter_ns()
        result = self.run()
        self.first_ms = 1e-6 * (time.perf_counter_ns() - begin)
        return result


def failure_text(error: BaseException) -> str:
    """One line for a row of the report."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"not enough memory{': ' + text if text else ''}"
    return text if isinstance(error, DceliteError | ValueError) and text else f"{type(error).__name__}: {text}"


def _warm_up(cell: Cell, rules: Rules) -> None:
    begin = time.perf_counter()
    for _ in range(rules.warm_up):
        if time.perf_counter() - begin >= rules.max_seconds / 10:
            return
        cell.run()


def _run_for(cell: Cell, ms: float) -> list[tuple[float, ...]]:
    """(ms, *stages) of the runs until so much has passed; at least of one."""
    found: list[tuple[float, ...]] = []
    begin = start = time.perf_counter_ns()
    while start - begin < 1e6 * ms or not found:
        cell.run()
        stop = time.perf_counter_ns()
        found.append((1e-6 * (stop - start), *cell.stages()))
        start = time.perf_counter_ns()
    return found


def _block(cell: Cell, number: int, rules: Rules, energy: Callable[[], float | None]) -> None:
    begin = time.perf_counter()
    probed = cell.probe()
    if cell.first_ms is None or cell.first_ms < LONG_RUN_MS:
        _run_for(cell, SETTLE_MS)
    joules = energy()
    runs = _run_for(cell, rules.block_ms)
    after = energy()
    if joules is not None and after is not None:
        cell.energy_joules = (cell.energy_joules or 0.0) + after - joules
    probes = zip(("probe", "parallel probe"), probed, cell.probe(), strict=False)
    cell.samples += [(cell.kind, number, *run) for run in runs]
    cell.samples += [(kind, number, min(both)) for kind, *both in probes]
    cell.count += len(runs)
    cell.timed_ms += sum(ms for ms, *_ in runs)
    cell.spent_ms += 1e3 * (time.perf_counter() - begin)


def take_turns(
    cells: Sequence[Cell],
    rules: Rules,
    energy: Callable[[], float | None] = lambda: None,
    between_rounds: Callable[[int], None] = lambda _: None,
    before_block: Callable[[], None] = lambda: None,
) -> None:
    """Rounds of one block each, until every cell has enough. All stay in while one lacks runs, unless their time is up.

    What ``before_block`` does, such as waiting for the threads of the cell before, is not counted.

    Raises:
        KeyboardInterrupt: the cells keep what they have.
    """
    for cell in cells:
        if cell.failure is None:
            with cell.attempt():
                _warm_up(cell, rules)
    number = 0
    while not all(cell.is_finished(rules) for cell in cells):
        between_rounds(number)
        for cell in cells:
            if cell.failure is None and cell.spent_ms < 1e3 * rules.max_seconds:
                before_block()
                with cell.attempt():
                    _block(cell, number, rules, energy)
        number += 1
