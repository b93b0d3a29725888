"""The record of an archive: a row for every input, in Parquet files that appear whole and are never changed.

Parts are read in the order of their names, RUN-NUMBER-RANDOM.parquet, and the newest row of a path counts. That of a
picture that is about to be made, ``begun``, is written before the work: what it names is this archive's to replace.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from dcelite.archive.claim import Claim
from dcelite.archive.places import Place
from dcelite.errors import OutputError
from dcelite.files import reason

FOLDER = "_dcelite"
"""Below OUT: the manifest and the page."""
PARTS = f"{FOLDER}/manifest"
_PART = re.compile(r"(\d{6})-(\d{8})-[0-9a-f]{8}\.parquet")
ROWS_OF_A_PART = 200_000
_MANY_PARTS = 64

BEGUN, DONE, DAMAGED, COPIED, LEFT = "begun", "done", "damaged", "copied", "left"
FAILED, EXISTS, UNWRITTEN = "failed", "exists", "unwritten"
"""What became of an input: about to be made; enhanced; enhanced as far as it could be read; bright already, and copied
or left out; cannot be enhanced; another file has the output's name; made, and could not be written."""
WITH_OUTPUT = (DONE, DAMAGED, COPIED)
UNFINISHED = (BEGUN, UNWRITTEN)
"""Are done again without being asked for: nothing is wrong with the picture."""

STAGES = ("read", "decode", "enhancement", "encode", "write")
_TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("modified", pa.timestamp("us", "UTC")),
        ("outcome", _TEXT),
        ("error", pa.string()),
        ("notes", pa.string()),
        ("source_sha256", pa.string()),
        ("output_size", pa.int64()),
        ("output_sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("brightness_before", pa.float32()),
        ("brightness_after", pa.float32()),
        ("noise", pa.float32()),
        ("lift", pa.float32()),
        *((f"{stage}_seconds", pa.float32()) for stage in STAGES),
        ("processor_seconds", pa.float32()),
        ("finished", pa.timestamp("us", "UTC")),
        ("node", _TEXT),
        ("settings", _TEXT),
        ("version", _TEXT),
    ]
)
Row = dict[str, Any]
"""By the names of SCHEMA; what is absent is null."""


class Known(NamedTuple):
    """What a plan needs to know of a row."""

    outcome: str
    size: int
    modified: int
    output_size: int | None
    settings: str


class Manifest:
    """Of an output place. Raises OutputError where it cannot be read or written."""

    def __init__(self, output: Place) -> None:
        self._output = output
        self._number = 0
        self._run = self._next_run()
        self._claim: Claim | None = None

    def _next_run(self) -> int:
        return 1 + max((int(match[1]) for match in map(_PART.fullmatch, self._names()) if match), default=0)

    def _names(self) -> list[str]:
        try:
            return sorted(entry.name for entry in self._output.entries(PARTS) if _PART.fullmatch(entry.name))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutputError(f"{self._output.name_of(PARTS)}: cannot be read: {_line(error)}") from None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Refuse a second run at the same time: raises OutputError, here and from ``add``."""
        self._claim = Claim(self._output, FOLDER)
        with self._claim.held():
            self._run = self._next_run()  # another one may have ended meanwhile
            self._output.remove_leftovers(PARTS)
            self._output.remove_leftovers(FOLDER)
            yield

    def add(self, rows: Sequence[Row]) -> None:
        """Write rows as a part, whole or not at all; raises OutputError."""
        if self._claim is not None:
            self._claim.check()
        for first in range(0, len(rows), ROWS_OF_A_PART):
            self._write(pa.Table.from_pylist(rows[first : first + ROWS_OF_A_PART], SCHEMA))

    def _write(self, table: pa.Table) -> None:
        stream = io.BytesIO()
        pq.write_table(table, stream, compression="zstd")
        self._number += 1
        name = f"{self._run:06}-{self._number:08}-{os.urandom(4).hex()}.parquet"
        self._output.write(f"{PARTS}/{name}", stream.getvalue())

    def _table(self, name: str, columns: list[str] | None = None) -> pa.Table:
        path = f"{PARTS}/{name}"
        try:
            return pq.read_table(io.BytesIO(self._output.read(path)), columns=columns)
        except (OSError, pa.ArrowException) as error:
            raise OutputError(
                f"{self._output.name_of(path)}: cannot be read: {_line(error)}; without this file, what it holds is "
                "done again"
            ) from None

    def known(self) -> dict[str, Known]:
        """The newest row of every path."""
        found: dict[str, Known] = {}
        columns = ["path", "outcome", "size", "modified", "output_size", "settings"]
        interned: dict[str, str] = {}
        for name in self._names():
            table = self._table(name, columns)
            modified = table["modified"].cast(pa.int64())
            values = (modified if column == "modified" else table[column] for column in columns)
            for path, outcome, size, changed, output_size, settings in zip(
                *(value.to_pylist() for value in values), strict=True
            ):
                outcome, settings = (interned.setdefault(text, text) for text in (outcome, settings))
                found[path] = Known(outcome, size, changed, output_size, settings)
        return found

    def newest(self) -> Iterator[pa.Table]:
        """All columns of the newest rows, a part at a time, in the order in which they were made."""
        names = self._names()
        last = {path: i for i, name in enumerate(names) for path in self._table(name, ["path"])["path"].to_pylist()}
        for i, name in enumerate(names):
            table = self._table(name)
            paths = table["path"].to_pylist()
            place = {path: j for j, path in enumerate(paths)}
            mask = [last[path] == i and place[path] == j for j, path in enumerate(paths)]
            if any(mask):
                yield table.filter(pa.array(mask))

    def compact(self, *, least: int = 2) -> None:
        """Put the newest rows into few parts, in the place of many; one after the other, so that none is ever lost."""
        names = self._names()
        if len(names) < least:
            return
        waiting: list[pa.Table] = []
        for table in self.newest():
            waiting.append(table.cast(SCHEMA))
            if sum(t.num_rows for t in waiting) >= ROWS_OF_A_PART:
                self._write(pa.concat_tables(waiting, promote_options="default"))
                waiting = []
        if waiting:
            self._write(pa.concat_tables(waiting, promote_options="default"))
        for name in names:
            with contextlib.suppress(OSError):  # it counts no more
                self._output.remove(f"{PARTS}/{name}")

    def compact_many(self) -> None:
        """What many interrupted runs have left."""
        self.compact(least=_MANY_PARTS)


def row(path: str, size: int, modified: int, outcome: str, settings: str, **values: Any) -> Row:
    """A row, with the time of now."""
    now = time.time_ns() // 1000
    return (
        {"path": path, "size": size, "modified": modified, "outcome": outcome, "settings": settings}
        | {"finished": now}
        | values
    )


def _line(error: Exception) -> str:
    return " ".join(reason(error).split())
