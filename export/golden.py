"""Golden pictures: generated dark images and what the MindSpore network makes of them, to hold every file against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.export.spec import ExportSpec

SEED = 20200401
FREE_SIZES = {
    "gradient": (144, 192),
    "noise": (97, 131),
    "scene": (180, 252),
    "row": (1, 17),
    "small": (5, 3),
    "pixel": (1, 1),
}
"""(height, width) of the pictures where the size is free: multiples of 12, primes, smaller than the scale."""
FIXED_PICTURES = ("scene", "noise")

Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(1, 3, h, w) in [0, 1] -> curve map (1, C, h, w)."""


@dataclass(frozen=True)
class Golden:
    """One picture and its expected results."""

    name: str
    picture: NDArray[np.uint8]  # (H, W, 3)
    small: NDArray[np.float32]  # (1, 3, h, w): the picture as the network sees it
    curve_map: NDArray[np.float64]  # (h, w, C)
    enhanced: NDArray[np.uint8]  # (H, W, 3)


def _gradient(height: int, width: int) -> NDArray[np.float64]:
    """Dark to dim along both axes, each channel with a slope of its own."""
    y = np.linspace(0, 1, height)[:, None, None]
    x = np.linspace(0, 1, width)[None, :, None]
    gradient: NDArray[np.float64] = 0.35 * (y * np.array([0.2, 0.5, 0.9]) + x * np.array([0.8, 0.5, 0.1]))
    return gradient


def _scene(height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A gradient with flat rectangles, one lamp that saturates, and sensor noise."""
    scene = _gradient(height, width)
    for _ in range(12):
        top, left = rng.integers(0, height), rng.integers(0, width)
        bottom, right = top + 1 + rng.integers(0, max(height // 3, 1)), left + 1 + rng.integers(0, max(width // 3, 1))
        scene[top:bottom, left:right] = 0.3 * rng.random(3)
    y = np.arange(height)[:, None, None] - 0.3 * height
    x = np.arange(width)[None, :, None] - 0.7 * width
    lamp = np.exp(-(y**2 + x**2) / (0.004 * (height**2 + width**2)))
    noisy: NDArray[np.float64] = scene + 1.2 * lamp + 0.01 * rng.standard_normal((height, width, 3))
    return noisy


def golden_picture(name: str, height: int, width: int) -> NDArray[np.uint8]:
    """A deterministic picture (height, width, 3): ``gradient``, ``scene``, and by any other name noise."""
    rng = np.random.default_rng([SEED, height, width])
    if name == "gradient":
        return reference.to_8_bit(_gradient(height, width))
    if name == "scene":
        return reference.to_8_bit(_scene(height, width, rng))
    # Independent pixels, mostly dark: the hardest case for interpolation and for rounding.
    return reference.to_8_bit(rng.random((height, width, 3)) ** 3)


def make_golden(name: str, size: tuple[int, int], scale: int, network: Network) -> Golden:
    """The picture of a name and size, with the results of ``network``."""
    picture = golden_picture(name, *size)
    small = reference.downsample(picture / 255.0, scale).transpose(2, 0, 1)[None].astype(np.float32)
    curve_map = network(small)[0].transpose(1, 2, 0).astype(np.float64)
    return Golden(name, picture, small, curve_map, reference.finish(picture, curve_map))


def golden_set(spec: ExportSpec, network: Network) -> list[Golden]:
    """The pictures that a file is held against: those of the spec's size, or of several sizes where it is free."""
    sizes = FREE_SIZES if spec.size is None else dict.fromkeys(FIXED_PICTURES, spec.size)
    return [make_golden(name, size, spec.scale, network) for name, size in sizes.items()]
