"""``dcelite quantize``. Imports onnx and the converters only when the command runs."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from dcelite.export.formats import split_list
from dcelite.quantize.ranges import METHODS


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "quantize",
        help="turn a checkpoint into int8 ONNX, MindSpore Lite (.ms) and native (.dce) files",
        description="Quantise a Zero-DCE++ checkpoint to 8 bits after training. Dark photographs calibrate it; every "
        "file is run again and compared with fp32, and a report (JSON and HTML) says what was lost.",
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="FILE", help="weights, .ckpt or .pth")
    parser.add_argument("--calibration", type=Path, required=True, metavar="DIR", help="folder of dark photographs")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the files")
    text = "of onnx,ms,dce; default: all whose runtime is installed"
    parser.add_argument("--formats", type=split_list, metavar="LIST", help=text)
    text = "calibration pictures to use (default 64)"
    parser.add_argument("--pictures", type=int, default=64, metavar="N", help=text)
    parser.add_argument("--ranges", choices=METHODS, default="minmax", help="how ranges are chosen (default minmax)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of pictures (default 1)")
    text = "fidelity that the worst picture should reach; activations are kept wide for it if need be (default 48)"
    parser.add_argument("--target", type=float, default=48.0, metavar="DB", help=text)
    parser.add_argument("--photos", type=Path, metavar="DIR", help="photographs to measure fidelity on")
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="DIR/low and DIR/high, for PSNR and SSIM")
    parser.add_argument("--scale", type=int, metavar="S", help="downsampling factor (default 12)")
    parser.add_argument("--name", help="file name before _int8.onnx and so on (default: architecture)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    from dcelite.quantize.quantize import QuantizeOptions, quantize

    options = {field.name: getattr(args, field.name) for field in dataclasses.fields(QuantizeOptions)}
    quantize(QuantizeOptions(**options))
