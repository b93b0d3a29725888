"""Ranges of the activations, per channel, by one of four methods."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Lower and upper bound of each channel."""

HEADROOM = 1.15
"""Factor on the ranges of min/max: photographs that did not calibrate go beyond those that did, and clipping costs more
than a slightly wider step."""
PERCENTILE = 99.99
SHRINKS = np.linspace(1.0, 0.6, 17)
"""Factors on the full range that the searches try."""
LEVELS = 255
"""Steps of an 8-bit range."""
BINS = 1024
"""Of the histogram that the entropy method compares."""
LARGEST_SAMPLE = 60_000
"""Values of a channel that the methods look at."""


def minmax(samples: Samples) -> Bounds:
    low, high = samples.min(axis=0).astype(np.float64), samples.max(axis=0).astype(np.float64)
    margin = (HEADROOM - 1) / 2 * (high - low)
    return low - margin, high + margin


def percentile(samples: Samples) -> Bounds:
    low, high = np.percentile(samples, [100 - PERCENTILE, PERCENTILE], axis=0)
    return low, high


def _best(samples: Samples, cost: Callable[[Samples, Bounds], NDArray[np.float64]]) -> Bounds:
    """For every channel the full range, shrunk about the median to the least cost."""
    low, high = samples.min(axis=0).astype(np.float64), samples.max(axis=0).astype(np.float64)
    center = np.median(samples, axis=0)
    shrinks = SHRINKS[:, None]
    candidates = np.stack([center + (low - center) * shrinks, center + (high - center) * shrinks], axis=1)
    best = np.argmin([cost(samples, (low, high)) for low, high in candidates], axis=0)
    low, high = candidates[best, :, np.arange(samples.shape[1])].T
    return low, high


def _squared_error(samples: Samples, bounds: Bounds) -> NDArray[np.float64]:
    """Mean squared error of rounding and clipping to 8 bits."""
    low, high = (bound.astype(np.float32) for bound in bounds)
    step = np.maximum((high - low) / LEVELS, np.float32(1e-12))
    rounded = np.clip(np.round((samples - low) / step), 0, LEVELS) * step + low
    error: NDArray[np.float64] = np.mean((samples - rounded) ** 2, axis=0, dtype=np.float64)
    return error


def _divergence(samples: Samples, bounds: Bounds) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of the quantised distribution from the true one, for each channel."""
    return np.array(
        [_channel_divergence(values, low, high) for values, low, high in zip(samples.T, *bounds, strict=True)]
    )


def _channel_divergence(values: NDArray[np.float32], low: float, high: float) -> float:
    least, most = float(values.min()), float(values.max())
    if most <= least:
        return 0.0
    true, edges = np.histogram(values, bins=BINS, range=(least, most))
    centers = (edges[:-1] + edges[1:]) / 2
    levels = np.clip(np.round((centers - low) / max(high - low, 1e-12) * LEVELS), 0, LEVELS).astype(int)
    mass = np.bincount(levels, true, LEVELS + 1)
    occupied = np.bincount(levels, true > 0, LEVELS + 1)
    quantized = np.where(true > 0, mass[levels] / np.maximum(occupied[levels], 1), 0)
    # What clipping moves to the last levels stays there in the quantised distribution, and not in the true one.
    present = true > 0
    p, q = true[present] / true.sum(), quantized[present] / quantized.sum()
    clipped = float(true[(centers < low) | (centers > high)].sum() / true.sum())
    return float(np.sum(p * np.log(p / q))) + clipped


METHODS: dict[str, Callable[[Samples], Bounds]] = {
    "minmax": minmax,
    "percentile": percentile,
    "mse": functools.partial(_best, cost=_squared_error),
    "entropy": functools.partial(_best, cost=_divergence),
}


def thinned(samples: Samples) -> Samples:
    """At most LARGEST_SAMPLE rows, with the smallest and the largest value of every channel among them."""
    if len(samples) <= LARGEST_SAMPLE:
        return samples
    step = -(-len(samples) // LARGEST_SAMPLE)
    return np.concatenate([samples[::step], samples.min(axis=0)[None], samples.max(axis=0)[None]])
