"""The float network of Zero-DCE++ in NumPy, with a scene head or without, vectorised, with all its intermediate values.

Weights are those of a checkpoint, by their published names and in their shapes; activations have the names that they
have in the ONNX graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.model.architecture import SOURCES

Array = NDArray[np.float32]
Arrays = Mapping[str, Array]
"""Parameters by name."""
Values = dict[str, Array]
"""What a run computed: the ACTIVATIONS by name, and the curve map, each (h, w, channels)."""

Number = TypeVar("Number", bound=np.generic)

IMAGE, CURVE_MAP = "image", "curve_map"


class Layer(NamedTuple):
    """A separable layer: its activations, and its convolutions; ``.weight`` and ``.bias`` behind these are parameters.

    The output of a depthwise convolution bears the name of the convolution.
    """

    inputs: tuple[str, ...]
    depth: str
    point: str
    output: str


def _output_name(number: int) -> str:
    return {0: IMAGE, len(SOURCES): CURVE_MAP}.get(number, f"e_conv{number}.relu")


LAYERS = tuple(
    Layer(tuple(map(_output_name, sources)), f"e_conv{n}.depth_conv", f"e_conv{n}.point_conv", _output_name(n))
    for n, sources in enumerate(SOURCES, start=1)
)
ACTIVATIONS = tuple(name for layer in LAYERS for name in (layer.inputs[-1], layer.depth))
"""All that can be quantised, in the order of computation."""


def matrix(weight: NDArray[Number]) -> NDArray[Number]:
    """A weight with a row for each output channel: (C, 1, 3, 3) -> (C, 9), (O, I, 1, 1) -> (O, I)."""
    return weight.reshape(len(weight), -1)


def joined(values: Mapping[str, NDArray[Number]], layer: Layer) -> NDArray[Number]:
    """What a layer reads, concatenated."""
    sources = [values[name] for name in layer.inputs]
    return sources[0] if len(sources) == 1 else np.concatenate(sources, axis=2)


def shifted(x: NDArray[Number]) -> list[NDArray[Number]]:
    """The nine neighbours of every pixel, each (h, w, C), with zeros outside."""
    h, w = x.shape[:2]
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    return [padded[i : i + h, j : j + w] for i in range(3) for j in range(3)]


def depthwise(x: NDArray[Any], weight: NDArray[Any], bias: NDArray[Number]) -> NDArray[Number]:
    """(h, w, C) -> the same: zero-padded 3x3 convolution of each channel, in the type of the bias."""
    result: NDArray[Any] = np.broadcast_to(bias, x.shape).copy()
    for values, taps in zip(shifted(x), matrix(weight).T, strict=True):
        result += values * taps
    return result


def pointwise(x: Array, weight: Array, bias: Array) -> Array:
    """(h, w, I) -> (h, w, O): a 1x1 convolution."""
    return x @ matrix(weight).T + bias


Stored = Callable[[str, Array], Array]
"""Name and values of an activation -> what the layers that read it see."""


def scene_offsets(image: Array, arrays: Arrays) -> dict[str, Array]:
    """(h, w, 3) -> what the scene head adds to pointwise convolutions, by their names; empty for weights without one.

    The head sees the picture before it is rounded to 8 bits, as it does in all engines.
    """
    if not reference.has_scene_head(arrays):
        return {}
    offsets = reference.scene_offsets(reference.scene_statistics(image.astype(np.float64)), arrays)
    return {LAYERS[number - 1].point: offset.astype(np.float32) for number, offset in offsets.items()}


def run(image: Array, arrays: Arrays, stored: Stored = lambda _, x: x) -> Values:
    """(h, w, 3) in 0 … 1 -> all values."""
    offsets = scene_offsets(image, arrays)
    values = {IMAGE: stored(IMAGE, image)}
    for layer in LAYERS:
        filtered = depthwise(joined(values, layer), arrays[f"{layer.depth}.weight"], arrays[f"{layer.depth}.bias"])
        values[layer.depth] = stored(layer.depth, filtered)
        result = pointwise(values[layer.depth], arrays[f"{layer.point}.weight"], arrays[f"{layer.point}.bias"])
        if layer.point in offsets:
            result += offsets[layer.point]
        if layer.output == CURVE_MAP:
            values[CURVE_MAP] = np.tanh(result)
        else:
            values[layer.output] = stored(layer.output, np.maximum(result, np.float32(0)))
    return values


def run_all(images: Sequence[Array], arrays: Arrays) -> list[Values]:
    """The network on every picture."""
    return [run(image, arrays) for image in images]
