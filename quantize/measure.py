"""What a quantised file lost, and what it gained: fidelity to fp32, ground truth, brightness, size and latency."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dcelite import Enhancer
from dcelite.extras import require
from dcelite.images import read_rgb8
from dcelite.metrics import Rgb, psnr, ssim
from dcelite.pictures import find_pairs, read_picture
from dcelite.progress import track
from dcelite.quantize.sensitivity import fidelity

FRAME = (900, 1200)
"""(height, width) of the frame that is timed; the network sees 75x100 of it."""
SECONDS = 1.0
"""After which no new round of runs begins."""
RUNS = 40
CROP = 96
"""Side in pixels of the worst crop."""


class PictureFidelity(NamedTuple):
    """One picture through fp32 and through a quantised file."""

    name: str
    psnr: float
    brightness_shift: float
    """Difference of the means in 8-bit levels."""


class GroundTruth(NamedTuple):
    """Means over the pairs."""

    psnr: float
    ssim: float
    mean_level: float
    """8-bit value of the outputs."""


@dataclass(frozen=True)
class Crop:
    """Where the two outputs differ most, in the worst picture."""

    row: int
    column: int
    source: Rgb
    fp32: Rgb
    quantized: Rgb


@dataclass(frozen=True)
class Latency:
    """Milliseconds, one thread, the best of some runs on this machine."""

    network: float | None
    """Curve map of a 1200x900 frame; None where the file does not give it away."""
    frame: float


@dataclass(frozen=True)
class Measurement:
    """A written file beside the fp32 file of the same engine."""

    file: str
    kind: str
    """What the file is, in words."""
    engine: str
    """Suffix of the format."""
    size: int
    fp32_size: int
    fidelity: list[PictureFidelity]
    crop: Crop
    ground_truth: GroundTruth | None
    latency: Latency
    fp32_latency: Latency

    @property
    def mean(self) -> float:
        return float(np.mean([picture.psnr for picture in self.fidelity]))

    @property
    def worst(self) -> PictureFidelity:
        return min(self.fidelity, key=lambda picture: picture.psnr)

    @property
    def largest_shift(self) -> float:
        return max((picture.brightness_shift for picture in self.fidelity), key=abs)

    @property
    def speed_up(self) -> float:
        """fp32 time through its own: of the network where both give it, else of the frame."""
        own, fp32 = self.latency, self.fp32_latency
        if own.network is not None and fp32.network is not None:
            return fp32.network / own.network
        return fp32.frame / own.frame


class Reference:
    """The outputs of the fp32 network, which every file is held against."""

    def __init__(self, model: Path, photos: Sequence[Path], pairs: Path | None) -> None:
        """``model`` is the fp32 ``.dce``; ``pairs`` has folders low and high with the same file names.

        Raises DceliteError where these do not match, or scikit-image is missing.
        """
        with Enhancer(model) as enhancer:
            self.photos = [read_rgb8(path) for path in photos]
            self.names = [path.name for path in photos]
            self.outputs = [enhancer(pixels) for pixels in track(self.photos, len(photos), "fp32")]
            if pairs is not None:
                require("train", "--pairs", "skimage")
            self.pairs = [] if pairs is None else [read_picture(pair) for pair in find_pairs(pairs)]
            self.ground_truth = _ground_truth(enhancer, self.pairs)


def _ground_truth(enhancer: Enhancer, pairs: Sequence[tuple[Rgb, Rgb | None]]) -> GroundTruth | None:
    outputs = ((high, enhancer(low)) for low, high in pairs if high is not None)
    rows = [(psnr(high, output), ssim(high, output), float(output.mean())) for high, output in outputs]
    return GroundTruth(*np.mean(rows, axis=0).tolist()) if rows else None


def _worst_crop(source: Rgb, fp32: Rgb, quantized: Rgb) -> Crop:
    """The square with the largest squared difference, on a grid of half its side."""
    difference = np.square(fp32.astype(np.float32) - quantized).sum(axis=2)
    height, width = (min(CROP, side) for side in difference.shape)
    rows, columns = (
        [*range(0, side - crop, max(crop // 2, 1)), side - crop]
        for side, crop in zip(difference.shape, (height, width), strict=True)
    )

    def square(row: int, column: int) -> tuple[slice, slice]:
        return slice(row, row + height), slice(column, column + width)

    places = ((row, column) for row in rows for column in columns)
    row, column = max(places, key=lambda place: difference[square(*place)].sum(dtype=np.float64))
    return Crop(row, column, *(picture[square(row, column)].copy() for picture in (source, fp32, quantized)))


def measure(path: Path, kind: str, base: Path, reference: Reference) -> Measurement:
    """Run a file on the photographs and the pairs, and against the clock beside the fp32 file ``base``.

    Raises ModelError where its runtime refuses the file.
    """
    with Enhancer(path) as enhancer:
        pictures = []
        for name, source, wanted in zip(reference.names, reference.photos, reference.outputs, strict=True):
            output = enhancer(source)
            shift = float(output.mean()) - float(wanted.mean())
            pictures.append(PictureFidelity(name, fidelity(wanted, output), shift))
        worst = int(np.argmin([picture.psnr for picture in pictures]))
        crop = _worst_crop(reference.photos[worst], reference.outputs[worst], enhancer(reference.photos[worst]))
        truth = _ground_truth(enhancer, reference.pairs)
    sizes = path.stat().st_size, base.stat().st_size
    return Measurement(path.name, kind, path.suffix[1:], *sizes, pictures, crop, truth, *_latencies(path, base))


def _latencies(path: Path, base: Path) -> list[Latency]:
    """Of two files on one thread, measured in turns, so that a busy moment of the machine hits both."""
    frame = np.random.default_rng(0).integers(0, 60, (*FRAME, 3), np.uint8)
    with Enhancer(path, threads=1) as own, Enhancer(base, threads=1) as fp32:
        frames = _best_times([lambda: own(frame), lambda: fp32(frame)])
        networks: Sequence[float | None] = [None, None]
        if own.has_curve_map and fp32.has_curve_map:
            networks = _best_times([lambda: own.curve_map(frame), lambda: fp32.curve_map(frame)])
        return [Latency(*pair) for pair in zip(networks, frames, strict=True)]


def _best_times(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Milliseconds of each call."""
    best = [float("inf")] * len(calls)
    for call in calls:
        call()
    begin = time.perf_counter()
    for _ in range(RUNS):
        for index, call in enumerate(calls):
            start = time.perf_counter()
            call()
            best[index] = min(best[index], (time.perf_counter() - start) * 1e3)
        if time.perf_counter() - begin > SECONDS:
            break
    return best
