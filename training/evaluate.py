"""Quality of a model on photographs: against references, without them, and against another model.

Figures of one picture, all from 8-bit RGB values; a level is 1/255:

    psnr, ssim, mae   of the result against the reference: dB, index (Wang et al., TIP 2004), levels
    psnr_at_mean      PSNR of the result times the factor that gives it the mean of the reference: what is wrong besides
                      the brightness, of which photographers would choose several
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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.denoising import AMOUNT
from dcelite.enhancer import open_with_defaults
from dcelite.errors import DceliteError, ImageError
from dcelite.metrics import Rgb, clipped, colour_shift, mean_absolute_error, noise_level, psnr, ssim
from dcelite.model.architecture import ARCHITECTURES, MAX_SCALE
from dcelite.model.checkpoint import load_weights
from dcelite.pictures import Picture, read_picture
from dcelite.reference import ITERATIONS

Map = NDArray[np.float32] | NDArray[np.float64]
"""(h, w, channels) or (h, w)."""

STRIP = 128
"""Rows of the low-resolution image that the network of a checkpoint sees at a time, which bounds its memory."""
HALO = 7
"""Rows beyond a strip that its map depends on: seven layers of 3x3."""


class Model(Protocol):
    """Something that enhances uint8 (H, W, 3)."""

    def __call__(self, image: Rgb) -> Rgb: ...

    def curve_map(self, image: Rgb) -> Map:
        """(h, w, 3 | 24); raises DceliteError where the model does not yield it."""

    def close(self) -> None: ...


class CheckpointModel:
    """A checkpoint run by the NumPy reference: exact for every architecture and scale, and without MindSpore."""

    def __init__(self, path: Path, scale: int | None, iterations: int = ITERATIONS, denoise: float = 0.0) -> None:
        self._denoise = denoise
        weights = load_weights(path)
        self._arrays = weights.arrays
        self._scale = scale or ARCHITECTURES[weights.architecture].scale
        self._iterations = iterations

    def __call__(self, image: Rgb) -> Rgb:
        return reference.finish(image, self.curve_map(image), iterations=self._iterations, denoise=self._denoise)

    def curve_map(self, image: Rgb) -> NDArray[np.float64]:
        low = reference.downsample(image, self._scale) / 255.0
        offsets = reference.scene_offsets_of(low, self._arrays)
        strips = []
        for row in range(0, len(low), STRIP):
            first = max(row - HALO, 0)
            strip = reference.network(low[first : row + STRIP + HALO], self._arrays, offsets)
            strips.append(strip[row - first : row - first + STRIP])
        return np.asarray(np.concatenate(strips))

    def close(self) -> None:
        """Nothing is held."""


def open_model(path: Path | None, *, scale: int | None = None, threads: int = 0, denoise: float | None = 0.0) -> Model:
    """An exported file, a checkpoint (.ckpt, .pth), or None for the shipped weights; raises DceliteError.

    ``denoise``: None: what ``dcelite enhance`` does, which is nothing where the curve is in the graph of the model.
    """
    amount = AMOUNT if denoise is None else denoise
    if not 0 <= amount <= 1:
        raise DceliteError(f"denoise {amount}: 0 to 1 was wanted")
    if scale is not None and not 1 <= scale <= MAX_SCALE:
        raise DceliteError(f"scale {scale}: 1 to {MAX_SCALE} was wanted")
    if path is not None and path.suffix.lower() in (".ckpt", ".pth"):
        return CheckpointModel(path, scale, denoise=amount)
    try:
        return open_with_defaults(path, {"denoise": AMOUNT}, denoise=denoise, scale=scale, threads=threads)[0]
    except ValueError as error:
        raise DceliteError(str(error)) from None


Figures = dict[str, float]
"""What was measured on one picture, by the names at the head of this file; what does not apply is left out."""


@dataclass
class Evaluation:
    """The figures of one model, and what could not be read."""

    model: str
    figures: dict[str, Figures] = field(default_factory=dict)
    """By the name of the picture."""
    failures: list[str] = field(default_factory=list)

    def mean(self, name: str) -> float | None:
        """Mean of a figure over the pictures that have it."""
        values = [row[name] for row in self.figures.values() if name in row]
        return float(np.mean(values)) if values else None

    def report(self) -> dict[str, object]:
        """As it goes into the JSON file."""
        rows = self.figures.values()
        means = {name: self.mean(name) for row in rows for name in row}
        report: dict[str, object] = {"model": self.model, "images": len(rows), "mean": means}
        if references := [row["brightness_reference"] for row in rows if "brightness_reference" in row]:
            report["brightness_reference_quartiles"] = np.percentile(references, (25, 50, 75)).tolist()
        report["failures"] = self.failures
        report["rows"] = [{"name": name, **row} for name, row in self.figures.items()]
        return report


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
                evaluation.figures[picture.name] = measure(image, model(image), wanted, other)
        except (ImageError, ValueError) as error:  # ValueError: a size that a model with a fixed graph does not take
            text = str(error) if isinstance(error, ImageError) else f"{picture.source}: {error}"
            for evaluation in evaluations:
                evaluation.failures.append(text)
                evaluation.figures.pop(picture.name, None)
    return evaluations


def measure(image: Rgb, result: Rgb, wanted: Rgb | None = None, other: Rgb | None = None) -> Figures:
    """The figures of one result; all pictures are uint8 (H, W, 3) of one size."""
    figures = {
        "brightness_in": float(image.mean()),
        "brightness": float(result.mean()),
        "clipped_in": clipped(image),
        "clipped": clipped(result),
        "colour_shift": colour_shift(image if wanted is None else wanted, result),
        "red_cast": float(result[..., 0].mean() - result[..., 1].mean()),
        "noise_in": noise_level(image),
        "noise": noise_level(result),
    }
    if figures["noise_in"] > 0.01:
        figures["noise_gain"] = figures["noise"] / figures["noise_in"]
    figures["change"] = mean_absolute_error(image, result)
    if wanted is not None:
        figures["brightness_reference"] = float(wanted.mean())
        figures["psnr"], figures["ssim"] = psnr(wanted, result), ssim(wanted, result)
        figures["mae"] = mean_absolute_error(wanted, result)
        at_mean = result * (figures["brightness_reference"] / max(figures["brightness"], 1.0))
        figures["psnr_at_mean"] = psnr(wanted, np.rint(at_mean).clip(0, 255).astype(np.uint8))
    if other is not None:
        figures["fidelity"] = psnr(other, result)
    return figures


def heat_map(model: Model, image: Rgb, channels: slice = slice(None)) -> Map | None:
    """The curve map averaged over channels, (h, w), above 0 where it brightens; None where there is none."""
    with contextlib.suppress(DceliteError):
        return np.asarray(-model.curve_map(image)[..., channels].mean(2))
    return None
