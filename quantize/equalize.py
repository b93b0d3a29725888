"""Cross-layer equalisation: every channel of every activation is brought to one range, without changing the network.

Between a depthwise layer and its pointwise layer stands nothing non-linear, so channel c of the depthwise output may be
shifted and scaled, d' = (d - m) / r, if the pointwise weights take up the scale (w r) and its bias the shift (w m).
ReLU lets positive factors pass, so channel c of a layer's output may be divided by its largest value, if the depthwise
weights of the layers that read it are multiplied by it. Both are exact. Afterwards one scale fits all channels:
depthwise outputs lie in -1 … 1, layer outputs in 0 … 1, and a concatenation joins tensors of the same scale. What a
scene head adds to a channel is divided by the same value as its weights and bias.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dcelite.model.architecture import SCENE_HEAD, STEERED
from dcelite.quantize.float_network import ACTIVATIONS, IMAGE, LAYERS, Array, Arrays, Values, matrix
from dcelite.quantize.ranges import METHODS, Bounds, thinned

SMALLEST_SHARE = 0.02
"""A channel's range is taken to be at least this share of the widest in its tensor: a channel that the calibration
pictures hardly excite may be livelier in others, and huge factors would spoil the weights next to it."""

Ranges = dict[str, Bounds]
"""Bounds of the ACTIVATIONS of the network as it was trained; the lower ones of image and layer outputs are 0."""


def measure_ranges(values: Sequence[Values], method: str) -> Ranges:
    """Ranges over the runs on the calibration pictures; the image's are 0 to 1."""
    ranges = {IMAGE: (np.zeros(3), np.ones(3))}
    for name in ACTIVATIONS[1:]:
        samples = thinned(np.concatenate([v[name].reshape(-1, v[name].shape[2]) for v in values]))
        low, high = METHODS[method](samples)
        ranges[name] = low if name.endswith(".depth_conv") else np.zeros(len(high)), high
    return ranges


def _floored(widths: NDArray[np.float64]) -> NDArray[np.float64]:
    widest = float(widths.max())
    return np.maximum(widths, SMALLEST_SHARE * widest if widest > 0 else 1.0)


def scaled_head(arrays: Arrays, factors: Sequence[NDArray[np.float64]]) -> dict[str, Array]:
    """The scene head, if any, with other units for what it adds to each of the steered layers."""
    head = {name: arrays[name] for name in SCENE_HEAD if name in arrays}
    if head:
        factor = np.concatenate(factors)
        head["scene_head.output.weight"] = (head["scene_head.output.weight"] * factor[:, None]).astype(np.float32)
        head["scene_head.output.bias"] = (head["scene_head.output.bias"] * factor).astype(np.float32)
    return head


def equalize(arrays: Arrays, ranges: Ranges) -> dict[str, Array]:
    """The same network with depthwise outputs in -1 … 1 and layer outputs in 0 … 1."""
    result = {}
    owns = []
    for layer in LAYERS:
        factor = np.concatenate([_floored(ranges[name][1]) for name in layer.inputs])
        low, high = ranges[layer.depth]
        center, half = (low + high) / 2, _floored((high - low) / 2)
        own = _floored(ranges[layer.output][1]) if layer.output in ranges else np.ones(1)
        depth, point = arrays[f"{layer.depth}.weight"], arrays[f"{layer.point}.weight"]
        result[f"{layer.depth}.weight"] = depth * factor[:, None, None, None] / half[:, None, None, None]
        result[f"{layer.depth}.bias"] = (arrays[f"{layer.depth}.bias"] - center) / half
        result[f"{layer.point}.weight"] = point * half[:, None, None] / own[:, None, None, None]
        result[f"{layer.point}.bias"] = (arrays[f"{layer.point}.bias"] + matrix(point) @ center) / own
        owns.append(own)
    result |= scaled_head(arrays, [1 / owns[number - 1] for number in STEERED])
    return {name: array.astype(np.float32) for name, array in result.items()}


def borne_by_one_channel(arrays: Arrays, ranges: Ranges, values: Sequence[Values]) -> Ranges:
    """The ranges, with those of one channel of each tensor as narrow as its values on the calibration pictures.

    A converter that takes the smallest and the largest value of a tensor for its range leaves no headroom. After
    equalisation with these ranges that channel alone reaches the ends, and the others keep their headroom. It is the
    channel whose clipping would matter least.
    """
    # How much each channel weighs where it is read: its largest weight, summed over the readers.
    weights = {layer.depth: np.abs(matrix(arrays[f"{layer.point}.weight"])).max(axis=0) for layer in LAYERS}
    for layer in LAYERS:
        largest = np.abs(matrix(arrays[f"{layer.depth}.weight"])).max(axis=1)
        for name, part in zip(layer.inputs, np.split(largest, len(layer.inputs)), strict=True):
            weights[name] = weights.get(name, 0) + part
    result = {IMAGE: ranges[IMAGE]}
    for name in ACTIVATIONS[1:]:
        low, high = (bound.copy() for bound in ranges[name])
        widths = high - low
        alive = widths >= 2 * SMALLEST_SHARE * widths.max()  # well above the floor of their scales
        c = int(np.argmin(np.where(alive, weights[name] * widths, np.inf)))
        samples = np.concatenate([v[name][:, :, c].ravel() for v in values])
        high[c] = samples.max()
        if name.endswith(".depth_conv"):
            low[c] = samples.min()
        result[name] = low, high
    return result
