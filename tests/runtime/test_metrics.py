"""The one implementation of each metric, by hand and against the plain formula."""

from __future__ import annotations

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
