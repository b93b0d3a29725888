"""The options that ``dcelite enhance`` and ``dcelite video`` have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from dcelite.denoising import AMOUNT
from dcelite.enhancer import Enhancer, open_with_defaults
from dcelite.errors import DceliteError

_ARGUMENTS = ("threads", "scale", "strength", "denoise", "noise_level", "precision")
"""Options that are arguments of Enhancer."""
DEFAULTS = {"denoise": AMOUNT}
"""Values of options that a model with the curve in its graph cannot honour, which then counts as not given."""


def add_common_options(parser: argparse.ArgumentParser, output: str) -> None:
    """Those of the model and of the output; ``output`` says in the help what it may be."""
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help=output)
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    add_model_options(parser, "1 to 64; 0 (default) uses every processor")


def add_model_options(parser: argparse.ArgumentParser, threads: str) -> None:
    """Those of the model; ``threads`` is the help of that option."""
    parser.add_argument("--model", type=Path, metavar="M", help=".dce, .ms or .onnx file (default: shipped weights)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help=threads)
    parser.add_argument(
        "--strength", type=float, default=1.0, metavar="S", help="0 changes nothing, 1 (default) is the model"
    )
    parser.add_argument(
        "--scale", type=int, metavar="S", help="downsampling factor for the network, 1 to 64 (default: the model's)"
    )
    parser.add_argument(
        "--denoise",
        type=float,
        metavar="D",
        help=f"how much of the noise is taken away within a picture, 0 to 1 (default: {AMOUNT:g}; 0 for a whole graph)",
    )
    parser.add_argument(
        "--noise-level",
        type=float,
        default=0.0,
        metavar="L",
        help="standard deviation of the noise in levels of 255 (default: 0, estimated from each picture)",
    )
    parser.add_argument(
        "--precision",
        choices=("exact", "fast"),
        default="exact",
        help="of the curve: fast is within 2 levels of exact (the default), where there is no denoising",
    )


def open_enhancer(
    options: argparse.Namespace, defaults: Mapping[str, float], *names: str, quiet: bool = False
) -> Enhancer:
    """An Enhancer for these options; a line of stderr names what its model cannot honour, and a model without seal.

    Args:
        defaults: the values of options that were not given, as far as the model can honour them.
        names: of further options that are arguments of Enhancer.
        quiet: without that line, for one that is opened beside another.

    Raises:
        DceliteError: a value is out of range, or the model cannot do what was asked for; as Enhancer does.
    """
    arguments = {name: getattr(options, name) for name in (*_ARGUMENTS, *names)}
    try:
        enhancer, off = open_with_defaults(options.model, defaults, **arguments)
    except ValueError as error:
        raise DceliteError(str(error)) from None
    notes = []
    if (engine := enhancer.session.engine) is not None and not engine.sealed:
        notes.append("has no checksum, damage would not be noticed")
    if off:
        notes.append(f"has the curve in its graph, which leaves out: {', '.join(off)}")
    if notes and not quiet:
        print(f"dcelite: note: {options.model}: {'; '.join(notes)}", file=sys.stderr)
    return enhancer
