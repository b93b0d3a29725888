"""Numbers and tables as text: for the terminal, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any


def significant(value: float | None, digits: int = 3) -> str:
    """So many significant digits, without exponent; "-" for None."""
    if value is None:
        return "-"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def number(value: float) -> str:
    """Three significant digits, without exponent and trailing zeros."""
    text = significant(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def text_table(rows: Sequence[Sequence[str]], *, left: Collection[int] = (0, -1), indent: str = "") -> str:
    """Columns aligned, the heading being the first row.

    Args:
        left: the columns that are aligned at the left, negative ones counted from the end; the others at the right.
    """
    count = len(rows[0])
    widths = [max(len(row[i]) for row in rows) for i in range(count)]
    if -1 in left:
        widths[-1] = 0  # nothing stands behind it
    at_left = {i % count for i in left}
    lines = (
        "  ".join(row[i].ljust(widths[i]) if i in at_left else row[i].rjust(widths[i]) for i in range(count))
        for row in rows
    )
    return "\n".join(indent + line.rstrip() for line in lines)


def markdown(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, each as soon as its row is there; the heading is the first row."""
    for i, row in enumerate(rows):
        yield f"| {' | '.join(row)} |"
        if i == 0:
            yield "|---" * len(row) + "|"


def csv_text(records: Sequence[Mapping[str, Any]]) -> str:
    """A line for each record; fields of fields have dotted names, the values of a list stand in one cell."""
    rows = [_flatten(record) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    # A group that is absent in one row and there in another has its fields, not a column of its own.
    names = [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, Mapping):
            flat |= _flatten(item, f"{prefix}{name}.")
        else:
            flat[prefix + name] = "; ".join(map(str, item)) if isinstance(item, list) else item
    return flat
