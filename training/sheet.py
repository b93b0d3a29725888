"""Pictures to look at: contact sheet of an evaluation, a photograph's curve maps, samples and losses of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from dcelite import reference
from dcelite.errors import ImageError
from dcelite.files import atomic_output, prepare_output_directory
from dcelite.metrics import Rgb
from dcelite.model.architecture import MAX_SCALE
from dcelite.model.checkpoint import Weights
from dcelite.pictures import Picture, read_picture
from dcelite.training.config import TERMS, TrainingConfig
from dcelite.training.dataset import SAMPLE_SIDE
from dcelite.training.evaluate import Evaluation, Figures, Map, Model, heat_map

SHEET_ROWS = 8
WIDTH = 3.4
"""Inches of a column of pictures; at DPI, a picture has about 400 pixels."""
DPI = 120
SHOWN_SIDE = 800
"""Rgb to which large pictures are reduced for showing."""
SMOOTHING_STEPS = 50
"""Width of the moving average of losses: single batches differ by more than the training moves in an epoch."""
HEAT = "RdBu_r"
"""Red brightens, blue darkens, white leaves as it is."""


class Sheet:
    """A grid of pictures, heat maps and plots."""

    def __init__(self, rows: int, columns: int, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(self.figure)
        self._rows, self._columns = rows, columns
        self._maps: list[Any] = []

    def cell(self, row: int, column: int) -> Any:
        return self.figure.add_subplot(self._rows, self._columns, row * self._columns + column + 1)

    def show(self, row: int, column: int, image: Rgb, text: str) -> None:
        picture = Image.fromarray(image)
        picture.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        axes = self.cell(row, column)
        axes.imshow(np.asarray(picture))
        axes.set_title(text, fontsize=8)
        axes.axis("off")

    def show_map(self, row: int, column: int, values: Map | None, image: Rgb, text: str) -> None:
        """A map as a heat map in the shape of its picture."""
        axes = self.cell(row, column)
        axes.axis("off")
        if values is None:
            axes.set_title("this model yields no curve map", fontsize=8)
            return
        axes.set_title(f"{text}\n{values.min():+.2f} to {values.max():+.2f}", fontsize=8)
        self._maps.append(axes.imshow(values, cmap=HEAT, extent=(0, image.shape[1], image.shape[0], 0)))

    def save(self, path: Path, *, overwrite: bool, dpi: int = DPI) -> None:
        """Give all maps one range of colours, white at 0, with a bar that says what they mean; raises OutputError."""
        if self._maps:
            limit = max(0.1, *(float(np.abs(heat.get_array()).max()) for heat in self._maps))
            for heat in self._maps:
                heat.set_clim(-limit, limit)
            axes = self.figure.axes
            bar = self.figure.colorbar(self._maps[0], ax=axes, location="bottom", aspect=60, shrink=0.5, pad=0.01)
            bar.set_label("curve map -a, mean over iterations: above 0 brightens, below 0 darkens", fontsize=8)
            bar.ax.tick_params(labelsize=7)
        with atomic_output(path, overwrite=overwrite) as temporary:
            self.figure.savefig(temporary, dpi=dpi, format=path.suffix.lstrip(".").lower() or "png")


def contact_sheet(
    path: Path,
    models: Sequence[tuple[str, Model]],
    evaluations: Sequence[Evaluation],
    pictures: Sequence[Picture],
    *,
    overwrite: bool = False,
) -> None:
    """Draw up to SHEET_ROWS pictures, from the worst to the best, or without references from the darkest to the
    brightest: input, result and curve map of each model, reference. Raises OutputError.
    """
    names = chosen(evaluations[0].figures)
    by_name = {picture.name: picture for picture in pictures}
    columns = 1 + 2 * len(models) + (evaluations[0].mean("psnr") is not None)
    sheet = Sheet(len(names), columns, WIDTH * columns, 3.0 * len(names) + 0.6)
    for index, name in enumerate(names):
        image, wanted = read_picture(by_name[name])
        sheet.show(index, 0, image, f"{name}\ninput, mean {image.mean():.0f}")
        for number, ((file, model), evaluation) in enumerate(zip(models, evaluations, strict=True)):
            figures = evaluation.figures[name]
            label = Path(file).stem if len(models) > 1 else "result"
            text = f"{label}, mean {figures['brightness']:.0f}\n{summary(figures)}"
            sheet.show(index, 1 + 2 * number, model(image), text)
            sheet.show_map(index, 2 + 2 * number, heat_map(model, image), image, "curve map")
        if wanted is not None:
            sheet.show(index, columns - 1, wanted, f"reference, mean {wanted.mean():.0f}\n")
    sheet.save(path, overwrite=overwrite)


def chosen(figures: Mapping[str, Figures]) -> list[str]:
    """At most SHEET_ROWS pictures, evenly spread from the lowest PSNR (or brightness of the input) to the highest."""
    ordered = sorted(figures, key=lambda name: figures[name].get("psnr", figures[name]["brightness_in"]))
    places = np.linspace(0, len(ordered) - 1, min(SHEET_ROWS, len(ordered))).round().astype(int)
    return [ordered[place] for place in places]


def summary(figures: Figures) -> str:
    if "psnr" not in figures:
        return f"clipped {figures['clipped']:.1f} %, shift {figures['colour_shift']:.1f} %"
    return f"{figures['psnr']:.1f} dB, SSIM {figures['ssim']:.3f}, MAE {figures['mae']:.0f}"


def map_figure(
    path: Path, source: Path, image: Rgb, models: Sequence[tuple[str, Model]], *, overwrite: bool = False
) -> None:
    """For each model: input, result, maps of red, green and blue, tone curve. Raises OutputError, ImageError."""
    sheet = Sheet(len(models), 6, 2.9 * 6, 2.7 * len(models) + 0.6)
    for index, (name, model) in enumerate(models):
        try:
            result = model(image)
        except ValueError as error:
            raise ImageError(f"{source}: {error}") from None
        sheet.show(index, 0, image, f"{source.name}\ninput, mean {image.mean():.0f}")
        sheet.show(index, 1, result, f"{Path(name).name}\nmean {result.mean():.0f}")
        for channel, color in enumerate(("red", "green", "blue")):
            values = heat_map(model, image, slice(channel, None, 3))
            sheet.show_map(index, 2 + channel, values, image, f"map of {color}")
        tone_curve(sheet.cell(index, 5), image, result)
    sheet.save(path, overwrite=overwrite)


def tone_curve(axes: Any, image: Rgb, result: Rgb) -> None:
    """What becomes of every input level: median, and the range of the middle 80 % where the curve differs by place."""
    axes.set_title("tone curve\n", fontsize=8)
    axes.plot((0, 255), (0, 255), color="0.8", linewidth=0.8)
    for channel, color in enumerate(("C3", "C2", "C0")):
        before, after = image[..., channel].ravel(), result[..., channel].ravel()
        levels = np.flatnonzero(np.bincount(before, minlength=256) >= 10)
        if not len(levels):
            continue
        ranges = np.array([np.percentile(after[before == level], (10, 50, 90)) for level in levels])
        axes.fill_between(levels, ranges[:, 0], ranges[:, 2], color=color, alpha=0.15, linewidth=0)
        axes.plot(levels, ranges[:, 1], color=color, linewidth=1)
    axes.set(xlim=(0, 255), ylim=(0, 255), box_aspect=1)
    axes.tick_params(labelsize=6)


def sample_sheet(path: Path, step: int, pictures: Sequence[Rgb], weights: Weights, config: TrainingConfig) -> None:
    """What the weights make of samples, seen by the network as in training; replaces a file. Raises OutputError."""
    scale = min(MAX_SCALE, max(1, SAMPLE_SIDE // config.image_size) * config.scale)
    sheet = Sheet(3, len(pictures), 2.4 * len(pictures), 7.4)
    for index, image in enumerate(pictures):
        curve_map = reference.curve_map(image, weights.arrays, scale)
        result = reference.finish(image, curve_map)
        sheet.show(0, index, image, f"input, mean {image.mean():.0f}")
        sheet.show(1, index, result, f"step {step}, mean {result.mean():.0f}")
        sheet.show_map(2, index, -curve_map.mean(2), image, "curve map")
    prepare_output_directory(path.parent)
    sheet.save(path, overwrite=True)


def plot_history(history: Path, picture: Path) -> None:
    """Plot the total and the terms of a history file; raises OutputError."""
    table = np.genfromtxt(history, delimiter=",", skip_header=1, ndmin=2)  # (steps, 1 + 1 + terms)
    width = min(SMOOTHING_STEPS, len(table))
    sheet = Sheet(2, 3, 12, 6.5)
    titles = ("total loss", *(f"{term} (weighted)" for term in TERMS))
    for number, (title, values) in enumerate(zip(titles, table.T[1:], strict=True)):
        axes = sheet.cell(*divmod(number, 3))
        axes.plot(table[:, 0], values, color="0.8", linewidth=0.5)
        axes.plot(table[width - 1 :, 0], np.convolve(values, np.ones(width) / width, "valid"), color="C0")
        axes.set_ylim(0, 1.1 * float(np.percentile(values, 99)) or 1)
        axes.set_title(title)
        axes.set_xlabel("step")
    sheet.save(picture, overwrite=True, dpi=100)
