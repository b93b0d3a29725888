"""A decoded photograph, and what its file says beyond the pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from dcelite.images.metadata import Metadata


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
