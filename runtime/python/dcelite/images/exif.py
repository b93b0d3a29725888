"""EXIF blocks, changed in place for a new picture: the offsets of maker notes stay right."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from dcelite.images.directories import (
    LONG,
    SHORT,
    Directory,
    Entry,
    Order,
    Values,
    header,
    read_directory,
    write_directory,
)

PREFIX = b"Exif\0\0"
"""What stands before the block in JPEG, and in some files of other formats."""

ORIENTATION = 0x0112
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY = 0x8769, 0x8825, 0xA005
_IMAGE_SIZE = (0x0100, 0x0101)
_PIXEL_SIZE = (0xA002, 0xA003)
_THUMBNAILS = ((0x0201, 0x0202), (0x0111, 0x0117))
"""Tags of offsets and lengths: of a JPEG, of strips."""

DAMAGED = "EXIF data could not be read and were left out"


def prepared(block: bytes, size: tuple[int, int]) -> tuple[bytes, list[str]]:
    """A block that is right for a new picture of the same orientation, and what was left out, in words.

    The thumbnail is removed, the size in pixels is that of the picture, and an orientation that is none is taken out.
    All else stays byte for byte where it is. What is no block becomes b"".

    Args:
        size: width and height.
    """
    block = block.removeprefix(PREFIX)
    if not block:
        return b"", []
    try:
        order, place = header(block)
        first = read_directory(block, order, place)
    except ValueError:
        return b"", [DAMAGED]
    notes = []
    result = bytearray(block)
    _set_integers(result, first, _IMAGE_SIZE, size)
    if EXIF_DIRECTORY in first.entries:
        try:
            details = read_directory(block, order, first.entries[EXIF_DIRECTORY].integer or 0)
            _set_integers(result, details, _PIXEL_SIZE, size)
        except ValueError:
            notes.append("a part of the EXIF data cannot be read")
    if first.next:
        _remove_thumbnail(result, order, first)
    entry = first.entries.get(ORIENTATION)
    if entry is not None and not _is_orientation(entry):
        notes.append("the orientation could not be read and was left out")
        _delete(result, first, entry)
    return bytes(result), notes


def orientation(block: bytes) -> int:
    """How the picture has to be turned to be looked at, 1 (not at all) to 8, as EXIF counts."""
    try:
        entry = _first_directory(block).entries.get(ORIENTATION)
    except ValueError:
        return 1
    return (entry.integer or 1) if entry is not None and _is_orientation(entry) else 1


def without_orientation(block: bytes) -> bytes:
    """The block of a picture that has been turned."""
    try:
        first = _first_directory(block)
    except ValueError:
        return block
    result = bytearray(block)
    if ORIENTATION in first.entries:
        _delete(result, first, first.entries[ORIENTATION])
    return bytes(result)


def values_of(block: bytes) -> tuple[Order, Values]:
    """Order of the bytes, and all values of a block, directories within; raises ValueError where there are none."""
    order, place = header(block)
    return order, values_at(block, order, place)


def values_at(block: bytes, order: Order, place: int, depth: int = 2) -> Values:
    """All values of a directory; a directory within that cannot be read is left out. Raises ValueError."""
    values = Values()
    for tag, entry in read_directory(block, order, place).entries.items():
        if tag not in (EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY_DIRECTORY):
            values[tag] = (entry.kind, entry.value)
        elif depth:
            try:
                values[tag] = values_at(block, order, entry.integer or 0, depth - 1)
            except ValueError:
                continue
    return values


def block_of(order: Order, values: Values) -> bytes:
    """A block that holds these values; b"" for none."""
    if not values:
        return b""
    return struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8) + write_directory(order, values, 8)


def _first_directory(block: bytes) -> Directory:
    order, place = header(block)
    return read_directory(block, order, place)


def _is_orientation(entry: Entry) -> bool:
    return entry.kind == SHORT and (entry.integer or 0) in range(1, 9)


def _set_integers(block: bytearray, directory: Directory, tags: tuple[int, int], size: tuple[int, int]) -> None:
    for tag, side in zip(tags, size, strict=True):
        entry = directory.entries.get(tag)
        if entry is not None and entry.kind in (SHORT, LONG) and entry.integer is not None:
            struct.pack_into(f"{entry.order}{'H' if entry.kind == SHORT else 'I'}", block, entry.offset, side)


def _remove_thumbnail(block: bytearray, order: Order, first: Directory) -> None:
    """Cut the second directory and its picture off; where something follows them, zeros take their place."""
    struct.pack_into(f"{order}I", block, first.end, 0)
    try:
        second = read_directory(block, order, first.next)
    except ValueError:
        return
    spans = [(second.place, min(second.end + 4, len(block)))]
    spans += [(e.offset, e.offset + len(e.value)) for e in second.entries.values() if len(e.value) > 4]
    spans += _thumbnail_spans(second.entries, len(block))
    if any(start < first.end + 4 and end > first.place for start, end in spans):
        return  # a damaged block, whose directories lie upon each other
    tail = len(block)
    for start, end in sorted(spans, key=lambda span: span[1], reverse=True):
        block[start:end] = bytes(end - start)
        if tail - end <= 1:  # a byte of padding may lie between
            tail = min(tail, start)
    del block[tail:]


def _thumbnail_spans(entries: Mapping[int, Entry], size: int) -> list[tuple[int, int]]:
    spans = []
    for offset_tag, length_tag in _THUMBNAILS:
        if offset_tag in entries and length_tag in entries:
            pairs = zip(entries[offset_tag].integers, entries[length_tag].integers, strict=False)
            spans += [(start, min(start + length, size)) for start, length in pairs if 8 <= start < size and length > 0]
    return spans


def _delete(block: bytearray, directory: Directory, entry: Entry) -> None:
    """Take an entry out: what follows it in the table moves up; twelve bytes behind it stay unused."""
    count = (directory.end - directory.place - 2) // 12
    end = min(directory.end + 4, len(block))
    block[entry.place : end] = bytes(block[entry.place + 12 : end]) + bytes(12)
    struct.pack_into(f"{entry.order}H", block, directory.place, count - 1)
