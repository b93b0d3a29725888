"""Statistics of times, on numbers whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dcelite.bench import compare, samples


def test_latency_of_known_times() -> None:
    found = samples.latency({0: [4.0, 1.0, 2.0], 1: [3.0, 5.0]})
    assert found["count"] == 5
    assert (found["min"], found["p50"], found["max"]) == (1.0, 3.0, 5.0)
    assert found["mean"] == 3.0
    assert found["std"] == pytest.approx(math.sqrt(2.5))
    assert found["p90"] == pytest.approx(4.6)
    assert found["spread"] == pytest.approx((4.0 - 2.0) / 3.0)


def test_one_run_has_no_deviation() -> None:
    assert samples.latency({3: [7.0]})["std"] is None


def test_ratio_pairs_the_blocks_of_a_round() -> None:
    # Round 1 is twice as slow for both, as when the processor is shared: the ratio does not see it.
    baseline = {0: [20.0, 20.0], 1: [40.0], 2: [20.0]}
    found = samples.ratio(baseline, {0: [2.0], 1: [4.0, 4.0], 3: [100.0]}, "other")
    assert found is not None
    assert (found["median"], found["low"], found["high"]) == (10.0, 10.0, 10.0)
    assert found["of_minima"] == 10.0
    assert found["to"] == "other"


def test_ratio_without_a_common_round() -> None:
    assert samples.ratio({0: [1.0]}, {1: [1.0]}, "other") is None


def test_throttle_ratio_compares_the_ends() -> None:
    steady = {number: [1.0] for number in range(12)}
    assert samples.throttle_ratio(steady) == 1.0
    slowed = {number: [1.0 if number < 6 else 1.5] for number in range(12)}
    assert samples.throttle_ratio(slowed) == 1.5
    assert samples.throttle_ratio({number: [1.0] for number in range(7)}) is None


def test_mann_whitney_equals_that_of_scipy() -> None:
    # scipy.stats.mannwhitneyu(a, b, method="asymptotic") of SciPy 1.17
    a = np.array([1.1, 2.2, 3.3, 4.4, 5.5])
    b = np.array([2.2, 3.8, 6.1, 7.0, 8.4, 9.9])
    assert compare.mann_whitney(a, b) == pytest.approx(0.09957553389386736, rel=1e-12)
    assert compare.mann_whitney(b, a) == pytest.approx(compare.mann_whitney(a, b))
    assert compare.mann_whitney(np.ones(5), np.ones(5)) == 1.0


def test_hodges_lehmann_is_the_shift() -> None:
    rng = np.random.default_rng(1)
    a = rng.lognormal(0.0, 0.05, 40)
    assert compare.hodges_lehmann(a, 1.07 * a) == pytest.approx(1.07, rel=0.01)
    b = np.concatenate([a, [1000.0, 2000.0]])  # two outliers hardly move it
    assert compare.hodges_lehmann(a, b) == pytest.approx(1.0, abs=0.02)


def test_holm() -> None:
    assert compare.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert compare.holm([]) == []


def run_of(rng: np.random.Generator, factor: float, *, rounds: int = 25, rows: int = 3) -> list[np.ndarray]:
    """The shortest times of the blocks of a run: noise of 1.5 %, and now and then a block that other work disturbed."""
    disturbed = rng.random((rows, rounds)) < 0.1
    times = (
        factor * rng.lognormal(0.0, 0.015, (rows, rounds)) * np.where(disturbed, rng.uniform(1, 2, (rows, rounds)), 1)
    )
    times *= rng.normal(1.0, 0.005)  # the two runs of a build differ by half a per cent
    return list(times)


def verdicts(rng: np.random.Generator, factor: float) -> list[str]:
    pairs = list(zip(run_of(rng, 1.0), run_of(rng, factor), strict=True))
    return [change.verdict for change in compare.changes(pairs, [False] * len(pairs))]


def test_equal_builds_are_found_equal_and_slower_ones_slower() -> None:
    rng = np.random.default_rng(7)
    tries = 20
    equal = sum(set(verdicts(rng, 1.0)) == {compare.SAME} for _ in range(tries))
    assert equal >= 19
    slower = sum(compare.SLOWER in verdicts(rng, 1.05) for _ in range(tries))
    assert slower >= 19
    faster = sum(compare.FASTER in verdicts(rng, 1 / 1.05) for _ in range(tries))
    assert faster >= 19


def test_noise_is_called_noise() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.lognormal(0.0, 0.6, 8), rng.lognormal(0.0, 0.6, 8)
    (change,) = compare.changes([(a, b)], [False])
    assert change.verdict == compare.UNKNOWN


def test_noisy_runs_take_a_larger_change() -> None:
    rng = np.random.default_rng(5)
    a, b = rng.lognormal(0.0, 0.01, 20), rng.lognormal(math.log(1.05), 0.01, 20)
    (change,) = compare.changes([(a, b)], [False])
    assert change.verdict == compare.SLOWER
    (change,) = compare.changes([(a, b)], [True])
    assert change.verdict == compare.UNKNOWN
    (change,) = compare.changes([(a, 1.1 * b)], [True])
    assert change.verdict == compare.SLOWER
