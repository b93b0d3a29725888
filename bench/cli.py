"""``dcelite bench``. Imports nothing heavy before the command runs."""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

from dcelite.errors import DceliteError
from dcelite.files import prepare_output_directory, refuse_existing


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "bench",
        help="measure latency, memory and fidelity on this machine",
        description="Times every model with every size and number of threads, in turn, and says next to each time how "
        "close the result is to the NumPy reference. 'dcelite bench compare A.json B.json' compares two runs.",
        epilog="The option names of MindSpore Lite's benchmark are understood as well: --modelFile, --numThreads, "
        "--loopCount, --warmUpLoopCount, --cpuBindMode.",
    )
    several = functools.partial(parser.add_argument_group("what is measured").add_argument, action="append")
    several("--model", "--modelFile", metavar="M", help=".dce, .ms, .onnx or 'shipped', the default; may be repeated")
    several(
        "--baseline",
        metavar="FILE",
        help="a model that the others are compared with, by ratio: a whole graph in .onnx or .ms, say; or 'numpy'; may "
        "be repeated, the ratio is that to the first one that runs",
    )
    several("--isa", metavar="LIST", help="instruction sets, such as avx512,scalar or 'all' (default: the best here)")
    several(
        "--library",
        type=Path,
        metavar="SO",
        help="another build of the core library; may be repeated: the builds take turns, and the later ones are "
        "compared with the first. The surest way to see a small change",
    )
    several("--denoise", type=float, metavar="D", help="amount of denoising, 0 to 1; may be repeated (default: 0)")
    several("--precision", choices=("exact", "fast"), help="of the curve; may be repeated (default: exact)")
    several("--size", metavar="WxH", help="width x height; may be repeated (default: 1200x900)")
    several(
        "--threads", "--numThreads", type=int, metavar="N", help="may be repeated (default: 1, and one a processor)"
    )
    one = parser.add_argument_group("how").add_argument
    one("--image", type=Path, metavar="FILE", help="a photograph instead of the synthetic dark scene")
    one("--reference", type=Path, metavar="DCE", help="float32 weights of the reference (default: those of each .dce)")
    one("--runs", "--loopCount", type=int, metavar="N", help="at least N runs each (default: 50)")
    one("--seconds", type=float, metavar="S", help="and at least S seconds of them (default: 4)")
    one("--max-seconds", type=float, metavar="S", help="but no more than S seconds each (default: 10)")
    one("--warm-up", "--warmUpLoopCount", type=int, metavar="N", help="untimed runs before (default: 3)")
    one("--quick", action="store_true", help="10 runs, 0.2 seconds, 2 at most; no stages, no memory")
    one("--no-stages", action="store_true", help="leave out the times of the stages")
    one("--no-memory", action="store_true", help="leave out the memory of a call")
    one("--cpu", metavar="WHICH", help="bind to processors: big, little, or a list such as 0-3,6")
    one("--cpuBindMode", choices=("0", "1", "2"), dest="cpu_bind_mode", help=argparse.SUPPRESS)
    out = parser.add_argument_group("reports").add_argument
    out("--from", dest="source", type=Path, metavar="F", help="measure nothing: report what was measured elsewhere")
    out("--json", type=Path, metavar="F", help="everything, as bench/schema.json describes it")
    out("--csv", type=Path, metavar="F", help="a line for each row")
    out("--html", type=Path, metavar="F", help="a page with charts that needs nothing else")
    out("--overwrite", action="store_true", help="replace reports that exist")
    parser.set_defaults(run=run)

    compare = parser.add_subparsers(dest="action", metavar="compare").add_parser(
        "compare",
        help="what changed between two runs",
        description="Says which times changed between two runs, and whether that is more than noise.",
    )
    compare.add_argument("before", type=Path, metavar="A.json")
    compare.add_argument("after", type=Path, metavar="B.json")
    compare.set_defaults(run=run_compare)


MEASURING = (
    *("model", "baseline", "isa", "library", "denoise", "precision", "size", "threads", "image", "reference", "runs"),
    *("seconds", "max_seconds", "warm_up", "quick", "no_stages", "no_memory", "cpu", "cpu_bind_mode"),
)
"""Options that say nothing where nothing is measured."""


def run(args: argparse.Namespace) -> int:
    """Run the command; returns the exit code: 0, 1 where a row has no times, 130 when interrupted."""
    from dcelite.bench.report import document, text

    outputs = {"json": args.json, "csv": args.csv, "html": args.html}
    for path in filter(None, outputs.values()):
        refuse_existing(path, args.overwrite)
        prepare_output_directory(path.parent)
    if args.source is not None:
        if given := [name for name in MEASURING if getattr(args, name)]:
            raise DceliteError(f"--{given[0].replace('_', '-')}: nothing is measured with --from {args.source}")
        found = document.read(args.source)
    else:
        from dcelite.bench.run.session import Session
        from dcelite.bench.run.settings import settings_of

        session = Session(settings_of(args), functools.partial(print, file=sys.stderr, flush=True))
        found = document.complete(session.run(sys.argv[1:]))
    print(text.terminal(found))
    text.write(found, outputs, overwrite=args.overwrite)
    if found["interrupted"]:
        return 130
    return 1 if any(row["reason"] is not None for row in found["results"]) else 0


def run_compare(args: argparse.Namespace) -> int:
    from dcelite.bench.compare.command import main

    return main(args.before, args.after)
