"""Reading and writing photographs: JPEG, PNG, WebP and BMP, with their EXIF data and colour profile."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from dcelite.errors import ImageError, OutputError
from dcelite.files import reason, write_bytes_atomically
from dcelite.model.architecture import MAX_DIMENSION

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP"}
"""Suffixes that are read and written, and what Pillow calls their formats."""

_SAVE_OPTIONS: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95, "subsampling": "4:4:4"}, "WEBP": {"quality": 95}}


@dataclass
class Photograph:
    """A decoded photograph and what has to survive its processing."""

    pixels: NDArray[np.uint8]
    """RGB (H, W, 3) or RGBA (H, W, 4), as stored: not rotated by the EXIF orientation."""
    gray: bool
    """The file holds one luminance channel; it is written back as such."""
    exif: bytes
    icc_profile: bytes | None
    notes: list[str]
    """What was lost in reading, in words."""
    format: str = "PNG"
    """What it is, a value of FORMATS."""
    damage: list[str] = field(default_factory=list)
    """What could not be decoded, in words; the rest is there."""


def is_image_path(path: Path) -> bool:
    """True for the suffixes that dcelite reads and writes."""
    return path.suffix.lower() in FORMATS


def missing_support(suffix: str) -> str | None:
    """What to install for pictures of a suffix that is not in FORMATS; None where nothing helps, or all is there."""
    return "needs a program that makes it JPEG or PNG" if suffix.lower() in (".heic", ".heif") else None


def check_suffix(path: Path) -> None:
    """Refuse an output whose suffix names no format that is written; raises OutputError."""
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: suffix {path.suffix!r}; one of {', '.join(FORMATS)} was wanted")


def read_photograph(path: Path, data: bytes | None = None) -> Photograph:
    """Decode an image file, or ``data``, which messages call ``path``.

    Raises:
        ImageError: the file is missing, a folder, not an image, truncated, animated, too large, or of an unusual mode.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large images and odd metadata, both of which are handled
            with PIL.Image.open(path if data is None else io.BytesIO(data), formats=list(FORMATS.values())) as image:
                deep = _has_16_bit_channels(image)
                image.load()
                return _photograph(image, path, deep)
    except PIL.UnidentifiedImageError:
        raise ImageError(f"{path}: is not an image in JPEG, PNG, WebP or BMP") from None
    except PIL.Image.DecompressionBombError as error:
        raise ImageError(f"{path}: is too large: {error}") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{path}: cannot be read: {reason(error)}") from None


def _photograph(image: PIL.Image.Image, path: Path, deep: bool) -> Photograph:
    image_format = image.format
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise ImageError(f"{path}: is animated ({frames} frames), one picture was wanted")
    if max(image.size) > MAX_DIMENSION:
        raise ImageError(f"{path}: size {image.width} x {image.height}, at most {MAX_DIMENSION} each way was wanted")
    notes = ["16 bits a channel were reduced to 8"] if deep else []
    exif = image.getexif().tobytes() if image.getexif() else b""
    icc_profile = image.info.get("icc_profile")
    if image.mode == "CMYK":
        raise ImageError(f"{path}: holds CMYK colours, RGB or grey was wanted")
    if image.mode.startswith("I"):
        samples = np.asarray(image).astype(np.int64) >> 8
        image = PIL.Image.fromarray(np.clip(samples, 0, 255).astype(np.uint8))
    gray = image.mode in ("1", "L", "LA")
    alpha = image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info
    pixels = np.asarray(image.convert("RGBA" if alpha else "RGB"))
    return Photograph(pixels, gray, exif, icc_profile, notes, str(image_format))


def _has_16_bit_channels(image: PIL.Image.Image) -> bool:
    """Of an image that is not loaded yet: Pillow drops the lower bits unasked, but names them in the raw mode."""
    return image.mode.startswith("I") or any("16" in str(tile[3]) for tile in getattr(image, "tile", []))


def encode_photograph(
    path: Path, pixels: NDArray[np.uint8], photograph: Photograph, quality: int | None = None
) -> bytes:
    """Encode ``pixels`` in the format of the suffix, with the metadata of the photograph they come from.

    Raises:
        OutputError: the suffix is unknown, or the format cannot hold the image.
    """
    check_suffix(path)
    image_format = FORMATS[path.suffix.lower()]
    image = PIL.Image.fromarray(pixels)
    if photograph.gray:
        image = image.convert("LA" if image.mode == "RGBA" else "L")
    if image_format in ("JPEG", "BMP") and image.mode in ("RGBA", "LA"):
        raise OutputError(
            f"{path}: {image_format} cannot hold the transparency of the source; .png or .webp was wanted"
        )
    options = dict(_SAVE_OPTIONS.get(image_format, {}))
    if quality is not None:
        options["quality"] = quality
    if image_format == "BMP":
        # A BMP file has no place for the orientation, so the pixels are turned instead.
        image.info["exif"] = photograph.exif
        image = PIL.ImageOps.exif_transpose(image)
    else:
        options |= {"exif": photograph.exif, "icc_profile": photograph.icc_profile}
    encoded = io.BytesIO()
    try:
        image.save(encoded, image_format, **options)
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be encoded as {image_format}: {error}") from None
    return encoded.getvalue()


def write_photograph(
    path: Path,
    pixels: NDArray[np.uint8],
    photograph: Photograph,
    *,
    overwrite: bool = False,
    quality: int | None = None,
) -> None:
    """Encode and write atomically; raises OutputError as that does, and where the file exists or cannot be written."""
    write_bytes_atomically(path, encode_photograph(path, pixels, photograph, quality), overwrite=overwrite)
