"""Whether the times of two runs differ: the test that ``compare.py`` reports.

What is compared is *block / probe^share*: the shortest time of a block of runs, corrected by the time that a fixed
piece of work took next to it (``native/roofline.h``), so that neither another clock frequency nor neighbours on the
machine are taken for another program. How much of it, from none to all, the runs say themselves: the share with which
the times within them differ least.

Ten rounds are a *series*: for each, pictures and native engines are made anew, so that they lie elsewhere in memory.
The median of a series is one observation. What differs between series, for whatever reason, is thereby in the spread
that the test measures.

* The ratio of the runs is the Hodges-Lehmann estimate, its interval that of the same test.
* p is that of the exact Mann-Whitney U test, two-sided, after Holm's correction for the number of rows.
* A row has changed where p < 1 % and the ratio is at least 2 % away from 1, and by as much more as another share of the
  probe, from none to all, could make of it; and by 5 % more for a row with as many threads as there are processors,
  from which whatever else runs takes a part.

The smallest change that the runs could have shown follows from all of these: the half of the interval, or these 2 % and
more. Where it is beyond 5 %, finding none means nothing, and the row is called too noisy to tell.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcelite.bench.samples import Blocks

ROUNDS_OF_A_SERIES = 10

LEVEL = 0.01
"""Probability of calling equal runs different, over all rows together."""
LEAST_CHANGE = 0.02
"""Processes of one build differ by about one per cent for reasons that repetition within them does not vary."""
CROWDED = 0.05
"""By so much do processes of one build differ where they take every processor of a machine with two."""
WANTED = 0.05
"""A run that could not have shown a change of this size cannot say that there is none."""
_MOST_SERIES = 40
"""With more, neighbours are taken together: the exact test counts all orders."""

FASTER, SLOWER, SAME, UNKNOWN = "faster", "slower", "no change", "too noisy or too short to tell"

Values = NDArray[np.float64]


def series(blocks: Blocks, probes: Mapping[int, float], share: float = 1.0) -> Values:
    """Logarithms of the medians of block / probe^share of every series; blocks without probe stand for themselves."""
    grouped: dict[int, list[float]] = {}
    for number, times in blocks.items():
        value = math.log(min(times)) - share * math.log(probes.get(number, 1.0))
        grouped.setdefault(number // ROUNDS_OF_A_SERIES, []).append(value)
    values = np.array([np.median(group) for group in grouped.values() if 2 * len(group) >= ROUNDS_OF_A_SERIES])
    if values.size <= _MOST_SERIES:
        return values
    return np.array([part.mean() for part in np.array_split(values, _MOST_SERIES)])


Run = tuple[Blocks, Mapping[int, float]]
"""Blocks and probes of a row."""


def share_of_probe(runs: Sequence[Run]) -> float:
    """The share of the correction, 0 to 1, with which the series within the runs differ least."""

    def spread(share: float) -> float:
        values = [series(blocks, probes, share) for blocks, probes in runs]
        return sum(float(np.square(found - found.mean()).sum()) for found in values if found.size)

    return min((i / 10 for i in range(11)), key=spread)


@functools.cache
def _orders(n: int, m: int) -> tuple[int, ...]:
    """How many of the orders of n and m values have U = 0, 1, …, n m: the coefficients of the Gaussian binomial."""
    counts = [1] + [0] * (n * m)
    for i in range(1, n + 1):
        for j in range(n * m, m + i - 1, -1):  # times 1 - x^(m + i)
            counts[j] -= counts[j - m - i]
        for j in range(i, n * m + 1):  # divided by 1 - x^i
            counts[j] += counts[j - i]
    return tuple(counts)


def mann_whitney(a: Values, b: Values) -> float:
    """Two-sided p of the exact U test (Mann and Whitney 1947); equal values count half."""
    differences = np.subtract.outer(b, a)
    u = float((differences > 0).sum()) + 0.5 * float((differences == 0).sum())
    smaller = math.floor(min(u, a.size * b.size - u))
    counts = _orders(a.size, b.size)
    return min(1.0, 2 * sum(counts[: smaller + 1]) / sum(counts))


def _bound(n: int, m: int, level: float) -> int | None:
    """How many of the sorted differences to leave out on either side of the interval; None where there are too few."""
    counts = _orders(n, m)
    allowed = level / 2 * sum(counts)
    total = 0
    for u, count in enumerate(counts):
        total += count
        if total > allowed:
            return u - 1 if u > 0 else None
    return None


@dataclass(frozen=True)
class Change:
    """Times of the second run to those of the first."""

    ratio: float
    low: float
    high: float
    """Bounds of the ratio; 0 and infinity where there are too few series."""
    p: float
    """After Holm's correction."""
    least: float
    """The smallest deviation from 1 that counts."""

    @property
    def smallest(self) -> float:
        """The smallest change that could have been shown, as a share."""
        if self.low <= 0:
            return math.inf
        return max(math.sqrt(self.high / self.low) - 1, self.least)

    @property
    def verdict(self) -> str:
        if self.p < LEVEL and abs(math.log(self.ratio)) >= math.log1p(self.least):
            return SLOWER if self.ratio > 1 else FASTER
        return SAME if self.smallest <= WANTED else UNKNOWN


