"""What the networks are, without MindSpore: names, sizes, limits, and the parameters that a model file must hold.

``runtime/include/dcelite.h`` and ``runtime/src`` state the same for C and C++; a test holds both against each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dcelite.errors import DceliteError
from dcelite.reference import ITERATIONS, SCENE_STATISTICS

MAX_SCALE = 64
"""Largest downsampling factor."""
MAX_DIMENSION = 65535
"""Largest width and height of an image in pixels."""
MAX_CHROMA_STEP = 16
"""Largest distance of chroma samples in bytes."""

LAYERS = 7
FILTERS = 32
SOURCES = ((0,), (1,), (2,), (3,), (3, 4), (2, 5), (1, 6))
"""Which outputs each layer reads; 0 is the image. Two are concatenated (Zero-DCE, figure 2)."""

STEERED = (1, 6)
"""The layers whose outputs the scene head adds to."""
SCENE_HIDDEN = 16
"""Units of its hidden layer."""
SCENE_HEAD = {
    "scene_head.hidden.weight": (SCENE_HIDDEN, SCENE_STATISTICS),
    "scene_head.hidden.bias": (SCENE_HIDDEN,),
    "scene_head.output.weight": (FILTERS * len(STEERED), SCENE_HIDDEN),
    "scene_head.output.bias": (FILTERS * len(STEERED),),
}
"""Name -> shape of the scene head's parameters: statistics of the small picture -> what is added to each channel of the
steered layers before their ReLU."""


@dataclass(frozen=True)
class Architecture:
    """A curve network: a published one, or one with a scene head."""

    name: str
    title: str
    """As its paper calls it."""
    code: int
    """In .dce files and in dce_model_info."""
    separable: bool
    """Layers are a 3x3 depthwise and a 1x1 pointwise convolution, not one of 3x3."""
    map_channels: int
    """Of the curve map: 3 (red, green, blue) shared by all iterations, or 3 for each iteration."""
    scale: int
    """Downsampling factor at run time, unless another is asked for."""
    has_scene: bool = False
    """Statistics of the whole picture steer the layers; see ``dcelite.reference``."""

    @property
    def layer_channels(self) -> list[tuple[int, int]]:
        """(input, output) channels of the layers 1 to 7."""
        outputs = [3, *[FILTERS] * (LAYERS - 1), self.map_channels]
        return [(sum(outputs[k] for k in SOURCES[n]), outputs[n + 1]) for n in range(LAYERS)]

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
        return shapes | SCENE_HEAD if self.has_scene else shapes

    @property
    def multiply_adds(self) -> int:
        """Of the network, for one low-resolution pixel: every weight of a convolution is used once.

        The scene head works once for a picture, and counts for nothing.
        """
        used = (name for name in self.parameter_shapes if name.endswith(".weight") and name not in SCENE_HEAD)
        return sum(math.prod(self.parameter_shapes[name]) for name in used)


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("zerodcepp", "Zero-DCE++", code=1, separable=True, map_channels=3, scale=12),
        Architecture(
            "zerodcepp_scene",
            "Zero-DCE++ with a scene head",
            code=3,
            separable=True,
            map_channels=3,
            scale=12,
            has_scene=True,
        ),
        Architecture("zerodce", "Zero-DCE", code=2, separable=False, map_channels=3 * ITERATIONS, scale=1),
    )
}
"""By name. Scale 12: section 3.5 of the paper of Zero-DCE++; Zero-DCE works at full resolution."""


def architecture_of(name: str) -> Architecture:
    """The architecture of a name; raises DceliteError."""
    if name not in ARCHITECTURES:
        raise DceliteError(f"{name}: is not an architecture; {' or '.join(ARCHITECTURES)} was wanted")
    return ARCHITECTURES[name]
