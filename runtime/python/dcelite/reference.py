"""The NumPy reference of the enhancement, in float64: the oracle that every engine is held against.

It computes the five steps of Zero-DCE++ (Li, Guo, Loy, "Learning to Enhance Low-Light Image via Zero-Reference Deep
Curve Estimation", TPAMI 2021) and of Zero-DCE (Guo et al., CVPR 2020) in the plainest way, without regard to speed:

1. downsample the image by the scale factor,        (H, W, 3) -> (h, w, 3), h = ceil(H / scale)
2. run the curve network,                           (h, w, 3) -> (h, w, 3) or (h, w, 24), values in (-1, 1)
3. upsample the curve map,                          (h, w, C) -> (H, W, C)
4. apply the curve x <- x + a (x^2 - x) eight times (H, W, 3) -> (H, W, 3)
5. round to 8 bits.

Images are indexed (row, column, channel), channels are red, green, blue; x = u8 / 255. Weights are a mapping from the
upstream parameter names (``e_conv1.depth_conv.weight`` …) to arrays in the order (out, in, row, column).

Weights with a *scene head* (``scene_head.…``) steer the network by what the whole small picture is like: numbers that
:func:`scene_statistics` takes from it become, by two fully connected layers, what is added to every channel of layers 1
and 6 before their ReLU. Without it the network sees 43x43 pixels around each one, and cannot tell a shadow in a bright
picture from a dark picture.

Of 16 bits, x = u16 / 65535. YUV becomes R'G'B' by its :class:`Coding` first, and goes back afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import denoising

Array = NDArray[np.float64]
Weights = Mapping[str, NDArray[np.floating[Any]]]
Codes = NDArray[np.uint8] | NDArray[np.uint16]

ITERATIONS = 8
"""Applications of the curve (Zero-DCE, section 3.1: eight suffice for most images)."""

SCENE_BINS = 16
"""Of each histogram of the scene statistics."""
SCENE_STATISTICS = 2 * SCENE_BINS + 3
"""Two histograms and three means."""

BAND_PIXELS = 1 << 18
"""Pixels in float64 at the same time, so that a large picture fits into a small memory."""


def low_resolution_size(height: int, width: int, scale: int) -> tuple[int, int]:
    """Size (h, w) at which the network sees an image of (height, width): rounded up, never cropped."""
    return -(-height // scale), -(-width // scale)


def _interpolation(sources: Array, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Lower index, upper index and weight of the upper one for source coordinates clamped to [0, size - 1]."""
    clamped = np.clip(sources, 0.0, size - 1.0)
    lower = np.floor(clamped).astype(np.intp)
    upper = np.minimum(lower + 1, size - 1)
    return lower, upper, clamped - lower


def _resize(image: NDArray[Any], rows: Array, columns: Array) -> Array:
    """Sample (H, W, C) bilinearly at the given source rows and columns."""
    low, high, weight = _interpolation(rows, image.shape[0])
    image = _between(image[low], image[high], weight[:, None, None])
    low, high, weight = _interpolation(columns, image.shape[1])
    return _between(image[:, low], image[:, high], weight[:, None])


def _between(low: NDArray[Any], high: NDArray[Any], weight: Array) -> Array:
    result: Array = low * (1.0 - weight) + high * weight
    return result


def downsample(image: NDArray[Any], scale: int) -> Array:
    """(H, W, C) -> (h, w, C): bilinear, half-pixel centres, no antialiasing, src = (i + 0.5) H/h - 0.5."""
    height, width = image.shape[:2]
    h, w = low_resolution_size(height, width, scale)
    rows = (np.arange(h) + 0.5) * (height / h) - 0.5
    columns = (np.arange(w) + 0.5) * (width / w) - 0.5
    return _resize(image, rows, columns)


def upsample(curve_map: Array, height: int, width: int, *, band: slice = slice(None)) -> Array:
    """(h, w, C) -> (H, W, C), or the rows of a band of it: bilinear with aligned corners, src = i (h - 1) / (H - 1)."""
    h, w = curve_map.shape[:2]
    rows = np.arange(height) * ((h - 1) / max(height - 1, 1))
    columns = np.arange(width) * ((w - 1) / max(width - 1, 1))
    return _resize(curve_map, rows[band], columns)


