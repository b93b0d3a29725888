"""Photographs as files: compressed as near to the file they come from as the format allows, with its metadata."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dcelite.errors import OutputError
from dcelite.files import refuse_existing, write_bytes_atomically
from dcelite.images import jpeg, png, tiff
from dcelite.images.formats import FORMATS, check_suffix
from dcelite.images.metadata import Metadata, losses
from dcelite.images.photograph import Photograph, eight_bits, upright

QUALITY = {"JPEG": 95, "WEBP": 90, "AVIF": 85, "HEIF": 85}
"""Of formats with loss, where the source's own is not known; each looks like its source at a glance."""
_TURNED = ("BMP", "AVIF", "HEIF")
"""Formats that are written with turned pixels: they have no EXIF data, or a place of their own for orientation."""
_DEEP = ("PNG", "TIFF", "HEIF")
_LUMA = np.array([0.299, 0.587, 0.114])
_OPAQUE = ("JPEG", "BMP")


def encode_photograph(path: Path, pixels: NDArray[Any], photograph: Photograph, quality: int | None = None) -> bytes:
    """Encode ``pixels`` in the format of the suffix of ``path``, with the metadata of the photograph they come from.

    Args:
        pixels: RGB or RGBA (H, W, 3 or 4), uint8 or uint16.
        photograph: what the format cannot hold is added to its ``notes``.
        quality: 1 to 100, of JPEG, WebP, AVIF and HEIC; None stays as near to the source as the format allows.

    Raises:
        OutputError: the suffix is unknown, the format cannot hold the picture, or its encoder fails.
    """
    check_suffix(path)
    image_format = FORMATS[path.suffix.lower()]
    alpha = pixels.shape[2] == 4
    if alpha and image_format in _OPAQUE:
        raise OutputError(
            f"{path}: {image_format} cannot hold the transparency of the source; .png, .webp or .tiff was wanted"
        )
    metadata, notes = photograph.metadata, photograph.notes
    notes += losses(metadata, image_format)
    if quality is not None and image_format not in QUALITY:
        notes.append(f"{image_format} has no --quality")
    if pixels.dtype == np.uint16 and image_format not in _DEEP:
        pixels = eight_bits(pixels)
        notes.append(f"{image_format} holds 8 bits a channel, 16 were reduced")
    if image_format in _TURNED:
        pixels, metadata = upright(pixels, metadata)
    if photograph.gray:
        pixels = _as_gray(pixels)
    try:
        if image_format == "TIFF":
            return tiff.encode(pixels, metadata)
        if image_format == "HEIF":
            return _encode_heif(pixels, photograph, metadata, quality)
        if image_format == "PNG" and pixels.dtype == np.uint16:
            return png.join(png.encode(pixels), metadata)
        encoded = _encode(pixels, image_format, photograph, metadata, quality)
    except (ValueError, OSError, RuntimeError, MemoryError) as error:
        size = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise OutputError(
            f"{path}: a picture of {size} cannot be encoded as {image_format}: {error or type(error).__name__}"
        ) from None
    if image_format == "PNG":
        return png.join(encoded, metadata)
    if image_format == "JPEG":
        encoded, lost = jpeg.join(encoded, metadata)
        notes += lost
    return encoded


def write_photograph(
    path: Path,
    pixels: NDArray[Any],
    photograph: Photograph,
    *,
    overwrite: bool = False,
    quality: int | None = None,
) -> None:
    """Write what encode_photograph makes, atomically.

    Raises:
        OutputError: as encode_photograph does; the file exists, without ``overwrite``, or cannot be written.
    """
    refuse_existing(path, overwrite)
    write_bytes_atomically(path, encode_photograph(path, pixels, photograph, quality), overwrite=overwrite)


def _encode(
    pixels: NDArray[np.uint8], image_format: str, photograph: Photograph, metadata: Metadata, quality: int | None
) -> bytes:
    """By Pillow, which puts the metadata of WebP and AVIF in as they are."""
    options: dict[str, Any] = {}
    if image_format == "JPEG":
        options = {"quality": quality or QUALITY["JPEG"], "subsampling": "4:4:4"}
        if photograph.format == "JPEG":
            options |= {k: v for k, v in photograph.compression.items() if quality is None or k != "qtables"}
            if quality is None:
                del options["quality"]
    elif image_format in ("WEBP", "AVIF"):
        options = {"quality": quality or QUALITY[image_format]}
        options |= {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": metadata.icc_profile}
        if image_format == "WEBP" and quality is None and photograph.lossless:
            options |= {"lossless": True, "quality": 75, "exact": True}
        if image_format == "AVIF":
            options["subsampling"] = "4:4:4"
    elif image_format == "BMP" and metadata.density:
        options["dpi"] = metadata.density
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(stream, image_format, **options)
    return stream.getvalue()


def _encode_heif(pixels: NDArray[Any], photograph: Photograph, metadata: Metadata, quality: int | None) -> bytes:
    import pillow_heif

    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    if pixels.dtype == np.uint16:
        mode = {"L": "I;16", "LA": "LA;16"}.get(mode, f"{mode};16")
    stream = io.BytesIO()
    options: dict[str, Any] = {name: value for name, value in photograph.compression.items() if name == "nclx_profile"}
    parts = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": metadata.icc_profile}
    options |= {name: value for name, value in parts.items() if value}
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).tobytes()
    pillow_heif.encode(mode, (width, height), data, stream, quality=quality or QUALITY["HEIF"], chroma=444, **options)
    return stream.getvalue()


def _as_gray(pixels: NDArray[Any]) -> NDArray[Any]:
    """RGB or RGBA to luma (ITU-R BT.601) and alpha, where there is one."""
    luma = np.empty((*pixels.shape[:2], pixels.shape[2] - 2), pixels.dtype)
    luma[..., 0] = (pixels[..., :3] @ _LUMA + 0.5).astype(pixels.dtype)
    luma[..., 1:] = pixels[..., 3:]
    return luma
