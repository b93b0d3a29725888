"""The experiments of training/README.md: short runs that differ in one setting, measured on the validation split.

    python -m dcelite.training.experiments TABLE --data ../shared/data/sice_part1_train --split build/split \\
        --output build/experiments

TABLE is recipe, losses, scale, iterations, maps or complaints. Rows that have been run already are only measured again,
and interrupted ones are continued.
``limits`` tells what curves could do, ``profile`` where the time of a step goes. build/split is made by
dcelite.training.split.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dcelite import reference
from dcelite.errors import DceliteError
from dcelite.training.architecture import NetworkConfig
from dcelite.training.checkpoint import load_weights
from dcelite.training.dataset import TrainingImages, load_images, read_names
from dcelite.training.evaluate import (
    Evaluation,
    Model,
    Pixels,
    evaluate,
    find_pairs,
    find_pictures,
    psnr,
    read_picture,
)
from dcelite.training.losses import SMOOTHNESS_WEIGHTS, LossConfig
from dcelite.training.train import Trainer, TrainingConfig, train

STEPS = 400
"""Enough to tell settings apart, in about a minute a row."""
EVERY_DARK, EVERY_BRIGHT = 2, 6
"""Every second pair and every sixth bright picture of the validation split are measured."""

Row = tuple[str, TrainingConfig]
BASE = TrainingConfig()
FAITHFUL = replace(
    BASE,
    darkening=0.0,
    losses=LossConfig(well_lit=0.0, exposure_target=0.6, exposure_patch=16, smoothness_weight=1600.0),
)
"""As in the paper and the published code, apart from the size of the images."""


def with_losses(config: TrainingConfig = BASE, **changes: Any) -> TrainingConfig:
    return replace(config, losses=replace(config.losses, **changes))


TABLES: dict[str, list[Row]] = {
    "recipe": [
        ("default", BASE),
        ("as published: no darkening, every picture drawn to E", FAITHFUL),
        ("no darkening", replace(BASE, darkening=0.0)),
        ("every picture drawn to E", with_losses(well_lit=0.0)),
        ("well-lit pictures count once", with_losses(well_lit_weight=1.0)),
        ("well-lit pictures count four times", with_losses(well_lit_weight=4.0)),
        ("image size 32", replace(BASE, image_size=32)),
        ("image size 64", replace(BASE, image_size=64)),
        ("batch 4", replace(BASE, batch_size=4)),
        ("learning rate 0.0005", replace(BASE, learning_rate=5e-4)),
        ("learning rate 0.005", replace(BASE, learning_rate=5e-3)),
        ("E = 0.5", with_losses(exposure_target=0.5)),
        ("E = 0.7", with_losses(exposure_target=0.7)),
        ("exposure patch 16", with_losses(exposure_patch=16)),
        ("exposure patch 48, the whole image", with_losses(exposure_patch=48)),
        ("smoothness 400", with_losses(smoothness_weight=400.0)),
        ("smoothness 6400", with_losses(smoothness_weight=6400.0)),
    ],
    "losses": [
        ("all four", BASE),
        ("without spatial consistency", with_losses(spatial_weight=0.0)),
        ("without exposure control", with_losses(exposure_weight=0.0)),
        ("without colour constancy", with_losses(colour_weight=0.0)),
        ("without illumination smoothness", with_losses(smoothness_weight=0.0)),
    ],
    "maps": [
        ("one map for all iterations (Zero-DCE++)", BASE),
        (
            "a map for each iteration (Zero-DCE)",
            with_losses(replace(BASE, architecture="zerodce"), smoothness_weight=SMOOTHNESS_WEIGHTS["zerodce"]),
        ),
    ],
    "complaints": [
        ("default", BASE),
        ("as published", FAITHFUL),
        ("as published, colour constancy ten times weaker", with_losses(FAITHFUL, colour_weight=0.5)),
        ("as published, smoothness 20 as in the paper", with_losses(FAITHFUL, smoothness_weight=20.0)),
        ("default with E = 0.45: over-exposed pictures are darkened", with_losses(exposure_target=0.45, well_lit=0.0)),
    ],
}
SCALES = (1, 2, 4, 8, 12, 16, 24)
ITERATIONS = (1, 2, 4, 8, 16)


class CurveModel:
    """Weights with any number of iterations, by the NumPy reference."""

    def __init__(self, arrays: dict[str, NDArray[np.float32]], iterations: int, scale: int) -> None:
        self._arrays, self._iterations, self._scale = arrays, iterations, scale

    def __call__(self, image: Pixels) -> Pixels:
        height, width = image.shape[:2]
        x = image / 255.0
        curve_map = reference.upsample(self.curve_map(image), height, width)
        for _ in range(self._iterations):
            x = x + curve_map * (x * x - x)
        return reference.to_8_bit(x)

    def curve_map(self, image: Pixels) -> NDArray[np.float64]:
        return reference.curve_map(image, self._arrays, self._scale)

    def close(self) -> None:
        """Nothing is held."""


def trained(name: str, config: TrainingConfig, args: argparse.Namespace) -> Path:
    """The weights of a row, trained unless they are there; a run that was interrupted is continued."""
    folder: Path = args.output / "".join(c if c.isalnum() else "_" for c in name)
    weights = folder / f"{config.architecture}.ckpt"
    if not weights.exists():
        exclude = read_names(args.split / "held_out.txt")
        interrupted = (folder / "run.json").exists()
        train(config, args.data, folder, steps=args.steps, exclude=exclude, resume=interrupted)
    return weights


def rows(args: argparse.Namespace) -> Iterator[tuple[str, Model]]:
    """Name and model of every row of the table."""
    if args.table == "scale":
        arrays = load_weights(trained("default", BASE, args)).arrays
        for scale in SCALES:
            yield f"scale {scale}", CurveModel(arrays, BASE.iterations, scale)
        return
    if args.table == "iterations":
        for iterations in ITERATIONS:
            config = replace(BASE, iterations=iterations)
            arrays = load_weights(trained(f"iterations {iterations}", config, args)).arrays
            yield f"{iterations} iterations", CurveModel(arrays, iterations, 12)
        return
    for name, config in TABLES[args.table]:
        arrays = load_weights(trained(name, config, args)).arrays
        separable = NetworkConfig(config.architecture).separable
        yield name, CurveModel(arrays, BASE.iterations, 12) if separable else ReferenceModel(arrays, 12)


class ReferenceModel(CurveModel):
    """Zero-DCE, whose maps differ between iterations."""

    def __init__(self, arrays: dict[str, NDArray[np.float32]], scale: int) -> None:
        super().__init__(arrays, reference.ITERATIONS, scale)

    def __call__(self, image: Pixels) -> Pixels:
        return reference.enhance(image, self._arrays, self._scale)


def table(args: argparse.Namespace) -> None:
    """Print the table, row by row, in Markdown."""
    part = args.split / "validation"
    sets = [find_pairs(part / name)[::EVERY_DARK] for name in ("dark", "night")]
    bright = find_pictures(part / "bright")[::EVERY_BRIGHT]
    print("| | dark: PSNR | SSIM | MAE | mean | R-G | night: PSNR | SSIM | mean | noise | bright: mean | clipped % |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for name, model in rows(args):
        dark, night = (evaluate([(name, model)], pictures)[0] for pictures in sets)
        lit = evaluate([(name, model)], bright)[0]
        cells = [
            *(of(dark, figure, form) for figure, form in (("psnr", ".2f"), ("ssim", ".3f"), ("mae", ".1f"))),
            *(of(dark, figure, form) for figure, form in (("brightness", ".0f"), ("red_cast", "+.1f"))),
            *(of(night, figure, form) for figure, form in (("psnr", ".2f"), ("ssim", ".3f"), ("brightness", ".0f"))),
            of(night, "noise_gain", ".1f"),
            f"{of(lit, 'brightness_in', '.0f')} to {of(lit, 'brightness', '.0f')}",
            f"{of(lit, 'clipped_in', '.1f')} to {of(lit, 'clipped', '.1f')}",
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def of(evaluation: Evaluation, figure: str, form: str) -> str:
    value = evaluation.mean(figure)
    return "-" if value is None else format(value, form)


LIMIT_BRIGHTNESS = 105.0 / 255
WINDOW = 15
"""Pixels that the map of a pixel depends on: seven layers of 3x3."""


def constant_map(image: NDArray[np.float64]) -> float:
    """The constant curve map that gives an image in [0, 1] the mean LIMIT_BRIGHTNESS."""
    low, high = -1.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        mean = reference.apply_curve(image, np.full((1, 1, 3), middle)).mean()
        low, high = (low, middle) if mean < LIMIT_BRIGHTNESS else (middle, high)
    return (low + high) / 2


def limits(args: argparse.Namespace) -> None:
    """What curves could do: one map for a picture by its mean, or at every place by the mean of what a network sees."""
    pictures = [read_picture(picture) for picture in find_pairs(args.split / "validation" / "dark")]
    best = [constant_map(image[::4, ::4] / 255.0) for image, _ in pictures]
    means = np.log([image.mean() / 255 for image, _ in pictures])
    polynomial = np.polyfit(means, best, 3)

    def local(image: Pixels) -> Pixels:
        grey = reference.downsample(image / 255.0, 12).mean(2)
        padded = np.pad(grey, WINDOW // 2, mode="edge")
        window_means = np.log(
            np.maximum(sliding_window_view(padded, (WINDOW, WINDOW)).mean((2, 3)), np.exp(means.min()))
        )
        low_map = np.polyval(polynomial, np.minimum(window_means, means.max()))
        curve_map = reference.upsample(np.repeat(low_map[..., None], 3, 2), *image.shape[:2])
        return reference.to_8_bit(reference.apply_curve(image / 255.0, curve_map))

    def by_picture(image: Pixels, a: float) -> Pixels:
        return reference.to_8_bit(reference.apply_curve(image / 255.0, np.full((1, 1, 3), a)))

    print("| | dark: PSNR | mean |\n|---|---|---|")
    for name, results in (
        (
            "one constant map a picture, by its mean",
            [by_picture(image, a) for (image, _), a in zip(pictures, best, strict=True)],
        ),
        ("the same curves, by the mean of 15x15 pixels", [local(image) for image, _ in pictures]),
    ):
        values = [
            psnr(wanted, result) for (_, wanted), result in zip(pictures, results, strict=True) if wanted is not None
        ]
        print(f"| {name} | {np.mean(values):.2f} | {np.mean([result.mean() for result in results]):.0f} |")


def profile(args: argparse.Namespace) -> None:
    """Print where the time of a step goes, for several sizes, in milliseconds."""
    print("| image size, batch | batch from memory | step | average of the weights |")
    print("|---|---|---|---|", flush=True)
    for size, batch_size in ((32, 8), (48, 8), (64, 8), (48, 16)):
        images = load_images(args.data, size, batch_size, read_names(args.split / "held_out.txt"))
        config = replace(BASE, image_size=size, batch_size=batch_size)
        print(f"| {size}, {batch_size} | {' | '.join(f'{value:.1f}' for value in profile_step(config, images))} |")


def profile_step(config: TrainingConfig, images: TrainingImages, steps: int = 40) -> tuple[float, float, float]:
    """Median milliseconds of drawing a batch, of the whole step without it, and of averaging."""
    trainer = Trainer(config)
    trainer.train_step(images)  # compiles
    times = []
    for _ in range(steps):
        started = time.perf_counter()
        images.batch(trainer.step, config.batch_size, config.seed, config.darkening)
        drawn = time.perf_counter()
        trainer.train_step(images)
        done = time.perf_counter()
        trainer.average()
        times.append((drawn - started, done - drawn - (drawn - started), time.perf_counter() - done))
    batch, step, average = 1000 * np.median(times, axis=0)
    return float(batch), float(step - average), float(average)


def main() -> int:
    parser = argparse.ArgumentParser(description="the experiments of training/README.md")
    parser.add_argument("table", choices=[*TABLES, "scale", "iterations", "limits", "profile"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--split", type=Path, required=True, help="made by dcelite.training.split")
    parser.add_argument("--output", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each run (default {STEPS})")
    args = parser.parse_args()
    try:
        {"profile": profile, "limits": limits}.get(args.table, table)(args)
    except DceliteError as error:
        print(f"experiments: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
