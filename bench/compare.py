"""``dcelite bench compare A.json B.json``: what changed between two runs, and whether it is more than noise.

The unit is the block: its shortest time, so that other work on the machine weighs little, multiplied by the peak rate
of the processor in the same run, so that another clock frequency is not taken for another program. A row has changed
when

* the Mann-Whitney U test (two-sided, normal approximation with correction for ties) finds the blocks of the two runs
  different at 1 %, after Holm's correction for the number of rows; and
* the Hodges-Lehmann estimate of the ratio of times is at least 2.5 % away from 1, or 10 % where the times of a run are
  spread so far that it calls itself noisy: two runs of one build differ by less than that for reasons that no test
  within a run can see, such as where the memory lies, or what else the machine was doing.

Where the 95 % interval of the ratio (bootstrap) is wider than 5 % to a side, or a run has fewer than 8 blocks, the row
is too noisy, or too short, to tell.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.bench.report import FORMAT, LARGEST_SPREAD, VERSION, Document, table
from dcelite.errors import DceliteError
from dcelite.files import reason

LEVEL = 0.01
"""Probability of calling equal runs different, over all rows together."""
LEAST_CHANGE, LEAST_CHANGE_IN_NOISE = 0.025, 0.10
LARGEST_UNCERTAINTY = 0.05
LEAST_BLOCKS = 8
"""With fewer, the test cannot find what is there."""
_RESAMPLES = 200
_LARGEST_SAMPLE = 100
"""Blocks in a resample: pairs of them are held in memory. With more blocks the interval is wider than it could be."""

FASTER, SLOWER, SAME, UNKNOWN = "faster", "slower", "no change", "too noisy or too short to tell"


@dataclass(frozen=True)
class Change:
    """Times of the second run to those of the first."""

    ratio: float
    low: float
    high: float
    p: float
    """After Holm's correction."""
    blocks: int
    """Of the shorter run."""
    least: float = LEAST_CHANGE
    """The smallest change that counts."""

    @property
    def verdict(self) -> str:
        change = abs(math.log(self.ratio))
        if self.p < LEVEL and change >= math.log1p(self.least):
            return SLOWER if self.ratio > 1 else FASTER
        if self.p < LEVEL and change >= math.log1p(LEAST_CHANGE):
            return UNKNOWN
        if self.blocks < LEAST_BLOCKS or math.log(self.high / self.low) > 2 * math.log1p(LARGEST_UNCERTAINTY):
            return UNKNOWN
        return SAME


def mann_whitney(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Two-sided p of the U test (Mann and Whitney 1947), by the normal approximation with ties and continuity."""
    n, m = a.size, b.size
    _, inverse, counts = np.unique(np.concatenate([a, b]), return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of equal values
    u = float(ranks[inverse[:n]].sum()) - n * (n + 1) / 2
    total = n + m
    ties = float((counts.astype(np.float64) ** 3 - counts).sum()) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - ties)
    if variance <= 0:
        return 1.0
    z = max(abs(u - n * m / 2) - 0.5, 0.0) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


def hodges_lehmann(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """The ratio of b to a: the median over all pairs (Hodges and Lehmann 1963, on logarithms)."""
    return float(np.exp(np.median(np.subtract.outer(np.log(b), np.log(a)))))


def _interval(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, float]:
    """Bounds of the ratio at 95 % confidence (percentile bootstrap, Efron 1979)."""
    rng = np.random.default_rng(0)
    sizes = min(a.size, _LARGEST_SAMPLE), min(b.size, _LARGEST_SAMPLE)
    resampled_a, resampled_b = (
        np.log(rng.choice(x, (_RESAMPLES, size))) for x, size in zip((a, b), sizes, strict=True)
    )
    differences = resampled_b[:, :, None] - resampled_a[:, None, :]
    medians = np.median(differences.reshape(_RESAMPLES, -1), axis=1)
    low, high = np.exp(np.quantile(medians, (0.025, 0.975)))
    return float(low), float(high)


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979)."""
    order = np.argsort(values)
    corrected = [0.0] * len(values)
    largest = 0.0
    for position, index in enumerate(order):
        largest = max(largest, min(1.0, values[index] * (len(values) - position)))
        corrected[index] = largest
    return corrected


def changes(pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], noisy: Sequence[bool]) -> list[Change]:
    """For every row, the shortest times of its blocks in the first and in the second run, and whether one is noisy."""
    ps = holm([mann_whitney(a, b) for a, b in pairs])
    return [
        Change(
            hodges_lehmann(a, b),
            *_interval(a, b),
            p,
            min(a.size, b.size),
            LEAST_CHANGE_IN_NOISE if is_noisy else LEAST_CHANGE,
        )
        for (a, b), p, is_noisy in zip(pairs, ps, noisy, strict=True)
    ]


