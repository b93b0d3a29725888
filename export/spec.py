"""What an exported file computes: which network, at which scale, with which inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass

import dcelite
from dcelite.errors import DceliteError
from dcelite.model.architecture import ARCHITECTURES, MAX_DIMENSION, MAX_SCALE
from dcelite.reference import ITERATIONS, low_resolution_size

CURVE_NETWORK = "curve_network"
"""Kind of a file that holds the network alone: downsampled image -> curve map."""
ENHANCEMENT = "enhancement"
"""Kind of a file that holds downsampling, network, upsampling and curve: image -> enhanced image."""


@dataclass(frozen=True)
class ExportSpec:
    """One way to freeze a network.

    ``size`` is the (height, width) of the image that a whole enhancement is fixed to in formats that demand it; the
    curve network and ONNX take any size.
    """

    architecture: str
    scale: int
    resize_in_graph: bool = False
    uint8: bool = False
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.scale <= MAX_SCALE:
            raise DceliteError(f"--scale {self.scale}: 1 to {MAX_SCALE} was wanted")
        if self.size is not None and not all(1 <= side <= MAX_DIMENSION for side in self.size):
            raise DceliteError(f"--size {self.size_text}: 1x1 to {MAX_DIMENSION}x{MAX_DIMENSION} was wanted")

    @property
    def kind(self) -> str:
        return ENHANCEMENT if self.resize_in_graph else CURVE_NETWORK

    @property
    def map_channels(self) -> int:
        return ARCHITECTURES[self.architecture].map_channels

    @property
    def output_name(self) -> str:
        return "enhanced" if self.resize_in_graph else "curve_map"

    @property
    def size_text(self) -> str:
        """``HEIGHTxWIDTH``, or nothing where the size is free."""
        return "" if self.size is None else f"{self.size[0]}x{self.size[1]}"

    @property
    def low_resolution(self) -> tuple[int, int]:
        """(h, w) at which the network sees an image of the fixed size."""
        if self.size is None:
            raise ValueError("the size of this spec is free")
        return low_resolution_size(*self.size, self.scale)

    @property
    def input_text(self) -> str:
        """The input in words, for metadata and manifest."""
        if self.uint8:
            return "image: uint8 NHWC, RGB 0..255"
        return "image: float32 NCHW, RGB 0..1" + ("" if self.resize_in_graph else f", at 1/{self.scale} of the size")

    @property
    def output_text(self) -> str:
        """The output in words, for metadata and manifest."""
        if not self.resize_in_graph:
            return f"curve_map: float32 NCHW, {self.map_channels} channels, -1..1"
        return "enhanced: uint8 NHWC, RGB 0..255" if self.uint8 else "enhanced: float32 NCHW, RGB 0..1"

    def metadata(self, checkpoint_sha256: str, version: str = dcelite.__version__) -> dict[str, str]:
        """What a file says about itself, as the strings that ONNX and MindIR keep."""
        return {
            "dcelite.version": version,
            "dcelite.kind": self.kind,
            "dcelite.architecture": self.architecture,
            "dcelite.scale": str(self.scale),
            "dcelite.iterations": str(ITERATIONS),
            "dcelite.map_channels": str(self.map_channels),
            "dcelite.input": self.input_text,
            "dcelite.output": self.output_text,
            "dcelite.checkpoint_sha256": checkpoint_sha256,
        }

    def stem(self, name: str | None, sized: bool) -> str:
        """File name without suffix: the user's, or one that tells the specs apart.

        Args:
            name: the user's choice, or None.
            sized: the format fixes the image size.
        """
        if name is not None:
            return name
        parts = [self.architecture]
        if self.scale != ARCHITECTURES[self.architecture].scale:
            parts.append(f"s{self.scale}")
        if self.resize_in_graph:
            parts.append("full")
        if self.uint8:
            parts.append("uint8")
        if self.resize_in_graph and sized:
            parts.append(self.size_text)
        return "_".join(parts)
