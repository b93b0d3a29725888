"""Weights and calibration pictures that the quantisation tests share; generated, so that they need no data."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dcelite import reference
from dcelite.export.golden import golden_picture
from dcelite.export.spec import ExportSpec
from dcelite.model.architecture import ARCHITECTURES, LAYERS
from dcelite.model.checkpoint import Weights
from dcelite.quantize.equalize import equalize, measure_ranges
from dcelite.quantize.float_network import Arrays, Values, run_all
from dcelite.quantize.int8_network import Network
from dcelite.quantize.rounding import quantize

NETWORKS = ("zerodcepp", "zerodcepp_scene")
"""What can be quantised."""
SPECS = {name: ExportSpec(name, 12) for name in NETWORKS}
METADATA = SPECS["zerodcepp"].metadata("0" * 64, "0")


@functools.cache
def weights_of(architecture: str = "zerodcepp") -> Weights:
    """The random weights of an architecture; the depthwise channels differ in range by a factor of ten."""
    rng = np.random.default_rng(11)
    arrays = {}
    for name, shape in ARCHITECTURES[architecture].parameter_shapes.items():
        if name.endswith("bias"):
            array = rng.normal(0, 0.1, shape)
        else:
            array = rng.normal(0, np.sqrt((1.0 if ".depth_conv." in name else 2.0) / np.prod(shape[1:])), shape)
            if ".depth_conv." in name:
                array *= 10 ** rng.uniform(-0.7, 0.3, (shape[0], 1, 1, 1))
            if name.startswith(f"e_conv{LAYERS}."):
                array *= 0.7
        if name.startswith("scene_head.output."):
            array *= 0.5  # of the size of what it is added to
        arrays[name] = array.astype(np.float32)
    return Weights(architecture, arrays)


def picture(number: int) -> NDArray[np.uint8]:
    """A dark scene (H, W, 3), another for every number."""
    return golden_picture("scene", 180 + 12 * number, 252)


@functools.cache
def small_pictures(first: int, count: int) -> tuple[NDArray[np.float32], ...]:
    """Pictures ``first`` … as the network sees them at scale 4, (h, w, 3)."""
    pictures = (picture(number) for number in range(first, first + count))
    return tuple(reference.downsample(pixels / 255.0, 4).astype(np.float32) for pixels in pictures)


@functools.cache
def equalized(architecture: str = "zerodcepp") -> tuple[Arrays, list[Values]]:
    """The equalised network of weights_of() and its runs on the calibration pictures."""
    arrays, pictures = weights_of(architecture).arrays, small_pictures(0, 8)
    result = equalize(arrays, measure_ranges(run_all(pictures, arrays), "minmax"))
    return result, run_all(pictures, result)


@functools.cache
def quantized(architecture: str = "zerodcepp") -> Network:
    return quantize(*equalized(architecture))


def save_pictures(folder: Path, count: int) -> Path:
    """``count`` dark pictures as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        PIL.Image.fromarray(picture(number)).save(folder / f"dark{number:02}.png")
    return folder
