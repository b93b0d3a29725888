"""The integer arithmetic of the int8 network: the specification of the native kernels, exact to the last bit.

After equalisation all activations of a kind have one scale:

* the image and the outputs of layers 1 to 6 are uint8, value / 255;
* the depthwise outputs are uint8, (value - 128) / 127;
* weights are int8 (-127 … 127) with a scale for each output channel; biases are int32; sums are int32.

A depthwise output is     clamp(rint(float32(sum) * multiplier)), sum = bias + Σ weight * value over the taps,
a layer output            clamp(rint(float32(sum) * multiplier)), sum = bias + Σ weight * value over the channels,
the curve map             tanh(float32(sum) * multiplier)         in layer 7,

where float32() and the product are rounded to float32, rint rounds to nearest, ties to even, and clamp limits to
0 … 255, which is ReLU as well. The zero point 128 of the depthwise outputs is part of the biases. Padding is 0. tanh is
that of :func:`tanh`, in float32 operations in this order, none of them contracted.

|bias| <= 2^29 and multiplier <= 1 keep all sums and products within int32 (64 * 255 * 127 < 2^21).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.model.dce_file import INT8, DceModel
from dcelite.quantize.float_network import TAPS, Layer, joined, shifted

LARGEST_WEIGHT = 127
OUTPUT_SCALE = 1 / 255
FILTERED_SCALE = 1 / 127
FILTERED_ZERO = 128
LARGEST_BIAS = 2**29

Int8 = NDArray[np.int8]
Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class QuantizedLayer:
    """A layer of the equalised network with integer weights: weight = integer * scale."""

    depth: Int8
    """(inputs, 9)"""
    depth_scale: Float32
    """(inputs)"""
    depth_bias: Float32
    """(inputs), real"""
    point: Int8
    """(outputs, inputs)"""
    point_scale: Float32
    """(outputs)"""
    point_bias: Float32
    """(outputs), real"""

    @property
    def dequantized(self) -> Layer:
        """The layer that the integers stand for."""
        depth = self.depth * self.depth_scale[:, None]
        point = self.point * self.point_scale[:, None]
        return Layer(depth.astype(np.float32), self.depth_bias, point.astype(np.float32), self.point_bias)


@dataclass(frozen=True)
class IntegerLayer:
    """A layer as the kernels read it."""

    depth: Int8
    depth_bias: Int32
    depth_multiplier: Float32
    point: Int8
    point_bias: Int32
    point_multiplier: Float32


def _bias(values: NDArray[np.float64]) -> Int32:
    return np.clip(np.rint(values), -LARGEST_BIAS, LARGEST_BIAS).astype(np.int32)


def integer_layers(layers: Sequence[QuantizedLayer]) -> list[IntegerLayer]:
    """Biases and multipliers in the units of the sums."""
    result = []
    for index, layer in enumerate(layers):
        depth_unit = OUTPUT_SCALE * layer.depth_scale.astype(np.float64)
        depth_multiplier = depth_unit / FILTERED_SCALE
        depth_bias = layer.depth_bias / depth_unit + FILTERED_ZERO / depth_multiplier
        point_unit = FILTERED_SCALE * layer.point_scale.astype(np.float64)
        last = index + 1 == len(layers)
        point_multiplier = point_unit if last else point_unit / OUTPUT_SCALE
        point_bias = layer.point_bias / point_unit - FILTERED_ZERO * layer.point.sum(axis=1, dtype=np.int64)
        result.append(
            IntegerLayer(
                layer.depth,
                _bias(depth_bias),
                np.minimum(depth_multiplier, 1).astype(np.float32),
                layer.point,
                _bias(point_bias),
                np.minimum(point_multiplier, 1).astype(np.float32),
            )
        )
    return result


def dce_model(layers: Sequence[IntegerLayer], scale: int) -> DceModel:
    """What an int8 ``.dce`` holds."""
    arrays: dict[str, NDArray[Any]] = {}
    for number, layer in enumerate(layers, start=1):
        for part in ("depth", "point"):
            for value, name in (("", "weight"), ("_bias", "bias"), ("_multiplier", "multiplier")):
                arrays[f"e_conv{number}.{part}_conv.{name}"] = getattr(layer, f"{part}{value}")
    return DceModel("zerodcepp", scale, arrays, INT8)


def requantize(sums: Int32, multiplier: Float32) -> NDArray[np.uint8]:
    """int32 -> uint8."""
    values: NDArray[np.uint8] = np.clip(np.rint(sums.astype(np.float32) * multiplier), 0, 255).astype(np.uint8)
    return values


def quantize_image(image: Float32) -> NDArray[np.uint8]:
    """0 … 1 -> 0 … 255, ties to even."""
    levels: NDArray[np.uint8] = np.clip(np.rint(image * np.float32(255)), 0, 255).astype(np.uint8)
    return levels


def tanh(x: Float32) -> Float32:
    """tanh x = 1 - 2 / (e^2x + 1); e^y = 2^n e^f with n the integer nearest to y log2(e), e^f by its Taylor series.

    Every operation is rounded to float32, in the order written.
    """
    f32 = np.float32
    x = np.minimum(np.maximum(x, f32(-9.5)), f32(9.5))
    shifted_n = x * f32(2.88539008) + f32(12582912.0)  # 1.5 * 2^23: adding it rounds to an integer
    n = shifted_n - f32(12582912.0)
    f = x * f32(2.0) - n * f32(0.693147181)
    power = np.full_like(x, f32(1 / 5040))
    for coefficient in (1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0):
        power = power * f + f32(coefficient)
    scale = np.ldexp(f32(1), n.astype(np.int32)).astype(np.float32)
    return f32(1) - f32(2) / (power * scale + f32(1))


def run(image: NDArray[np.uint8], layers: Sequence[IntegerLayer]) -> Float32:
    """uint8 (h, w, 3) at the network's resolution -> curve map (h, w, 3)."""
    outputs: list[NDArray[np.int32]] = [image.astype(np.int32)]
    for index, layer in enumerate(layers):
        x = joined(outputs, index)
        sums = np.broadcast_to(layer.depth_bias, x.shape).copy()
        for tap, values in zip(range(TAPS), shifted(x), strict=True):
            sums += values * layer.depth[:, tap].astype(np.int32)
        filtered = requantize(sums, layer.depth_multiplier)
        # float64 holds these sums exactly, and its matrix product is much faster than that of integers.
        product = filtered.astype(np.float64) @ layer.point.T.astype(np.float64)
        sums = product.astype(np.int32) + layer.point_bias
        if index + 1 == len(layers):
            return tanh(sums.astype(np.float32) * layer.point_multiplier)
        outputs.append(requantize(sums, layer.point_multiplier).astype(np.int32))
    raise ValueError("no layers")
