"""What the two networks are, without MindSpore: their names, sizes and the parameters that a checkpoint must hold."""

from __future__ import annotations

from dataclasses import dataclass

from dcelite.errors import DceliteError

ARCHITECTURES = ("zerodcepp", "zerodce")
LAYERS = 7
DEFAULT_SCALES = {"zerodcepp": 12, "zerodce": 1}
"""Downsampling factor at run time: 12 for Zero-DCE++ (section 3.5 of its paper); Zero-DCE works at full resolution."""


@dataclass(frozen=True)
class NetworkConfig:
    """A curve network. The defaults are the published networks, the only ones that the engines of dcelite run."""

    architecture: str = "zerodcepp"
    """``zerodcepp``: separable layers, one curve map for all iterations. ``zerodce``: plain layers, a map each."""
    filters: int = 32
    iterations: int = 8

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            wanted = " or ".join(ARCHITECTURES)
            raise DceliteError(f"{self.architecture}: is not an architecture; {wanted} was wanted")
        if self.filters < 1 or self.iterations < 1:
            raise DceliteError(f"{self.filters} filters, {self.iterations} iterations: at least 1 of each was wanted")

    @property
    def separable(self) -> bool:
        return self.architecture == "zerodcepp"

    @property
    def map_channels(self) -> int:
        """Channels of the curve map: 3 (red, green, blue) shared by all iterations, or 3 for each iteration."""
        return 3 if self.separable else 3 * self.iterations

    @property
    def layer_channels(self) -> list[tuple[int, int]]:
        """(input, output) channels of the layers 1 to 7; layers 5 to 7 read two concatenated outputs."""
        f = self.filters
        return [(3, f), (f, f), (f, f), (f, f), (2 * f, f), (2 * f, f), (2 * f, self.map_channels)]

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every parameter, in the order of the layers; the names are those of the published code."""
        shapes: dict[str, tuple[int, ...]] = {}
        for number, (channels_in, channels_out) in enumerate(self.layer_channels, start=1):
            layer = f"e_conv{number}"
            if self.separable:
                shapes[f"{layer}.depth_conv.weight"] = (channels_in, 1, 3, 3)
                shapes[f"{layer}.depth_conv.bias"] = (channels_in,)
                shapes[f"{layer}.point_conv.weight"] = (channels_out, channels_in, 1, 1)
                shapes[f"{layer}.point_conv.bias"] = (channels_out,)
            else:
                shapes[f"{layer}.weight"] = (channels_out, channels_in, 3, 3)
                shapes[f"{layer}.bias"] = (channels_out,)
        return shapes