def _windows(x: Array) -> Array:
    """(h, w, C) -> (h, w, C, 3, 3): the zero-padded 3x3 neighbourhood of every pixel."""
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    h, w, channels = x.shape
    shifted = [padded[i : i + h, j : j + w] for i in range(3) for j in range(3)]
    windows: Array = np.stack(shifted, axis=-1).reshape(h, w, channels, 3, 3)
    return windows


def _separable(x: Array, weights: Weights, layer: str) -> Array:
    """Depthwise 3x3 convolution followed by a pointwise one, each with bias (Zero-DCE++, section 3.5)."""
    depth = np.asarray(weights[f"{layer}.depth_conv.weight"], np.float64)[:, 0]
    x = np.einsum("hwcij,cij->hwc", _windows(x), depth) + weights[f"{layer}.depth_conv.bias"]
    point = np.asarray(weights[f"{layer}.point_conv.weight"], np.float64)[:, :, 0, 0]
    return np.asarray(x @ point.T + weights[f"{layer}.point_conv.bias"])


def _plain(x: Array, weights: Weights, layer: str) -> Array:
    """Plain 3x3 convolution with bias (Zero-DCE)."""
    kernel = np.asarray(weights[f"{layer}.weight"], np.float64)
    return np.tensordot(_windows(x), kernel, axes=((2, 3, 4), (1, 2, 3))) + weights[f"{layer}.bias"]


def is_separable(weights: Weights) -> bool:
    """True for Zero-DCE++ weights, False for Zero-DCE."""
    return "e_conv1.depth_conv.weight" in weights


def has_scene_head(weights: Weights) -> bool:
    """True for weights with a scene head."""
    return "scene_head.hidden.weight" in weights


def scene_statistics(x: Array) -> Array:
    """(h, w, 3) in [0, 1] -> (35,): how the brightness of the whole picture is distributed, and its mean colour.

    A histogram of sqrt(max(R, G, B)), one of sqrt((R + G + B) / 3), both in [0, 1], and the means of R, G and B. A
    value v counts for the two of 16 bins around it, bin k by max(0, 1 - |15 v - k|); a histogram is the mean over the
    pixels. The square root spreads the dark values.
    """
    bins = np.arange(SCENE_BINS)

    def histogram(values: Array) -> Array:
        distance = np.abs((SCENE_BINS - 1) * np.sqrt(values.reshape(-1, 1)) - bins)
        return np.asarray(np.maximum(0.0, 1.0 - distance).mean(axis=0))

    return np.concatenate([histogram(x.max(axis=2)), histogram(x.mean(axis=2)), x.mean(axis=(0, 1))])


def scene_offsets(statistics: Array, weights: Weights) -> dict[int, Array]:
    """Statistics (35,) -> layer -> what the scene head adds to its 32 channels."""
    hidden = weights["scene_head.hidden.weight"] @ statistics + weights["scene_head.hidden.bias"]
    output = weights["scene_head.output.weight"] @ np.maximum(hidden, 0.0) + weights["scene_head.output.bias"]
    first, sixth = np.split(np.asarray(output, np.float64), 2)
    return {1: first, 6: sixth}


def scene_offsets_of(x: Array, weights: Weights) -> dict[int, Array]:
    """The same for a small picture (h, w, 3) in [0, 1]; nothing where the weights have no scene head."""
    return scene_offsets(scene_statistics(x), weights) if has_scene_head(weights) else {}


