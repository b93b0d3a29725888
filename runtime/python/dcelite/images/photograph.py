"""A decoded photograph, and what its file says beyond the pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.images import exif
from dcelite.images.metadata import Metadata, prepared_xmp


@dataclass
class Photograph:
    """A decoded photograph and what has to survive its processing."""

    pixels: NDArray[Any]
    """RGB (H, W, 3) or RGBA (H, W, 4), uint8 or uint16, as stored: not turned by the orientation of the metadata."""
    gray: bool = False
    """The file holds one luminance channel; it is written back as such."""
    format: str = "PNG"
    """One of formats.FORMATS."""
    metadata: Metadata = field(default_factory=Metadata)
    compression: dict[str, Any] = field(default_factory=dict)
    """How the file was compressed, as its format's encoder takes it; empty for a format without loss."""
    lossless: bool = True
    notes: list[str] = field(default_factory=list)
    """What was lost, in words: in reading, and then in writing."""
    damage: list[str] = field(default_factory=list)
    """What of the pixels could not be read, in words; the rest is there."""


def eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """uint16 pixels to the nearest of the 256 levels; uint8 ones as they are."""
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels as they are to be looked at; ``orientation`` as EXIF counts, 1 (as they are) to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def upright(pixels: NDArray[Any], metadata: Metadata) -> tuple[NDArray[Any], Metadata]:
    """Pixels turned as the metadata say, and metadata that say no more of it."""
    pixels = turned(pixels, exif.orientation(metadata.exif))
    block, _ = exif.prepared(exif.without_orientation(metadata.exif), (pixels.shape[1], pixels.shape[0]))
    return pixels, Metadata(
        metadata.container,
        exif=block,
        xmp=prepared_xmp(metadata.xmp, turned=True),
        icc_profile=metadata.icc_profile,
        density=metadata.density,
    )
