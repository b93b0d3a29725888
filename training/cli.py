"""``dcelite train``. Imports MindSpore only when the command runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dcelite.errors import DceliteError
from dcelite.extras import require
from dcelite.training.architecture import ARCHITECTURES

DEFAULT_MINUTES = 20.0

# The command-line arguments that are fields of TrainingConfig of the same name.
SETTINGS = ("architecture", "scale", "image_size", "batch_size", "learning_rate", "darkening", "seed")

# Those that are fields of LossConfig, with what --help says of them. The published values: 1, 10, 5, 1600 (200 for
# zerodce), 0.6, 16, 4, 0 (no well_lit).
LOSS_SETTINGS: tuple[tuple[str, type, str], ...] = (
    ("spatial_weight", float, "weight of the spatial consistency loss (default 1)"),
    ("exposure_weight", float, "weight of the exposure control loss (default 10)"),
    ("colour_weight", float, "weight of the colour constancy loss (default 5)"),
    ("smoothness_weight", float, "weight of the illumination smoothness loss (default 2000; zerodce: 200)"),
    ("exposure_target", float, "grey level that dark pictures are drawn to, 0 to 1 (default 0.61)"),
    ("exposure_patch", int, "side of the patches of the exposure loss in pixels (default 8)"),
    ("spatial_region", int, "side of the regions of the spatial loss in pixels (default 4)"),
    (
        "well_lit",
        float,
        "mean from which on pictures, as they were before darkening, are their own exposure target, 0 to 1 "
        "(default 0.43; 0: never, as in the paper)",
    ),
    ("well_lit_weight", float, "times that the exposure of well-lit pictures counts (default 2)"),
)


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "train",
        help="train weights on a folder of dark photographs",
        description="Train Zero-DCE++ or Zero-DCE on a folder of photographs, without reference images. The folder "
        "should hold dark and bright pictures. Ctrl-C saves the run; --resume continues it.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of training images")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=_positive_number, help=f"time to train (default {DEFAULT_MINUTES:g})")
    length.add_argument(
        "--steps", type=_positive_integer, help="number of steps, where it matters to repeat a run exactly"
    )
    parser.add_argument("--arch", dest="architecture", choices=ARCHITECTURES, help="network (default zerodcepp)")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images in a step (default 8)")
    parser.add_argument("--image-size", type=int, metavar="PIXELS", help="side of the training images (default 48)")
    parser.add_argument("--learning-rate", type=float, metavar="RATE", help="of Adam (default 0.002)")
    parser.add_argument("--scale", type=int, help="downsampling of the training images before the network (default 1)")
    parser.add_argument("--seed", type=int, help="of the initial weights and of the order of the data (default 1)")
    parser.add_argument(
        "--darkening",
        type=float,
        metavar="P",
        help="probability of a picture to be darkened at random, 0 to 1 (default 0.7; 0: never, as in the paper)",
    )
    parser.add_argument(
        "--exclude", type=Path, metavar="FILE", help="text file with names of images below DIR that are kept out"
    )
    losses = parser.add_argument_group("losses")
    for name, kind, text in LOSS_SETTINGS:
        losses.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="X", help=text)
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--resume", action="store_true", help="continue the run in the output folder")
    existing.add_argument("--overwrite", action="store_true", help="replace the run in the output folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    require("train", "training", "mindspore", "matplotlib")

    from dcelite.training.dataset import read_names
    from dcelite.training.losses import SMOOTHNESS_WEIGHTS, LossConfig
    from dcelite.training.train import TrainingConfig, load_config, train

    given = _given(args, SETTINGS)
    given_losses = _given(args, [name for name, _, _ in LOSS_SETTINGS])
    if args.resume:
        config = load_config(args.output)
        for settings, values in ((config, given), (config.losses, given_losses)):
            for name, value in values.items():
                old = getattr(settings, name)
                if value != old:
                    raise DceliteError(
                        f"{args.output}: its run was started with {name} {old}; {value} cannot be taken up"
                    )
    else:
        architecture = given.get("architecture", TrainingConfig.architecture)
        losses = LossConfig(**{"smoothness_weight": SMOOTHNESS_WEIGHTS[architecture], **given_losses})
        config = TrainingConfig(**given, losses=losses)
    minutes = args.minutes if args.minutes or args.steps else DEFAULT_MINUTES
    weights = train(
        config,
        args.data,
        args.output,
        steps=args.steps,
        minutes=minutes,
        resume=args.resume,
        overwrite=args.overwrite,
        exclude=read_names(args.exclude) if args.exclude else frozenset(),
    )
    print(f"{weights}: the trained weights; losses.png and samples/ beside it show the course of the training")


def _given(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """The settings among ``names`` that the user gave."""
    return {name: getattr(args, name) for name in names if getattr(args, name) is not None}


def _positive_number(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: a number above 0 was wanted")
    return value


def _positive_integer(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: a whole number above 0 was wanted")
    return value