def network(x: Array, weights: Weights, offsets: Mapping[int, Array] | None = None) -> Array:
    """(h, w, 3) -> curve map (h, w, 3), or (h, w, 24) for Zero-DCE, in (-1, 1).

    ``offsets`` are those of the scene head for the picture of which x is a part; None: x is the picture.
    """
    convolution = _separable if is_separable(weights) else _plain
    added = scene_offsets_of(x, weights) if offsets is None else offsets

    def layer(number: int, *inputs: Array) -> Array:
        output = convolution(np.concatenate(inputs, axis=2), weights, f"e_conv{number}")
        return output + added[number] if number in added else output

    def relu(y: Array) -> Array:
        return np.maximum(y, 0.0)

    x1 = relu(layer(1, x))
    x2 = relu(layer(2, x1))
    x3 = relu(layer(3, x2))
    x4 = relu(layer(4, x3))
    x5 = relu(layer(5, x3, x4))
    x6 = relu(layer(6, x2, x5))
    return np.tanh(layer(7, x1, x6))


def apply_curve(image: Array, curve_map: Array, iterations: int = ITERATIONS) -> Array:
    """(H, W, 3) in [0, 1] -> the same: LE_n = LE_{n-1} + A_n LE_{n-1} (1 - LE_{n-1}) (Zero-DCE, equation 3).

    The networks were published with the opposite sign of A, hence x + a (x^2 - x). A map of 3 channels serves all
    iterations, one of 24 holds eight maps in the order of application.
    """
    maps = [curve_map] * iterations if curve_map.shape[2] == 3 else np.split(curve_map, iterations, axis=2)
    for a in maps:
        image = image + a * (image * image - image)
    return image


def to_8_bit(image: Array) -> NDArray[np.uint8]:
    """[0, 1] -> floor(255 x + 0.5), clamped to 0 … 255."""
    levels: Array = np.floor(255.0 * image + 0.5)
    return levels.clip(0, 255).astype(np.uint8)


def curve_map(image: NDArray[np.uint8], weights: Weights, scale: int) -> Array:
    """uint8 RGB (H, W, 3) -> curve map at low resolution (h, w, 3 | 24)."""
    return network(downsample(image, scale) / 255.0, weights)


