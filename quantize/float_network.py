"""The float network of Zero-DCE++ in NumPy, vectorised, with all its intermediate values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dcelite.model.architecture import LAYERS, SOURCES

Array = NDArray[np.float32]

Number = TypeVar("Number", bound=np.generic)

TAPS = 9  # of a 3x3 kernel


def filtered_name(index: int) -> str:
    """The depthwise output of layer index + 1, as in the ONNX graph."""
    return f"e_conv{index + 1}.depth_conv"


def output_name(number: int) -> str:
    """The output of a layer, 1 … 6; 0 is the image."""
    return f"e_conv{number}.relu" if number else "image"


ACTIVATIONS = tuple(name for n in range(LAYERS) for name in (output_name(n), filtered_name(n)))
"""All that can be quantised, in the order of computation."""


@dataclass(frozen=True)
class Layer:
    """A separable layer: depthwise 3x3, then pointwise."""

    depth: Array  # (inputs, 9)
    depth_bias: Array  # (inputs)
    point: Array  # (outputs, inputs)
    point_bias: Array  # (outputs)


@dataclass(frozen=True)
class Values:
    """What a run computed."""

    filtered: list[Array]
    """[n] the depthwise output of layer n + 1, (h, w, inputs)."""
    outputs: list[Array]
    """[0] the image (h, w, 3), [n] the output of layer n after ReLU; the last one before tanh."""

    @property
    def curve_map(self) -> Array:
        return np.tanh(self.outputs[-1])

    @property
    def named(self) -> dict[str, Array]:
        """All activations that can be quantised, in the order of ACTIVATIONS."""
        pairs = zip(self.outputs, self.filtered, strict=False)  # without the last output, which is that of the network
        return dict(zip(ACTIVATIONS, (array for pair in pairs for array in pair), strict=True))


def layers_of(arrays: Mapping[str, Array]) -> list[Layer]:
    """The layers of a Zero-DCE++ checkpoint."""
    layers = []
    for number in range(1, LAYERS + 1):
        name = f"e_conv{number}"
        depth, point = arrays[f"{name}.depth_conv.weight"], arrays[f"{name}.point_conv.weight"]
        biases = arrays[f"{name}.depth_conv.bias"], arrays[f"{name}.point_conv.bias"]
        layers.append(Layer(depth.reshape(len(depth), TAPS), biases[0], point[:, :, 0, 0], biases[1]))
    return layers


def arrays_of(layers: Sequence[Layer]) -> dict[str, Array]:
    """The inverse of :func:`layers_of`."""
    arrays = {}
    for number, layer in enumerate(layers, start=1):
        name = f"e_conv{number}"
        arrays[f"{name}.depth_conv.weight"] = layer.depth.reshape(-1, 1, 3, 3).astype(np.float32)
        arrays[f"{name}.depth_conv.bias"] = layer.depth_bias.astype(np.float32)
        arrays[f"{name}.point_conv.weight"] = layer.point[:, :, None, None].astype(np.float32)
        arrays[f"{name}.point_conv.bias"] = layer.point_bias.astype(np.float32)
    return arrays


def joined(outputs: Sequence[NDArray[Number]], index: int) -> NDArray[Number]:
    """What the layer of an index (0 … 6) reads, concatenated."""
    sources = [outputs[k] for k in SOURCES[index]]
    return sources[0] if len(sources) == 1 else np.concatenate(sources, axis=2)


def shifted(x: NDArray[Number]) -> list[NDArray[Number]]:
    """The nine neighbours of every pixel, each (h, w, C), with zeros outside."""
    h, w = x.shape[:2]
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    return [padded[t // 3 : t // 3 + h, t % 3 : t % 3 + w] for t in range(TAPS)]


def depthwise(x: Array, weight: Array, bias: Array) -> Array:
    """(h, w, C) -> the same: zero-padded 3x3 convolution of each channel; weight (C, 9)."""
    result = np.broadcast_to(bias, x.shape).copy()
    for tap, values in enumerate(shifted(x)):
        result += values * weight[:, tap]
    return result


Stored = Callable[[str, Array], Array]
"""Name and values of an activation -> what the layers that read it see."""


def run(image: Array, layers: Sequence[Layer], stored: Stored = lambda _, x: x) -> Values:
    """(h, w, 3) in 0 … 1 -> all values."""
    filtered: list[Array] = []
    outputs = [stored(output_name(0), image)]
    for index, layer in enumerate(layers):
        values = depthwise(joined(outputs, index), layer.depth, layer.depth_bias)
        filtered.append(stored(filtered_name(index), values))
        result = filtered[-1] @ layer.point.T + layer.point_bias
        last = index + 1 == len(layers)
        outputs.append(result if last else stored(output_name(index + 1), np.maximum(result, np.float32(0))))
    return Values(filtered, outputs)


def run_all(images: Sequence[Array], layers: Sequence[Layer]) -> list[Values]:
    """The network on every picture."""
    return [run(image, layers) for image in images]