def verdict_of(ratio: float, low: float, high: float) -> str:
    """Of builds that took turns in one process, from the bounds at 99 % of their ratio."""
    is_certain = low > 1 or high < 1
    if is_certain and abs(math.log(ratio)) >= math.log1p(LEAST_CHANGE):
        return SLOWER if ratio > 1 else FASTER
    return SAME if math.sqrt(high / low) - 1 <= WANTED else UNKNOWN


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979)."""
    order = np.argsort(values)
    corrected = [0.0] * len(values)
    largest = 0.0
    for position, index in enumerate(order):
        largest = max(largest, min(1.0, values[index] * (len(values) - position)))
        corrected[index] = largest
    return corrected


@dataclass(frozen=True)
class Pair:
    """A row in both runs: the values of its series, and by how much the logarithm of their ratio may be wrong."""

    a: Values
    b: Values
    doubt: float = 0.0


def pair_of(a: Run, b: Run, *, is_crowded: bool = False) -> Pair:
    """Two runs of a row, which may take every processor. Where one has no probes, times are compared as they are."""
    doubt = math.log1p(CROWDED) if is_crowded else 0.0
    if not (a[1] and b[1]):
        return Pair(series(a[0], {}), series(b[0], {}), doubt)
    share = share_of_probe((a, b))
    return Pair(series(*a, share), series(*b, share), doubt + max(share, 1 - share) * abs(probe_change(a, b)))


def probe_change(a: Run, b: Run) -> float:
    """Of the probes of two runs, the logarithm of the ratio; 0 where one has none."""
    levels = [float(np.median(list(probes.values()))) for _, probes in (a, b) if probes]
    return math.log(levels[1] / levels[0]) if len(levels) == 2 else 0.0


def changes(pairs: Sequence[Pair]) -> list[Change]:
    """One for each row; rows without series get p = 1."""
    ps = holm([mann_whitney(pair.a, pair.b) if pair.a.size and pair.b.size else 1.0 for pair in pairs])
    return [_change(pair, p, LEVEL / len(pairs)) for pair, p in zip(pairs, ps, strict=True)]


def _change(pair: Pair, p: float, level: float) -> Change:
    least = math.expm1(math.log1p(LEAST_CHANGE) + pair.doubt)
    differences = np.sort(np.subtract.outer(pair.b, pair.a).ravel())
    if not differences.size:
        return Change(1.0, 0.0, math.inf, p, least)
    bound = _bound(pair.a.size, pair.b.size, level)
    low, high = (0.0, math.inf) if bound is None else np.exp([differences[bound], differences[-1 - bound]])
    return Change(float(np.exp(np.median(differences))), float(low), float(high), p, least)


def smallest_change(blocks: Blocks, probes: Mapping[int, float], rows: int) -> float | None:
    """The smallest change that two runs such as this one, with as many rows, could show; None with too few series."""
    values = series(blocks, probes, share_of_probe([(blocks, probes)]))
    found = _change(Pair(values, values), 1.0, LEVEL / rows).smallest
    return found if math.isfinite(found) else None
