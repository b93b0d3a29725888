"""The directories of TIFF files and EXIF blocks, entry by entry (TIFF 6.0, section 2; EXIF 3.0, section 4.6).

Values stay the bytes that they are: what is not understood survives.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal, TypeAlias, Union

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of a value, by kind: BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, UNDEFINED, …"""
BYTE, SHORT, LONG, RATIONAL, UNDEFINED = 1, 3, 4, 5, 7
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}

Order: TypeAlias = Literal["<", ">"]
"""Of the bytes: the lowest first ("II"), or the highest ("MM")."""

Value: TypeAlias = Union["tuple[int, bytes]", "Values"]
"""What an entry holds: kind and bytes, or a directory that it points to."""


class Values(dict[int, Value]):
    """A directory to write: values by tag."""


@dataclass(frozen=True)
class Entry:
    """One value of a directory."""

    kind: int
    value: bytes
    place: int
    """Offset of the entry's twelve bytes."""
    offset: int
    """Offset of the value."""
    order: Order

    @property
    def integers(self) -> list[int]:
        """Empty where the entry holds none."""
        code = _INTEGERS.get(self.kind)
        if code is None:
            return []
        return list(struct.unpack(f"{self.order}{len(self.value) // SIZES[self.kind]}{code}", self.value))

    @property
    def integer(self) -> int | None:
        """The only integer that the entry holds."""
        found = self.integers
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class Directory:
    """A directory as it lies in a block. Entries whose values lie outside of the block are left out."""

    entries: dict[int, Entry]
    place: int
    end: int
    """Offset of the pointer to the next directory."""
    next: int


def header(block: bytes) -> tuple[Order, int]:
    """Order of the bytes, offset of the first directory; raises ValueError for what is no such block."""
    orders: dict[bytes, Order] = {b"II*\0": "<", b"MM\0*": ">"}
    order = orders.get(bytes(block[:4]))
    if order is None or len(block) < 8:
        raise ValueError("no TIFF header")
    return order, struct.unpack_from(f"{order}I", block, 4)[0]


def read_directory(block: bytes | bytearray, order: Order, place: int) -> Directory:
    """Raises ValueError where the directory itself does not lie in the block."""
    try:
        (count,) = struct.unpack_from(f"{order}H", block, place)
        end = place + 2 + 12 * count
        if place < 8 or end > len(block):
            raise ValueError("a directory outside of the block")
        entries: dict[int, Entry] = {}
        for entry in range(place + 2, end, 12):
            tag, kind, values, offset = struct.unpack_from(f"{order}HHII", block, entry)
            size = SIZES.get(kind, 0) * values
            offset = entry + 8 if size <= 4 else offset
            if kind in SIZES and offset + size <= len(block):
                entries.setdefault(tag, Entry(kind, bytes(block[offset : offset + size]), entry, offset, order))
        following = struct.unpack_from(f"{order}I", block, end)[0] if end + 4 <= len(block) else 0
    except struct.error:
        raise ValueError("a directory outside of the block") from None
    return Directory(entries, place, end, following)


def write_directory(order: Order, values: Values, place: int) -> bytes:
    """A directory and all that it points to, as bytes for the offset ``place``; no directory follows it."""
    table = struct.pack(f"{order}H", len(values))
    body = b""
    start = place + 2 + 12 * len(values) + 4
    for tag, value in sorted(values.items()):
        where = start + len(body)
        if isinstance(value, Values):
            table += struct.pack(f"{order}HHII", tag, LONG, 1, where)
            body += write_directory(order, value, where)
        else:
            kind, data = value
            table += struct.pack(f"{order}HHI", tag, kind, len(data) // SIZES[kind])
            if len(data) <= 4:
                table += data.ljust(4, b"\0")
                continue
            table += struct.pack(f"{order}I", where)
            body += data
        body += b"\0" * (len(body) % 2)  # values begin on even offsets
    return table + struct.pack(f"{order}I", 0) + body
