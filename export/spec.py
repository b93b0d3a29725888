"""What an exported file computes: which network, at which scale, with which inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass

import dcelite
from dcelite.errors import DceliteError
from dcelite.model.architecture import ARCHITECTURES, MAX_DIMENSION, MAX_SCALE
from dcelite.reference import ITERATIONS


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
        """The network alone, downsampled image -> curve map; or all five steps, image -> enhanced image."""
        return "enhancement" if self.resize_in_graph else "curve_network"

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

    def metadata(self, checkpoint_sha256: str, version: str = dcelite.__version__) -> dict[str, str]:
        """What a file says about itself, as the strings that ONNX and MindIR keep."""
        source = result = "uint8 NHWC, RGB 0..255" if self.uint8 else "float32 NCHW, RGB 0..1"
        if not self.resize_in_graph:
            source += f", at 1/{self.scale} of the size"
            result = f"float32 NCHW, {self.map_channels} channels, -1..1"
        return {
            "dcelite.version": version,
            "dcelite.kind": self.kind,
            "dcelite.architecture": self.architecture,
            "dcelite.scale": str(self.scale),
            "dcelite.iterations": str(ITERATIONS),
            "dcelite.map_channels": str(self.map_channels),
            "dcelite.input": f"image: {source}",
            "dcelite.output": f"{self.output_name}: {result}",
            "dcelite.checkpoint_sha256": checkpoint_sha256,
        }

    @property
    def stem(self) -> str:
        """File name without suffix that tells the specs apart."""
        parts = {
            self.architecture: True,
            f"s{self.scale}": self.scale != ARCHITECTURES[self.architecture].scale,
            "full": self.resize_in_graph,
            "uint8": self.uint8,
            self.size_text: self.size is not None,
        }
        return "_".join(part for part, told in parts.items() if told)
