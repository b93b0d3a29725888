"""Whether the times of two runs differ: the test that ``command.py`` reports.

Next to each block of runs stands a *probe*: a fixed piece of work (``native/roofline.h``), on one core and, for a row
with more threads, shared by as many. Twenty rounds are a *series*; after every ten, pictures and native engines are
made anew, so that they lie elsewhere in memory. One observation is the shortest time of a series, divided by the
shortest time of its probes on one core: what remains when nothing else disturbs, in multiples of the clock. Neither
another clock frequency nor neighbours on the machine are thereby taken for another program, and what differs from place
to place in memory is in the spread that the test measures.

A row with several threads counts only the series in which the threads had their processors: where they shared the probe
within 15 % as well as they ever did in both runs. Virtual processors, above all, may share a core for seconds.

* The ratio of the runs is the Hodges-Lehmann estimate, its interval that of the same test.
* p is that of the exact Mann-Whitney U test, two-sided, after Holm's correction for the number of rows.
* A row has changed where p < 1 % and the ratio is at least 2.6 % away from 1; by more where the probes differ by more
  than 5 %, because not all of a frame's work follows the clock as the probe does; and by 5 % more for a row with as
  many threads as there are processors, from which whatever else runs takes a part.

The smallest change that the runs could have shown follows from all of these: the half of the interval, or these 2.6 %
and more. Where it is beyond 5 % (10 % with a thread on every processor), finding none means nothing, and the row is
called too noisy to tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dcelite.bench.statistics import Blocks, Values, has_scipy, holm, mann_whitney, shift

ROUNDS_OF_A_SERIES = 20
ROUNDS_IN_A_PLACE = 10
"""After which pictures and native engines are made anew."""

LEVEL = 0.01
"""Probability of calling equal runs different, over all rows together."""
LEAST_CHANGE = 0.026
"""Processes of one build differ by about one per cent, rarely by more than two, for reasons that repetition within them
does not vary."""
DRIFT = 0.05
"""Probes that differ by no more than this are what LEAST_CHANGE was chosen with, on pairs of equal and slower runs."""
FOLLOWED = 0.25
"""By so much of what they differ beyond may the correction be wrong."""
CROWDED = 0.05
"""By so much do processes of one build differ where they take every processor of a machine with two."""
WANTED = 0.05
"""A run that could not have shown a change of this size cannot say that there is none."""
SHARED = 1.15
"""Series in which threads shared the probe by so much worse than in the best ones do not count."""
_MOST_SERIES = 40
"""With more, neighbours are taken together: the exact test counts all orders."""

FASTER, SLOWER, SAME, UNKNOWN = "faster", "slower", "no change", "too noisy or too short to tell"


@dataclass(frozen=True)
class Run:
    """A row: by round, the times of its blocks and of its probes, in ms."""

    blocks: Blocks
    probes: Mapping[int, float] = field(default_factory=dict)
    """On one core; empty where there are none."""
    parallel_probes: Mapping[int, float] = field(default_factory=dict)
    """Shared by as many threads as the row has; empty for one thread."""
    is_crowded: bool = False
    """The row has a thread on each of several processors."""

    def series(self) -> NDArray[np.float64]:
        """(series, 2), of those that are more than half there: the shortest time, and that of the shared probe, both
        relative to that of the probe on one core; 1 stands for a probe that is not there."""
        rounds: dict[int, list[int]] = {}
        for number in self.blocks:
            rounds.setdefault(number // ROUNDS_OF_A_SERIES, []).append(number)
        found: list[tuple[float, float]] = []
        for numbers in rounds.values():
            if 2 * len(numbers) >= ROUNDS_OF_A_SERIES:
                pace = min((self.probes[number] for number in numbers if number in self.probes), default=1.0)
                parallel = (self.parallel_probes[number] for number in numbers if number in self.parallel_probes)
                found.append(
                    (min(min(self.blocks[number]) for number in numbers) / pace, min(parallel, default=pace) / pace)
                )
        return np.array(found, np.float64).reshape(-1, 2)


def best_sharing(*runs: Run) -> float:
    """Of all series, the smallest time of the shared probe to that on one core; infinite without any."""
    return float(np.concatenate([run.series()[:, 1] for run in runs]).min(initial=math.inf))


def observations(run: Run, sharing: float = math.inf) -> Values:
    """The logarithm, for every series, of its shortest time relative to the probe; without those in which threads
    shared the probe worse than within SHARED of ``sharing``."""
    times, shared = run.series().T
    values: Values = np.log(times[shared <= SHARED * sharing])
    if values.size <= _MOST_SERIES:
        return values
    return np.array([part.mean() for part in np.array_split(values, _MOST_SERIES)])


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
    wanted: float
    """A row that could not have shown a change of this size cannot say that there is none."""

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
        return SAME if self.smallest <= self.wanted else UNKNOWN


def verdict_of(ratio: float, low: float | None, high: float | None) -> str | None:
    """Of builds that took turns in one process, from the bounds at 99 % of their ratio; None where these are."""
    if low is None or high is None:
        return None
    is_certain = low > 1 or high < 1
    if is_certain and abs(math.log(ratio)) >= math.log1p(LEAST_CHANGE):
        return SLOWER if ratio > 1 else FASTER
    return SAME if math.sqrt(high / low) - 1 <= WANTED else UNKNOWN


@dataclass(frozen=True)
class Pair:
    """A row in both runs: the values of its series, and by how much the logarithm of their ratio may be wrong."""

    a: Values
    b: Values
    doubt: float = 0.0
    is_crowded: bool = False
    """It takes every processor."""


def pair_of(a: Run, b: Run) -> Pair:
    """Two runs of a row. Where one has no probes, times are compared as they are."""
    if not (a.probes and b.probes):
        a, b = (replace(run, probes={}, parallel_probes={}) for run in (a, b))
    sharing = best_sharing(a, b)
    doubt = FOLLOWED * max(0.0, abs(probe_change(a, b)) - math.log1p(DRIFT))
    return Pair(observations(a, sharing), observations(b, sharing), doubt, a.is_crowded or b.is_crowded)


def probe_change(a: Run, b: Run) -> float:
    """Of the probes of two runs on one core, the logarithm of the ratio; 0 where one has none."""
    levels = [float(np.median(list(run.probes.values()))) for run in (a, b) if run.probes]
    return math.log(levels[1] / levels[0]) if len(levels) == 2 else 0.0


def changes(pairs: Sequence[Pair]) -> list[Change]:
    """One for each row; rows without series get p = 1."""
    ps = holm([mann_whitney(pair.a, pair.b) if pair.a.size and pair.b.size else 1.0 for pair in pairs])
    return [_change(pair, p, LEVEL / len(pairs)) for pair, p in zip(pairs, ps, strict=True)]


def _change(pair: Pair, p: float, level: float) -> Change:
    crowd = CROWDED if pair.is_crowded else 0.0
    least = math.expm1(math.log1p(LEAST_CHANGE) + math.log1p(crowd) + pair.doubt)
    if not (pair.a.size and pair.b.size):
        return Change(1.0, 0.0, math.inf, p, least, WANTED + crowd)
    ratio, low, high = map(math.exp, shift(pair.a, pair.b, level))
    return Change(ratio, low, high, p, least, WANTED + crowd)


def smallest_change(run: Run, rows: int) -> float | None:
    """The smallest change that two runs such as this one, with as many rows, could show; None with too few series, or
    without SciPy."""
    if not has_scipy():
        return None
    values = observations(run, best_sharing(run))
    found = _change(Pair(values, values, 0.0, run.is_crowded), 1.0, LEVEL / rows).smallest
    return found if math.isfinite(found) else None
