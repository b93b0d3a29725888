"""The kinds of image files: by their suffix, and by what is in them."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

import PIL.features

from dcelite.errors import OutputError
from dcelite.extras import absent
from dcelite.images import jpeg, png, tiff

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
    ".hif": "HEIF",
}
"""Suffixes that are read and written, and what Pillow calls their formats."""

SUFFIXES = {name: next(suffix for suffix in FORMATS if FORMATS[suffix] == name) for name in FORMATS.values()}
"""The usual suffix of each format."""

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".wmv", ".ogv"),
)
"""For which `dcelite video` is the command."""

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2")


def is_image_path(path: Path) -> bool:
    """True for the suffixes that dcelite reads and writes here: see missing_support."""
    suffix = path.suffix.lower()
    return suffix in FORMATS and missing_support(suffix) is None


def check_suffix(path: Path) -> None:
    """Refuse an output whose suffix names no format that is written here; raises OutputError."""
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: suffix {path.suffix!r}; one of {', '.join(FORMATS)} was wanted")
    if missing := missing_support(path.suffix):
        raise OutputError(f"{path}: {missing}")


@functools.cache
def missing_support(suffix: str) -> str | None:
    """What has to be installed for files of a suffix, in words; None where nothing is missing."""
    image_format = FORMATS.get(suffix.lower())
    if image_format == "HEIF":
        return absent("heif", "pillow_heif") or None
    if image_format == "AVIF" and not (find_spec("PIL.AvifImagePlugin") and PIL.features.check("avif")):
        return "this Pillow reads and writes no AVIF; Pillow 11.3 or newer was wanted"
    return None


def format_of(data: bytes) -> str | None:
    """The format by the first bytes of a file; None for all others."""
    if data.startswith(jpeg.MAGIC):
        return "JPEG"
    if data.startswith(png.MAGIC):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((*tiff.MAGIC, *tiff.BIG_MAGIC)):
        return "TIFF"
    if data.startswith(b"BM"):
        return "BMP"
    if data[4:8] == b"ftyp":
        brands = {data[8:12], *(data[place : place + 4] for place in range(16, data[3] if len(data) > 16 else 0, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & set(_HEIF_BRANDS):
            return "HEIF"
    return None
