"""Rounding with error feedback: better than to the nearest, and on grids that converters find again."""

from __future__ import annotations

import numpy as np
import pytest

from dcelite.quantize.float_network import matrix, run
from dcelite.quantize.int8_network import dequantized, in_8_bits
from dcelite.quantize.rounding import (
    Grid,
    affine_grids,
    round_affine,
    round_row,
    scales_of,
    symmetric_grids,
)

from quantize_cases import NETWORKS, equalized, quantized, small_pictures


def nearest(weight: np.ndarray) -> np.ndarray:
    scale = scales_of(matrix(weight))[:, None, None, None]
    return (np.rint(weight / scale) * scale).astype(np.float32)


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


@pytest.mark.parametrize("architecture", NETWORKS)
def test_feedback_beats_rounding_to_the_nearest(architecture):
    arrays, _ = equalized(architecture)
    plain = {name: nearest(array) if name.endswith("conv.weight") else array for name, array in arrays.items()}
    errors = []
    for candidate in (plain, dequantized(quantized(architecture))):
        maps = [(run(x, candidate)["curve_map"], run(x, arrays)["curve_map"]) for x in small_pictures(20, 3)]
        errors.append(np.mean([np.mean((seen - wanted) ** 2) for seen, wanted in maps]))
    assert errors[1] < 0.5 * errors[0]


def test_biases_are_corrected():
    _, values = equalized()
    first = [in_8_bits("image", v["image"]) for v in values]
    filtered = "e_conv1.depth_conv"
    seen = np.concatenate([run(x, dequantized(quantized()))[filtered].reshape(-1, 3) for x in first])
    wanted = np.concatenate([v[filtered].reshape(-1, 3) for v in values])
    assert seen.mean(axis=0) == pytest.approx(wanted.mean(axis=0), abs=1e-5)


def test_layers_behind_a_scene_head_are_fitted_to_what_it_adds():
    """Their inputs are those of the network that will run: each layer makes good what was rounded before it."""
    _, values = equalized("zerodcepp_scene")
    runs = [run(v["image"], dequantized(quantized("zerodcepp_scene")), in_8_bits) for v in values]
    for number in range(1, 8):
        filtered = f"e_conv{number}.depth_conv"
        seen, wanted = (np.mean([v[filtered].mean((0, 1)) for v in vs], axis=0) for vs in (runs, values))
        assert seen == pytest.approx(wanted, abs=6e-3)


def test_integers_use_the_whole_range_so_that_a_converter_finds_the_scale():
    for rounded in quantized().convolutions.values():
        assert np.all(np.abs(matrix(rounded.steps).astype(int)).max(axis=1) == 127)


def test_the_affine_grid_of_rounded_weights_is_their_own():
    for name, array in round_affine(*equalized()).items():
        if name.endswith(".weight"):
            weight = matrix(array).astype(np.float64)
            for row, grid in zip(weight, affine_grids(weight), strict=True):
                steps = row / grid.scale
                assert steps == pytest.approx(np.rint(steps), abs=1e-3)
                assert np.rint(steps).max() - min(np.rint(steps).min(), 0) <= 255


def test_activations_are_rounded_and_clipped():
    values = np.array([-2, -0.001, 0.502, 1, 3], np.float32)
    assert in_8_bits("e_conv1.relu", values) == pytest.approx([0, 0, 128 / 255, 1, 1])
    assert in_8_bits("e_conv1.depth_conv", values) == pytest.approx([-128 / 127, 0, 64 / 127, 1, 1])
