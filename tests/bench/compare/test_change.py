"""The test for a change between two runs, on numbers whose answer is known and on simulated machines."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from dcelite.bench import statistics
from dcelite.bench.compare import change
from dcelite.bench.compare.change import Pair, Run
from dcelite.bench.report.document import run_of as run_of_row


def test_the_interval_is_that_of_the_test() -> None:
    """Both contradict "no change" for the same data: the interval excludes 1 exactly where p is below the level."""
    rng = np.random.default_rng(2)
    agreed = 0
    for _ in range(200):
        a, b = rng.normal(0.0, 0.01, 10), rng.normal(0.012, 0.01, 11)
        found = change._change(Pair(a, b), 1.0, change.LEVEL)
        is_excluded = not found.low <= 1.0 <= found.high
        assert is_excluded == (statistics.mann_whitney(a, b) <= change.LEVEL)
        agreed += is_excluded
    assert 20 < agreed < 180


def test_the_ratio_ignores_outliers() -> None:
    rng = np.random.default_rng(1)
    a = rng.normal(0.0, 0.02, 20)
    b = np.append(a + math.log(1.07), [5.0, 6.0])
    (found,) = change.changes([Pair(a, b)])
    assert found.ratio == pytest.approx(1.07, abs=0.02)
    assert found.low < found.ratio < found.high


def test_a_series_is_its_shortest_time_relative_to_the_shortest_probe() -> None:
    blocks = {number: [3.0, 2.0 if number < 20 else 4.0] for number in range(48)}
    blocks[4] = [100.0]
    probes = {number: 2.0 + number % 3 for number in blocks if number != 20}
    values = change.observations(Run(blocks, probes))
    assert values == pytest.approx([math.log(1.0), math.log(1.5)])  # the last eight rounds are not enough
    assert change.observations(Run(blocks)) == pytest.approx([math.log(2.0), math.log(3.0)])


def test_many_series_are_taken_together() -> None:
    values = change.observations(Run({number: [1.0] for number in range(2000)}))
    assert values.size == change._MOST_SERIES


def run_of(rng: np.random.Generator, factor: float, *, rounds: int = 200) -> Run:
    """A machine whose clock differs by 3 % from run to run, whose times depend on where memory lies by 0.5 %, and on
    which other work makes one block in ten slower."""
    speed = rng.normal(1.0, 0.03) * np.exp(np.cumsum(rng.normal(0.0, 0.001, rounds)))
    places = np.repeat(rng.normal(1.0, 0.005, -(-rounds // 10)), 10)[:rounds]
    disturbed = np.where(rng.random(rounds) < 0.1, rng.uniform(1.0, 2.0, rounds), 1.0)
    times = factor * speed * places * disturbed * rng.lognormal(0.0, 0.01, rounds)
    probes = 0.3 * speed * rng.lognormal(0.0, 0.01, rounds)
    return Run({i: [float(time)] for i, time in enumerate(times)}, {i: float(probe) for i, probe in enumerate(probes)})


def slowed(run: Run, factor: float, of_probes: float = 1.0) -> Run:
    blocks = {i: [factor * time for time in times] for i, times in run.blocks.items()}
    return Run(blocks, {i: of_probes * probe for i, probe in run.probes.items()})


def verdicts(rng: np.random.Generator, factor: float) -> list[str]:
    pairs = [change.pair_of(run_of(rng, 1.0), run_of(rng, factor)) for _ in range(3)]
    return [found.verdict for found in change.changes(pairs)]


def test_equal_builds_are_found_equal_and_slower_ones_slower() -> None:
    rng = np.random.default_rng(7)
    tries = 20
    assert sum(set(verdicts(rng, 1.0)) <= {change.SAME, change.UNKNOWN} for _ in range(tries)) >= 19
    assert sum(change.SLOWER in verdicts(rng, 1.05) for _ in range(tries)) >= 19
    assert sum(change.FASTER in verdicts(rng, 1 / 1.05) for _ in range(tries)) >= 19


@pytest.mark.parametrize("drift", [0.0, 0.005])
def test_another_clock_is_no_change(drift: float) -> None:
    """Whether or not it also varied within the runs."""
    rng = np.random.default_rng(4)
    steady = run_of(rng, 1.0)
    drifting = np.exp(np.cumsum(rng.normal(0.0, drift, 200)))
    run = Run(
        {i: [time * float(drifting[i]) for time in times] for i, times in steady.blocks.items()},
        {i: probe * float(drifting[i]) for i, probe in steady.probes.items()},
    )
    (same,) = change.changes([change.pair_of(run, slowed(run, 1.10, 1.10))])
    assert same.verdict not in (change.SLOWER, change.FASTER)
    (other,) = change.changes([change.pair_of(run, slowed(run, 1.10))])
    assert other.verdict == change.SLOWER


def test_without_probes_times_are_compared_as_they_are() -> None:
    run = run_of(np.random.default_rng(6), 1.0)
    found = change.pair_of(run, Run(slowed(run, 1.05).blocks))
    assert found.doubt == 0
    assert found.b - found.a == pytest.approx(math.log(1.05))


def test_series_without_a_processor_for_each_thread_do_not_count() -> None:
    """In a part of the second run two virtual processors share a core: times double, those of the shared probe too."""
    rng = np.random.default_rng(12)
    alone = run_of(rng, 1.0)
    quiet = Run(alone.blocks, alone.probes, {i: 0.5 * probe for i, probe in alone.probes.items()}, is_crowded=True)
    shares = {i: 2.0 if 60 <= i < 120 else 1.0 for i in quiet.blocks}
    busy = Run(
        {i: [shares[i] * time for time in times] for i, times in quiet.blocks.items()},
        quiet.probes,
        {i: shares[i] * probe for i, probe in quiet.parallel_probes.items()},
    )
    pair = change.pair_of(quiet, busy)
    assert (pair.a.size, pair.b.size) == (10, 7)
    (found,) = change.changes([pair])
    assert found.ratio == pytest.approx(1.0, abs=0.02)
    assert found.verdict == change.SAME
    always = Run(busy.blocks, busy.probes, {i: 2.0 * probe for i, probe in quiet.parallel_probes.items()})
    (found,) = change.changes([change.pair_of(quiet, always)])
    assert found.verdict == change.UNKNOWN


def test_doubt_needs_a_larger_change() -> None:
    values = np.linspace(-0.005, 0.005, 10)
    (near,) = change.changes([Pair(values, values + 0.05, 0.01)])
    (far,) = change.changes([Pair(values, values + 0.05, 0.20)])
    assert near.verdict == change.SLOWER
    assert far.verdict == change.UNKNOWN


@pytest.mark.parametrize(
    ("ratio", "low", "high", "wanted"),
    [
        (1.05, 1.03, 1.07, change.SLOWER),
        (0.95, 0.94, 0.97, change.FASTER),
        (1.01, 1.005, 1.015, change.SAME),
        (1.03, 0.99, 1.06, change.SAME),
        (1.03, 0.90, 1.20, change.UNKNOWN),
    ],
)
def test_verdicts_on_builds_that_took_turns(ratio: float, low: float, high: float, wanted: str) -> None:
    assert change.verdict_of(ratio, low, high) == wanted


def test_a_probe_that_differs_leaves_a_doubt() -> None:
    run = run_of(np.random.default_rng(10), 1.0)
    assert change.pair_of(run, slowed(run, 1.0, 1.04)).doubt == 0
    assert change.pair_of(run, slowed(run, 1.0, 1.2)).doubt == pytest.approx(change.FOLLOWED * math.log(1.2 / 1.05))


def test_rows_that_take_every_processor_need_a_larger_change() -> None:
    run = run_of(np.random.default_rng(8), 1.0)
    for factor, alone, crowded in (
        (1.05, change.SLOWER, change.SAME),
        (1.12, change.SLOWER, change.SLOWER),
    ):
        quiet, busy = run, dataclasses.replace(run, is_crowded=True)
        pairs = [change.pair_of(one, slowed(run, factor)) for one in (quiet, busy)]
        found = [one for pair in pairs for one in change.changes([pair])]
        assert [one.verdict for one in found] == [alone, crowded]


@pytest.mark.parametrize(
    ("threads", "processors", "wanted"),
    [(2, [0, 1], True), (3, [0, 1], True), (1, [0, 1], False), (1, [0], False), (2, None, False)],
)
def test_a_thread_on_each_of_several_processors_is_a_crowd(
    threads: int, processors: list[int] | None, wanted: bool
) -> None:
    row = {"threads": threads, "blocks_ms": {}, "probes_ms": {}, "parallel_probes_ms": {}}
    assert run_of_row(row, {"affinity": processors}).is_crowded == wanted


def test_noise_is_called_noise_and_shows_little() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(0.0, 0.3, 8), rng.normal(0.0, 0.3, 8)
    (found,) = change.changes([Pair(a, b)])
    assert found.verdict == change.UNKNOWN
    assert found.smallest > change.WANTED


def test_too_few_series_show_nothing() -> None:
    (found,) = change.changes([Pair(np.zeros(2), np.full(2, 1.0))])
    assert found.verdict == change.UNKNOWN
    assert found.smallest == math.inf
    assert change.smallest_change(Run({0: [1.0]}), 1) is None


def test_a_change_that_could_be_shown_is_found() -> None:
    """What two runs could have shown is no empty promise: a slowdown a little larger is found, half of it is not."""
    run = run_of(np.random.default_rng(9), 1.0)
    smallest = change.smallest_change(run, 1)
    assert smallest is not None
    assert smallest <= change.WANTED
    for factor, wanted in ((1 + 1.3 * smallest, change.SLOWER), (1 + 0.5 * change.LEAST_CHANGE, change.SAME)):
        (found,) = change.changes([change.pair_of(run, slowed(run, factor))])
        assert found.verdict == wanted
