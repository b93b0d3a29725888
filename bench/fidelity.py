"""How close a result is to the NumPy reference: a fast wrong picture is no result."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.errors import ModelError
from dcelite.metrics import differences, psnr_of
from dcelite.model.dce_file import FLOAT32, DceModel, read_dce

_PIXELS_AT_ONCE = 1 << 18
"""Pixels in float64 at the same time, so that the reference of a large picture fits into a small memory."""

EQUAL_WANTED = 0.999
"""Share of equal values that every float32 engine keeps."""


class Fidelity(TypedDict):
    reference: str
    equal: float
    """Share of the 8-bit values that are equal."""
    largest_difference: int
    psnr_db: float | None
    """None where the pictures are equal."""
    mean_brightness: float


def read_reference(path: Path) -> DceModel:
    """The weights of a ``.dce`` file; raises ModelError, also where they are of another precision."""
    model = read_dce(path)
    if model.precision != FLOAT32:
        raise ModelError(f"{path}: holds weights of precision {model.precision}; give a float32 file with --reference")
    return model


def enhance(image: NDArray[np.uint8], model: DceModel) -> NDArray[np.uint8]:
    """``dcelite.reference.enhance``, band by band."""
    height, width = image.shape[:2]
    h, w = reference.low_resolution_size(height, width, model.scale)
    rows = (np.arange(h) + 0.5) * (height / h) - 0.5
    columns = (np.arange(w) + 0.5) * (width / w) - 0.5
    # Sampling is linear, so it may come before the division by 255; only the sampled rows become float64.
    small = reference._resize(image, rows, columns) / 255.0  # type: ignore[arg-type]
    curve_map = reference.network(small, model.arrays)
    result = np.empty_like(image)
    rows = np.arange(height) * ((h - 1) / max(height - 1, 1))
    columns = np.arange(width) * ((w - 1) / max(width - 1, 1))
    step = max(1, _PIXELS_AT_ONCE // width)
    for top in range(0, height, step):
        band = slice(top, top + step)
        a = reference._resize(curve_map, rows[band], columns)
        result[band] = reference.to_8_bit(reference.apply_curve(image[band] / 255.0, a))
    return result


def compare(result: NDArray[np.uint8], wanted: NDArray[np.uint8], name: str) -> Fidelity:
    """Compare two pictures of one shape."""
    histogram = differences(wanted, result)
    return {
        "reference": name,
        "equal": float(histogram[0] / result.size),
        "largest_difference": int(np.flatnonzero(histogram)[-1]),
        "psnr_db": psnr_of(histogram) if histogram[1:].any() else None,
        "mean_brightness": float(result.mean()),
    }
