"""``dcelite bench compare A.json B.json``: what changed between two runs, and whether it is more than noise.

``change.py`` states the test.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from dcelite.bench.compare import change
from dcelite.bench.compare.change import FASTER, LEAST_CHANGE, LEVEL, SAME, SLOWER, UNKNOWN
from dcelite.bench.report.document import Document, read, run_of
from dcelite.bench.report.text import row_name
from dcelite.errors import DceliteError
from dcelite.extras import require
from dcelite.report.tables import text_table


def _by_name(found: Document) -> dict[str, Document]:
    """The rows, by what makes those of two runs the same thing."""
    return {" ".join(row_name(row)): row for row in found["results"]}


def _differences(a: Document, b: Document) -> list[str]:
    """What makes the runs hard to compare."""
    names = ("cpu", "machine", "affinity", "emulated", "kernel")
    pairs = [(name, a["system"][name], b["system"][name]) for name in names]
    pairs.append(("image", a["settings"]["image"], b["settings"]["image"]))
    return [f"{name}: {before} -> {after}" for name, before, after in pairs if before != after]


def compare(a: Document, b: Document) -> tuple[str, bool]:
    """The report in words, and whether anything became slower or fails now."""
    first, second = _by_name(a), _by_name(b)
    common = [name for name in first if name in second]
    timed = [name for name in common if first[name]["blocks_ms"] and second[name]["blocks_ms"]]
    systems = a["system"], b["system"]
    runs = [(run_of(first[name], systems[0]), run_of(second[name], systems[1])) for name in timed]
    found = change.changes([change.pair_of(*both) for both in runs])
    rows = [["variant", "size", "threads", "before (ms)", "after (ms)", "probe x", "time x", "99 %", "p", "shows", ""]]
    for name, both, changed in zip(timed, runs, found, strict=True):
        before, after = first[name], second[name]
        remark = changed.verdict
        if before["fidelity"] and after["fidelity"] and before["fidelity"] != after["fidelity"]:
            remark += f"; equal values {before['fidelity']['equal']:.3%} -> {after['fidelity']['equal']:.3%}"
        is_bounded = math.isfinite(changed.high)
        rows.append(
            [
                *row_name(before),
                f"{before['latency_ms']['p50']:.3f}",
                f"{after['latency_ms']['p50']:.3f}",
                f"{math.exp(change.probe_change(*both)):.3f}",
                f"{changed.ratio:.3f}",
                f"{changed.low:.3f} ... {changed.high:.3f}" if is_bounded else "-",
                f"{changed.p:.2g}",
                f"{changed.smallest:.1%}" if is_bounded else "-",
                remark,
            ]
        )
    broken = [name for name in common if name not in timed and first[name]["blocks_ms"]]
    lines = [*_differences(a, b), text_table(rows)]
    lines += [f"{name}: no times any more: {second[name]['reason']}" for name in broken]
    lines += [f"{name}: only in the first run" for name in first if name not in second]
    lines += [f"{name}: only in the second run" for name in second if name not in first]
    counts = {verdict: sum(row.verdict == verdict for row in found) for verdict in (SLOWER, FASTER, SAME, UNKNOWN)}
    lines.append(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    lines.append(
        "time x: corrected for what slowed the probe down as well. Exact Mann-Whitney U test on the series of rounds, "
        f"p < {LEVEL:g} after Holm, and a change of at least {LEAST_CHANGE:.1%}; more where the probe differs, and "
        "with a thread on every processor. 99 %: together. shows: the smallest change that the runs could have shown."
    )
    return "\n".join(lines), bool(counts[SLOWER] or broken)


def main(before: Path, after: Path) -> int:
    """Print the comparison; returns 1 where something became slower or fails now, else 0."""
    require("bench", "dcelite bench compare", "scipy")
    a, b = read(before), read(after)
    if _by_name(a).keys().isdisjoint(_by_name(b)):
        raise DceliteError(f"{after}: has no row in common with {before}")
    text, is_worse = compare(a, b)
    print(text, file=sys.stdout)
    return int(is_worse)
