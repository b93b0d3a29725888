"""Taking times: all variants in turn, round after round, so that whatever drifts on the machine hits all alike."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

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

    run: Callable[[], object]
    probe: Callable[[], tuple[float, ...] | None] | None = None
    """Takes the time, in ms, of the fixed work that says how fast the machine is just now: of one core, and where the
    task has more threads, of as many."""
    first_ms: float | None = None
    blocks: dict[int, list[float]] = field(default_factory=dict)
    """Round -> times in ms."""
    probes: dict[int, float] = field(default_factory=dict)
    """Round -> the shorter time of the probe before and after the block, in ms, on one core."""
    parallel_probes: dict[int, float] = field(default_factory=dict)
    """The same, shared by as many threads as the task has; empty for one thread."""
    energy_joules: float | None = None
    """Of all timed runs, where the kernel tells."""
    failure: str | None = None
    spent_ms: float = 0.0
    timed_ms: float = 0.0
    count: int = 0

    def is_finished(self, rules: Rules) -> bool:
        if self.failure is not None or self.spent_ms >= 1e3 * rules.max_seconds:
            return True
        return self.count >= rules.runs and self.timed_ms >= 1e3 * rules.seconds


def failure_text(error: BaseException) -> str:
    """One line for a row of the report."""
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"not enough memory{': ' + text if text else ''}"
    return text if isinstance(error, DceliteError | ValueError) and text else f"{type(error).__name__}: {text}"


def attempt(cell: Cell, action: Callable[[], None]) -> None:
    """Run something of a cell; whatever an engine raises becomes the reason in its row."""
    try:
        action()
    except Exception as error:  # a failing model must not end the others
        cell.failure = failure_text(error)


def first_run(cell: Cell, keep: Callable[[object], None] = lambda _: None) -> None:
    """The first run, timed by itself; ``keep`` gets what it returned."""

    def action() -> None:
        begin = time.perf_counter_ns()
        result = cell.run()
        cell.first_ms = 1e-6 * (time.perf_counter_ns() - begin)
        keep(result)

    attempt(cell, action)


def _warm_up(cell: Cell, rules: Rules) -> None:
    begin = time.perf_counter()
    for _ in range(rules.warm_up):
        if time.perf_counter() - begin >= rules.max_seconds / 10:
            return
        cell.run()


def _block(cell: Cell, number: int, rules: Rules, energy: Callable[[], float | None]) -> None:
    clock = time.perf_counter_ns
    run = cell.run
    begin = clock()
    probed = _probe(cell)
    settled = clock()
    if cell.first_ms is None or cell.first_ms < LONG_RUN_MS:
        while True:
            run()
            if clock() - settled >= 1e6 * SETTLE_MS:
                break
    times: list[float] = []
    joules = energy()
    start = timed = clock()
    while True:
        run()
        stop = clock()
        times.append(1e-6 * (stop - start))
        start = stop
        if stop - timed >= 1e6 * rules.block_ms:
            break
    after = energy()
    if joules is not None and after is not None:
        cell.energy_joules = (cell.energy_joules or 0.0) + after - joules
    cell.blocks[number] = times
    probed += _probe(cell)
    if probed:
        alone, *parallel = map(min, zip(*probed, strict=True))
        cell.probes[number] = alone
        cell.parallel_probes.update((number, time) for time in parallel)
    cell.count += len(times)
    cell.timed_ms += 1e-6 * (stop - timed)
    cell.spent_ms += 1e-6 * (clock() - begin)


def _probe(cell: Cell) -> list[tuple[float, ...]]:
    found = cell.probe() if cell.probe is not None else None
    return [] if found is None else [found]


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
            attempt(cell, functools.partial(_warm_up, cell, rules))
    number = 0
    while not all(cell.is_finished(rules) for cell in cells):
        between_rounds(number)
        for cell in cells:
            if cell.failure is None and cell.spent_ms < 1e3 * rules.max_seconds:
                before_block()
                attempt(cell, functools.partial(_block, cell, number, rules, energy))
        number += 1
