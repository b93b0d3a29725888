"""Cross-layer equalisation: every channel of every activation is brought to one range, without changing the network.

Between a depthwise layer and its pointwise layer stands nothing non-linear, so channel c of the depthwise output may be
shifted and scaled, d' = (d - m) / r, if the pointwise weights take up the scale (w r) and its bias the shift (w m).
ReLU lets positive factors pass, so channel c of a layer's output may be divided by its largest value, if the depthwise
weights of the layers that read it are multiplied by it. Both are exact. Afterwards one scale fits all channels:
depthwise outputs lie in -1 … 1, layer outputs in 0 … 1, and a concatenation joins tensors of the same scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcelite.model.architecture import SOURCES
from dcelite.quantize.float_network import Layer, Values
from dcelite.quantize.ranges import METHODS, Bounds, thinned

SMALLEST_SHARE = 0.02
"""A channel's range is taken to be at least this share of the widest in its tensor: a channel that the calibration
pictures hardly excite may be livelier in others, and huge factors would spoil the weights next to it."""


@dataclass(frozen=True)
class Ranges:
    """Bounds of the activations of the network as it was trained."""

    filtered: list[Bounds]
    """[n] of the depthwise output of layer n + 1."""
    outputs: list[NDArray[np.float64]]
    """[n] upper bounds of the output of layer n, 1 … 6 ([0], the image: 1)."""


def _stacked(arrays: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return thinned(np.concatenate([array.reshape(-1, array.shape[2]) for array in arrays]))


def measure_ranges(values: Sequence[Values], method: str) -> Ranges:
    """Ranges over the runs on the calibration pictures."""
    bounds = METHODS[method]
    depth = len(values[0].filtered)
    filtered = [bounds(_stacked([v.filtered[n] for v in values])) for n in range(depth)]
    outputs = [np.ones(3)] + [bounds(_stacked([v.outputs[n] for v in values]))[1] for n in range(1, depth)]
    return Ranges(filtered, outputs)


def _floored(widths: NDArray[np.float64]) -> NDArray[np.float64]:
    widest = float(widths.max())
    return np.maximum(widths, SMALLEST_SHARE * widest if widest > 0 else 1.0)


def equalize(layers: Sequence[Layer], ranges: Ranges) -> list[Layer]:
    """The same network with depthwise outputs in -1 … 1 and layer outputs in 0 … 1."""
    scales = [np.ones(3), *(_floored(upper) for upper in ranges.outputs[1:])]
    result = []
    for index, layer in enumerate(layers):
        factor = np.concatenate([scales[k] for k in SOURCES[index]])
        low, high = ranges.filtered[index]
        center, half = (low + high) / 2, _floored((high - low) / 2)
        own = scales[index + 1] if index + 1 < len(layers) else np.ones(len(layer.point))
        result.append(
            Layer(
                depth=(layer.depth * factor[:, None] / half[:, None]).astype(np.float32),
                depth_bias=((layer.depth_bias - center) / half).astype(np.float32),
                point=(layer.point * half / own[:, None]).astype(np.float32),
                point_bias=((layer.point_bias + layer.point @ center) / own).astype(np.float32),
            )
        )
    return result


def _least(importance: NDArray[np.float64], widths: NDArray[np.float64]) -> int:
    """The least important of the channels that are well above the floor of their scales."""
    alive = widths >= 2 * SMALLEST_SHARE * widths.max()
    return int(np.argmin(np.where(alive, importance, np.inf)))


def borne_by_one_channel(layers: Sequence[Layer], ranges: Ranges, values: Sequence[Values]) -> Ranges:
    """The ranges, with those of one channel of each tensor as narrow as its values on the calibration pictures.

    A converter that takes the smallest and the largest value of a tensor for its range leaves no headroom. After
    equalisation with these ranges that channel alone reaches the ends, and the others keep their headroom. It is the
    channel whose clipping would matter least.
    """
    filtered, outputs = [], [ranges.outputs[0]]
    for index, (low, high) in enumerate(ranges.filtered):
        width = high - low
        c = _least(np.abs(layers[index].point).max(axis=0) * width, width)
        samples = np.concatenate([v.filtered[index][:, :, c].ravel() for v in values])
        low, high = low.copy(), high.copy()
        low[c], high[c] = samples.min(), samples.max()
        filtered.append((low, high))
    for number, upper in enumerate(ranges.outputs[1:], start=1):
        importance = np.zeros(len(upper))
        for index, sources in enumerate(SOURCES):
            if number in sources:
                first = len(upper) * sources.index(number)
                importance += np.abs(layers[index].depth[first : first + len(upper)]).max(axis=1) * upper
        c = _least(importance, upper)
        narrowed = upper.copy()
        narrowed[c] = max(float(v.outputs[number][:, :, c].max()) for v in values)
        outputs.append(narrowed)
    return Ranges(filtered, outputs)
