"""Weights to int8, layer by layer, so that each layer's output stays what it was.

Rounding every weight to its nearest step treats their errors as independent. Here the error of one weight is passed on
to those not yet rounded, in the proportion that least squares over the calibration pictures gives (optimal brain
compression; Frantar et al., "GPTQ", 2023). The layer's input is taken from the network as quantised so far, the target
from the float network, so a layer also makes good what the rounding before it did; the bias that remains best is the
difference of the means (bias correction).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.quantize.float_network import Layer, Values, depthwise, joined, shifted
from dcelite.quantize.int8_network import (
    FILTERED_SCALE,
    FILTERED_ZERO,
    LARGEST_WEIGHT,
    OUTPUT_SCALE,
    QuantizedLayer,
)

SMALLEST_SCALE = 1e-3
"""Smallest scale of a row as a share of the largest. Training leaves dead channels behind, with weights of 1e-38; in
steps of that size their bias would not fit an int32."""
RIDGE = 0.1
"""Share of the mean input power that holds weights at their trained value where the pictures say little about them."""

Array = NDArray[np.float32]
Moments = NDArray[np.float64]


def quantize_output(values: Array) -> Array:
    """Layer outputs through uint8 and back."""
    scale = np.float32(OUTPUT_SCALE)
    result: Array = (np.clip(np.rint(values / scale), 0, 255) * scale).astype(np.float32)
    return result


def quantize_filtered(values: Array) -> Array:
    """Depthwise outputs through uint8 and back."""
    scale = np.float32(FILTERED_SCALE)
    steps = np.clip(np.rint(values / scale), -FILTERED_ZERO, 255 - FILTERED_ZERO)
    result: Array = (steps * scale).astype(np.float32)
    return result


def scales_of(weight: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Symmetric scale of every row: its largest magnitude is LARGEST_WEIGHT steps, with SMALLEST_SCALE as a floor."""
    largest = np.abs(weight).max(axis=1).astype(np.float64)
    scales: NDArray[np.float64] = np.maximum(largest, SMALLEST_SCALE * largest.max()) / LARGEST_WEIGHT
    return scales


@dataclass(frozen=True)
class Grid:
    """The values that a row of weights may take: whole multiples of ``scale`` from ``lowest`` to ``highest``."""

    scale: float
    lowest: int
    highest: int
    pinned: tuple[tuple[int, int], ...]
    """(index, multiple) of the weights that decide the grid. They stay where they are, so that a converter which
    derives the grid from the rounded weights finds the same one."""


GridOf = Callable[[Moments], list[Grid]]
"""Weights (rows, n) -> the grid of each row."""


def symmetric_grids(weight: Moments) -> list[Grid]:
    """Around 0; the largest magnitude is LARGEST_WEIGHT steps."""
    grids = []
    for row, scale in zip(weight, scales_of(weight).astype(np.float32), strict=True):
        largest = int(np.argmax(np.abs(row)))
        grids.append(
            Grid(float(scale), -LARGEST_WEIGHT, LARGEST_WEIGHT, ((largest, round(float(row[largest] / scale))),))
        )
    return grids


def affine_grids(weight: Moments) -> list[Grid]:
    """From the smallest weight, or 0, to the largest, or 0, in 255 steps, with a whole number of steps at 0."""
    grids = []
    for row in weight:
        low, high = min(float(row.min()), 0.0), max(float(row.max()), 0.0)
        scale = max(high - low, 1e-12) / 255
        lowest = round(low / scale)
        ends = ((int(np.argmin(row)), lowest), (int(np.argmax(row)), lowest + 255))
        pinned = tuple(end for end, is_end in zip(ends, (row.min() < 0, row.max() > 0), strict=True) if is_end)
        grids.append(Grid(scale, lowest, lowest + 255, pinned))
    return grids


def best_weights(weight: Moments, power: Moments, cross: Moments) -> tuple[Moments, Moments]:
    """What the weights should be for the inputs as they are, before rounding; and the matrix of the least squares.

    Args:
        weight: (rows, n) trained weights.
        power: (n, n) covariance of the layer's inputs as they are.
        cross: (rows, n) covariance of the wanted outputs with these inputs.
    """
    ridge = RIDGE * float(np.mean(np.diag(power))) + 1e-12
    system = power + ridge * np.eye(len(power))
    return np.linalg.solve(system, (cross + ridge * weight).T).T, system


def round_row(target: Moments, grid: Grid, system: Moments) -> NDArray[np.int16]:
    """Round a row of weights to multiples of the grid's scale, with error feedback.

    The pinned weights come first, then those that matter most: the others can still make up for their errors.
    """
    order = list(np.argsort(-np.diag(system)))
    for index, _ in grid.pinned:
        order.remove(index)
    order = [index for index, _ in grid.pinned] + order
    factor = np.linalg.cholesky(np.linalg.inv(system[np.ix_(order, order)])).T
    rest = target[order]
    steps = np.zeros(len(rest))
    for i in range(len(rest)):
        if i < len(grid.pinned):
            steps[i] = grid.pinned[i][1]
        else:
            steps[i] = np.clip(np.rint(rest[i] / grid.scale), grid.lowest, grid.highest)
        rest[i + 1 :] -= (rest[i] - steps[i] * grid.scale) / factor[i, i] * factor[i, i + 1 :]
    result = np.zeros(len(rest), np.int16)
    result[order] = steps
    return result


