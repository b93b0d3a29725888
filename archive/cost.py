"""``python -m dcelite.archive.cost OUT``: what an archive of any size takes, by what a sample of it took."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dcelite.archive import manifest
from dcelite.archive.manifest import Manifest
from dcelite.archive.places import Place
from dcelite.errors import DceliteError
from dcelite.report.tables import number, text_table

_DAY = 86400.0


@dataclass(frozen=True)
class Cost:
    """Means over the photographs of a sample that were enhanced."""

    photographs: int
    megapixels: float
    bytes_in: float
    bytes_out: float
    seconds: float
    """Of a processor."""


def cost_of(record: Manifest) -> Cost:
    """Raises DceliteError where nothing was enhanced."""
    tables = [table.filter(pc.equal(table["outcome"].cast(pa.string()), manifest.DONE)) for table in record.newest()]
    columns = {
        name: np.concatenate([table[name].to_numpy().astype(np.float64) for table in tables] or [np.empty(0)])
        for name in ("width", "height", "size", "output_size", "processor_seconds")
    }
    if not len(columns["size"]):
        raise DceliteError("the manifest has no photograph that was enhanced")
    return Cost(
        len(columns["size"]),
        float((columns["width"] * columns["height"]).mean()) / 1e6,
        float(columns["size"].mean()),
        float(columns["output_size"].mean()),
        float(np.nanmean(columns["processor_seconds"])),
    )


def rows_of(cost: Cost, photographs: float, days: float, processors: int, share: float) -> list[list[str]]:
    """Names and values of what it takes."""
    rate = photographs / (days * _DAY)
    machines = max(1, math.ceil(rate * cost.seconds / (processors * share)))
    traffic = [number(rate / machines * size * 8e-6) for size in (cost.bytes_in, cost.bytes_out)]
    return [
        ["sample", f"{cost.photographs:,} photographs of {number(cost.megapixels)} megapixels"],
        ["processor seconds a photograph", number(cost.seconds)],
        ["MB in, MB out", f"{number(cost.bytes_in / 1e6)}, {number(cost.bytes_out / 1e6)}"],
        ["photographs a second", number(rate)],
        ["processors", number(rate * cost.seconds)],
        [f"machines of {processors} processors, busy to {share:.0%}", f"{machines:,}"],
        ["Mbit/s in and out of each", ", ".join(traffic)],
        ["requests a second, in all", f"{number(2 * rate)} HEAD and GET, {number(rate)} PUT"],
        ["TB to store", number(photographs * cost.bytes_out / 1e12)],
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dcelite.archive.cost", description=__doc__)
    parser.add_argument("output", metavar="OUT", help="what dcelite archive has made of a sample")
    parser.add_argument(
        "--photographs", type=float, default=1e7, metavar="N", help="of the archive (default: 10 million)"
    )
    parser.add_argument("--days", type=float, default=1.0, metavar="D", help="that it may take (default: 1)")
    parser.add_argument("--processors", type=int, default=16, metavar="P", help="of a machine (default: 16)")
    parser.add_argument(
        "--share", type=float, default=0.8, metavar="S", help="of the processors that the work gets (default: 0.8)"
    )
    options = parser.parse_args(arguments)
    try:
        _check(options)
        cost = cost_of(Manifest(Place.of(options.output)))
    except DceliteError as error:
        print(f"cost: {options.output}: {error}", file=sys.stderr)
        return 2
    print(text_table(rows_of(cost, options.photographs, options.days, options.processors, options.share), left=(0, 1)))
    return 0


def _check(options: argparse.Namespace) -> None:
    for name in ("photographs", "days", "processors", "share"):
        if getattr(options, name) <= 0:
            raise DceliteError(f"--{name}: {getattr(options, name)}, more than 0 was wanted")


if __name__ == "__main__":
    sys.exit(main())
