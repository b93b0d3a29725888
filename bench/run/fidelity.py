"""How close a result is to the NumPy reference: a fast wrong picture is no result."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

EQUAL_WANTED = 0.999
"""Share of equal values that every float32 engine keeps."""


def differences(result: NDArray[np.uint8], wanted: NDArray[np.uint8], name: str) -> dict[str, Any]:
    """What tells two pictures of one shape apart: how many values differ by 0, 1, 2 … levels."""
    histogram = np.zeros(256, np.int64)
    for top in range(0, len(result), 256):
        difference = np.abs(result[top : top + 256].astype(np.int16) - wanted[top : top + 256])
        histogram += np.bincount(difference.ravel(), minlength=256)
    return {"reference": name, "differences": histogram.tolist(), "mean_brightness": float(result.mean())}


def fidelity(found: dict[str, Any]) -> dict[str, Any]:
    """The same, as the report has it."""
    histogram = np.array(found["differences"], np.int64)
    count, squares = int(histogram.sum()), int(np.dot(histogram, np.arange(histogram.size) ** 2))
    return {
        "reference": found["reference"],
        "equal": float(histogram[0] / count),
        "largest_difference": int(np.flatnonzero(histogram)[-1]),
        "psnr_db": 10.0 * math.log10(255.0**2 * count / squares) if squares else None,
        "mean_brightness": found["mean_brightness"],
    }
