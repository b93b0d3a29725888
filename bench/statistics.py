"""Statistics of times.

A *block* is the runs of one variant between those of others; the blocks of one *round* belong together.

Figures and tests are SciPy's, which is imported where one is computed: who measures needs none.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.extras import absent

Blocks = Mapping[int, Sequence[float]]
"""Round -> times in ms."""
Values = NDArray[np.float64]
Figures = dict[str, Any]
"""By name, as the report has them."""

RESAMPLES = 2000
CONFIDENCE = 0.95


def has_scipy() -> bool:
    return not absent("bench", "scipy")


def flat(blocks: Blocks) -> Values:
    return np.array([time for times in blocks.values() for time in times], np.float64)


def latency(blocks: Blocks) -> Figures:
    """Of at least one run, in ms but for ``count`` and ``spread``, the distance of the quartiles in medians."""
    times = flat(blocks)
    p25, p75 = np.percentile(times, (25, 75)).tolist()
    found: Figures = {"count": times.size, "min": float(times.min()), "mean": float(times.mean())}
    found["std"] = float(times.std(ddof=1)) if times.size > 1 else None
    found |= {f"p{percent}": float(np.percentile(times, percent)) for percent in (50, 90, 95, 99)}
    return {**found, "max": float(times.max()), "spread": (p75 - p25) / found["p50"]}


def of_rounds(
    dividends: Blocks, divisors: Blocks, figure: Callable[[Sequence[float]], Any], confidence: float = CONFIDENCE
) -> Figures | None:
    """The median, over the rounds that both took part in, of the ratio of a figure of their times, such as the median
    or the shortest; None where there are no such rounds."""
    rounds = [number for number in sorted(dividends) if dividends[number] and divisors.get(number)]
    ratios = [figure(dividends[number]) / figure(divisors[number]) for number in rounds]
    return median(np.array(ratios, np.float64), confidence) if ratios else None


def ratio(baseline: Blocks, blocks: Blocks, name: str) -> Figures | None:
    """How many times faster than the baseline, and the same of the shortest times, which other work disturbs least."""
    found = of_rounds(baseline, blocks, np.median)
    return found and {"to": name, **found, "of_minima": float(flat(baseline).min() / flat(blocks).min())}


def median(values: Values, confidence: float = CONFIDENCE) -> Figures:
    """The median, and its bounds "low" and "high" (percentile bootstrap, Efron 1979): None without SciPy."""
    middle = float(np.median(values))
    if np.ptp(values) == 0:
        return {"median": middle, "low": middle, "high": middle}
    if not has_scipy():
        return {"median": middle, "low": None, "high": None}
    from scipy import stats

    how = {"confidence_level": confidence, "method": "percentile", "random_state": np.random.default_rng(0)}
    bounds = stats.bootstrap((values,), np.median, n_resamples=RESAMPLES, **how).confidence_interval
    return {"median": middle, "low": float(bounds.low), "high": float(bounds.high)}


def throttle_ratio(blocks: Blocks) -> float | None:
    """Median time of the last quarter of the rounds to that of the first; None with fewer than eight rounds."""
    medians = [float(np.median(blocks[number])) for number in sorted(blocks)]
    quarter = len(medians) // 4
    return float(np.median(medians[-quarter:]) / np.median(medians[:quarter])) if quarter >= 2 else None


def mann_whitney(a: Values, b: Values) -> float:
    """Two-sided p of the exact U test (Mann and Whitney 1947)."""
    from scipy import stats

    return float(stats.mannwhitneyu(a, b, method="exact").pvalue)


def shift(a: Values, b: Values, level: float) -> tuple[float, float, float]:
    """By how much ``b`` is larger (Hodges and Lehmann 1963), and the bounds of what the U test does not contradict at
    ``level``; these are infinite where there are too few values to contradict anything."""
    differences = np.sort(np.subtract.outer(b, a).ravel())

    def p_of(u: int) -> float:
        """Of values of which u pairs of a and b are in the other order."""
        above, rest = divmod(u, a.size)
        ranks = [a.size] * above + [rest - 0.5] * (above < b.size) + [-1] * (b.size - above - 1)
        return mann_whitney(np.arange(float(a.size)), np.array(ranks))

    left_out = bisect.bisect_right(range(differences.size // 2), level, key=p_of) - 1
    low, high = (differences[left_out], differences[-1 - left_out]) if left_out >= 0 else (-np.inf, np.inf)
    return float(np.median(differences)), float(low), float(high)


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979)."""
    order = np.argsort(values)
    corrected: Any = np.empty(len(values))
    corrected[order] = np.maximum.accumulate(np.asarray(values)[order] * np.arange(len(values), 0, -1)).clip(max=1)
    return [float(value) for value in corrected]
