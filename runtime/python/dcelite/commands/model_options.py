"""The options that ``dcelite enhance`` and ``dcelite video`` have in common."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dcelite.denoising import AMOUNT
from dcelite.enhancer import Enhancer, open_denoising
from dcelite.errors import DceliteError


def add_common_options(parser: argparse.ArgumentParser, output: str) -> None:
    """Those of the model and of the output; ``output`` says in the help what it may be."""
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help=output)
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument("--model", type=Path, metavar="M", help=".dce, .ms or .onnx file (default: shipped weights)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="1 to 64; 0 (default) uses every processor")
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


def open_enhancer(options: argparse.Namespace, **more: Any) -> Enhancer:
    """An Enhancer for these options and further arguments of Enhancer; raises DceliteError for values out of range."""
    settings = {name: getattr(options, name) for name in ("threads", "scale", "strength", "noise_level")} | more
    try:
        return open_denoising(options.model, options.denoise, **settings)
    except ValueError as error:
        raise DceliteError(str(error)) from None
