"""Weights and pictures that tests make for themselves, so that they need no data."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dcelite.model.architecture import ARCHITECTURES, LAYERS
from dcelite.model.checkpoint import Weights
from dcelite.model.dce_file import DceModel, write_dce

SIZES = ((1, 1), (1, 17), (13, 1), (5, 3), (53, 97), (60, 84))
"""(height, width): one pixel, one row, one column, below the scale, primes, multiples of 12."""


@functools.cache
def weights_of(architecture: str) -> Weights:
    """The random weights of an architecture, always the same.

    They keep the signal's size from layer to layer and give curve maps between about -0.9 and 0.9. A scene head is
    weaker: graphs that downsample by themselves round otherwise, which may move a pixel of a hundred to another level.
    """
    rng = np.random.default_rng(7)
    arrays = {}
    for name, shape in ARCHITECTURES[architecture].parameter_shapes.items():
        if name.endswith("bias"):
            array = rng.normal(0, 0.1, shape)
        else:
            gain = 1.0 if ".depth_conv." in name else 2.0
            array = rng.normal(0, np.sqrt(gain / np.prod(shape[1:])), shape)
            if name.startswith(f"e_conv{LAYERS}."):
                array *= 0.7
            if name == "scene_head.output.weight":
                array *= 0.25
        arrays[name] = array.astype(np.float32)
    return Weights(architecture, arrays)


class Model(NamedTuple):
    """What an Enhancer opens, and what the NumPy reference takes."""

    path: Path | None
    """None: the shipped weights."""
    weights: dict[str, np.ndarray]


def model_file(architecture: str, folder: Path) -> Model:
    """The random weights of an architecture in a .dce file, at its own scale."""
    path, arrays = folder / f"{architecture}.dce", weights_of(architecture).arrays
    write_dce(DceModel(architecture, ARCHITECTURES[architecture].scale, arrays), path)
    return Model(path, arrays)


def picture(height: int, width: int) -> NDArray[np.uint8]:
    """Dark noise (height, width, 3)."""
    rng = np.random.default_rng([height, width])
    return (255 * rng.random((height, width, 3)) ** 2).astype(np.uint8)
