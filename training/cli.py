"""``dcelite train``. Imports MindSpore only when the command runs."""

from __future__ import annotations

import argparse
from dataclasses import Field, fields, replace
from pathlib import Path
from typing import Any

from dcelite.errors import DceliteError
from dcelite.extras import require
from dcelite.training.config import LossConfig, TrainingConfig, default_config

DEFAULT_MINUTES = 20.0


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "train",
        help="train weights on a folder of dark photographs",
        description="Train a network on a folder of photographs or panoramas, without reference images. A folder "
        "of photographs should hold dark and bright ones. Ctrl-C saves the run; --resume continues it.",
    )
    text = "folder of training images; this or --panoramas must be given, or both"
    parser.add_argument("--data", type=Path, metavar="DIR", help=text)
    text = "folder of panoramas of radiance (OpenEXR, Radiance .hdr)"
    parser.add_argument("--panoramas", type=Path, metavar="DIR", help=text)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=_positive_number, help=f"time to train (default {DEFAULT_MINUTES:g})")
    text = "number of steps, where it matters to repeat a run exactly"
    length.add_argument("--steps", type=_positive_integer, help=text)
    _add_settings(parser, TrainingConfig, metavar=None)
    text = "text file with names of images below DIR that are kept out"
    parser.add_argument("--exclude", type=Path, metavar="FILE", help=text)
    _add_settings(parser.add_argument_group("losses"), LossConfig, metavar="X")
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--resume", action="store_true", help="continue the run in the output folder")
    existing.add_argument("--overwrite", action="store_true", help="replace the run in the output folder")
    parser.set_defaults(run=run)


def _settings(config: type[TrainingConfig] | type[LossConfig]) -> list[Field[Any]]:
    return [setting for setting in fields(config) if "help" in setting.metadata]


def _add_settings(
    parser: argparse._ActionsContainer, config: type[TrainingConfig] | type[LossConfig], metavar: str | None
) -> None:
    """An option for every setting; None where the user gives none, so that --resume can tell."""
    for setting in _settings(config):
        options = {"metavar": metavar, "flag": f"--{setting.name.replace('_', '-')}", **setting.metadata}
        parser.add_argument(options.pop("flag"), dest=setting.name, type=type(setting.default), **options)


def _given(args: argparse.Namespace, config: type[TrainingConfig] | type[LossConfig]) -> dict[str, Any]:
    """The settings that the user gave."""
    names = [setting.name for setting in _settings(config)]
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def run(args: argparse.Namespace) -> None:
    if args.data is None and args.panoramas is None:
        raise DceliteError("--data, --panoramas: neither is given; a folder of pictures was wanted")
    if args.exclude and args.data is None:
        raise DceliteError("--exclude: names files of --data, which is not given")
    require("train", "training", "mindspore", "matplotlib", *["OpenImageIO"] * bool(args.panoramas))

    from dcelite.training.dataset import read_names
    from dcelite.training.run import load_config
    from dcelite.training.train import train

    given, given_losses = _given(args, TrainingConfig), _given(args, LossConfig)
    if args.resume:
        config = load_config(args.output)
    else:
        config = default_config(given.get("architecture", TrainingConfig.architecture))
    config = replace(config, **given, losses=replace(config.losses, **given_losses))
    minutes = args.minutes if args.minutes or args.steps else DEFAULT_MINUTES
    weights = train(
        config,
        args.data,
        args.output,
        panoramas=args.panoramas,
        steps=args.steps,
        minutes=minutes,
        resume=args.resume,
        overwrite=args.overwrite,
        exclude=read_names(args.exclude) if args.exclude else frozenset(),
    )
    print(f"{weights}: the trained weights; losses.png and samples/ beside it show the course of the training")


def _positive_number(text: str) -> float:
    if not 0 < float(text) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: a number above 0 was wanted")
    return float(text)


def _positive_integer(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: a whole number above 0 was wanted")
    return int(text)
