"""Equalisation changes scales, not the network."""

from __future__ import annotations

import numpy as np
import pytest

from dcelite.quantize.equalize import borne_by_one_channel, equalize, measure_ranges
from dcelite.quantize.float_network import arrays_of, layers_of, run, run_all
from dcelite.reference import network

from quantize_cases import equalized, small_pictures, weights_of


def test_the_float_network_is_the_reference():
    image = small_pictures(20, 1)[0]
    seen = run(image, layers_of(weights_of().arrays)).curve_map
    assert seen == pytest.approx(network(image.astype(np.float64), weights_of().arrays), abs=2e-6)
    arrays = arrays_of(layers_of(weights_of().arrays))
    assert all(np.array_equal(arrays[name], array) for name, array in weights_of().arrays.items())


def test_the_map_stays_and_the_ranges_become_one():
    layers, values = equalized()
    image = small_pictures(20, 1)[0]
    wanted = run(image, layers_of(weights_of().arrays)).curve_map
    assert run(image, layers).curve_map == pytest.approx(wanted, abs=1e-5)
    for index in range(7):
        filtered = np.concatenate([v.filtered[index].reshape(-1, v.filtered[index].shape[2]) for v in values])
        assert filtered.min() >= -1
        assert filtered.max() <= 1
        assert np.median(filtered.max(axis=0) - filtered.min(axis=0)) > 1.6  # of 2: most channels use their range
    for number in range(1, 7):
        assert 0.7 < max(v.outputs[number].max() for v in values) <= 1


def test_one_channel_bears_the_range_of_each_tensor():
    layers = layers_of(weights_of().arrays)
    pictures = small_pictures(0, 4)
    values = run_all(pictures, layers)
    ranges = measure_ranges(values, "minmax")
    result = equalize(layers, borne_by_one_channel(layers, ranges, values))
    image = small_pictures(20, 1)[0]
    assert run(image, result).curve_map == pytest.approx(run(image, layers).curve_map, abs=1e-5)
    runs = run_all(pictures, result)
    for index in range(7):
        flat = np.concatenate([v.filtered[index].reshape(-1, v.filtered[index].shape[2]) for v in runs])
        largest = np.abs(flat).max(axis=0)
        assert largest.max() == pytest.approx(1, abs=1e-4)
        assert np.count_nonzero(largest > 0.9) == 1
    for number in range(1, 7):
        largest = np.max([v.outputs[number].max(axis=(0, 1)) for v in runs], axis=0)
        assert largest.max() == pytest.approx(1, abs=1e-4)
        assert np.count_nonzero(largest > 0.96) == 1


def test_a_channel_that_never_fires_does_no_harm():
    layers = layers_of(weights_of().arrays)
    layers[1].point_bias[3] -= 100
    images = small_pictures(0, 4)
    try:
        result = equalize(layers, measure_ranges(run_all(images, layers), "minmax"))
        assert all(np.all(np.isfinite(array)) for array in arrays_of(result).values())
        assert run(images[0], result).curve_map == pytest.approx(run(images[0], layers).curve_map, abs=1e-5)
    finally:
        layers[1].point_bias[3] += 100
