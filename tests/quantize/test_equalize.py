"""Equalisation changes scales, not the network."""

from __future__ import annotations

import numpy as np
import pytest

from dcelite.quantize.equalize import borne_by_one_channel, equalize, measure_ranges
from dcelite.quantize.float_network import run, run_all
from dcelite.reference import network

from quantize_cases import NETWORKS, equalized, small_pictures, weights_of

pytestmark = pytest.mark.parametrize("architecture", NETWORKS)


def test_the_float_network_is_the_reference(architecture):
    image = small_pictures(20, 1)[0]
    arrays = weights_of(architecture).arrays
    assert run(image, arrays)["curve_map"] == pytest.approx(network(image.astype(np.float64), arrays), abs=2e-6)


def test_the_map_stays_and_the_ranges_become_one(architecture):
    arrays, values = equalized(architecture)
    image = small_pictures(20, 1)[0]
    wanted = run(image, weights_of(architecture).arrays)["curve_map"]
    assert run(image, arrays)["curve_map"] == pytest.approx(wanted, abs=1e-5)
    for index in range(1, 8):
        filtered = np.concatenate(
            [v[f"e_conv{index}.depth_conv"].reshape(-1, v[f"e_conv{index}.depth_conv"].shape[2]) for v in values]
        )
        assert filtered.min() >= -1
        assert filtered.max() <= 1
        assert np.median(filtered.max(axis=0) - filtered.min(axis=0)) > 1.6  # of 2: most channels use their range
    for number in range(1, 7):
        assert 0.7 < max(v[f"e_conv{number}.relu"].max() for v in values) <= 1


def test_one_channel_bears_the_range_of_each_tensor(architecture):
    arrays = weights_of(architecture).arrays
    pictures = small_pictures(0, 4)
    values = run_all(pictures, arrays)
    ranges = measure_ranges(values, "minmax")
    result = equalize(arrays, borne_by_one_channel(arrays, ranges, values))
    image = small_pictures(20, 1)[0]
    assert run(image, result)["curve_map"] == pytest.approx(run(image, arrays)["curve_map"], abs=1e-5)
    runs = run_all(pictures, result)
    for index in range(1, 8):
        flat = np.concatenate(
            [v[f"e_conv{index}.depth_conv"].reshape(-1, v[f"e_conv{index}.depth_conv"].shape[2]) for v in runs]
        )
        largest = np.abs(flat).max(axis=0)
        assert largest.max() == pytest.approx(1, abs=1e-4)
        assert np.count_nonzero(largest > 0.9) == 1
    for number in range(1, 7):
        largest = np.max([v[f"e_conv{number}.relu"].max(axis=(0, 1)) for v in runs], axis=0)
        assert largest.max() == pytest.approx(1, abs=1e-4)
        assert np.count_nonzero(largest > 0.96) == 1


def test_a_channel_that_never_fires_does_no_harm(architecture):
    arrays = dict(weights_of(architecture).arrays)
    arrays["e_conv2.point_conv.bias"] = arrays["e_conv2.point_conv.bias"] - 100 * (np.arange(32) == 3)
    images = small_pictures(0, 4)
    result = equalize(arrays, measure_ranges(run_all(images, arrays), "minmax"))
    assert all(np.all(np.isfinite(array)) for array in result.values())
    wanted = run(images[0], arrays)["curve_map"]
    assert run(images[0], result)["curve_map"] == pytest.approx(wanted, abs=1e-5)
