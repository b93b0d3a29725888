"""Statistics of times, on numbers whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dcelite.bench import statistics


def test_latency_of_known_times() -> None:
    found = statistics.latency({0: [4.0, 1.0, 2.0], 1: [3.0, 5.0]})
    assert found["count"] == 5
    assert (found["min"], found["p50"], found["max"]) == (1.0, 3.0, 5.0)
    assert found["mean"] == 3.0
    assert found["std"] == pytest.approx(math.sqrt(2.5))
    assert found["p90"] == pytest.approx(4.6)
    assert found["spread"] == pytest.approx((4.0 - 2.0) / 3.0)


def test_one_run_has_no_deviation() -> None:
    assert statistics.latency({3: [7.0]})["std"] is None


def test_ratio_pairs_the_blocks_of_a_round() -> None:
    # Round 1 is twice as slow for both, as when the processor is shared: the ratio does not see it.
    baseline = {0: [20.0, 20.0], 1: [40.0], 2: [20.0]}
    found = statistics.ratio(baseline, {0: [2.0], 1: [4.0, 4.0], 3: [100.0]}, "other")
    assert found is not None
    assert (found["median"], found["low"], found["high"]) == (10.0, 10.0, 10.0)
    assert found["of_minima"] == 10.0
    assert found["to"] == "other"


def test_ratio_without_a_common_round() -> None:
    assert statistics.ratio({0: [1.0]}, {1: [1.0]}, "other") is None


def test_of_rounds_divides_what_belongs_together() -> None:
    before = {0: [2.0, 9.0], 1: [4.0], 2: [2.0], 5: [1.0]}
    after = {0: [3.0, 2.2], 1: [4.4, 50.0], 2: [2.2], 6: [7.0], 7: []}
    found = statistics.of_rounds(after, before, min, 0.99)
    assert found == pytest.approx({"median": 1.1, "low": 1.1, "high": 1.1})
    assert statistics.of_rounds({0: [1.0]}, {1: [1.0]}, min) is None


def test_the_bounds_of_a_median_are_those_of_the_bootstrap() -> None:
    values = np.random.default_rng(5).normal(10.0, 1.0, 100)
    found = statistics.median(values)
    # The median of 100 such values has a deviation of about 1.25 / sqrt(100).
    assert found["median"] == np.median(values)
    assert 0.2 < found["high"] - found["low"] < 1.0
    assert found["low"] < found["median"] < found["high"]
    wide = statistics.median(values, 0.99)
    assert wide["low"] < found["low"] < found["high"] < wide["high"]
    assert statistics.median(np.array([3.0])) == {"median": 3.0, "low": 3.0, "high": 3.0}


def test_without_scipy_there_are_medians_without_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "has_scipy", lambda: False)
    assert statistics.median(np.array([1.0, 2.0, 4.0])) == {"median": 2.0, "low": None, "high": None}


def test_mann_whitney() -> None:
    # From the table of Mann and Whitney's test: of 462 orders of 5 and 6 values, 19 have U <= 5.
    a = np.array([1.1, 2.2, 3.3, 4.4, 5.5])
    b = np.array([2.3, 3.8, 6.1, 7.0, 8.4, 9.9])
    assert statistics.mann_whitney(a, b) == pytest.approx(2 * 19 / math.comb(11, 5), rel=1e-12)
    assert statistics.mann_whitney(b, a) == statistics.mann_whitney(a, b)
    assert statistics.mann_whitney(np.ones(5), np.ones(5)) == 1.0


def test_the_shift_and_its_bounds() -> None:
    a, b = np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([2.5, 4.6, 6.8, 9.1, 11.5])
    differences = sorted(y - x for x in a for y in b)
    # 2 of the 252 orders of 5 and 5 values have U = 0 or 25, 4 have U <= 1 or more than 23: p = 2/252, 4/252.
    shift, low, high = statistics.shift(a, b, 0.01)
    assert (shift, low, high) == (differences[12], differences[0], differences[-1])
    assert statistics.shift(a, b, 0.02)[1:] == (differences[1], differences[-2])
    assert statistics.shift(a, b, 0.001)[1:] == (-math.inf, math.inf)


def test_holm() -> None:
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([]) == []


def test_throttle_ratio_compares_the_ends() -> None:
    steady = {number: [1.0] for number in range(12)}
    assert statistics.throttle_ratio(steady) == 1.0
    slowed = {number: [1.0 if number < 6 else 1.5] for number in range(12)}
    assert statistics.throttle_ratio(slowed) == 1.5
    assert statistics.throttle_ratio({number: [1.0] for number in range(7)}) is None