class _Statistics:
    """First and second moments of inputs x (…, n) and wanted outputs y (…, rows), summed picture by picture."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: list[Moments] = []

    def add(self, x: Array, y: Array, products: tuple[Array, Array]) -> None:
        """x and y hold samples along the last-but-one axis; products are x'x and y'x summed over it."""
        new = [x.sum(axis=-2, dtype=np.float64), y.sum(axis=-2, dtype=np.float64), *products]
        self._sums = [a + b for a, b in zip(self._sums, new, strict=True)] if self._sums else new
        self._count += x.shape[-2]

    def moments(self) -> tuple[Moments, Moments, Moments, Moments]:
        """Means of x and y, covariance of x, covariance of y with x."""
        x, y, xx, yx = (total / self._count for total in self._sums)
        return x, y, xx - x[..., :, None] * x[..., None, :], yx - y[..., :, None] * x[..., None, :]


@dataclass(frozen=True)
class _Rounded:
    """Integer weights (rows, n), the scale of each row, and the bias that goes with them."""

    steps: NDArray[np.int16]
    scale: Array
    bias: Array

    @property
    def real(self) -> Array:
        return self.steps * self.scale[:, None]


def _rounded(
    targets: Moments, systems: Sequence[Moments], mean_x: Moments, mean_y: Moments, grids_of: GridOf
) -> _Rounded:
    """``systems`` and ``mean_x`` hold one entry for each row of ``targets``."""
    grids = grids_of(targets)
    steps = np.stack([round_row(*row) for row in zip(targets, grids, systems, strict=True)])
    scale = np.array([grid.scale for grid in grids])
    bias = mean_y - np.sum(steps * scale[:, None] * mean_x, axis=1)
    return _Rounded(steps, scale.astype(np.float32), bias.astype(np.float32))


def _round_depthwise(layer: Layer, inputs: Sequence[Array], targets: Sequence[Array], grids_of: GridOf) -> _Rounded:
    statistics = _Statistics()
    channels = len(layer.depth)
    for x, y in zip(inputs, targets, strict=True):
        windows = np.stack([tap.reshape(-1, channels).T for tap in shifted(x)], axis=-1)  # (C, N, 9)
        wanted = y.reshape(-1, channels).T[:, :, None]  # (C, N, 1)
        turned = windows.transpose(0, 2, 1)
        statistics.add(windows, wanted, (turned @ windows, (turned @ wanted).transpose(0, 2, 1)))
    mean_x, mean_y, power, cross = statistics.moments()
    weight = layer.depth.astype(np.float64)
    best = [best_weights(weight[c : c + 1], power[c], cross[c]) for c in range(channels)]
    targets_of_rows = np.concatenate([target for target, _ in best])
    return _rounded(targets_of_rows, [system for _, system in best], mean_x, mean_y[:, 0], grids_of)


def _round_pointwise(layer: Layer, inputs: Sequence[Array], targets: Sequence[Array], grids_of: GridOf) -> _Rounded:
    statistics = _Statistics()
    for x, y in zip(inputs, targets, strict=True):
        x, y = x.reshape(-1, x.shape[2]), y.reshape(-1, y.shape[2])
        statistics.add(x, y, (x.T @ x, y.T @ x))
    mean_x, mean_y, power, cross = statistics.moments()
    target, system = best_weights(layer.point.astype(np.float64), power, cross)
    rows = len(target)
    return _rounded(target, [system] * rows, np.broadcast_to(mean_x, target.shape), mean_y, grids_of)


def _quantize(
    layers: Sequence[Layer],
    values: Sequence[Values],
    grids_of: GridOf,
    narrow_output: Callable[[Array], Array],
    narrow_filtered: Callable[[Array], Array],
) -> list[tuple[_Rounded, _Rounded]]:
    """Depthwise and pointwise weights of every layer; the two functions are what becomes of activations."""
    current = [[narrow_output(v.outputs[0])] for v in values]  # outputs of the network as quantised so far
    result = []
    for index, layer in enumerate(layers):
        inputs = [joined(outputs, index) for outputs in current]
        depth = _round_depthwise(layer, inputs, [v.filtered[index] for v in values], grids_of)
        filtered = [narrow_filtered(depthwise(x, depth.real, depth.bias)) for x in inputs]
        wanted = [v.filtered[index] @ layer.point.T + layer.point_bias for v in values]  # before ReLU
        point = _round_pointwise(layer, filtered, wanted, grids_of)
        result.append((depth, point))
        for outputs, x in zip(current, filtered, strict=True):
            outputs.append(narrow_output(x @ point.real.T + point.bias))
    return result


def quantize(layers: Sequence[Layer], values: Sequence[Values]) -> list[QuantizedLayer]:
    """Integer weights for an equalised network whose activations are 8-bit.

    Args:
        layers: the equalised network.
        values: its runs on the calibration pictures.
    """
    pairs = _quantize(layers, values, symmetric_grids, quantize_output, quantize_filtered)
    return [
        QuantizedLayer(
            depth.steps.astype(np.int8), depth.scale, depth.bias, point.steps.astype(np.int8), point.scale, point.bias
        )
        for depth, point in pairs
    ]


def round_affine(layers: Sequence[Layer], values: Sequence[Values]) -> list[Layer]:
    """Weights on the grids of MindSpore Lite's weight-only quantisation, for a network whose activations stay float."""
    pairs = _quantize(layers, values, affine_grids, lambda x: np.maximum(x, np.float32(0)), lambda x: x)
    return [Layer(depth.real, depth.bias, point.real, point.bias) for depth, point in pairs]
