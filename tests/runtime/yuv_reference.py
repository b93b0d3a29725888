"""The definition of YUV and of 16-bit enhancement in dcelite.h, in float64 NumPy, without regard to speed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.reference import Array, Weights

Planes = list[NDArray[np.uint8]]

CODINGS = {
    # name: (Kr, Kb, codes of luma 0 … 1, offset of luma, codes of chroma -0.5 … 0.5); ITU-R BT.601, BT.709, JFIF
    ("bt601", False): (0.299, 0.114, 219.0, 16.0, 224.0),
    ("bt601", True): (0.299, 0.114, 255.0, 0.0, 255.0),
    ("bt709", False): (0.2126, 0.0722, 219.0, 16.0, 224.0),
    ("bt709", True): (0.2126, 0.0722, 255.0, 0.0, 255.0),
}
Coding = tuple[str, bool]


def to_rgb(y: Array, u: Array, v: Array, coding: Coding) -> Array:
    """Codes of equal shape (H, W) -> R'G'B' (H, W, 3), 0 … 1 and beyond."""
    kr, kb, luma_codes, offset, chroma_codes = CODINGS[coding]
    gray = (y - offset) / luma_codes
    blue = gray + 2 * (1 - kb) * (u - 128) / chroma_codes
    red = gray + 2 * (1 - kr) * (v - 128) / chroma_codes
    green = (gray - kr * red - kb * blue) / (1 - kr - kb)
    return np.stack([red, green, blue], axis=2)


def to_yuv(rgb: Array, coding: Coding) -> tuple[Array, Array, Array]:
    """The inverse of to_rgb, not rounded."""
    kr, kb, luma_codes, offset, chroma_codes = CODINGS[coding]
    red, green, blue = np.moveaxis(rgb, 2, 0)
    gray = kr * red + (1 - kr - kb) * green + kb * blue
    u = 128 + chroma_codes * (blue - gray) / (2 * (1 - kb))
    v = 128 + chroma_codes * (red - gray) / (2 * (1 - kr))
    return offset + luma_codes * gray, u, v


def replicate(chroma: Array, height: int, width: int) -> Array:
    """Every pixel's chroma sample: (h, w) -> (H, W)."""
    return chroma.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]


def mean_of_covered(values: Array) -> Array:
    """The mean over the up to four pixels that a chroma sample covers: (H, W) -> (h, w)."""
    height, width = values.shape
    result = np.empty((-(-height // 2), -(-width // 2)))
    for i, j in np.ndindex(*result.shape):
        result[i, j] = values[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean()
    return result


def round_to_8_bits(values: Array) -> NDArray[np.uint8]:
    return np.clip(np.floor(values + 0.5), 0, 255).astype(np.uint8)


def rgb_of_planes(planes: Planes, coding: Coding) -> Array:
    """I420 planes -> R'G'B' (H, W, 3)."""
    y, u, v = (plane.astype(np.float64) for plane in planes)
    return to_rgb(y, replicate(u, *y.shape), replicate(v, *y.shape), coding)


def enhance_rgb(rgb: Array, weights: Weights, scale: int, strength: float = 1.0) -> Array:
    """R'G'B' (H, W, 3) -> the same, enhanced: the curve between 0 and 1, the identity beyond."""
    inside = np.clip(rgb, 0.0, 1.0)
    curve_map = reference.network(reference.downsample(inside, scale), weights)
    a = strength * reference.upsample(curve_map, *rgb.shape[:2])
    return np.where(rgb == inside, reference.apply_curve(inside, a), rgb)


def planes_of_rgb(rgb: Array, coding: Coding) -> Planes:
    """R'G'B' (H, W, 3) -> I420 planes."""
    y, u, v = to_yuv(rgb, coding)
    return [round_to_8_bits(plane) for plane in (y, mean_of_covered(u), mean_of_covered(v))]


def enhance(planes: Planes, weights: Weights, scale: int, coding: Coding, strength: float = 1.0) -> Planes:
    """I420 planes -> enhanced I420 planes."""
    return planes_of_rgb(enhance_rgb(rgb_of_planes(planes, coding), weights, scale, strength), coding)


def enhance_16_bit(image: NDArray[np.uint16], weights: Weights, scale: int) -> NDArray[np.uint16]:
    """uint16 RGB (H, W, 3) -> the same, enhanced."""
    result = enhance_rgb(image / 65535.0, weights, scale)
    return np.clip(np.floor(65535.0 * result + 0.5), 0, 65535).astype(np.uint16)
