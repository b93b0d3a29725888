"""``dcelite export``. Imports MindSpore and onnx only when the command runs."""

from __future__ import annotations

import argparse
import dataclasses
import re
from pathlib import Path

from dcelite.errors import DceliteError
from dcelite.export.formats import split_list


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "export",
        help="freeze a checkpoint to MindIR, ONNX, MindSpore Lite (.ms) and native (.dce) files",
        description="Freeze a checkpoint (.ckpt or .pth). Each file is loaded again in its own runtime and compared "
        "with the MindSpore network; manifest.json records what the files are. By default they hold the curve network "
        "alone, which takes any size; that is what 'dcelite enhance --model' runs fastest.",
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help="weights, .ckpt or .pth")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the files")
    text = "of mindir,onnx,ms,dce; default: all whose runtime is installed"
    parser.add_argument("--formats", type=split_list, metavar="LIST", help=text)
    text = "freeze downsampling, upsampling and curve into the graph as well"
    parser.add_argument("--resize-in-graph", action="store_true", help=text)
    text = "height x width of the image for .mindir and .ms with --resize-in-graph, as 900x1200"
    parser.add_argument("--size", metavar="HxW", help=text)
    text = "with --resize-in-graph: 8-bit NHWC in and out instead of float NCHW"
    parser.add_argument("--uint8", action="store_true", help=text)
    text = "downsampling factor (default: Zero-DCE++ 12, Zero-DCE 1)"
    parser.add_argument("--scale", type=int, metavar="S", help=text)
    parser.add_argument("--name", help="file name without suffix (default: architecture and variant)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.set_defaults(run=run)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """``900x1200`` -> (900, 1200), height first; raises DceliteError."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})[xX]([0-9]{1,6})", text)
    if match is None:
        raise DceliteError(f"--size {text}: HEIGHTxWIDTH was wanted, as 900x1200")
    return int(match[1]), int(match[2])


def run(args: argparse.Namespace) -> None:
    from dcelite.export.export import ExportOptions, export

    options = {field.name: getattr(args, field.name) for field in dataclasses.fields(ExportOptions)}
    options["size"] = parse_size(args.size)
    export(ExportOptions(**options))
