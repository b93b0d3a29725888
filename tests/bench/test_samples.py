"""Statistics of times, on numbers whose answer is known."""

from __future__ import annotations

import math

import pytest

from dcelite.bench import samples


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


def test_slowdown_takes_the_shortest_times_of_a_round() -> None:
    before = {0: [2.0, 9.0], 1: [4.0], 2: [2.0], 5: [1.0]}
    found = samples.slowdown(before, {0: [3.0, 2.2], 1: [4.4, 50.0], 2: [2.2], 6: [7.0]})
    assert found == pytest.approx((1.1, 1.1, 1.1))
    assert samples.slowdown({0: [1.0]}, {1: [1.0]}) is None


def test_throttle_ratio_compares_the_ends() -> None:
    steady = {number: [1.0] for number in range(12)}
    assert samples.throttle_ratio(steady) == 1.0
    slowed = {number: [1.0 if number < 6 else 1.5] for number in range(12)}
    assert samples.throttle_ratio(slowed) == 1.5
    assert samples.throttle_ratio({number: [1.0] for number in range(7)}) is None
