"""Rounding with error feedback: better than to the nearest, and on grids that converters find again."""

from __future__ import annotations

import numpy as np
import pytest

from dcelite.quantize.float_network import Layer, run
from dcelite.quantize.int8_network import quantize_filtered, quantize_output
from dcelite.quantize.rounding import (
    Grid,
    affine_grids,
    round_affine,
    round_row,
    scales_of,
    symmetric_grids,
)

from quantize_cases import equalized, quantized, small_pictures


def nearest(layer: Layer) -> Layer:
    depth, point = (np.rint(w / scales_of(w)[:, None]) * scales_of(w)[:, None] for w in (layer.depth, layer.point))
    return Layer(depth.astype(np.float32), layer.depth_bias, point.astype(np.float32), layer.point_bias)


def test_the_error_of_one_weight_is_made_good_by_the_others(rng):
    mixed = rng.normal(0, 1, (500, 16)) @ rng.normal(0, 1, (16, 16)) + rng.normal(0, 1, (500, 1))  # correlated inputs
    system = mixed.T @ mixed / 500
    errors = []
    for _ in range(20):
        row = rng.normal(0, 1, (1, 16))
        (grid,) = symmetric_grids(row)
        coarse = Grid(16 * grid.scale, -8, 8, ())  # four bits, so that there is an error to speak of
        found = round_row(row[0], coarse, system) * coarse.scale
        plain = np.clip(np.rint(row[0] / coarse.scale), -8, 8) * coarse.scale
        errors.append([(row[0] - w) @ system @ (row[0] - w) for w in (found, plain)])
    found_error, plain_error = np.mean(errors, axis=0)
    assert found_error < 0.6 * plain_error


def test_feedback_beats_rounding_to_the_nearest():
    layers, _ = equalized()
    plain = [nearest(layer) for layer in layers]
    found = [layer.dequantized for layer in quantized()]
    errors = []
    for candidate in (plain, found):
        maps = [(run(x, candidate).curve_map, run(x, layers).curve_map) for x in small_pictures(20, 3)]
        errors.append(np.mean([np.mean((seen - wanted) ** 2) for seen, wanted in maps]))
    assert errors[1] < 0.5 * errors[0]


def test_biases_are_corrected():
    layers, values = equalized()
    layer = quantized()[0].dequantized
    first = [quantize_output(v.outputs[0]) for v in values]
    seen = np.concatenate([run(x, [layer, *layers[1:]]).filtered[0].reshape(-1, 3) for x in first])
    wanted = np.concatenate([v.filtered[0].reshape(-1, 3) for v in values])
    assert seen.mean(axis=0) == pytest.approx(wanted.mean(axis=0), abs=1e-5)


def test_integers_use_the_whole_range_so_that_a_converter_finds_the_scale():
    for layer in quantized():
        for steps in (layer.depth.steps, layer.point.steps):
            assert np.all(np.abs(steps.astype(int)).max(axis=1) == 127)


def test_the_affine_grid_of_rounded_weights_is_their_own():
    for layer in round_affine(*equalized()):
        for weight in (layer.depth, layer.point):
            for row, grid in zip(weight.astype(np.float64), affine_grids(weight.astype(np.float64)), strict=True):
                steps = row / grid.scale
                assert steps == pytest.approx(np.rint(steps), abs=1e-3)
                assert np.rint(steps).max() - min(np.rint(steps).min(), 0) <= 255


def test_activations_are_rounded_and_clipped():
    values = np.array([-2, -0.001, 0.502, 1, 3], np.float32)
    assert quantize_output(values) == pytest.approx([0, 0, 128 / 255, 1, 1])
    assert quantize_filtered(values) == pytest.approx([-128 / 127, 0, 64 / 127, 1, 1])
