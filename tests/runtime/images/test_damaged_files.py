"""Bytes flipped in headers and metadata of every kind of file: a picture or a sentence, always.

DCELITE_FUZZ_TRIES says how many files; the default is what a test run has time for.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from image_files import (
    ICC,
    KINDS,
    XMP,
    Kind,
    chunk,
    dark,
    encoded,
    exif,
    exif_segment,
    heif,
    icc_segments,
    jpeg,
    png,
    tiff,
    xmp_segment,
)

from dcelite import ImageError, OutputError
from dcelite.images import encode_photograph, read_photograph

from support import require_format

TRIES = int(os.environ.get("DCELITE_FUZZ_TRIES", "1000"))


def _with_new_checksums(data: bytes) -> bytes:
    """PNG chunks with the checksums of their contents, so that more than the checksum is tried."""
    place, result = 8, data[:8]
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        if place + 12 + length > len(data):
            break
        body = data[place + 4 : place + 8 + length]
        result += data[place : place + 4] + body + zlib.crc32(body).to_bytes(4, "big")
        place += 12 + length
    return result + data[place:]


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    last = len(data) if rng.random() < 0.3 else min(len(data), 1500)
    for place in rng.integers(0, max(last, 1), rng.integers(1, 5)) if last else ():
        match rng.integers(5):
            case 0:
                changed[place % len(changed)] = int(rng.integers(256))
            case 1:
                changed[place % len(changed)] ^= 1 << int(rng.integers(8))
            case 2:
                changed[place % len(changed)] = int(rng.choice([0, 255, 0x7F, 0x80]))
            case 3:
                del changed[place : place + int(rng.integers(1, 9))]
            case _:
                changed[place:place] = rng.bytes(int(rng.integers(1, 9)))
        if not changed:
            break
    if data.startswith(b"\x89PNG") and rng.random() < 0.7:
        return _with_new_checksums(bytes(changed))
    return bytes(changed)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_picture_or_a_sentence(kind: Kind) -> None:
    require_format(kind.suffix)
    data = kind.data()
    for seed in range(-(-TRIES // len(KINDS))):
        damaged = _damaged(data, np.random.default_rng(seed))
        try:
            photograph = read_photograph(Path("in"), damaged)
        except ImageError as error:
            assert str(error).startswith("in: ")  # noqa: PT017
            continue
        assert photograph.pixels.ndim == 3
        assert photograph.pixels.dtype in (np.uint8, np.uint16)
        if photograph.pixels.size > 1 << 20:  # a header that states a large picture
            continue
        for suffix in {kind.suffix, ".png"} - {".gif"}:
            try:
                encoded = encode_photograph(Path(f"out{suffix}"), photograph.pixels, photograph)
            except OutputError as error:
                assert "cannot" in str(error)  # noqa: PT017
            else:
                again = read_photograph(Path("out"), encoded)
                assert again.pixels.size == photograph.pixels.size or photograph.gray, seed


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".avif", ".heic", ".tif"])
def test_damaged_metadata_cost_no_picture(suffix: str) -> None:
    """Whatever is flipped within EXIF data, XMP and profile: the same pixels."""
    require_format(suffix)
    block, parts = exif(), (exif(), XMP, ICC)
    match suffix:
        case ".jpg":
            data = jpeg(exif_segment(block), xmp_segment(), *icc_segments(size=len(ICC)))
        case ".png":
            chunks = (
                chunk(b"eXIf", block),
                chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP),
                chunk(b"iCCP", b"x\0\0" + ICC),
            )
            data = png(dark(), *chunks)
        case ".heic":
            data = heif(dark(), exif=block, xmp=XMP, icc_profile=ICC)
        case ".tif":
            data, parts = tiff(dark(), tags=[(700, 1, XMP), (34377, 1, block), (34675, 7, ICC)]), (XMP, block, ICC)
        case _:
            data = encoded(dark(), suffix[1:].upper(), quality=90, exif=block, xmp=XMP, icc_profile=ICC)
    present = [(data.index(part), len(part)) for part in parts if part in data]
    assert len(present) >= 2
    wanted = read_photograph(Path("in"), data).pixels
    for seed in range(200):
        rng = np.random.default_rng(seed)
        changed = bytearray(data)
        for start, length in present:
            for place in rng.integers(0, length, 3):
                changed[start + place] = int(rng.integers(256))
        np.testing.assert_array_equal(read_photograph(Path("in"), bytes(changed)).pixels, wanted)
