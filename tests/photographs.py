"""Dark photographs that every clone has: those of scikit-image, as a small sensor takes them in little light."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from numpy.typing import NDArray

from dcelite.darkroom import SMALL_SENSOR, darken

NAMES = ("astronaut", "cat", "coffee", "rocket")
EXPOSURE = 1 / 16
"""Share of the light: four stops less."""


def well_lit(name: str) -> NDArray[np.uint8]:
    """As it was taken, (H, W, 3)."""
    data = pytest.importorskip("skimage.data")
    pixels: NDArray[np.uint8] = getattr(data, name)()
    return pixels


@functools.cache
def dark(name: str, exposure: float = EXPOSURE) -> NDArray[np.uint8]:
    """The same with less light, (H, W, 3); not to be written to."""
    result = darken(well_lit(name), exposure, SMALL_SENSOR, np.random.default_rng(round(1 / exposure)))
    result.setflags(write=False)
    return result
