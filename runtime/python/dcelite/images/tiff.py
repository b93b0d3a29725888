"""TIFF files (TIFF 6.0): what they say of their picture, and files of 8 and 16 bits, which Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dcelite.images import exif
from dcelite.images.directories import BYTE, LONG, RATIONAL, SHORT, UNDEFINED, Values, header, write_directory
from dcelite.images.metadata import Metadata, iptc_of, prepared_xmp, resource_of

MAGIC = (b"II*\0", b"MM\0*")
BIG_MAGIC = (b"II+\0", b"MM\0+")
LARGEST_FILE = (1 << 32) - 1

_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _COLORS, _STRIPS = 256, 257, 258, 259, 262, 273
_CHANNELS, _STRIP_ROWS, _STRIP_BYTES, _PREDICTOR, _ALPHA = 277, 278, 279, 317, 338
_X_DENSITY, _Y_DENSITY, _DENSITY_UNIT = 282, 283, 296
_XMP, _IPTC, _RESOURCES, _ICC, _LAYERS = 700, 33723, 34377, 34675, 37724
_DEFLATE, _DIFFERENCES, _INCH, _STRAIGHT_ALPHA = 8, 2, 2, 2
_STRIP_SIZE = 1 << 20
"""Bytes of samples that are compressed at a time."""

_OF_PIXELS = frozenset(
    {_WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _COLORS, _STRIPS, _CHANNELS, _STRIP_ROWS, _STRIP_BYTES, _PREDICTOR, _ALPHA}
    | {254, 255, *range(263, 267), 280, 281, 284, *range(288, 294), 297, 301, *range(318, 329), 330, 332, 333, 334, 336}
    | {*range(339, 344), 347, *range(512, 522), 529, 530, 531, 532, 34675, 34676, 34677, 50838, 50839}
)
"""Tags of the samples as they lie in the file, and of other pictures."""


def metadata_of(data: bytes) -> tuple[Metadata, list[str]]:
    """What a file says of its first picture, and what is left out of it, in words."""
    metadata = Metadata("TIFF")
    if data[:4] in BIG_MAGIC:
        return metadata, ["the metadata of a BigTIFF file were left out"]
    try:
        order, place = header(data)
        values = exif.values_at(data, order, place)
    except ValueError:
        return metadata, [exif.DAMAGED]
    metadata.xmp = prepared_xmp(_bytes(values, _XMP))
    metadata.icc_profile = _bytes(values, _ICC)
    metadata.resources = _bytes(values, _RESOURCES)
    iptc = _bytes(values, _IPTC)
    if iptc and not iptc_of(metadata.resources):
        metadata.resources += resource_of(iptc)
    notes = ["left out: the layers of Photoshop"] if _LAYERS in values else []
    kept = Values({tag: value for tag, value in values.items() if tag not in _OF_PIXELS})
    for tag in (_XMP, _IPTC, _RESOURCES, _LAYERS):
        kept.pop(tag, None)
    metadata.exif, more = exif.prepared(exif.block_of(order, kept), _size(values, order))
    return metadata, notes + more


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


def _bytes(values: Values, tag: int) -> bytes:
    value = values.get(tag)
    return value[1] if isinstance(value, tuple) else b""


def _size(values: Values, order: str) -> tuple[int, int]:
    """Width and height as the directory says."""
    sides = (int.from_bytes(_bytes(values, tag), "little" if order == "<" else "big") for tag in (_WIDTH, _HEIGHT))
    width, height = sides
    return width, height
