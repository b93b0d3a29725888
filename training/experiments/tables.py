"""Short runs that differ in one setting, measured on the validation split."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dcelite.model.architecture import ARCHITECTURES
from dcelite.pictures import find_pairs, find_pictures
from dcelite.report.tables import markdown
from dcelite.training.config import SMOOTHNESS_WEIGHTS, LossConfig, TrainingConfig
from dcelite.training.dataset import read_names
from dcelite.training.evaluate import CheckpointModel, Evaluation, Model, evaluate
from dcelite.training.train import train

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
SCALE = ARCHITECTURES["zerodcepp"].scale
"""At which all other rows are measured."""


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
