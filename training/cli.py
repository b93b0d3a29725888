"""``dcelite train``. Imports MindSpore only when the command runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from dcelite.errors import DceliteError, EngineUnavailableError
from dcelite.training.architecture import ARCHITECTURES

DEFAULT_MINUTES = 20.0

# The command-line arguments that are fields of TrainingConfig of the same name.
SETTINGS = ("architecture", "scale", "image_size", "batch_size", "learning_rate", "seed")


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
    parser.add_argument("--image-size", type=int, metavar="PIXELS", help="side of the training images (default 64)")
    parser.add_argument("--learning-rate", type=float, metavar="RATE", help="of Adam (default 0.001)")
    parser.add_argument("--scale", type=int, help="downsampling of the training images before the network (default 1)")
    parser.add_argument("--seed", type=int, help="of the initial weights and of the order of the data (default 1)")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--resume", action="store_true", help="continue the run in the output folder")
    existing.add_argument("--overwrite", action="store_true", help="replace the run in the output folder")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    try:
        from dcelite.training.train import TrainingConfig, load_config, train
    except ImportError as error:
        raise EngineUnavailableError(f"training needs {error.name}: pip install 'dcelite[train]'") from None
    from dcelite.training.losses import SMOOTHNESS_WEIGHTS, LossConfig

    given = {name: getattr(args, name) for name in SETTINGS if getattr(args, name) is not None}
    if args.resume:
        config = load_config(args.output)
        for name, value in given.items():
            if value != getattr(config, name):
                old = getattr(config, name)
                raise DceliteError(f"{args.output}: its run was started with {name} {old}; {value} cannot be taken up")
    else:
        architecture = given.get("architecture", TrainingConfig.architecture)
        losses = LossConfig(smoothness_weight=SMOOTHNESS_WEIGHTS[architecture])
        config = TrainingConfig(**given, losses=losses)
    minutes = args.minutes if args.minutes or args.steps else DEFAULT_MINUTES
    weights = train(
        config, args.data, args.output, steps=args.steps, minutes=minutes, resume=args.resume, overwrite=args.overwrite
    )
    print(f"{weights}: the trained weights; losses.png beside it shows the course of the training")


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
