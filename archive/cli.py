"""``dcelite archive``. Imports nothing heavy before the command runs."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from dcelite.commands.model_options import add_model_options


def add_command(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "archive",
        help="brighten any number of photographs, on one machine or a cluster",
        description="Brighten all photographs below a folder or bucket into the same tree elsewhere, by Ray. It keeps "
        "a manifest, goes on where it was ended, and does nothing twice.",
        epilog="docs/archive.md says what is kept, what is done again, and what it costs.",
    )
    parser.add_argument("source", metavar="IN", help="a folder, s3:// or gs:// URL, or a pattern (**/night_*.jpg)")
    parser.add_argument("output", metavar="OUT", help="a folder or URL: the root of the same tree")
    parser.add_argument(
        "--list",
        metavar="FILE",
        help="only the files that it names: a text with a path below IN on each line, or Parquet with a column 'path'",
    )
    parser.add_argument("--retry-failed", action="store_true", help="try again what has failed in earlier runs")
    parser.add_argument("--overwrite", action="store_true", help="replace files in OUT that are not this archive's")
    parser.add_argument("--only-dark", action="store_true", help="copy what is bright already, as it is")
    parser.add_argument("--leave-bright", action="store_true", help="leave out what is bright already")
    add_model_options(parser, "of each worker, and the processors it takes; 1 to 64 (default: 1, a worker a processor)")
    parser.add_argument(
        "--quality",
        type=int,
        metavar="Q",
        help="of the formats that lose something, 1 to 100 (default: near that of the input)",
    )
    parser.add_argument("--address", metavar="A", help="of a Ray cluster, such as auto (default: this machine alone)")
    parser.add_argument("--dashboard", action="store_true", help="start Ray's dashboard; needs ray[default]")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Make what is missing; raises DceliteError at the end if some input failed."""
    from dcelite.archive import cluster

    cluster.require()
    from dcelite.archive.run import run as run_archive

    return run_archive(options, sys.stderr)
