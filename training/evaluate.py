"""Quality of a model on photographs: against references, without them, and against another model.

Figures of one picture, all from 8-bit RGB values; a level is 1/255:

    psnr, ssim, mae   of the result against the reference: dB, index (Wang et al., TIP 2004), levels
    brightness        mean of input, result and reference, levels
    clipped           values of 254 and above in input and result, per cent
    colour_shift      distance between the shares of red, green and blue in the sum of a picture: of the result from
                      those of the reference, or of the input where there is no reference, per cent
    red_cast          mean red minus mean green of the result, levels
    noise             standard deviation of the noise of input and result, levels; noise_gain: their ratio
    change            mean absolute difference of input and result, levels
    fidelity          PSNR of the result against that of another model, dB
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from dcelite import reference
from dcelite.enhancer import Enhancer
from dcelite.errors import DceliteError, ImageError
from dcelite.files import write_text_atomically
from dcelite.images import FORMATS, is_image_path, read_photograph
from dcelite.training.architecture import DEFAULT_SCALES
from dcelite.training.checkpoint import load_weights

Pixels = NDArray[np.uint8]
Map = NDArray[np.float32] | NDArray[np.float64]
"""(h, w, channels) or (h, w)."""

CLIPPED_FROM = 254
IDENTICAL = 100.0
"""dB that stand for equal pictures, whose PSNR is infinite."""
SMALLEST_SIDE = 7
"""Pixels: the window of SSIM."""
STRIP = 128
"""Rows of the low-resolution image that the network of a checkpoint sees at a time, which bounds its memory."""
HALO = 7
"""Rows beyond a strip that its map depends on: seven layers of 3x3."""


class Model(Protocol):
    """Something that enhances uint8 (H, W, 3)."""

    def __call__(self, image: Pixels) -> Pixels: ...

    def curve_map(self, image: Pixels) -> Map:
        """(h, w, 3 | 24); raises DceliteError where the model does not yield it."""

    def close(self) -> None: ...


class CheckpointModel:
    """A checkpoint run by the NumPy reference: exact for every architecture and scale, and without MindSpore."""

    def __init__(self, path: Path, scale: int | None) -> None:
        weights = load_weights(path)
        self._arrays = weights.arrays
        self._scale = scale or DEFAULT_SCALES[weights.architecture]

    def __call__(self, image: Pixels) -> Pixels:
        height, width = image.shape[:2]
        curve_map = reference.upsample(np.asarray(self.curve_map(image), np.float64), height, width)
        return reference.to_8_bit(reference.apply_curve(image / 255.0, curve_map))

    def curve_map(self, image: Pixels) -> NDArray[np.float64]:
        low = reference.downsample(image / 255.0, self._scale)
        strips = []
        for row in range(0, len(low), STRIP):
            first = max(row - HALO, 0)
            strip = reference.network(low[first : row + STRIP + HALO], self._arrays)
            strips.append(strip[row - first : row - first + STRIP])
        return np.asarray(np.concatenate(strips))

    def close(self) -> None:
        """Nothing is held."""


def open_model(path: Path | None, *, scale: int | None = None, threads: int = 0) -> Model:
    """A model of any kind: exported file, checkpoint (.ckpt, .pth), or None for the shipped weights.

    Raises:
        DceliteError: as Enhancer and load_weights; a scale that is out of range.
    """
    if scale is not None and not 1 <= scale <= 64:
        raise DceliteError(f"scale {scale}: 1 to 64 was wanted")
    if path is not None and path.suffix.lower() in (".ckpt", ".pth"):
        return CheckpointModel(path, scale)
    try:
        return Enhancer(path, scale=scale, threads=threads)
    except ValueError as error:
        raise DceliteError(str(error)) from None


@dataclass(frozen=True)
class Picture:
    """One picture to evaluate on."""

    name: str
    source: Path
    reference: Path | None = None


@dataclass(frozen=True)
class Figures:
    """What was measured on one picture; None where it does not apply. Units: see the head of this file."""

    name: str
    brightness_in: float
    brightness: float
    clipped_in: float
    clipped: float
    colour_shift: float
    red_cast: float
    noise_in: float
    noise: float
    noise_gain: float | None
    change: float
    brightness_reference: float | None = None
    psnr: float | None = None
    ssim: float | None = None
    mae: float | None = None
    fidelity: float | None = None


@dataclass
class Evaluation:
    """The figures of one model, and what could not be read."""

    model: str
    figures: list[Figures] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def mean(self, name: str) -> float | None:
        """Mean of a figure over the pictures that have it."""
        values = [value for row in self.figures if (value := getattr(row, name)) is not None]
        return float(np.mean(values)) if values else None

    def report(self) -> dict[str, object]:
        """As it goes into the JSON file."""
        names = [name for name in Figures.__dataclass_fields__ if name != "name"]
        report: dict[str, object] = {
            "model": self.model,
            "images": len(self.figures),
            "mean": {name: self.mean(name) for name in names if self.mean(name) is not None},
        }
        references = [row.brightness_reference for row in self.figures if row.brightness_reference is not None]
        if references:
            report["brightness_reference_quartiles"] = np.percentile(references, (25, 50, 75)).tolist()
        report["failures"] = self.failures
        report["rows"] = [{k: v for k, v in asdict(row).items() if v is not None} for row in self.figures]
        return report


def find_pairs(folder: Path) -> list[Picture]:
    """The pictures of DIR/low with that of the same name (suffixes may differ) in DIR/high.

    Raises:
        ImageError: a folder is missing, or a picture of either has no partner, or there is none at all.
    """
    low, high = folder / "low", folder / "high"
    for part in (low, high):
        if not part.is_dir():
            raise ImageError(f"{part}: no such folder; DIR/low and DIR/high with pictures of equal names were wanted")
    dark, references = _by_stem(low), _by_stem(high)
    lonely = sorted(set(dark) ^ set(references))
    if lonely:
        where, other = (low, high) if lonely[0] in dark else (high, low)
        more = f", and so have {len(lonely) - 1} more" if len(lonely) > 1 else ""
        raise ImageError(f"{where}: {lonely[0]} has no partner of the same name in {other}{more}")
    if not dark:
        raise ImageError(f"{low}: holds no image ({', '.join(FORMATS)})")
    return [Picture(stem, dark[stem], references[stem]) for stem in sorted(dark)]


def find_pictures(folder: Path) -> list[Picture]:
    """All pictures below a folder; raises ImageError where there is none."""
    if not folder.is_dir():
        raise ImageError(f"{folder}: {'is a file' if folder.exists() else 'does not exist'}; a folder was wanted")
    files = sorted(path for path in folder.rglob("*") if is_image_path(path) and path.is_file())
    if not files:
        raise ImageError(f"{folder}: holds no image ({', '.join(FORMATS)})")
    return [Picture(str(path.relative_to(folder)), path) for path in files]


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if is_image_path(path) and path.is_file():
            if path.stem in found:
                raise ImageError(f"{path}: has the same name as {found[path.stem].name}; one of them was wanted")
            found[path.stem] = path
    return found


def read_rgb(path: Path) -> Pixels:
    """uint8 (H, W, 3) without transparency; raises ImageError."""
    pixels = np.ascontiguousarray(read_photograph(path).pixels[..., :3])
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        size = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise ImageError(f"{path}: size {size}, at least {SMALLEST_SIDE} each way was wanted")
    return pixels


def read_picture(picture: Picture) -> tuple[Pixels, Pixels | None]:
    """Input and reference; raises ImageError where one cannot be read or their sizes differ."""
    image = read_rgb(picture.source)
    if picture.reference is None:
        return image, None
    wanted = read_rgb(picture.reference)
    if wanted.shape != image.shape:
        sizes = [f"{pixels.shape[1]} x {pixels.shape[0]}" for pixels in (wanted, image)]
        raise ImageError(f"{picture.reference}: size {sizes[0]}, that of {picture.source}, {sizes[1]}, was wanted")
    return image, wanted


def evaluate(
    models: Sequence[tuple[str, Model]], pictures: Iterable[Picture], against: Model | None = None
) -> list[Evaluation]:
    """Measure every model, with its name, on every picture; one evaluation for each model, with the same pictures."""
    evaluations = [Evaluation(name) for name, _ in models]
    for picture in pictures:
        try:
            image, wanted = read_picture(picture)
            other = against(image) if against is not None else None
            for evaluation, (_, model) in zip(evaluations, models, strict=True):
                evaluation.figures.append(measure(picture.name, image, model(image), wanted, other))
        except (ImageError, ValueError) as error:  # ValueError: a size that a model with a fixed graph does not take
            text = str(error) if isinstance(error, ImageError) else f"{picture.source}: {error}"
            for evaluation in evaluations:
                evaluation.failures.append(text)
                evaluation.figures = [row for row in evaluation.figures if row.name != picture.name]
    return evaluations


def measure(
    name: str, image: Pixels, result: Pixels, wanted: Pixels | None = None, other: Pixels | None = None
) -> Figures:
    """The figures of one result; all pictures are uint8 (H, W, 3) of one size."""
    noise_in, noise = noise_level(image), noise_level(result)
    figures: dict[str, float | None] = {
        "brightness_in": float(image.mean()),
        "brightness": float(result.mean()),
        "clipped_in": clipped(image),
        "clipped": clipped(result),
        "colour_shift": colour_shift(image if wanted is None else wanted, result),
        "red_cast": float(result[..., 0].mean() - result[..., 1].mean()),
        "noise_in": noise_in,
        "noise": noise,
        "noise_gain": noise / noise_in if noise_in > 0.01 else None,
        "change": mean_absolute_error(image, result),
    }
    if wanted is not None:
        figures |= {
            "brightness_reference": float(wanted.mean()),
            "psnr": psnr(wanted, result),
            "ssim": float(structural_similarity(wanted, result, channel_axis=2)),  # type: ignore[no-untyped-call]
            "mae": mean_absolute_error(wanted, result),
        }
    if other is not None:
        figures["fidelity"] = psnr(other, result)
    return Figures(name, **figures)  # type: ignore[arg-type]


def psnr(wanted: Pixels, result: Pixels) -> float:
    """Peak signal-to-noise ratio in dB, at most IDENTICAL."""
    with np.errstate(divide="ignore"):
        value = float(peak_signal_noise_ratio(wanted, result))  # type: ignore[no-untyped-call]
    return min(value, IDENTICAL)


def mean_absolute_error(wanted: Pixels, result: Pixels) -> float:
    """Levels of 255."""
    return float(np.abs(wanted.astype(np.int16) - result).mean())


def clipped(image: Pixels) -> float:
    """Per cent of the values at 254 and above."""
    return 100 * float((image >= CLIPPED_FROM).mean())


def colour_shift(before: Pixels, after: Pixels) -> float:
    """Distance between the shares of red, green and blue in the sums of two pictures, in per cent.

    Brightening by a common factor leaves the shares as they are. Pictures without any light count as grey.
    """

    def shares(image: Pixels) -> NDArray[np.float64]:
        means = image.mean((0, 1))
        return np.asarray(means / means.sum()) if means.sum() > 0 else np.full(3, 1 / 3)

    return 100 * float(np.linalg.norm(shares(after) - shares(before)))


def noise_level(image: Pixels) -> float:
    """Standard deviation of the noise in levels, estimated on the green channel.

    The mask of Immerkaer ("Fast Noise Variance Estimation", CVIU 1996) removes constant and linear structure; the
    median of the magnitudes, unlike his mean, hardly sees the edges and textures that remain.
    """
    green = image[..., 1].astype(np.float64)
    rows = green[:-2] - 2 * green[1:-1] + green[2:]
    response = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]  # of unit noise: deviation 6
    magnitude = np.abs(response)
    # The median magnitude of a normal distribution is 0.6745 deviations. Where it is 0, the mean serves.
    median = float(np.median(magnitude))
    return median / 0.6745 / 6 if median else float(magnitude.mean()) * math.sqrt(math.pi / 2) / 6


def write_report(
    path: Path, evaluations: Sequence[Evaluation], settings: dict[str, object], *, overwrite: bool = False
) -> None:
    """The JSON file; raises OutputError."""
    report = {**settings, "models": [evaluation.report() for evaluation in evaluations]}
    write_text_atomically(path, json.dumps(report, indent=2) + "\n", overwrite=overwrite)


def heat_map(model: Model, image: Pixels) -> Map | None:
    """The curve map averaged over its channels, (h, w), above 0 where it brightens; None where there is none."""
    with contextlib.suppress(DceliteError):
        return np.asarray(-model.curve_map(image).mean(2))
    return None
