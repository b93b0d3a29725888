"""The experiments of training/README.md: short runs that differ in one setting, measured on the validation split.

    python -m dcelite.training.experiments TABLE --data ../shared/data/sice_part1_train --split build/split \\
        --output build/experiments

TABLE is recipe, losses, scale, iterations, maps or complaints. Rows that have been run already are only measured again,
and interrupted ones are continued. ``limits`` tells what curves could do. build/split is made by
dcelite.training.experiments.split.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dcelite import reference
from dcelite.cli import exit_code
from dcelite.metrics import Rgb, psnr, ssim
from dcelite.model.architecture import ARCHITECTURES
from dcelite.pictures import find_pairs, find_pictures, read_picture
from dcelite.report.tables import markdown
from dcelite.training.config import TrainingConfig, default_config
from dcelite.training.dataset import read_names
from dcelite.training.evaluate import CheckpointModel, Evaluation, Model, evaluate
from dcelite.training.train import train

STEPS = 400
"""Enough to tell settings apart, in about a minute a row."""
EVERY_DARK, EVERY_BRIGHT = 2, 6
"""Every second pair and every sixth bright picture of the validation split are measured."""

Row = tuple[str, TrainingConfig]
BASE = default_config("zerodcepp")
FAITHFUL = replace(
    BASE,
    darkening=0.0,
    losses=replace(BASE.losses, well_lit=0.0, exposure_target=0.6, exposure_patch=16, smoothness_weight=1600.0),
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
        ("a map for each iteration (Zero-DCE)", default_config("zerodce")),
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
SCALE = ARCHITECTURES["zerodcepp"].scale
"""At which all other rows are measured."""

LIMIT_BRIGHTNESS = 105.0 / 255
CANDIDATES = np.linspace(-0.05, -0.95, 24)
"""Constant maps to choose the best one from."""
WINDOW = 15
"""Rgb that the map of a pixel depends on: seven layers of 3x3."""


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
    for scale in SCALES if args.table == "scale" else ():
        yield f"scale {scale}", CheckpointModel(trained("default", BASE, args), scale)
    for iterations in ITERATIONS if args.table == "iterations" else ():
        weights = trained(f"iterations {iterations}", replace(BASE, iterations=iterations), args)
        yield f"{iterations} iterations", CheckpointModel(weights, SCALE, iterations)
    for name, config in TABLES.get(args.table, ()):
        yield name, CheckpointModel(trained(name, config, args), SCALE)


HEADINGS = (
    *("", "dark: PSNR", "SSIM", "MAE", "mean", "R-G", "night: PSNR", "SSIM", "mean", "noise"),
    *("bright: mean", "clipped %"),
)
DARK = {"psnr": ".2f", "ssim": ".3f", "mae": ".1f", "brightness": ".0f", "red_cast": "+.1f"}
NIGHT = {"psnr": ".2f", "ssim": ".3f", "brightness": ".0f", "noise_gain": ".1f"}


def table(args: argparse.Namespace) -> None:
    """Print the table, row by row, in Markdown."""
    for line in markdown(cells(args)):
        print(line, flush=True)


def cells(args: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    """The rows of the table, the heading first, each when its model is trained."""
    yield HEADINGS
    part = args.split / "validation"
    sets = [find_pairs(part / name)[::EVERY_DARK] for name in ("dark", "night")]
    bright = find_pictures(part / "bright")[::EVERY_BRIGHT]
    for name, model in rows(args):
        dark, night = (evaluate([(name, model)], pictures)[0] for pictures in sets)
        lit = evaluate([(name, model)], bright)[0]
        yield (
            name,
            *(of(dark, figure, form) for figure, form in DARK.items()),
            *(of(night, figure, form) for figure, form in NIGHT.items()),
            f"{of(lit, 'brightness_in', '.0f')} to {of(lit, 'brightness', '.0f')}",
            f"{of(lit, 'clipped_in', '.1f')} to {of(lit, 'clipped', '.1f')}",
        )


def of(evaluation: Evaluation, figure: str, form: str) -> str:
    value = evaluation.mean(figure)
    return "-" if value is None else format(value, form)


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
    for part in ("dark", "night"):
        best_for_references(args.split / "validation" / part)
    print("\n| | dark: PSNR | mean |\n|---|---|---|")
    for name, results in (
        ("one constant map a picture, by its mean", constant),
        ("the same curves, by the mean of 15x15 pixels", [local(image) for image, _ in pictures]),
    ):
        pairs = zip(pictures, results, strict=True)
        values = [psnr(wanted, result) for (_, wanted), result in pairs if wanted is not None]
        print(f"| {name} | {np.mean(values):.2f} | {np.mean([result.mean() for result in results]):.0f} |")
    local_statistics([(image, wanted) for image, wanted in pictures if wanted is not None])


def local_statistics(pairs: Sequence[tuple[Rgb, Rgb]]) -> None:
    """Print what a map can do that follows from the mean of the picture and of the window around each place.

    The map is a polynomial of the second degree of both logarithms, fitted to the other pictures: to the constant maps
    that give their 12x12 pixels the brightness of the reference, weighted by what they change.
    """
    smalls = [tuple(reference.downsample(one / 255.0, 12).mean(2).clip(1 / 255) for one in pair) for pair in pairs]
    candidates = np.linspace(-1, 0.2, 61)
    curves = np.linspace(0, 1, 256)[:, None, None] * np.ones((1, 1, 3))
    tables = np.stack([reference.apply_curve(curves, np.full((1, 1, 3), a))[:, 0, 0] for a in candidates])
    targets, weights = [], []
    for dark, wanted in smalls:
        reached = tables[:, np.rint(255 * dark).astype(int)]
        targets.append(candidates[np.abs(reached - wanted).argmin(0)])
        weights.append(np.abs(np.gradient(reached, candidates, axis=0)).max(0))
    print("\n| | dark: PSNR | SSIM |\n|---|---|---|")
    for window in (0, 3, 7, 15, 31):
        features = []
        for dark, _ in smalls:
            whole = np.full_like(dark, np.log(dark.mean()))
            padded = np.pad(dark, window // 2, mode="edge")
            around = np.log(sliding_window_view(padded, (window, window)).mean((2, 3))) - whole if window else 0 * whole
            features.append(np.stack([whole**i * around**j for i in range(3) for j in range(3 - i)], axis=2))
        scores = []
        for k, (image, wanted) in enumerate(pairs):
            others = [i for i in range(len(pairs)) if i != k]
            rows = np.concatenate([(features[i] * weights[i][..., None]).reshape(-1, 6) for i in others])
            values = np.concatenate([(targets[i] * weights[i]).ravel() for i in others])
            factors = np.linalg.lstsq(rows, values, rcond=1e-6)[0]
            result = reference.finish(image, np.repeat((features[k] @ factors).clip(-1, 1)[..., None], 3, 2))
            scores.append((psnr(wanted, result), ssim(wanted, result)))
        name = (
            f"and by that of {window}x{window} of the small picture" if window else "a map by the mean of the picture"
        )
        print(f"| {name} | {np.mean(scores, 0)[0]:.2f} | {np.mean(scores, 0)[1]:.3f} |", flush=True)


def best_for_references(folder: Path) -> None:
    """Print what no network can do better with one map for a picture: that chosen with the reference at hand."""
    results = []
    for picture in find_pairs(folder):
        image, wanted = read_picture(picture)
        assert wanted is not None  # find_pairs gives every picture one
        enhanced = [reference.finish(image, np.full((1, 1, 3), a)) for a in CANDIDATES]
        results.append([(psnr(wanted, one), ssim(wanted, one)) for one in enhanced])
    figures = np.array(results)  # (pictures, candidates, 2)
    print(f"\n| {folder.name} | PSNR | SSIM |\n|---|---|---|")
    for number, name in enumerate(("PSNR", "SSIM")):
        chosen = figures[np.arange(len(figures)), figures[:, :, number].argmax(1)].mean(0)
        print(f"| one constant map a picture, the best for its {name} | {chosen[0]:.2f} | {chosen[1]:.3f} |")


def main() -> int:
    parser = argparse.ArgumentParser(description="the experiments of training/README.md")
    parser.add_argument("table", choices=[*TABLES, "scale", "iterations", "limits"])
    parser.add_argument("--data", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--split", type=Path, required=True, help="made by dcelite.training.experiments.split")
    parser.add_argument("--output", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each run (default {STEPS})")
    args = parser.parse_args()
    return exit_code("experiments", lambda: limits(args) if args.table == "limits" else table(args))


if __name__ == "__main__":
    sys.exit(main())
