"""``python -m dcelite.bench.arm``: instructions of a frame on Arm, counted under QEMU."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dcelite.bench.arm import counting
from dcelite.bench.arm.cases import CASES, HEIGHT, WIDTH, count_case
from dcelite.bench.arm.counting import CLASSES, HERE, REPOSITORY, Counted, CountingError, Counts
from dcelite.errors import DceliteError
from dcelite.files import refuse_existing, write_text_atomically
from dcelite.report import page
from dcelite.report.tables import text_table

COUNTS = HERE / "counts.json"
WORK = REPOSITORY / "build" / "bench-arm"
OURS = ("arm64 cortex-a53 neon fp32 rgb", "arm64 cortex-a76 neondot fp32 rgb fast")
"""The cases that other runtimes are compared with."""
MOST = 1.03
"""How many times the kept count a new one may be."""

Kept = dict[str, Any]
"""What counts.json holds: compilers, and counts by the names of the cases."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m dcelite.bench.arm", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help=f"fail where a count is more than {MOST} times the kept one"
    )
    parser.add_argument("--update", action="store_true", help=f"keep the counts, in {COUNTS.name}")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name contains this")
    parser.add_argument(
        "--peers", type=Path, metavar="DIR", help="count other runtimes too; models and a Debian go there"
    )
    parser.add_argument("--only-peers", default="", metavar="TEXT", help="peers whose name contains this")
    parser.add_argument("--html", type=Path, metavar="F", help="the table as a page")
    parser.add_argument("--json", type=Path, metavar="F", help="the counts")
    parser.add_argument("--overwrite", action="store_true", help="replace reports that exist")
    args = parser.parse_args(arguments)
    if args.only_peers and not args.peers:
        parser.error(f"--only-peers {args.only_peers}: --peers DIR was wanted beside it")
    try:
        for path in (args.html, args.json):
            if path:
                refuse_existing(path, args.overwrite)
        return run(args)
    except (DceliteError, OSError) as error:
        print(f"bench.arm: {error}", file=sys.stderr)
        return 2


def run(args: argparse.Namespace) -> int:
    plugin = counting.build_plugin(WORK)
    cases = [case for case in CASES if args.only in case.name]
    if not cases:
        raise CountingError(
            f"--only {args.only}: no such case; one of these was wanted: {', '.join(c.name for c in CASES)}"
        )
    compilers = {target.preset: counting.version_of(target.compiler) for target in {case.target for case in cases}}
    kept: Kept = json.loads(COUNTS.read_text(encoding="utf-8")) if COUNTS.exists() else {"compilers": {}, "counts": {}}
    counts: dict[str, Counts] = {}
    for case in cases:
        counts[case.name] = count_case(case, plugin)
        print(f"{case.name}: {per_pixel(counts[case.name]):.2f} instructions a pixel", flush=True)
    others = count_peers(args, plugin)
    rows = table({**counts, **others.counts}, kept["counts"])
    print(text_table(rows, left=(0,)))
    compared = peer_table(others, counts) if args.peers else []
    if compared:
        print(text_table(compared))
    if args.html:
        write_text_atomically(args.html, html(rows, compared), overwrite=args.overwrite)
    document = {"size": f"{WIDTH}x{HEIGHT}", "compilers": compilers, "counts": counts}
    if args.json:
        found = {**document, "peers": others.counts, "failures": others.failures}
        write_text_atomically(args.json, json.dumps(found, indent=1) + "\n", overwrite=args.overwrite)
    if args.update:
        merged = {
            "size": document["size"],
            "compilers": {**kept["compilers"], **compilers},
            "counts": {
                case.name: {**kept["counts"], **counts}[case.name]
                for case in CASES
                if case.name in {**kept["counts"], **counts}
            },
        }
        write_text_atomically(COUNTS, json.dumps(merged, indent=1) + "\n", overwrite=True)
    return check(counts, kept, compilers) if args.check else 0


def count_peers(args: argparse.Namespace, plugin: Path) -> Counted:
    """Of other runtimes, where they are wanted: what writes their models needs more than the counts of this library."""
    if not args.peers:
        return Counted()
    from dcelite.bench.arm import peers

    return peers.count_all(args.peers, plugin, args.only_peers)


def per_pixel(counts: Counts) -> float:
    return counting.total(counts) / (WIDTH * HEIGHT)


def table(counts: Mapping[str, Counts], kept: Mapping[str, Counts]) -> list[list[str]]:
    """Instructions a pixel, by class."""
    rows = [["instructions a pixel", "all", *CLASSES, "kept"]]
    for name, found in counts.items():
        classes = (f"{found[kind] / (WIDTH * HEIGHT):.2f}" for kind in CLASSES)
        before = f"{per_pixel(kept[name]):.2f}" if name in kept else "-"
        rows.append([name, f"{per_pixel(found):.2f}", *classes, before])
    return rows


def peer_table(others: Counted, counts: Mapping[str, Counts]) -> list[list[str]]:
    """Instructions of a frame of other runtimes, and how many times those of this library they are."""
    rows = [["peer", "million a frame", "a pixel", *(f"times {name}" for name in OURS), ""]]
    for name, found in others.counts.items():
        total = counting.total(found)
        ratios = (f"{total / counting.total(counts[ours]):.1f}" if ours in counts else "-" for ours in OURS)
        rows.append([name, f"{total / 1e6:.1f}", f"{per_pixel(found):.1f}", *ratios, ""])
    rows += [[name, *"----", f"failed: {reason}"] for name, reason in others.failures.items()]
    return rows


def html(rows: list[list[str]], compared: list[list[str]]) -> str:
    note = (
        f"A frame of {WIDTH} x {HEIGHT} pixels, one thread, under QEMU's user emulation: counted, not timed. "
        "docs/arm.md says what that tells of a board."
    )
    parts = [page.heading("Instructions on Arm"), page.paragraph(note), page.table(rows)]
    if compared:
        parts += [page.heading("Other runtimes"), page.table(compared)]
    return page.page("dcelite on Arm", parts)


def check(counts: Mapping[str, Counts], kept: Kept, compilers: Mapping[str, str]) -> int:
    """1 where a count rose; 3 where another compiler makes other code."""
    for preset, compiler in compilers.items():
        if kept["compilers"].get(preset) != compiler:
            print(f"SKIPPED counts: they were kept with {kept['compilers'].get(preset)}, here is {compiler}")
            return 3
    risen = []
    for name, found in counts.items():
        before = kept["counts"].get(name)
        if before is None:
            risen.append(f"{name}: no count is kept; --update keeps it")
        elif counting.total(found) > MOST * counting.total(before):
            rise = counting.total(found) / counting.total(before) - 1
            risen.append(
                f"{name}: {per_pixel(found):.2f} a pixel, {rise:.1%} more than the {per_pixel(before):.2f} kept"
            )
    for line in risen:
        print(f"FAILED {line}", file=sys.stderr)
    return 1 if risen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
