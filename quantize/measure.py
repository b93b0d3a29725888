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
from dcelite.images import read_photograph
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


@dataclass(frozen=True)
class PictureFidelity:
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

    picture: str
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
    crop: Crop | None
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
        """``model`` is the fp32 ``.dce``; ``pairs`` has folders low and high with the same file names."""
        with Enhancer(model) as enhancer:
            self.photos = [np.ascontiguousarray(read_photograph(path).pixels[..., :3]) for path in photos]
            self.names = [path.name for path in photos]
            self.outputs = [enhancer(pixels) for pixels in track(self.photos, len(photos), "fp32")]
            self.pairs = [] if pairs is None else _read_pairs(pairs)
            self.ground_truth = _ground_truth(enhancer, self.pairs)


def _read_pairs(folder: Path) -> list[tuple[Rgb, Rgb]]:
    """(low, high) pictures; raises DceliteError where they do not match, or scikit-image is missing."""
    require("train", "--pairs", "skimage")
    return [(low, high) for low, high in map(read_picture, find_pairs(folder)) if high is not None]


def _ground_truth(enhancer: Enhancer, pairs: Sequence[tuple[Rgb, Rgb]]) -> GroundTruth | None:
    if not pairs:
        return None
    rows = []
    for low, high in pairs:
        output = enhancer(low)
        rows.append((psnr(high, output), ssim(high, output), float(output.mean())))
    return GroundTruth(*np.mean(rows, axis=0).tolist())


def _worst_crop(name: str, source: Rgb, fp32: Rgb, quantized: Rgb) -> Crop:
    """The square with the largest squared difference, on a grid of half its side."""
    difference = np.square(fp32.astype(np.float32) - quantized).sum(axis=2)
    total = np.pad(difference.cumsum(0, np.float64).cumsum(1), ((1, 0), (1, 0)))
    height, width = difference.shape
    side_y, side_x = min(CROP, height), min(CROP, width)
    rows = np.unique([*range(0, height - side_y + 1, max(side_y // 2, 1)), height - side_y])
    columns = np.unique([*range(0, width - side_x + 1, max(side_x // 2, 1)), width - side_x])
    top, left = rows[:, None], columns[None, :]
    sums = total[top + side_y, left + side_x] - total[top, left + side_x] - total[top + side_y, left] + total[top, left]
    y, x = np.unravel_index(int(np.argmax(sums)), sums.shape)
    row, column = int(rows[y]), int(columns[x])
    crops = (picture[row : row + side_y, column : column + side_x].copy() for picture in (source, fp32, quantized))
    return Crop(name, row, column, *crops)


def measure(path: Path, kind: str, base: Path, reference: Reference) -> Measurement:
    """Run a file on the photographs and the pairs, and against the clock beside the fp32 file ``base``.

    Raises ModelError where its runtime refuses the file.
    """
    pictures: list[PictureFidelity] = []
    crop: Crop | None = None
    with Enhancer(path) as enhancer:
        for name, source, wanted in zip(reference.names, reference.photos, reference.outputs, strict=True):
            output = enhancer(source)
            shift = float(output.mean()) - float(wanted.mean())
            pictures.append(PictureFidelity(name, fidelity(wanted, output), shift))
            if pictures[-1].psnr == min(picture.psnr for picture in pictures):
                crop = _worst_crop(name, source, wanted, output)
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
