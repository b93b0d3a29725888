"""How far pictures are from each other, and what can be said of one alone. A level is 1/255."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
"""(H, W, 3)."""

IDENTICAL = 100.0
"""dB that stand for equal pictures, whose PSNR is infinite."""
CLIPPED_FROM = 254
_ROWS = 256
"""That are compared at once, which bounds the memory for large pictures."""


def differences(wanted: Rgb, result: Rgb) -> NDArray[np.int64]:
    """(256,): how many values differ by 0, 1 … 255 levels."""
    histogram = np.zeros(256, np.int64)
    for top in range(0, len(wanted), _ROWS):
        rows = slice(top, top + _ROWS)
        histogram += np.bincount(np.abs(wanted[rows].astype(np.int16) - result[rows]).ravel(), minlength=256)
    return histogram


def psnr_of(histogram: NDArray[np.int64]) -> float:
    """Peak signal-to-noise ratio in dB, at most IDENTICAL, from :func:`differences`."""
    squares = int(np.dot(histogram, np.arange(256, dtype=np.int64) ** 2))
    return min(10 * math.log10(255**2 / (squares / int(histogram.sum()))), IDENTICAL) if squares else IDENTICAL


def psnr(wanted: Rgb, result: Rgb) -> float:
    """Peak signal-to-noise ratio in dB, at most IDENTICAL."""
    return psnr_of(differences(wanted, result))


def mean_absolute_error(wanted: Rgb, result: Rgb) -> float:
    """Levels of 255."""
    histogram = differences(wanted, result)
    return int(np.dot(histogram, np.arange(256))) / int(histogram.sum())


def ssim(wanted: Rgb, result: Rgb) -> float:
    """Structural similarity (Wang et al., TIP 2004), mean over the colours. Needs scikit-image; 7 x 7 pixels and up."""
    from skimage.metrics import structural_similarity  # slow to import, as it brings SciPy

    return float(structural_similarity(wanted, result, channel_axis=2))  # type: ignore[no-untyped-call]


def clipped(image: Rgb) -> float:
    """Per cent of the values at 254 and above."""
    return 100 * float((image >= CLIPPED_FROM).mean())


def colour_shift(before: Rgb, after: Rgb) -> float:
    """Distance between the shares of red, green and blue in the sums of two pictures, in per cent.

    Brightening by a common factor leaves the shares as they are. Pictures without any light count as grey.
    """

    def shares(image: Rgb) -> NDArray[np.float64]:
        means = image.mean((0, 1))
        return np.asarray(means / means.sum()) if means.sum() > 0 else np.full(3, 1 / 3)

    return 100 * float(np.linalg.norm(shares(after) - shares(before)))


def noise_level(image: Rgb) -> float:
    """Standard deviation of the noise in levels, estimated on the green channel.

    The mask of Immerkaer ("Fast Noise Variance Estimation", CVIU 1996) removes constant and linear structure; the
    median of the magnitudes, unlike his mean, hardly sees the edges and textures that remain.
    """
    green = image[..., 1].astype(np.int16)
    rows = green[:-2] - 2 * green[1:-1] + green[2:]
    response = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]  # of unit noise: deviation 6
    magnitude = np.abs(response)
    # The median magnitude of a normal distribution is 0.6745 deviations. Where it is 0, the mean serves.
    median = float(np.median(magnitude))
    return median / 0.6745 / 6 if median else float(magnitude.mean()) * math.sqrt(math.pi / 2) / 6
