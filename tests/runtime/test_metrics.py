"""The one implementation of each metric, by hand and against the plain formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dcelite import metrics


def test_differences_are_counted(rng: np.random.Generator) -> None:
    a, b = rng.integers(0, 256, (2, 300, 7, 3), np.uint8)  # more rows than are compared at once
    absolute = np.abs(a.astype(int) - b)
    np.testing.assert_array_equal(metrics.differences(a, b), np.bincount(absolute.ravel(), minlength=256))
    assert metrics.mean_absolute_error(a, b) == absolute.mean()
    assert metrics.psnr(a, b) == pytest.approx(10 * np.log10(255**2 / np.mean(absolute.astype(float) ** 2)), rel=1e-12)


def test_equal_and_opposite_pictures() -> None:
    black, white = np.zeros((4, 5, 3), np.uint8), np.full((4, 5, 3), 255, np.uint8)
    assert metrics.psnr(black, black) == metrics.IDENTICAL
    assert metrics.psnr(black, white) == 0
    assert metrics.mean_absolute_error(white, black) == 255


def test_ssim() -> None:
    pytest.importorskip("skimage")
    rng = np.random.default_rng(1)
    image = rng.integers(0, 200, (20, 30, 3), np.uint8)
    assert metrics.ssim(image, image) == pytest.approx(1)
    noisy = (image + rng.integers(0, 50, image.shape)).astype(np.uint8)
    assert 0.5 < metrics.ssim(image, noisy) < 0.99
    assert metrics.ssim(image, noisy) == metrics.ssim(noisy, image)


def test_clipped_counts_values() -> None:
    image = np.full((10, 10, 3), 253, np.uint8)
    image[0, :, 0] = 254
    image[1, :5, 2] = 255
    assert metrics.clipped(image) == pytest.approx(100 * 15 / 300)


def test_brightening_by_a_factor_shifts_no_color() -> None:
    image = np.empty((8, 8, 3), np.uint8)
    image[:] = (40, 20, 10)
    assert metrics.colour_shift(image, image * 3) == pytest.approx(0)
    red = image.copy()
    red[..., 0] = 70  # shares (4, 2, 1) / 7 -> (7, 2, 1) / 10
    expected = 100 * math.dist((0.4 / 0.7, 0.2 / 0.7, 0.1 / 0.7), (0.7, 0.2, 0.1))
    assert metrics.colour_shift(image, red) == pytest.approx(expected)
    assert metrics.colour_shift(np.zeros_like(image), np.full_like(image, 9)) == pytest.approx(0)


@pytest.mark.parametrize("sigma", [2.0, 5.0, 20.0])
def test_noise_level_of_a_ramp_with_known_noise(rng: np.random.Generator, sigma: float) -> None:
    ramp = np.linspace(70, 180, 200)[None, :, None] + rng.normal(0, sigma, (200, 200, 3))
    assert metrics.noise_level(np.round(ramp).clip(0, 255).astype(np.uint8)) == pytest.approx(sigma, rel=0.06)


def test_no_noise() -> None:
    assert metrics.noise_level(np.full((9, 9, 3), 7, np.uint8)) == 0
