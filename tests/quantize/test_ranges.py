"""The four ways to choose a range: what they keep, and what they cut off."""

from __future__ import annotations

import numpy as np
import pytest

from dcelite.quantize.ranges import HEADROOM, METHODS


@pytest.fixture
def samples(rng):
    """Channel 0: uniform in -1 … 3. Channel 1: a narrow bell, and one far value."""
    uniform = rng.uniform(-1, 3, 50_000)
    bell = rng.normal(0, 0.02, 50_000)
    bell[7] = 1.0
    return np.stack([uniform, bell], axis=1).astype(np.float32)


def test_minmax_leaves_headroom_on_both_sides(samples):
    low, high = METHODS["minmax"](samples)
    assert high - low == pytest.approx(HEADROOM * (samples.max(axis=0) - samples.min(axis=0)), rel=1e-5)
    assert np.all(low < samples.min(axis=0))
    assert np.all(high > samples.max(axis=0))


@pytest.mark.parametrize("method", ["percentile", "mse", "entropy"])
def test_the_others_cut_an_outlier_and_keep_what_is_spread(samples, method):
    low, high = METHODS[method](samples)
    assert high[0] - low[0] == pytest.approx(4, rel=0.05)
    assert high[1] < 0.95


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_channel_has_a_range(method):
    low, high = METHODS[method](np.full((1000, 2), 0.5, np.float32))
    assert np.all(np.isfinite([low, high]))
    assert np.all(low <= 0.5)
    assert np.all(high >= 0.5)
