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

A scene head is computed in double precision. Its outputs are in units of the sums of the layers that they are added to,
and become part of the biases of these for a picture:

    bias + clamp(rint(output)), clamped to -2^29 … 2^29.

|bias| <= 2^29 and multiplier <= 1 keep all sums and products within int32 (64 * 255 * 127 < 2^21).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.model.architecture import STEERED
from dcelite.model.dce_file import INT8, DceModel
from dcelite.quantize.equalize import scaled_head
from dcelite.quantize.float_network import CURVE_MAP, IMAGE, LAYERS, depthwise, joined, matrix

LARGEST_WEIGHT = 127
OUTPUT_SCALE = 1 / 255
FILTERED_SCALE = 1 / 127
FILTERED_ZERO = 128
LARGEST_BIAS = 2**29

PARTS = ("weight", "bias", "multiplier")

Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Rounded:
    """A convolution with integer weights: weight = steps * scale."""

    steps: NDArray[np.int16]
    """In the shape of the weight; within int8, unless they are for float activations."""
    scale: Float32  # (rows)
    bias: Float32  # (rows), real

    @property
    def real(self) -> Float32:
        return self.steps * self.scale[:, None, None, None]


@dataclass(frozen=True)
class Network:
    """The equalised network with integer weights."""

    convolutions: Mapping[str, Rounded]
    """By name, depthwise and pointwise."""
    head: Mapping[str, Float32]
    """The parameters of the scene head, which stay as they are; empty where there is none."""


def dequantized(network: Network) -> dict[str, Float32]:
    """The parameters that the integers stand for."""
    weights = {f"{name}.weight": rounded.real for name, rounded in network.convolutions.items()}
    biases = {f"{name}.bias": rounded.bias for name, rounded in network.convolutions.items()}
    return {**weights, **biases, **network.head}


def dce_model(network: Network, scale: int) -> DceModel:
    """What an int8 ``.dce`` holds: biases and multipliers in the units of the sums."""
    arrays: dict[str, NDArray[Any]] = {}

    def add(name: str, bias: Float64, multiplier: Float64) -> None:
        arrays[f"{name}.weight"] = network.convolutions[name].steps.astype(np.int8)
        arrays[f"{name}.bias"] = np.clip(np.rint(bias), -LARGEST_BIAS, LARGEST_BIAS).astype(np.int32)
        arrays[f"{name}.multiplier"] = np.minimum(multiplier, 1).astype(np.float32)

    units = []
    for layer in LAYERS:
        depth, point = network.convolutions[layer.depth], network.convolutions[layer.point]
        unit = OUTPUT_SCALE * depth.scale.astype(np.float64)
        multiplier = unit / FILTERED_SCALE
        add(layer.depth, depth.bias / unit + FILTERED_ZERO / multiplier, multiplier)
        unit = FILTERED_SCALE * point.scale.astype(np.float64)
        bias = point.bias / unit - FILTERED_ZERO * matrix(point.steps).sum(axis=1, dtype=np.int64)
        add(layer.point, bias, unit if layer.output == CURVE_MAP else unit / OUTPUT_SCALE)
        units.append(unit)
    arrays |= scaled_head(network.head, [1 / units[number - 1] for number in STEERED])
    return DceModel("zerodcepp_scene" if network.head else "zerodcepp", scale, arrays, INT8)


def in_8_bits(name: str, values: Float32) -> Float32:
    """An activation through uint8 and back."""
    scale, zero = (FILTERED_SCALE, FILTERED_ZERO) if name.endswith(".depth_conv") else (OUTPUT_SCALE, 0)
    steps: Float32 = np.clip(np.rint(values / np.float32(scale)), -zero, 255 - zero)
    return steps * np.float32(scale)


def requantize(sums: Int32, multiplier: Float32) -> NDArray[np.uint8]:
    """int32 -> uint8."""
    values: NDArray[np.uint8] = np.clip(np.rint(sums.astype(np.float32) * multiplier), 0, 255).astype(np.uint8)
    return values


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


def scene_steps(image: NDArray[np.uint8], model: DceModel) -> dict[str, Int32]:
    """(h, w, 3) -> what a scene head adds to the sums of pointwise convolutions, by their names."""
    if not reference.has_scene_head(model.arrays):
        return {}
    offsets = reference.scene_offsets(reference.scene_statistics(image / 255.0), model.arrays)
    return {
        LAYERS[number - 1].point: np.clip(np.rint(offset), -LARGEST_BIAS, LARGEST_BIAS).astype(np.int32)
        for number, offset in offsets.items()
    }


def run(image: NDArray[np.uint8], model: DceModel) -> Float32:
    """uint8 (h, w, 3) at the network's resolution -> curve map (h, w, 3).

    The statistics of a scene head are those of this picture. The engine takes them from the small picture before it is
    rounded to 8 bits, which is the same where its levels are whole, as at scale 1.
    """
    steps = scene_steps(image, model)
    outputs: dict[str, Int32] = {IMAGE: image.astype(np.int32)}
    for layer in LAYERS:
        weight, bias, multiplier = (model.arrays[f"{layer.depth}.{part}"] for part in PARTS)
        filtered = requantize(depthwise(joined(outputs, layer), weight.astype(np.int32), bias), multiplier)
        weight, bias, multiplier = (model.arrays[f"{layer.point}.{part}"] for part in PARTS)
        # float64 holds these sums exactly, and its matrix product is much faster than that of integers.
        sums = (filtered.astype(np.float64) @ matrix(weight).T.astype(np.float64)).astype(np.int32) + bias
        if layer.point in steps:
            sums += steps[layer.point]
        if layer.output != CURVE_MAP:
            outputs[layer.output] = requantize(sums, multiplier).astype(np.int32)
    return tanh(sums.astype(np.float32) * multiplier)
