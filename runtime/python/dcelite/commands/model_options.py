"""The options of ``dcelite enhance`` and ``dcelite video`` that choose and run a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dcelite.enhancer import Enhancer
from dcelite.errors import DceliteError


def add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, metavar="M", help=".dce, .ms or .onnx file (default: shipped weights)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="1 to 64; 0 (default) uses every processor")
    parser.add_argument(
        "--strength", type=float, default=1.0, metavar="S", help="0 changes nothing, 1 (default) is the model"
    )
    parser.add_argument(
        "--scale", type=int, metavar="S", help="downsampling factor for the network, 1 to 64 (default: the model's)"
    )


def open_enhancer(options: argparse.Namespace, **more: Any) -> Enhancer:
    """An Enhancer for these options and further arguments of Enhancer; raises DceliteError for values out of range."""
    try:
        return Enhancer(options.model, threads=options.threads, scale=options.scale, strength=options.strength, **more)
    except ValueError as error:
        raise DceliteError(str(error)) from None
