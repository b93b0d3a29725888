"""Weights to int8, layer by layer, so that each layer's output stays what it was.

Rounding every weight to its nearest step treats their errors as independent. Here the error of one weight is passed on
to those not yet rounded, in the proportion that least squares over the calibration pictures gives (optimal brain
compression; Frantar et al., "GPTQ", 2023). The layer's input is taken from the network as quantised so far, the target
from the float network, so a layer also makes good what the rounding before it did; the bias that remains best is the
difference of the means (bias correction).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.model.architecture import SCENE_HEAD
from dcelite.quantize.float_network import (
    IMAGE,
    LAYERS,
    Array,
    Arrays,
    Stored,
    Values,
    depthwise,
    joined,
    pointwise,
    scene_offsets,
    shifted,
)
from dcelite.quantize.int8_network import LARGEST_WEIGHT, Network, Rounded, dequantized, in_8_bits

SMALLEST_SCALE = 1e-3
"""Smallest scale of a row as a share of the largest. Training leaves dead channels behind, with weights of 1e-38; in
steps of that size their bias would not fit an int32."""
RIDGE = 0.1
"""Share of the mean input power that holds weights at their trained value where the pictures say little about them."""

Moments = NDArray[np.float64]


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
        pinned = (largest, round(float(row[largest] / scale)))
        grids.append(Grid(float(scale), -LARGEST_WEIGHT, LARGEST_WEIGHT, (pinned,)))
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

    From the trained weights (rows, n), the covariance of the inputs (n, n) and of the outputs with them (rows, n).
    """
    ridge = RIDGE * float(np.mean(np.diag(power))) + 1e-12
    system = power + ridge * np.eye(len(power))
    return np.linalg.solve(system, (cross + ridge * weight).T).T, system


def round_row(target: Moments, grid: Grid, system: Moments) -> NDArray[np.int16]:
    """Round a row of weights to multiples of the grid's scale, with error feedback.

    The pinned weights come first, then those that matter most: the others can still make up for their errors.
    """
    pinned = dict(grid.pinned)
    order = [*pinned, *(index for index in np.argsort(-np.diag(system)) if index not in pinned)]
    factor = np.linalg.cholesky(np.linalg.inv(system[np.ix_(order, order)])).T
    rest = target[order]
    steps = np.zeros(len(rest))
    for i, index in enumerate(order):
        steps[i] = pinned.get(index, np.clip(np.rint(rest[i] / grid.scale), grid.lowest, grid.highest))
        rest[i + 1 :] -= (rest[i] - steps[i] * grid.scale) / factor[i, i] * factor[i, i + 1 :]
    result = np.zeros(len(rest), np.int16)
    result[order] = steps
    return result


def _moments(samples: Iterable[tuple[Array, Array]]) -> tuple[Moments, Moments, Moments, Moments]:
    """Of inputs x (groups, N, n) and wanted outputs y (groups, N, rows) over all pictures.

    Means of x and y, covariance of x, covariance of y with x.
    """
    count, sums = 0, list[Any]()
    for x, y in samples:
        new = [x.sum(axis=1, dtype=np.float64), y.sum(axis=1, dtype=np.float64)]
        new += [x.swapaxes(1, 2) @ x, y.swapaxes(1, 2) @ x]
        sums = [a + b for a, b in zip(sums, new, strict=True)] if sums else new
        count += x.shape[1]
    x, y, xx, yx = (total / count for total in sums)
    return x, y, xx - x[..., :, None] * x[..., None, :], yx - y[..., :, None] * x[..., None, :]


def _round(weight: Array, samples: Iterable[tuple[Array, Array]], grids_of: GridOf) -> Rounded:
    """The samples are those of :func:`_moments`.

    A channel of a depthwise layer is a group of one row, a pointwise layer is one group.
    """
    mean_x, mean_y, power, cross = _moments(samples)
    trained = weight.astype(np.float64).reshape(cross.shape)
    best = [best_weights(*group) for group in zip(trained, power, cross, strict=True)]
    rows = cross.shape[1]
    targets = np.concatenate([target for target, _ in best])
    systems = [system for _, system in best for _ in range(rows)]
    grids = grids_of(targets)
    steps = np.stack([round_row(*row) for row in zip(targets, grids, systems, strict=True)])
    scale = np.array([grid.scale for grid in grids])
    bias = mean_y.ravel() - np.sum(steps * scale[:, None] * np.repeat(mean_x, rows, axis=0), axis=1)
    return Rounded(steps.reshape(weight.shape), scale.astype(np.float32), bias.astype(np.float32))


def _channels(x: Array) -> Array:
    """(h, w, C) -> (C, N)."""
    return x.reshape(-1, x.shape[2]).T


def quantize(
    arrays: Arrays, values: Sequence[Values], grids_of: GridOf = symmetric_grids, stored: Stored = in_8_bits
) -> Network:
    """Integer weights for an equalised network and its runs on the calibration pictures.

    Every convolution has weights on the grids; ``stored`` is what becomes of activations. What a scene head adds to a
    layer is the same before and after: weights and bias are fitted to what remains, the activations behind it have it.
    """
    offsets = [scene_offsets(v[IMAGE], arrays) for v in values]
    current = [{IMAGE: stored(IMAGE, v[IMAGE])} for v in values]  # of the network as quantised so far
    result: dict[str, Rounded] = {}
    for layer in LAYERS:
        inputs = [joined(seen, layer) for seen in current]
        windows = (np.stack([_channels(tap) for tap in shifted(x)], axis=-1) for x in inputs)
        targets = (_channels(v[layer.depth])[:, :, None] for v in values)
        depth = _round(arrays[f"{layer.depth}.weight"], zip(windows, targets, strict=True), grids_of)
        filtered = [stored(layer.depth, depthwise(x, depth.real, depth.bias)) for x in inputs]
        trained = arrays[f"{layer.point}.weight"], arrays[f"{layer.point}.bias"]
        pairs = ((x, pointwise(v[layer.depth], *trained)) for x, v in zip(filtered, values, strict=True))
        flat = ((x.reshape(1, -1, x.shape[2]), y.reshape(1, -1, y.shape[2])) for x, y in pairs)
        point = _round(trained[0], flat, grids_of)
        result |= {layer.depth: depth, layer.point: point}
        for seen, x, offset in zip(current, filtered, offsets, strict=True):
            y = pointwise(x, point.real, point.bias) + offset.get(layer.point, np.float32(0))
            seen[layer.output] = stored(layer.output, np.maximum(y, np.float32(0)))
    return Network(result, {name: arrays[name] for name in SCENE_HEAD if name in arrays})


def round_affine(arrays: Arrays, values: Sequence[Values]) -> dict[str, Array]:
    """Weights on the grids of MindSpore Lite's weight-only quantisation, for a network whose activations stay float."""
    return dequantized(quantize(arrays, values, affine_grids, lambda _, x: x))
