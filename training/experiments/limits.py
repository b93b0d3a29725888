"""What curves could do at most."""

from __future__ import annotations

import argparse

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dcelite import reference
from dcelite.metrics import Rgb, psnr
from dcelite.pictures import find_pairs, read_picture

LIMIT_BRIGHTNESS = 105.0 / 255
WINDOW = 15
"""Rgb that the map of a pixel depends on: seven layers of 3x3."""


def constant_map(image: NDArray[np.float64]) -> float:
    """The constant curve map that gives an image in [0, 1] the mean LIMIT_BRIGHTNESS."""
    low, high = -1.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        mean = reference.apply_curve(image, np.full((1, 1, 3), middle)).mean()
        low, high = (low, middle) if mean < LIMIT_BRIGHTNESS else (middle, high)
    return (low + high) / 2


def limits(args: argparse.Namespace) -> None:
    """What curves could do: one map for a picture by its mean, or at every place by the mean of what a network sees."""
    pictures = [read_picture(picture) for picture in find_pairs(args.split / "validation" / "dark")]
    best = [constant_map(image[::4, ::4] / 255.0) for image, _ in pictures]
    means = np.log([image.mean() / 255 for image, _ in pictures])
    polynomial = np.polyfit(means, best, 3)

    def local(image: Rgb) -> Rgb:
        gray = reference.downsample(image / 255.0, 12).mean(2)
        padded = np.pad(gray, WINDOW // 2, mode="edge")
        window_means = np.log(
            np.maximum(sliding_window_view(padded, (WINDOW, WINDOW)).mean((2, 3)), np.exp(means.min()))
        )
        low_map = np.polyval(polynomial, np.minimum(window_means, means.max()))
        curve_map = reference.upsample(np.repeat(low_map[..., None], 3, 2), *image.shape[:2])
        return reference.to_8_bit(reference.apply_curve(image / 255.0, curve_map))

    def by_picture(image: Rgb, a: float) -> Rgb:
        return reference.to_8_bit(reference.apply_curve(image / 255.0, np.full((1, 1, 3), a)))

    print("| | dark: PSNR | mean |\n|---|---|---|")
    for name, results in (
        (
            "one constant map a picture, by its mean",
            [by_picture(image, a) for (image, _), a in zip(pictures, best, strict=True)],
        ),
        ("the same curves, by the mean of 15x15 pixels", [local(image) for image, _ in pictures]),
    ):
        values = [
            psnr(wanted, result) for (_, wanted), result in zip(pictures, results, strict=True) if wanted is not None
        ]
        print(f"| {name} | {np.mean(values):.2f} | {np.mean([result.mean() for result in results]):.0f} |")
