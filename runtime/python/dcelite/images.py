"""Reading and writing photographs: JPEG, PNG, WebP and BMP, with their EXIF data and colour profile."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from dcelite.errors import ImageError, OutputError
from dcelite.files import atomic_output, reason
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


def is_image_path(path: Path) -> bool:
    """True for the suffixes that dcelite reads and writes."""
    return path.suffix.lower() in FORMATS


def pictures_below(folder: Path) -> list[Path]:
    """The files in a folder and its subfolders that have such a suffix, in the order of their names."""
    return sorted(path for path in folder.rglob("*") if is_image_path(path) and path.is_file())


def check_suffix(path: Path) -> None:
    """Refuse an output whose suffix names no format that is written; raises OutputError."""
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: suffix {path.suffix!r}; one of {', '.join(FORMATS)} was wanted")


def read_photograph(path: Path) -> Photograph:
    """Decode an image file.

    Raises:
        ImageError: the file is missing, a folder, not an image, truncated, animated, too large, or of an unusual mode.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large images and odd metadata, both of which are handled
            with PIL.Image.open(path, formats=list(FORMATS.values())) as image:
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
    return Photograph(pixels, gray, exif, icc_profile, notes)


def _has_16_bit_channels(image: PIL.Image.Image) -> bool:
    """Of an image that is not loaded yet: Pillow drops the lower bits unasked, but names them in the raw mode."""
    return image.mode.startswith("I") or any("16" in str(tile[3]) for tile in getattr(image, "tile", []))


def write_photograph(path: Path, pixels: NDArray[np.uint8], original: Photograph, *, overwrite: bool = False) -> None:
    """Encode ``pixels`` atomically in the format of the suffix, with the metadata of the photograph they come from.

    Raises:
        OutputError: the suffix is unknown, the format cannot hold the image, the file exists, without ``overwrite``, or
            it cannot be written.
    """
    check_suffix(path)
    image_format = FORMATS[path.suffix.lower()]
    image = PIL.Image.fromarray(pixels)
    if original.gray:
        image = image.convert("LA" if image.mode == "RGBA" else "L")
    if image_format in ("JPEG", "BMP") and image.mode in ("RGBA", "LA"):
        raise OutputError(
            f"{path}: {image_format} cannot hold the transparency of the source; .png or .webp was wanted"
        )
    options = dict(_SAVE_OPTIONS.get(image_format, {}))
    if image_format == "BMP":
        # A BMP file has no place for the orientation, so the pixels are turned instead.
        image.info["exif"] = original.exif
        image = PIL.ImageOps.exif_transpose(image)
    else:
        options |= {"exif": original.exif, "icc_profile": original.icc_profile}
    with atomic_output(path, overwrite=overwrite) as temporary:
        try:
            image.save(temporary, image_format, **options)
        except ValueError as error:
            raise OutputError(f"{path}: cannot be encoded as {image_format}: {error}") from None
