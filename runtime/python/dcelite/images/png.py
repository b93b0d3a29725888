"""PNG files as chunks (W3C PNG, third edition, chapter 5), and the 16-bit samples that Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.images import exif
from dcelite.images.metadata import Metadata, prepared_xmp

MAGIC = b"\x89PNG\r\n\x1a\n"
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_XMP = b"XML:com.adobe.xmp\0"
_OF_SAMPLES = (b"sBIT", b"bKGD", b"hIST", b"sPLT", b"tIME")
"""Kinds that describe the samples or the file as they were."""
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")
_NAMED = {b"gAMA": "gamma", b"cHRM": "primaries", b"cICP": "colour space (cICP)"}
"""What means something for colours, and has no place in other formats."""
_INCHES_A_METRE = 39.37007874
_LARGEST_TEXT = 1 << 24


@dataclass
class Png:
    """A file, taken apart."""

    picture: bytes
    """A PNG file with nothing but the pixels."""
    depth: int
    """Bits a sample."""
    color_type: int
    frames: int
    metadata: Metadata
    notes: list[str] = field(default_factory=list)


def split(data: bytes) -> Png:
    """Take a file apart; raises ValueError for one that is none."""
    chunks = _chunks(data)
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ValueError("its header is damaged")
    width, height, depth, color_type = struct.unpack_from(">IIBB", chunks[0][1])
    frames = next((int.from_bytes(body[:4], "big") for kind, body, _ in chunks if kind == b"acTL"), 1)
    picture = MAGIC + b"".join(raw for kind, _, raw in chunks if kind in _PIXELS) + chunk(b"IEND", b"")
    png = Png(picture, depth, color_type, frames, Metadata("PNG"))
    _collect(png, [(kind, body, raw) for kind, body, raw in chunks if kind not in _PIXELS], (width, height))
    return png


def join(picture: bytes, metadata: Metadata) -> bytes:
    """An encoded picture with metadata."""
    header, body = picture[: len(MAGIC) + 25], picture[len(MAGIC) + 25 :]
    blocks = metadata.blocks if metadata.container == "PNG" else _blocks(metadata)
    return header + b"".join(chunk(kind, contents) for kind, contents in blocks) + body


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk as it lies in a file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def encode(samples: NDArray[Any]) -> bytes:
    """A PNG file of uint8 or uint16 samples (H, W, C): grey, grey and alpha, RGB or RGBA by their number."""
    height, width, channels = samples.shape
    depth = 8 * samples.itemsize
    header = struct.pack(">IIBBBBB", width, height, depth, (0, 4, 2, 6)[channels - 1], 0, 0, 0)
    compressor = zlib.compressobj(6)
    packed = [compressor.compress(line) for line in _filtered(samples)] + [compressor.flush()]
    return MAGIC + chunk(b"IHDR", header) + chunk(b"IDAT", b"".join(packed)) + chunk(b"IEND", b"")


def _filtered(samples: NDArray[Any]) -> Iterable[bytes]:
    """Rows as they are compressed: differences to the left or to the row above, whichever are the smaller ones."""
    step = samples.itemsize * samples.shape[2]
    above = np.zeros(samples[0].nbytes, np.uint8)
    for row in samples:
        line = np.frombuffer(row.astype(row.dtype.newbyteorder(">")).tobytes(), np.uint8)
        left = line.copy()
        left[step:] -= line[:-step]
        up = line - above
        sums = [int(np.abs(difference.view(np.int8).astype(np.int16)).sum()) for difference in (left, up)]
        yield b"\1" + left.tobytes() if sums[0] <= sums[1] else b"\2" + up.tobytes()
        above = line


def _chunks(data: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Kind, contents and bytes of each, as far as the file goes."""
    found = []
    place = len(MAGIC)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 12 + length
        if end > len(data):
            found.append((data[place + 4 : place + 8], data[place + 8 :], data[place:]))  # Pillow tells what is missing
            break
        found.append((data[place + 4 : place + 8], data[place + 8 : end - 4], data[place:end]))
        if found[-1][0] == b"IEND":
            break
        place = end
    return found


def _collect(png: Png, chunks: list[tuple[bytes, bytes, bytes]], size: tuple[int, int]) -> None:
    metadata = png.metadata
    other: set[str] = set()
    for kind, body, raw in chunks:
        if kind == b"IEND" or kind in _OF_SAMPLES or kind in _ANIMATION:
            continue
        if not kind.isalpha() or int.from_bytes(raw[-4:], "big") != zlib.crc32(kind + body):
            png.notes.append(f"a damaged {kind.decode('ascii', 'backslashreplace')} chunk was left out")
            continue
        if kind[:1].isupper() or (kind[3:].isupper() and kind not in (b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP")):
            other.add(name := kind.decode())  # critical, or not to be copied to other pixels
            png.notes.append(f"the {name} chunk was left out")
            continue
        if kind == b"eXIf":
            metadata.exif, notes = exif.prepared(body, size)
            png.notes += notes
            body = metadata.exif
            if not body:
                continue
        elif kind == b"iCCP":
            metadata.icc_profile = _inflated(body.partition(b"\0")[2][1:])
        elif kind == b"pHYs" and len(body) == 9 and body[8] == 1:
            x, y = struct.unpack_from(">II", body)
            metadata.density = (x / _INCHES_A_METRE, y / _INCHES_A_METRE)
        elif kind == b"iTXt" and body.startswith(_XMP):
            text = _text(body)
            metadata.xmp = prepared_xmp(text)
            if metadata.xmp != text:
                body = _XMP + bytes(4) + metadata.xmp
        elif kind == b"tEXt" and body.startswith(b"Comment\0"):
            metadata.comments.append(body.partition(b"\0")[2])
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            other.add("text")
        elif kind in _NAMED:
            other.add(_NAMED[kind])
        metadata.blocks.append((kind, body))
    metadata.other = sorted(
        other - {"gamma", "primaries"} if metadata.icc_profile or b"sRGB" in dict(metadata.blocks) else other
    )


def _text(body: bytes) -> bytes:
    """The text of an iTXt chunk."""
    compressed, rest = body[len(_XMP) : len(_XMP) + 1], body[len(_XMP) + 2 :]
    text = rest.partition(b"\0")[2].partition(b"\0")[2]
    return _inflated(text) if compressed == b"\1" else text


def _inflated(data: bytes) -> bytes:
    """b"" for what cannot be decompressed, or would fill the memory."""
    try:
        return zlib.decompressobj().decompress(data, _LARGEST_TEXT)
    except zlib.error:
        return b""


def _blocks(metadata: Metadata) -> list[tuple[bytes, bytes]]:
    """Chunks for metadata of another container."""
    blocks: list[tuple[bytes, bytes]] = []
    if metadata.icc_profile:
        blocks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc_profile)))
    if metadata.density:
        x, y = (round(value * _INCHES_A_METRE) for value in metadata.density)
        blocks.append((b"pHYs", struct.pack(">IIB", x, y, 1)))
    if metadata.exif:
        blocks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        blocks.append((b"iTXt", _XMP + bytes(4) + metadata.xmp))
    for comment in metadata.comments:
        try:
            blocks.append((b"iTXt", b"Comment\0" + bytes(4) + comment.decode().encode()))
        except UnicodeDecodeError:
            blocks.append((b"tEXt", b"Comment\0" + comment.replace(b"\0", b" ")))
    return blocks
