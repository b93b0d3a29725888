"""The NumPy reference of the denoising, in float64: the oracle that the native kernels are held against.

A curve multiplies the noise of a dark picture. It is taken away before the curve, where its deviation depends on the
value alone, and values stay wider than 8 bits up to the curve. Levels: 255 is white. y = (R + G + B) / 3 of a pixel.

1. *Estimate* (:func:`noise_of`). In each block of 16 x 32 pixels, the diagonal details (a - b - c + d) / 2 of y in
   means of 2 x 2 pixels, and those of R - y, G - y, B - y in means of 4 x 4, have a variance. For each of eight levels
   of brightness, the lowest tenth of the blocks is taken for flat places. Noise is as strong in the colours as in y,
   texture is not: the variance of y counts no further than that of the colours explains. Sensors count photons, whose
   variance is proportional to their number, sigma^2 = alpha x + beta with alpha, beta >= 0 (Foi et al., IEEE TIP
   2008): from a level to twice the level, it no more than doubles.
2. *Filter* (:func:`denoise`): the local linear minimum mean square error (Lee, "Digital Image Enhancement and Noise
   Filtering by Use of Local Statistics", PAMI 1980), which the self-guided filter is too (He, Sun, Tang, ECCV 2010),
   with coefficients on a coarser grid (He, Sun, "Fast Guided Filter", 2015): y on one of 2 x 2 pixels, the colours on
   one of 4 x 4, windows of 3 x 3 of their cells. In a window with mean m and variance v, the share t = e / (v + e) of
   what differs from m is noise, e being a multiple of the noise at level m; x becomes x - t (x - m).
3. *Over time* (:class:`TemporalDenoiser`): a recursive mean with the gain of a Kalman filter for each block of 4 x 4
   pixels, which begins anew where the block differs from the frames before by more than noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AMOUNT = 1.0
"""Of ``dcelite enhance``, ``video`` and ``evaluate`` unless told otherwise, chosen by looking at photographs."""

KNOTS = np.array([0, 4, 8, 16, 32, 64, 128, 255], np.float64)
"""Levels at which the noise is known; between them, its variance is interpolated."""
BLOCK = (16, 32)
"""Rows and columns that noise is estimated in."""
QUANTILE = 0.1
"""Of the variances of the blocks of a level."""
FEWEST_BLOCKS = 8
"""Below which a level takes its noise from its neighbours."""
LUMA_OF_COLOURS = 0.8
"""Largest variance of y in means of 2 x 2 pixels, in variances of the colours, summed, in means of 4 x 4. White noise,
equally strong in R, G and B: 2/3."""
LUMA_STRENGTH, COLOUR_STRENGTH = 3.0, 12.0
"""Of the filter: e is the variance of the noise times this."""
SMALLEST = 1e-6
"""Added to e, in levels squared: flat windows without noise are what they are."""

ROUNDING_OF_LUMA, ROUNDING_OF_COLOURS, ROUNDING_LEVEL = 1 / 24, 1 / 40, 8.0
"""Least variances of both at black, in steps of the format squared, and the level at which they are half of that: a
curve makes the steps of 8 bits visible in the dark."""

EXPONENTS = 12
"""Variances are counted in eighths of octaves from 2^-12 to 2^12 levels squared."""

SMALLEST_GAIN = 0.125
"""Weight that a frame has at least over time."""
CHANGE, CERTAIN_CHANGE = 6.0, 12.0
"""Between which squared differences of a block, in variances of their noise, turn from noise into motion."""
PIXEL_CHANGE, CERTAIN_PIXEL_CHANGE = 9.0, 25.0
"""The same for a pixel."""
HISTORY_STEPS = 64
"""Steps of a level that the frames so far are kept in."""


@dataclass(frozen=True)
class Noise:
    """Variances in levels squared at KNOTS."""

    luma: Array
    """Of y in means of 2 x 2 pixels."""
    colours: Array
    """Of R - y, G - y and B - y, summed, in means of 4 x 4 pixels."""

    def with_rounding(self, step: float = 1.0) -> Noise:
        """At least that of values in steps of so many levels."""
        scale = step**2 / (1 + KNOTS / ROUNDING_LEVEL)
        return Noise(
            np.maximum(self.luma, ROUNDING_OF_LUMA * scale), np.maximum(self.colours, ROUNDING_OF_COLOURS * scale)
        )

    @classmethod
    def white(cls, level: float) -> Noise:
        """White noise, independent in R, G and B, of this standard deviation in levels at every brightness."""
        return cls(np.full(len(KNOTS), level**2 / 12), np.full(len(KNOTS), level**2 / 8))


def _padded(image: Array, side: int) -> Array:
    """The last row and column repeated up to a multiple of ``side``."""
    below, right = (-size % side for size in image.shape[:2])
    return np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")


def _means(image: Array, side: int) -> Array:
    padded = _padded(image, side)
    height, width, channels = padded.shape
    return np.asarray(padded.reshape(height // side, side, width // side, side, channels).mean((1, 3)))


def split(levels: Array) -> tuple[Array, Array]:
    """(H, W, 3) -> y in means of 2 x 2 pixels, (h, w, 1), and the colours in means of 4 x 4 pixels, (h, w, 3)."""
    padded = _padded(levels, 4)
    luma = padded.mean(2, keepdims=True)
    height, width = levels.shape[:2]
    return _means(luma, 2)[: -(-height // 2), : -(-width // 2)], _means(padded - luma, 4)


def _details(grid: Array) -> Array:
    return np.asarray((grid[::2, ::2] - grid[::2, 1::2] - grid[1::2, ::2] + grid[1::2, 1::2]) / 2)


def _bin_edges() -> Array:
    octaves = 2.0 ** np.arange(-EXPONENTS, EXPONENTS)
    edges = (octaves[:, None] * (1 + np.arange(8) / 8)).ravel()
    return np.concatenate([[0.0], edges, [2.0**EXPONENTS]])


def _quantile(variances: Array) -> float:
    """From counts in bins, in which variances are taken to be spread evenly, so that no block alone decides."""
    edges = _bin_edges()
    bins = np.clip(np.searchsorted(edges, 1.00001 * variances, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(bins, minlength=len(edges) - 1)
    target, before = QUANTILE * len(variances), 0
    for i, count in enumerate(counts):
        if before + count >= target and count:
            return float(edges[i] + (edges[i + 1] - edges[i]) * (target - before) / count)
        before += count
    return 0.0


def _at_knots(levels: NDArray[np.intp], variances: Array) -> Array:
    groups = [variances[levels == k] for k in range(len(KNOTS))]
    known = [k for k, group in enumerate(groups) if len(group) >= FEWEST_BLOCKS]
    if not known:
        return np.full(len(KNOTS), _quantile(variances) if len(variances) else 0.0)
    return np.interp(np.arange(len(KNOTS)), known, [_quantile(groups[k]) for k in known])


def noise_of(levels: Array) -> Noise:
    """The noise of a picture (H, W, 3); none where it is smaller than a block."""
    rows, columns = BLOCK
    whole = levels[: levels.shape[0] // rows * rows, : levels.shape[1] // columns * columns]
    if not whole.size:
        return Noise(np.zeros(len(KNOTS)), np.zeros(len(KNOTS)))
    luma, colours = split(whole)

    def by_block(values: Array) -> Array:
        down, across = whole.shape[0] // rows, whole.shape[1] // columns
        height, width = values.shape[:2]
        return np.asarray(values.reshape(down, height // down, across, width // across).mean((1, 3))).ravel()

    # The level of a block: that of the nearest knot, by the logarithm of level + 2.
    between = np.sqrt((KNOTS[:-1] + 2) * (KNOTS[1:] + 2)) - 2
    knot = np.searchsorted(between, by_block(luma[..., 0]), side="right")
    of_luma = _at_knots(knot, by_block(_details(luma)[..., 0] ** 2))
    variances = by_block((_details(colours) ** 2).sum(2))
    of_colours = _at_knots(knot, variances)
    if variances.max() >= 2.0**-EXPONENTS:  # else the picture is grey
        of_luma = np.minimum(of_luma, LUMA_OF_COLOURS * of_colours)
    for curve in (of_luma, of_colours):
        for k in range(3, len(KNOTS)):  # from 8 levels on; below, black cuts the noise off
            curve[k] = min(curve[k], 2 * curve[k - 1])
    return Noise(of_luma, of_colours)


def _around(grid: Array) -> Array:
    """(h, w, C) -> (h, w, C, 9): the 3 x 3 cells around each, the outermost repeated."""
    height, width = grid.shape[:2]
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return np.stack([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=-1)


def _twice(grid: Array, height: int, width: int) -> Array:
    """Bilinear, to twice the size, of which (height, width) are wanted: weights 3/4 and 1/4, the outermost repeated."""
    for axis, size in ((0, height), (1, width)):
        moved = np.moveaxis(grid, axis, 0)
        edge = np.concatenate([moved[:1], moved, moved[-1:]])
        pairs = np.stack([0.75 * moved + 0.25 * edge[:-2], 0.75 * moved + 0.25 * edge[2:]], axis=1)
        grid = np.moveaxis(pairs.reshape(-1, *moved.shape[1:])[:size], 0, axis)
    return grid


def denoise(levels: Array, amount: float, noise: Noise | None = None, remaining: Array | None = None) -> Array:
    """(H, W, 3) in levels -> the same without noise, as far as ``amount``, 0 … 1, says.

    ``noise``: None: that of the picture, of 8 bits. ``remaining``, (ceil(H / 4), ceil(W / 4)): the share of its
    variance that denoising over time has left.
    """
    height, width = levels.shape[:2]
    noise = noise or noise_of(levels).with_rounding()
    luma, colours = split(levels)
    h, w = luma.shape[:2]
    left = np.ones(colours.shape[:2]) if remaining is None else remaining
    around = _around(luma)[:, :, 0]
    mean, variance = around.mean(2), around.var(2)
    e = LUMA_STRENGTH * np.interp(mean, KNOTS, noise.luma) * left.repeat(2, 0).repeat(2, 1)[:h, :w] + SMALLEST
    share = amount * e / (variance + e)

    around = _around(colours)
    means, variance = around.mean(3), around.var(3).sum(2)
    level = _means(luma, 2)[..., 0]
    e = COLOUR_STRENGTH * np.interp(level, KNOTS, noise.colours) * left + SMALLEST
    colour_share = (amount * e / (variance + e))[..., None]

    t, tm = (_twice(grid[..., None], height, width) for grid in (share, share * mean))
    u, um = (_twice(_twice(grid, h, w), height, width) for grid in (colour_share, colour_share * means))
    y = levels.mean(2, keepdims=True)
    return np.asarray(levels - t * y + tm - u * (levels - y) + um)


class TemporalDenoiser:
    """Denoising over the frames of a video. Frames are (H, W, 3) in levels, all of one size."""

    def __init__(self, amount: float = 1.0) -> None:
        self._smallest_gain = 1 - (1 - SMALLEST_GAIN) * amount
        self.reset()

    def reset(self) -> None:
        """Forget the frames so far."""
        self._frame: Array | None = None
        self.remaining: Array | None = None
        self.noise: Noise | None = None

    def __call__(self, levels: Array, noise: Noise | None = None) -> Array:
        """The mean of the frame and those before it, as far as nothing moved."""
        now = noise or noise_of(levels).with_rounding()
        if self._frame is None or self.remaining is None or self.noise is None:
            self._frame, self.noise = self._kept(levels), now
            self.remaining = np.ones((-(-levels.shape[0] // 4), -(-levels.shape[1] // 4)))
            return self._frame
        before, remaining, known = self._frame, self.remaining, self.noise
        luma, colours = split(levels - before)
        level = _means(split(levels)[0], 2)[..., 0]
        of_both = 1 + remaining
        of_luma = np.interp(level, KNOTS, known.luma) * of_both + SMALLEST
        of_colours = np.interp(level, KNOTS, known.colours) * of_both + SMALLEST
        changed = _means(luma, 2)[..., 0] ** 2 / (of_luma / 4) + (colours**2).sum(2) / of_colours
        gain = np.maximum(remaining / of_both, self._smallest_gain)
        gain = gain + (1 - gain) * np.clip((changed - CHANGE) / (CERTAIN_CHANGE - CHANGE), 0, 1)
        self.remaining = gain**2 + (1 - gain) ** 2 * remaining

        def by_pixel(grid: Array) -> Array:
            return grid.repeat(4, 0).repeat(4, 1)[: levels.shape[0], : levels.shape[1], None]

        difference = (levels - before).mean(2, keepdims=True)
        pixel = difference**2 / (4 * by_pixel(of_luma))
        moved = np.clip((pixel - PIXEL_CHANGE) / (CERTAIN_PIXEL_CHANGE - PIXEL_CHANGE), 0, 1)
        gain = by_pixel(gain)
        self._frame = self._kept(before + (gain + (1 - gain) * moved) * (levels - before))
        self.noise = Noise(*(a + 0.25 * (b - a) for a, b in ((known.luma, now.luma), (known.colours, now.colours))))
        return self._frame

    @staticmethod
    def _kept(levels: Array) -> Array:
        return np.asarray(np.floor(levels * HISTORY_STEPS + 0.5) / HISTORY_STEPS)