def finish(
    image: NDArray[np.uint8],
    curve_map: NDArray[np.floating[Any]],
    strength: float = 1.0,
    iterations: int = ITERATIONS,
    denoise: float = 0.0,
) -> NDArray[np.uint8]:
    """uint8 RGB (H, W, 3) and its curve map (h, w, 3 | 24) -> enhanced uint8 RGB.

    ``strength`` scales the map, ``denoise`` says how much of the noise is taken away before (:mod:`dcelite.denoising`).
    """
    height, width = image.shape[:2]
    small = np.asarray(curve_map, np.float64)
    levels = denoising.denoise(image.astype(np.float64), denoise).clip(0, 255) if denoise else image
    result = np.empty_like(image)
    step = max(1, BAND_PIXELS // width)
    for top in range(0, height, step):
        band = slice(top, top + step)
        a = strength * upsample(small, height, width, band=band)
        result[band] = to_8_bit(apply_curve(levels[band] / 255.0, a, iterations))
    return result


def enhance(image: NDArray[np.uint8], weights: Weights, scale: int, strength: float = 1.0) -> NDArray[np.uint8]:
    """uint8 RGB (H, W, 3) -> enhanced uint8 RGB (H, W, 3)."""
    return finish(image, curve_map(image, weights, scale), strength)


# ---- 16 bits and YUV: x in [0, 1] goes through the curve, what lies beyond stays as it is ----

LUMA_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""Of red and blue (ITU-R BT.601-7, BT.709-6, BT.2020-2)."""


@dataclass(frozen=True)
class Coding:
    """How the codes of YUV stand for R'G'B'."""

    matrix: str = "bt601"
    full_range: bool = False
    bits: int = 8

    @property
    def largest(self) -> int:
        """Code."""
        return (1 << self.bits) - 1

    @property
    def ranges(self) -> tuple[float, float, float, float]:
        """Codes of luma from 0 to 1, its offset, codes of chroma from -0.5 to 0.5, its offset."""
        unit = 1 << (self.bits - 8)
        if self.full_range:
            return self.largest, 0, self.largest, 128 * unit
        return 219 * unit, 16 * unit, 224 * unit, 128 * unit

    def to_rgb(self, y: Array, u: Array, v: Array) -> Array:
        """Codes of equal shape (H, W) -> R'G'B' (H, W, 3), 0 … 1 and beyond."""
        kr, kb = LUMA_WEIGHTS[self.matrix]
        luma_codes, luma_offset, chroma_codes, chroma_offset = self.ranges
        gray = (y - luma_offset) / luma_codes
        blue = gray + 2 * (1 - kb) * (u - chroma_offset) / chroma_codes
        red = gray + 2 * (1 - kr) * (v - chroma_offset) / chroma_codes
        green = (gray - kr * red - kb * blue) / (1 - kr - kb)
        return np.stack([red, green, blue], axis=2)

    def to_yuv(self, rgb: Array) -> tuple[Array, Array, Array]:
        """The inverse of to_rgb, not rounded."""
        kr, kb = LUMA_WEIGHTS[self.matrix]
        luma_codes, luma_offset, chroma_codes, chroma_offset = self.ranges
        red, green, blue = np.moveaxis(rgb, 2, 0)
        gray = kr * red + (1 - kr - kb) * green + kb * blue
        u = chroma_offset + chroma_codes * (blue - gray) / (2 * (1 - kb))
        v = chroma_offset + chroma_codes * (red - gray) / (2 * (1 - kr))
        return luma_offset + luma_codes * gray, u, v

    def rgb_of_planes(self, planes: Sequence[Codes]) -> Array:
        """Y (H, W), U and V (ceil(H / 2), ceil(W / 2)) -> R'G'B' (H, W, 3): a pixel takes the chroma that covers it."""
        y, u, v = (np.minimum(plane, self.largest).astype(np.float64) for plane in planes)
        height, width = y.shape
        u, v = (chroma.repeat(2, axis=0).repeat(2, axis=1)[:height, :width] for chroma in (u, v))
        return self.to_rgb(y, u, v)

    def planes_of_rgb(self, rgb: Array) -> list[Codes]:
        """The inverse of rgb_of_planes, rounded; a chroma sample is the mean over the pixels that it covers."""
        y, u, v = self.to_yuv(rgb)
        kind = np.uint8 if self.bits == 8 else np.uint16
        return [
            np.floor(plane + 0.5).clip(0, self.largest).astype(kind)
            for plane in (y, _mean_of_covered(u), _mean_of_covered(v))
        ]


def _mean_of_covered(values: Array) -> Array:
    """The mean over the up to four pixels that a chroma sample covers: (H, W) -> (h, w)."""
    starts = [np.arange(0, size, 2) for size in values.shape]
    sums = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)
    rows, columns = (np.minimum(2, size - start) for size, start in zip(values.shape, starts, strict=True))
    return np.asarray(sums / np.outer(rows, columns))


def enhance_values(rgb: Array, weights: Weights, scale: int, strength: float = 1.0) -> Array:
    """(H, W, 3) -> the same, enhanced: the curve between 0 and 1, the identity beyond."""
    inside = np.clip(rgb, 0.0, 1.0)
    small = strength * network(downsample(inside, scale), weights)
    return np.where(rgb == inside, apply_curve(inside, upsample(small, *rgb.shape[:2])), rgb)


def enhance_16_bit(image: NDArray[np.uint16], weights: Weights, scale: int) -> NDArray[np.uint16]:
    """uint16 RGB (H, W, 3) -> the same, enhanced."""
    levels: Array = np.floor(65535.0 * enhance_values(image / 65535.0, weights, scale) + 0.5)
    return levels.clip(0, 65535).astype(np.uint16)


def enhance_planes(
    planes: Sequence[Codes], weights: Weights, scale: int, coding: Coding, strength: float = 1.0, white: float = 1.0
) -> list[Codes]:
    """Y, U and V -> the same, enhanced; ``white`` is the R'G'B' that is 1 to network and curve."""
    rgb = coding.rgb_of_planes(planes) / white
    return coding.planes_of_rgb(white * enhance_values(rgb, weights, scale, strength))
