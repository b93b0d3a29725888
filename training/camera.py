"""A camera: from the radiance of a scene to the picture that it takes, and to the one that it takes with less light.

Radiance is linear, (3, S, S) or (N, 3, S, S), in any unit; light is radiance times the exposure, 1 where a pixel is
white.

1. View: a pinhole camera sees the direction (X, Y, 1) R of an equirectangular panorama, R the pitch, then the yaw.
2. White balance: each colour times its own gain.
3. Exposure: the factor with which the picture gets a given mean, which is what a light meter does.
4. Noise: light counted as electrons, n = Poisson(w light) + Normal(0, r), w electrons at white, r of the electronics
   (Foi et al., "Practical Poissonian-Gaussian Noise Modeling", IEEE TIP 2008); the Poisson part as a normal one of
   equal variance, w light, since it is added to that of the electronics.
5. Clipping at 0 and 1, the transfer function of sRGB (IEC 61966-2-1), contrast, 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

SUPERSAMPLING = 2
"""Rays a pixel, each way: the panorama is finer than a training image in wide views."""
EXPOSURE_STOPS = 16.0
"""The search for an exposure begins with a mean radiance of 1 at these powers of two, below and above."""
EXPOSURE_STEPS = 16
DARKEST = np.float32(1e-20)
"""Mean radiance that counts as black: its exposure is still a number."""


@dataclass(frozen=True)
class View:
    """Where a camera looks and how far it sees; angles in radians."""

    field: float
    """Of view, along the longer side."""
    aspect: float
    """Width / height."""
    yaw: float
    pitch: float
    """Above 0: upwards."""


def look(panorama: Float32, view: View, size: int) -> Float32:
    """The view (3, size, size) of an equirectangular panorama (H, W, 3), squeezed to a square like training images."""
    side = (np.arange(size * SUPERSAMPLING) + 0.5) / (size * SUPERSAMPLING) * 2 - 1
    half = np.tan(view.field / 2)
    x, y = np.meshgrid(side * half * min(view.aspect, 1.0), -side * half / max(view.aspect, 1.0))
    cosine, sine = np.cos(view.pitch), np.sin(view.pitch)
    up, ahead = y * cosine + sine, cosine - y * sine
    longitude = np.arctan2(x, ahead) + view.yaw
    latitude = np.arctan2(up, np.hypot(x, ahead))
    rays = _sample(panorama, longitude / (2 * np.pi) % 1, 0.5 - latitude / np.pi)
    pixels = rays.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING, 3).mean((1, 3))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)


def _sample(panorama: Float32, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bilinear, at shares u of the width, which goes round, and v of the height."""
    height, width = panorama.shape[:2]
    x, y = u * width - 0.5, np.clip(v * height - 0.5, 0, height - 1)
    left, top = np.floor(x).astype(int), np.minimum(np.floor(y).astype(int), height - 2)
    across, down = (x - left)[..., None], (y - top)[..., None]
    rows = [panorama[r, left % width] * (1 - across) + panorama[r, (left + 1) % width] * across for r in (top, top + 1)]
    return np.asarray(rows[0] * (1 - down) + rows[1] * down)


def develop(light: Float32, contrast: Float32) -> Float32:
    """Light (N, 3, S, S) -> picture in 0 … 1: the transfer function of sRGB, then y + c y (1 - y) (2 y - 1).

    The contrast c is (N, 1, 1, 1).
    """
    light = np.clip(light, 0.0, 1.0)
    picture = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
    return np.asarray(picture + contrast * picture * (1 - picture) * (2 * picture - 1), np.float32)


def exposure_for(radiance: Float32, mean: Float32, contrast: Float32) -> Float32:
    """The exposure with which each picture of radiance (N, 3, S, S) gets its mean, in 0 … 1: (N, 1, 1, 1).

    By bisection.
    """
    low, high = -EXPOSURE_STOPS, EXPOSURE_STOPS
    thin = radiance[..., ::2, ::2]  # a quarter of the pixels tells the mean well enough
    scale = 1 / np.maximum(thin.mean((1, 2, 3), keepdims=True), DARKEST)
    stops = np.zeros(mean.shape, np.float32)
    lower, upper = np.full(mean.shape, low, np.float32), np.full(mean.shape, high, np.float32)
    for _ in range(EXPOSURE_STEPS):
        stops = (lower + upper) / 2
        too_bright = develop(thin * scale * np.exp2(stops), contrast).mean((1, 2, 3), keepdims=True) > mean
        lower, upper = np.where(too_bright, lower, stops), np.where(too_bright, stops, upper)
    return np.asarray(scale * np.exp2(stops), np.float32)


def count(light: Float32, full_well: Float32, read_noise: Float32, random: np.random.Generator) -> Float32:
    """Light as a sensor counts it: ``full_well`` electrons at white, ``read_noise`` of its own; both (N, 1, 1, 1)."""
    variance = np.clip(light, 0.0, 1.0) * full_well + read_noise**2
    noise = random.standard_normal(light.shape, np.float32) * np.sqrt(variance) / full_well
    return np.asarray(light + noise, np.float32)


def in_8_bits(picture: Float32) -> Float32:
    """0 … 1 in steps of 1/255."""
    return np.asarray(np.round(np.clip(picture, 0.0, 1.0) * 255) / np.float32(255), np.float32)
