"""``dcelite evaluate`` and ``dcelite figure``. Import scikit-image and matplotlib only where they are needed."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcelite.denoising import AMOUNT
from dcelite.errors import DceliteError, ImageError
from dcelite.extras import require
from dcelite.files import refuse_existing, write_text_atomically
from dcelite.pictures import find_pairs, find_pictures, read_rgb
from dcelite.progress import track
from dcelite.report.tables import text_table

if TYPE_CHECKING:
    from dcelite.training.evaluate import Evaluation, Model

SHIPPED = "shipped weights"

COLUMNS = (
    ("psnr", "PSNR", ".2f"),
    ("psnr_at_mean", "at mean", ".2f"),
    ("ssim", "SSIM", ".4f"),
    ("mae", "MAE", ".2f"),
    ("brightness_in", "input", ".1f"),
    ("brightness", "result", ".1f"),
    ("brightness_reference", "wanted", ".1f"),
    ("change", "change", ".1f"),
    ("clipped_in", "clip% in", ".2f"),
    ("clipped", "clip%", ".2f"),
    ("colour_shift", "shift%", ".2f"),
    ("red_cast", "R-G", "+.1f"),
    ("noise_gain", "noise", ".1f"),
    ("fidelity", "fidelity", ".2f"),
)
"""Figure, heading of its column and format; columns without any value are left out."""

LEGEND = (
    "PSNR, fidelity: dB; at mean: PSNR of the result times what gives it the reference's mean; MAE, input, result, "
    "wanted, change, R-G: levels of 255 (means); clip%: values of 254 and above; shift%: move of the colour shares; "
    "noise: times that of the input"
)


def add_command(subparsers: Any) -> None:
    evaluate = subparsers.add_parser(
        "evaluate",
        help="measure a model on photographs",
        description="Measure a model: against references (--pairs), on well-lit photographs against themselves "
        "(--well-lit), on photographs without references (--images), against "
        "another model (--against).",
    )
    add_models(evaluate)
    source = evaluate.add_mutually_exclusive_group(required=True)
    text = "DIR/low holds inputs, DIR/high references of equal names"
    source.add_argument("--pairs", type=Path, metavar="DIR", help=text)
    text = "folder of well-lit photographs, which should stay as they are: each is its own reference"
    source.add_argument("--well-lit", type=Path, metavar="DIR", help=text)
    source.add_argument("--images", type=Path, metavar="DIR", help="folder of photographs without references")
    text = "another model; tells the PSNR between its results and the model's"
    evaluate.add_argument("--against", type=Path, metavar="M", help=text)
    text = f"how much of the noise is taken away, 0 to 1 (default: {AMOUNT:g}, as dcelite enhance; 0 for a whole graph)"
    evaluate.add_argument("--denoise", type=float, metavar="D", help=text)
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file")
    text = "draw input, result, reference and curve map, the worst first"
    evaluate.add_argument("--sheet", type=Path, metavar="PNG", help=text)
    evaluate.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    evaluate.set_defaults(run=run_evaluate)

    figure = subparsers.add_parser(
        "figure",
        help="draw the curve maps of a photograph",
        description="Draw what models do with a photograph, a row for each: result, the maps of red, green and blue as "
        "heat maps, and the tone curve.",
    )
    figure.add_argument("image", type=Path, metavar="IN", help="a photograph")
    figure.add_argument("-o", "--output", type=Path, required=True, metavar="PNG", help="the figure")
    add_models(figure)
    figure.add_argument("--overwrite", action="store_true", help="replace the output if it exists")
    figure.set_defaults(run=run_figure, denoise=0.0)


def add_models(parser: argparse.ArgumentParser) -> None:
    text = ".dce, .ms, .onnx, .ckpt or .pth; may be given several times (default: the shipped weights)"
    parser.add_argument("--model", type=Path, action="append", default=[], metavar="M", help=text)
    parser.add_argument("--scale", type=int, metavar="S", help="downsampling factor, 1 to 64 (default: the model's)")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="1 to 64; 0 (default) uses every processor")


@contextlib.contextmanager
def opened(paths: Sequence[Path | None], args: argparse.Namespace) -> Iterator[list[tuple[str, Model]]]:
    """The models and their names; None stands for the shipped weights."""
    from dcelite.training.evaluate import open_model

    with contextlib.ExitStack() as stack:
        models = []
        for path in paths:
            model = open_model(path, scale=args.scale, threads=args.threads, denoise=args.denoise)
            models.append((SHIPPED if path is None else str(path), stack.enter_context(contextlib.closing(model))))
        yield models


def run_evaluate(args: argparse.Namespace) -> None:
    for path in (args.json, args.sheet):
        if path is not None:
            refuse_existing(path, args.overwrite)
            if not path.parent.is_dir():
                raise DceliteError(f"{path.parent}: no such folder; an existing one was wanted for {path.name}")
    require("train", "evaluation", *["skimage"] * bool(args.pairs or args.well_lit), *["matplotlib"] * bool(args.sheet))
    with opened(args.model or [None], args) as models, opened([args.against] if args.against else [], args) as others:
        from dcelite.training import evaluate

        folder = args.pairs or args.well_lit or args.images
        pictures = find_pairs(folder) if args.pairs else find_pictures(folder, as_they_are=bool(args.well_lit))
        against = others[0][1] if args.against else None
        evaluations = evaluate.evaluate(models, track(pictures, len(pictures), "evaluate"), against)
        if not evaluations[0].figures:
            raise ImageError(f"no picture could be evaluated, for example {evaluations[0].failures[0]}")
        for evaluation in evaluations:
            print_table(evaluation)
        print(LEGEND)
        if args.json:
            report = {
                "data": str(folder),
                "against": str(args.against) if args.against else None,
                "scale": args.scale,
                "models": [evaluation.report() for evaluation in evaluations],
            }
            write_text_atomically(args.json, json.dumps(report, indent=2) + "\n", overwrite=args.overwrite)
        if args.sheet:
            from dcelite.training.sheet import contact_sheet

            contact_sheet(args.sheet, models, evaluations, pictures, overwrite=args.overwrite)
            print(f"{args.sheet}: the contact sheet")
    failures = evaluations[0].failures
    for failure in failures:
        print(f"dcelite: error: {failure}", file=sys.stderr)
    if failures:
        raise ImageError(f"{len(failures)} of {len(pictures)} pictures could not be evaluated, see above")


def print_table(evaluation: Evaluation) -> None:
    """One line for each picture, then their means."""
    columns = [column for column in COLUMNS if evaluation.mean(column[0]) is not None]

    def line(name: str, row: Mapping[str, float | None]) -> list[str]:
        values = ((row.get(figure), form) for figure, _, form in columns)
        return [name, *("-" if value is None or math.isnan(value) else format(value, form) for value, form in values)]

    rows = [["", *(heading for _, heading, _ in columns)]]
    rows += [line(name, row) for name, row in evaluation.figures.items()]
    rows.append(line("mean", {figure: evaluation.mean(figure) for figure, _, _ in columns}))
    print(f"\n{evaluation.model}\n{text_table(rows, left=(0,))}")


def run_figure(args: argparse.Namespace) -> None:
    refuse_existing(args.output, args.overwrite)
    require("train", "figure", "matplotlib")
    with opened(args.model or [None], args) as models:
        from dcelite.training.sheet import map_figure

        map_figure(args.output, args.image, read_rgb(args.image), models, overwrite=args.overwrite)
    print(f"{args.output}: the figure")
