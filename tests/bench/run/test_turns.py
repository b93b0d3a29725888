"""Turns, the stop rule and failures, with tasks that only count."""

from __future__ import annotations

import itertools

import pytest

from dcelite.bench.run import turns
from dcelite.bench.run.turns import Cell, Rules, take_turns

RULES = Rules(runs=6, seconds=0.0, max_seconds=5.0, warm_up=0, block_ms=0.0)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on by 10 ms whenever it is read, so that nothing here depends on real time."""
    ticks = itertools.count(0, 10_000_000)
    monkeypatch.setattr(turns.time, "perf_counter_ns", lambda: next(ticks))
    monkeypatch.setattr(turns.time, "perf_counter", lambda: 1e-9 * next(ticks))


def recording(log: list[str], name: str) -> Cell:
    return Cell(run=lambda: log.append(name))


def times(cell: Cell, kind: str = "run") -> dict[int, list[float]]:
    """By round."""
    found: dict[int, list[float]] = {}
    for name, number, ms in cell.samples:
        if name == kind:
            found.setdefault(number, []).append(ms)
    return found


def test_cells_take_turns() -> None:
    log: list[str] = []
    cells = [recording(log, name) for name in "ABC"]
    take_turns(cells, RULES)
    order = [name for name, _ in itertools.groupby(log)]
    assert order == list("ABC" * 6)
    assert all(cell.count == 6 for cell in cells)
    assert all(sorted(times(cell)) == list(range(6)) for cell in cells)


def test_times_are_what_the_clock_says() -> None:
    cell = Cell(run=lambda: None)
    take_turns([cell], RULES)
    assert times(cell)[0] == [pytest.approx(10.0)]


def test_fast_cells_go_on_while_a_slow_one_lacks_runs() -> None:
    rules = Rules(runs=4, seconds=0.1, max_seconds=5.0, warm_up=0, block_ms=0.0)
    cells = [Cell(run=lambda: None), Cell(run=lambda: None)]
    take_turns(cells, rules)
    assert cells[0].count == cells[1].count >= 10  # 10 runs of 10 ms fill the 0.1 s


def test_the_cap_ends_what_never_gets_enough() -> None:
    rules = Rules(runs=10**9, seconds=0.0, max_seconds=0.5, warm_up=0, block_ms=0.0)
    cell = Cell(run=lambda: None)
    take_turns([cell], rules)
    assert 0 < cell.count < 100


def test_a_failing_cell_leaves_and_keeps_its_reason() -> None:
    log: list[str] = []

    def fail() -> None:
        if log.count("bad") == 3:
            raise RuntimeError("the engine\nbroke")
        log.append("bad")

    bad, good = Cell(run=fail), recording(log, "good")
    take_turns([bad, good], RULES)
    assert bad.failure == "RuntimeError: the engine broke"
    assert good.failure is None
    assert good.count == 6


def test_no_memory_is_said_in_words() -> None:
    def fail() -> None:
        raise MemoryError

    cell = Cell(run=fail)
    take_turns([cell], RULES)
    assert cell.failure == "not enough memory"


def test_an_interrupt_keeps_what_was_measured() -> None:
    log: list[str] = []

    def interrupted() -> None:
        if len(log) >= 9:
            raise KeyboardInterrupt
        log.append("B")

    cells = [recording(log, "A"), Cell(run=interrupted)]
    with pytest.raises(KeyboardInterrupt):
        take_turns(cells, RULES)
    assert cells[0].count > 1


def test_the_first_run_is_timed_alone() -> None:
    cell = Cell(run=lambda: "picture")
    assert cell.first_run() == "picture"
    assert cell.first_ms == pytest.approx(10.0)
    assert cell.count == 0


def test_energy_is_that_of_the_timed_runs() -> None:
    counter = itertools.count(0.0, 2.0)
    cell = Cell(run=lambda: None)
    take_turns([cell], RULES, energy=lambda: next(counter))
    assert cell.energy_joules == 2.0 * len(times(cell))


def test_the_probe_stands_next_to_each_block() -> None:
    log: list[str] = []
    clock = itertools.count(5.0)

    def probe() -> tuple[float, float]:
        log.append("probe")
        return next(clock), next(clock)

    cell = Cell(run=lambda: log.append("run"), probe=probe)
    take_turns([cell], Rules(runs=2, seconds=0.0, max_seconds=5.0, warm_up=0, block_ms=0.0))
    assert times(cell, "probe") == {0: [5.0], 1: [9.0]}  # the shorter one of before and after
    assert times(cell, "parallel probe") == {0: [6.0], 1: [10.0]}
    assert [name for name, _ in itertools.groupby(log)] == ["probe", "run", "probe", "run", "probe"]


def test_a_probe_that_fails_leaves_the_times() -> None:
    cell = Cell(run=lambda: None, probe=lambda: ())
    take_turns([cell], RULES)
    assert times(cell, "probe") == {}
    assert cell.count == 6


def test_what_comes_before_a_block_comes_before_each() -> None:
    log: list[str] = []
    take_turns([recording(log, "A"), recording(log, "B")], RULES, before_block=lambda: log.append("quiet"))
    order = [name for name, _ in itertools.groupby(log)]
    assert order == ["quiet", "A", "quiet", "B"] * 6


def test_what_an_engine_says_of_its_stages_stands_behind_each_run() -> None:
    said = itertools.count(1.0)
    cell = Cell("staged", run=lambda: None, stages=lambda: (next(said), 0.5))
    take_turns([cell], Rules(runs=2, seconds=0.0, max_seconds=5.0, warm_up=0, block_ms=0.0))
    assert cell.samples == [("staged", 0, pytest.approx(10.0), 2.0, 0.5), ("staged", 1, pytest.approx(10.0), 4.0, 0.5)]