def block_minima(result: Document, peak: float) -> NDArray[np.float64]:
    """In multiply-adds of the processor's peak: comparable between clock frequencies."""
    return np.array([min(times) for times in result["blocks_ms"].values()], np.float64) * 1e-3 * peak


def read(path: Path) -> Document:
    """A report of ``--json``; raises DceliteError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DceliteError(f"{path}: cannot be read: {reason(error)}") from None
    except ValueError as error:
        raise DceliteError(f"{path}: is not JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("version") != VERSION:
        raise DceliteError(f"{path}: a report of 'dcelite bench --json', version {VERSION}, was wanted")
    return found


def key(result: Document) -> tuple[Any, ...]:
    """Rows of two runs that are the same thing."""
    return result["label"], result["width"], result["height"], result["threads"]


def _is_noisy(result: Document) -> bool:
    return bool(result["latency_ms"]["spread"] > LARGEST_SPREAD)


def _peak(found: Document) -> float:
    """Multiply-adds a second, as the bursts between the rounds found it."""
    bursts = list(found["roofline"]["bursts"].values())
    return float(np.median(bursts)) if bursts else 1.0


def _differences(a: Document, b: Document) -> list[str]:
    """What makes the runs hard to compare."""
    found = [
        f"{name}: {a['system'][name]} -> {b['system'][name]}"
        for name in ("cpu", "machine", "affinity", "emulated", "kernel")
        if a["system"][name] != b["system"][name]
    ]
    if a["settings"]["image"] != b["settings"]["image"]:
        found.append(f"image: {a['settings']['image']} -> {b['settings']['image']}")
    peaks = _peak(a), _peak(b)
    if abs(math.log(peaks[1] / peaks[0])) > math.log1p(LEAST_CHANGE):
        found.append(f"peak rate of a core x {peaks[1] / peaks[0]:.3f}; the times below are corrected for it")
    return found


def _fidelity_change(a: Document, b: Document) -> str | None:
    before, after = a["fidelity"], b["fidelity"]
    if before is None or after is None or before == after:
        return None
    return f"equal values {before['equal']:.3%} -> {after['equal']:.3%}"


def compare(a: Document, b: Document) -> tuple[str, bool]:
    """The report in words, and whether anything became slower or fails now."""
    first = {key(result): result for result in a["results"]}
    second = {key(result): result for result in b["results"]}
    common = [name for name in first if name in second]
    timed = [name for name in common if first[name]["blocks_ms"] and second[name]["blocks_ms"]]
    peaks = _peak(a), _peak(b)
    found = changes(
        [(block_minima(first[name], peaks[0]), block_minima(second[name], peaks[1])) for name in timed],
        [_is_noisy(first[name]) or _is_noisy(second[name]) for name in timed],
    )
    rows = [["variant", "size", "threads", "before (ms)", "after (ms)", "time x", "95 %", "p", ""]]
    for name, change in zip(timed, found, strict=True):
        before, after = first[name], second[name]
        remarks = [change.verdict, _fidelity_change(before, after)]
        rows.append(
            [
                str(name[0]),
                f"{name[1]}x{name[2]}",
                str(name[3]),
                f"{before['latency_ms']['p50']:.3f}",
                f"{after['latency_ms']['p50']:.3f}",
                f"{change.ratio:.3f}",
                f"{change.low:.3f} ... {change.high:.3f}",
                f"{change.p:.2g}",
                "; ".join(remark for remark in remarks if remark),
            ]
        )
    broken = [name for name in common if name not in timed and first[name]["blocks_ms"]]
    lines = [*_differences(a, b), table(rows)]
    lines += [f"{' '.join(map(str, name))}: no times any more: {second[name]['reason']}" for name in broken]
    lines += [f"{' '.join(map(str, name))}: only in the first run" for name in first if name not in second]
    lines += [f"{' '.join(map(str, name))}: only in the second run" for name in second if name not in first]
    counts = {
        verdict: sum(change.verdict == verdict for change in found) for verdict in (SLOWER, FASTER, SAME, UNKNOWN)
    }
    lines.append(
        f"{', '.join(f'{count} {verdict}' for verdict, count in counts.items())}; Mann-Whitney U on the shortest times "
        f"of the blocks, p < {LEVEL:g} after Holm, and a change of at least {LEAST_CHANGE:.1%} "
        f"({LEAST_CHANGE_IN_NOISE:.0%} between noisy runs)"
    )
    return "\n".join(lines), bool(counts[SLOWER] or broken)


def main(before: Path, after: Path) -> int:
    """Print the comparison; returns 1 where something became slower or fails now, else 0."""
    a, b = read(before), read(after)
    if not {key(result) for result in a["results"]} & {key(result) for result in b["results"]}:
        raise DceliteError(f"{after}: has no row in common with {before}")
    text, is_worse = compare(a, b)
    print(text, file=sys.stdout)
    return int(is_worse)
