"""The experiments of training/README.md: short runs that differ in one setting, measured on the validation split.

    python -m dcelite.training.experiments TABLE --data ../shared/data/sice_part1_train --split build/split \\
        --output build/experiments

TABLE is recipe, losses, scale, iterations, maps or complaints. Rows that have been run already are only measured again,
and interrupted ones are continued.
``limits`` tells what curves could do, ``profile`` where the time of a step goes. build/split is made by
dcelite.training.experiments.split.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dcelite.errors import DceliteError
from dcelite.training.experiments.limits import limits
from dcelite.training.experiments.tables import STEPS, TABLES, table
from dcelite.training.experiments.timing import profile


def main() -> int:
    parser = argparse.ArgumentParser(description="the experiments of training/README.md")
    parser.add_argument("table", choices=[*TABLES, "scale", "iterations", "limits", "profile"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--split", type=Path, required=True, help="made by dcelite.training.experiments.split")
    parser.add_argument("--output", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each run (default {STEPS})")
    args = parser.parse_args()
    try:
        {"profile": profile, "limits": limits}.get(args.table, table)(args)
    except DceliteError as error:
        print(f"experiments: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
