"""The picture that is enhanced: made from integers alone, so that it is the same on every machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dcelite.images import read_photograph

CELLS = 8
"""The scene is a grid of CELLS x CELLS patches between which brightness runs linearly."""
DARKEST, BRIGHTEST = 8, 95
NOISE = 16
"""Grey levels over which the noise spreads."""
_ROWS_AT_ONCE = 256


def _hash(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mixes the bits of 32-bit integers (the finaliser of MurmurHash3 with Wellons' constants)."""
    values = values ^ (values >> np.uint32(16))
    values = values * np.uint32(0x7FEB352D)
    values = values ^ (values >> np.uint32(15))
    values = values * np.uint32(0x846CA68B)
    return values ^ (values >> np.uint32(16))


def _positions(size: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The patch of every pixel of an axis, and where in it, in 1/256."""
    position = np.arange(size, dtype=np.int64) * (CELLS * 256) // size
    return (position >> 8).astype(np.int32), (position & 255).astype(np.int32)


def dark_scene(width: int, height: int) -> NDArray[np.uint8]:
    """A dark, noisy picture (height, width, 3); a pure function of its size (the same as in ``native/scene.c``)."""
    nodes = np.arange((CELLS + 1) * (CELLS + 1) * 3, dtype=np.uint32)
    levels = DARKEST + (_hash(nodes) % np.uint32(BRIGHTEST - DARKEST + 1)).astype(np.int32)
    levels = levels.reshape(CELLS + 1, CELLS + 1, 3)
    cell_x, part_x = _positions(width)
    cell_y, part_y = _positions(height)
    part_x = part_x[:, None]
    image = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _ROWS_AT_ONCE):
        rows = slice(top, min(top + _ROWS_AT_ONCE, height))
        y = part_y[rows, None, None]
        column = levels[cell_y[rows]] * (256 - y) + levels[cell_y[rows] + 1] * y
        smooth = (column[:, cell_x] * (256 - part_x) + column[:, cell_x + 1] * part_x) >> 16
        first = np.uint32(top * width * 3)
        count = smooth.size
        noise = _hash(np.arange(count, dtype=np.uint32) + first) % np.uint32(NOISE)
        image[rows] = np.clip(smooth + noise.astype(np.int32).reshape(smooth.shape) - NOISE // 2, 0, 255)
    return image


def bench_image(width: int, height: int, path: Path | None = None) -> NDArray[np.uint8]:
    """The synthetic scene, or a photograph resized: (height, width, 3).

    Raises:
        ImageError: the photograph cannot be read.
    """
    if path is None:
        return dark_scene(width, height)
    photograph = PIL.Image.fromarray(read_photograph(path).pixels).convert("RGB")
    if photograph.size != (width, height):
        photograph = photograph.resize((width, height), PIL.Image.Resampling.BICUBIC)
    return np.asarray(photograph).copy()
