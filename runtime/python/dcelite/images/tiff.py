"""TIFF files (TIFF 6.0): what they say of their picture, and files of 8 and 16 bits, which Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dcelite.images import exif
from dcelite.images.directories import (
    BYTE,
    LONG,
    RATIONAL,
    SHORT,
    UNDEFINED,
    Order,
    Values,
    header,
    read_directory,
    write_directory,
)
from dcelite.images.metadata import Metadata, iptc_of, prepared_xmp, resource_of

MAGIC = (b"II*\0", b"MM\0*")
BIG_MAGIC = (b"II+\0", b"MM\0+")
LARGEST_FILE = (1 << 32) - 1

_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _COLORS, _STRIPS = 256, 257, 258, 259, 262, 273
_CHANNELS, _STRIP_ROWS, _STRIP_BYTES, _PLANES, _PREDICTOR, _ALPHA = 277, 278, 279, 284, 317, 338
_PARTS = (_STRIPS, _STRIP_BYTES, 324, 325)
"""Offsets and lengths of strips or tiles."""
_X_DENSITY, _Y_DENSITY, _DENSITY_UNIT = 282, 283, 296
_XMP, _IPTC, _RESOURCES, _ICC, _LAYERS = 700, 33723, 34377, 34675, 37724
_DEFLATE, _DIFFERENCES, _INCH, _CENTIMETRE, _STRAIGHT_ALPHA = 8, 2, 2, 3, 2
_STRIP_SIZE = 1 << 20
"""Bytes of samples that are compressed at a time."""

_OF_PIXELS = frozenset(
    {_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _COLORS, _STRIPS, _CHANNELS, _STRIP_ROWS, _STRIP_BYTES, _PREDICTOR, _ALPHA}
    | {254, 255, *range(263, 267), 280, 281, 284, *range(288, 294), 297, 301, *range(318, 329), 330, 332, 333, 334, 336}
    | {*range(339, 344), 347, *range(512, 522), 529, 530, 531, 532, 34675, 34676, 34677, 50838, 50839}
)
"""Tags of the samples as they lie in the file, and of other pictures."""


def metadata_of(data: bytes, size: tuple[int, int]) -> tuple[Metadata, list[str]]:
    """What a file says of its first picture, and what is left out of it, in words.

    Args:
        size: width and height of the picture, which has been turned as the orientation says.
    """
    metadata = Metadata("TIFF")
    if data[:4] in BIG_MAGIC:
        return metadata, ["the metadata of a BigTIFF file were left out"]
    try:
        order, place = header(data)
        values = exif.values_at(data, order, place)
    except ValueError:
        return metadata, [exif.DAMAGED]
    metadata.xmp = prepared_xmp(_bytes(values, _XMP), turned=True)
    metadata.icc_profile = _bytes(values, _ICC)
    metadata.resources = _bytes(values, _RESOURCES)
    iptc = _bytes(values, _IPTC)
    if iptc and not iptc_of(metadata.resources):
        metadata.resources += resource_of(iptc)
    notes = ["left out: the layers of Photoshop"] if _LAYERS in values else []
    kept = Values({tag: value for tag, value in values.items() if tag not in _OF_PIXELS})
    for tag in (_XMP, _IPTC, _RESOURCES, _LAYERS):
        kept.pop(tag, None)
    kept.pop(exif.ORIENTATION, None)
    metadata.density = _density(values, order)
    metadata.exif, more = exif.prepared(exif.block_of(order, kept), size)
    return metadata, notes + more


def planes_of(data: bytes) -> list[bytes]:
    """Grey files, one for each channel, of a file of 16 bits that keeps its channels apart; empty for all others.

    Pillow mistakes the samples of such files. Each result is the file with another directory behind it, which names the
    strips or tiles of one channel.
    """
    try:
        order, place = header(data)
        directory = read_directory(data, order, place).entries
    except ValueError:
        return []
    found = {tag: directory[tag].integers for tag in (_DEPTH, _CHANNELS, _PLANES, *_PARTS) if tag in directory}
    channels = found.get(_CHANNELS, [1])[0]
    if found.get(_PLANES) != [2] or channels < 3 or set(found.get(_DEPTH, [])) != {16}:
        return []
    files = []
    for channel in range(channels):
        values = Values({tag: (entry.kind, entry.value) for tag, entry in directory.items() if tag in _OF_PIXELS})
        values.pop(_ALPHA, None)
        for tag, one in ((_DEPTH, 16), (_CHANNELS, 1), (_PLANES, 1), (_COLORS, 1)):
            values[tag] = (SHORT, struct.pack(f"{order}H", one))
        for tag in _PARTS:
            if tag in values:
                kind, parts = directory[tag].kind, directory[tag].value
                share = len(parts) // channels
                values[tag] = (kind, parts[channel * share : (channel + 1) * share])
        end = len(data) + len(data) % 2
        files.append(
            data[:4]
            + struct.pack(f"{order}I", end)
            + data[8:].ljust(end - 8, b"\0")
            + write_directory(order, values, end)
        )
    return files


def encode(samples: NDArray[Any], metadata: Metadata) -> bytes:
    """A file of uint8 or uint16 samples (H, W, C): grey, grey and alpha, RGB or RGBA by their number.

    Raises:
        ValueError: it would be longer than a TIFF file can be.
    """
    height, width, channels = samples.shape
    try:
        order, values = exif.values_of(metadata.exif)
    except ValueError:
        order, values = "<", Values()
    rows = max(1, _STRIP_SIZE // samples[0].nbytes)
    strips = [_strip(samples[start : start + rows], order) for start in range(0, height, rows)]
    offsets = np.cumsum([8] + [len(strip) + len(strip) % 2 for strip in strips])
    if offsets[-1] + len(metadata.exif) + len(metadata.xmp) + len(metadata.icc_profile) + (1 << 20) > LARGEST_FILE:
        raise ValueError(f"{offsets[-1]:,} bytes, a TIFF file holds {LARGEST_FILE:,}")

    def numbers(kind: int, *numbers: int) -> tuple[int, bytes]:
        return kind, struct.pack(f"{order}{len(numbers)}{'H' if kind == SHORT else 'I'}", *numbers)

    values[_WIDTH], values[_HEIGHT] = numbers(LONG, width), numbers(LONG, height)
    values[_DEPTH] = numbers(SHORT, *[8 * samples.itemsize] * channels)
    values[_COMPRESSION], values[_PREDICTOR] = numbers(SHORT, _DEFLATE), numbers(SHORT, _DIFFERENCES)
    values[_COLORS] = numbers(SHORT, 2 if channels > 2 else 1)
    values[_CHANNELS] = numbers(SHORT, channels)
    values[_STRIP_ROWS] = numbers(LONG, rows)
    values[_STRIPS] = numbers(LONG, *offsets[:-1].tolist())
    values[_STRIP_BYTES] = numbers(LONG, *map(len, strips))
    if channels in (2, 4):
        values[_ALPHA] = numbers(SHORT, _STRAIGHT_ALPHA)
    if metadata.density and _X_DENSITY not in values:
        for tag, density in zip((_X_DENSITY, _Y_DENSITY), metadata.density, strict=True):
            values[tag] = (RATIONAL, struct.pack(f"{order}II", round(density * 1000), 1000))
        values[_DENSITY_UNIT] = numbers(SHORT, _INCH)
    parts = {
        _XMP: (BYTE, metadata.xmp),
        _ICC: (UNDEFINED, metadata.icc_profile),
        _RESOURCES: (BYTE, metadata.resources),
        _IPTC: (UNDEFINED, iptc_of(metadata.resources)),
    }
    values.update({tag: value for tag, value in parts.items() if value[1]})
    place = int(offsets[-1])
    body = b"".join(strip + b"\0" * (len(strip) % 2) for strip in strips)
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, place)
    return head + body + write_directory(order, values, place)


def _strip(rows: NDArray[Any], order: Literal["<", ">"]) -> bytes:
    """Differences to the sample on the left, compressed; both are what the values of the directory say."""
    lines = rows.copy()
    lines[:, 1:] -= rows[:, :-1]
    return zlib.compress(lines.astype(lines.dtype.newbyteorder(order)).tobytes())


def _density(values: Values, order: Order) -> tuple[float, float] | None:
    sides = []
    for tag in (_X_DENSITY, _Y_DENSITY):
        data = _bytes(values, tag)
        above, below = struct.unpack(f"{order}II", data) if len(data) == 8 else (0, 0)
        sides.append(above / below if below else 0.0)
    unit = _bytes(values, _DENSITY_UNIT)
    factor = {_INCH: 1.0, _CENTIMETRE: 2.54}.get(int.from_bytes(unit, "little" if order == "<" else "big"), 0.0)
    x, y = (side * factor for side in sides)
    return (x, y) if x > 0 and y > 0 else None


def _bytes(values: Values, tag: int) -> bytes:
    value = values.get(tag)
    return value[1] if isinstance(value, tuple) else b""
