"""Statistics of times.

A *block* is the runs of one variant between those of others; the blocks of one *round* belong together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

Blocks = Mapping[int, Sequence[float]]
"""Round -> times in ms."""

RESAMPLES = 2000
CONFIDENCE = 0.95


class Latency(TypedDict):
    """Milliseconds, but for ``count`` and ``spread``."""

    count: int
    min: float
    mean: float
    std: float | None
    p50: float
    p90: float
    p95: float
    p99: float
    max: float
    spread: float
    """Distance of the quartiles, as a share of the median."""


class Ratio(TypedDict):
    to: str
    median: float
    low: float
    high: float
    """Bounds of the median at 95 % confidence, by bootstrap over the rounds."""
    of_minima: float
    """The shortest time of the one to that of the other: what remains when other work disturbs most rounds."""


def flat(blocks: Blocks) -> NDArray[np.float64]:
    return np.array([time for times in blocks.values() for time in times], np.float64)


def latency(blocks: Blocks) -> Latency:
    """Of at least one run."""
    times = flat(blocks)
    p25, p50, p75, p90, p95, p99 = np.percentile(times, (25, 50, 75, 90, 95, 99)).tolist()
    return {
        "count": times.size,
        "min": float(times.min()),
        "mean": float(times.mean()),
        "std": float(times.std(ddof=1)) if times.size > 1 else None,
        "p50": p50,
        "p90": p90,
        "p95": p95,
        "p99": p99,
        "max": float(times.max()),
        "spread": (p75 - p25) / p50,
    }


def block_medians(blocks: Blocks) -> dict[int, float]:
    return {number: float(np.median(times)) for number, times in blocks.items() if times}


def ratio(baseline: Blocks, blocks: Blocks, name: str) -> Ratio | None:
    """How many times faster than the baseline: the median over the rounds that both took part in."""
    slow, fast = block_medians(baseline), block_medians(blocks)
    rounds = sorted(slow.keys() & fast.keys())
    if not rounds:
        return None
    ratios = np.array([slow[number] / fast[number] for number in rounds])
    low, high = bootstrap(ratios)
    return {
        "to": name,
        "median": float(np.median(ratios)),
        "low": low,
        "high": high,
        "of_minima": float(flat(baseline).min() / flat(blocks).min()),
    }


def bootstrap(values: NDArray[np.float64], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Bounds of the median (percentile bootstrap, Efron 1979)."""
    rng = np.random.default_rng(0)
    medians = np.median(rng.choice(values, (RESAMPLES, values.size)), axis=1)
    low, high = np.quantile(medians, ((1 - confidence) / 2, (1 + confidence) / 2))
    return float(low), float(high)


def slowdown(before: Blocks, after: Blocks) -> tuple[float, float, float] | None:
    """How many times the time, by the shortest times of the blocks of a round, and its bounds at 99 % confidence."""
    rounds = sorted(number for number in before.keys() & after.keys() if before[number] and after[number])
    if not rounds:
        return None
    ratios = np.array([min(after[number]) / min(before[number]) for number in rounds])
    return float(np.median(ratios)), *bootstrap(ratios, 0.99)


def throttle_ratio(blocks: Blocks) -> float | None:
    """Median time of the last quarter of the rounds to that of the first; None with fewer than eight rounds."""
    medians = [value for _, value in sorted(block_medians(blocks).items())]
    quarter = len(medians) // 4
    return float(np.median(medians[-quarter:]) / np.median(medians[:quarter])) if quarter >= 2 else None
