"""The experiments of training/README.md: short runs that differ in one setting, measured on the validation split.

    python -m dcelite.training.experiments TABLE --data ../shared/data/sice_part1_train --split build/split \\
        --output build/experiments

TABLE is recipe, losses, scale, iterations, maps or complaints. Rows that have been run already are only measured again,
and interrupted ones are continued.
``limits`` tells what curves could do, ``profile`` where the time of a step goes. build/split is made by
dcelite.training.experiments.split.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dcelite import reference
from dcelite.cli import exit_code
from dcelite.metrics import Rgb, psnr
from dcelite.pictures import find_pairs, read_picture
from dcelite.training.config import TrainingConfig
from dcelite.training.dataset import load_images, read_names
from dcelite.training.experiments.tables import STEPS, TABLES, table
from dcelite.training.train import Trainer

LIMIT_BRIGHTNESS = 105.0 / 255
WINDOW = 15
"""Rgb that the map of a pixel depends on: seven layers of 3x3."""


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

    def local(image: Rgb) -> Rgb:
        gray = reference.downsample(image / 255.0, 12).mean(2)
        padded = np.pad(gray, WINDOW // 2, mode="edge")
        window_means = sliding_window_view(padded, (WINDOW, WINDOW)).mean((2, 3))
        low_map = np.polyval(polynomial, np.log(window_means.clip(np.exp(means.min()))).clip(max=means.max()))
        return reference.finish(image, np.repeat(low_map[..., None], 3, 2))

    constant = [reference.finish(image, np.full((1, 1, 3), a)) for (image, _), a in zip(pictures, best, strict=True)]
    print("| | dark: PSNR | mean |\n|---|---|---|")
    for name, results in (
        ("one constant map a picture, by its mean", constant),
        ("the same curves, by the mean of 15x15 pixels", [local(image) for image, _ in pictures]),
    ):
        pairs = zip(pictures, results, strict=True)
        values = [psnr(wanted, result) for (_, wanted), result in pairs if wanted is not None]
        print(f"| {name} | {np.mean(values):.2f} | {np.mean([result.mean() for result in results]):.0f} |")


def profile(args: argparse.Namespace) -> None:
    """Print where the time of a step goes, for several sizes, in milliseconds."""
    print("| image size, batch | batch from memory | step | average of the weights |")
    print("|---|---|---|---|", flush=True)
    for size, batch_size in ((32, 8), (48, 8), (64, 8), (48, 16)):
        images = load_images(args.data, size, batch_size, read_names(args.split / "held_out.txt"))
        config = replace(TrainingConfig(), image_size=size, batch_size=batch_size)
        trainer = Trainer(config)
        trainer.train_step(images)  # compiles
        times = []
        for _ in range(40):
            started = time.perf_counter()
            images.batch(trainer.step, config.batch_size, config.seed, config.darkening)
            drawn = time.perf_counter()
            trainer.train_step(images)
            done = time.perf_counter()
            trainer.average()
            times.append((drawn - started, done - drawn - (drawn - started), time.perf_counter() - done))
        batch, step, average = 1000 * np.median(times, axis=0)
        print(f"| {size}, {batch_size} | {batch:.1f} | {step - average:.1f} | {average:.1f} |")


def main() -> int:
    parser = argparse.ArgumentParser(description="the experiments of training/README.md")
    parser.add_argument("table", choices=[*TABLES, "scale", "iterations", "limits", "profile"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--split", type=Path, required=True, help="made by dcelite.training.experiments.split")
    parser.add_argument("--output", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each run (default {STEPS})")
    args = parser.parse_args()
    return exit_code("experiments", lambda: {"profile": profile, "limits": limits}.get(args.table, table)(args))


if __name__ == "__main__":
    sys.exit(main())
