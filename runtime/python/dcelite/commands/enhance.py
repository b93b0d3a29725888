"""``dcelite enhance``: photographs and folders of photographs."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcelite.commands.model_options import DEFAULTS, add_common_options, open_enhancer
from dcelite.enhancer import Enhancer
from dcelite.errors import ImageError, OutputError
from dcelite.files import prepare_output_directory, refuse_existing
from dcelite.images import FORMATS, check_suffix, pictures_below, read_photograph, write_photograph
from dcelite.progress import track


@dataclass(frozen=True)
class Job:
    source: Path
    destination: Path


def add_command(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "enhance",
        help="brighten photographs",
        description="Brighten photographs (JPEG, PNG, WebP, BMP). EXIF data and colour profile are kept.",
    )
    parser.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="an image file, or a folder of them")
    add_common_options(parser, "a file name for one image, else a folder; without it, NAME_enhanced beside each input")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Enhance everything that can be; returns 2 if some input could not."""
    jobs = plan(options.inputs, options.output)
    for job in jobs:
        check_suffix(job.destination)
        refuse_existing(job.destination, options.overwrite)
    enhance = open_enhancer(options, DEFAULTS)
    failures = 0
    for job in track(jobs, len(jobs), "enhance"):
        try:
            enhance_file(enhance, job, overwrite=options.overwrite)
        except ImageError as error:
            if len(jobs) == 1:
                raise
            print(f"dcelite: error: {error}", file=sys.stderr)
            failures += 1
    if failures:
        raise ImageError(f"{failures} of {len(jobs)} images could not be read, see above; the others are enhanced")
    return 0


def enhance_file(enhance: Enhancer, job: Job, *, overwrite: bool) -> None:
    photograph = read_photograph(job.source)
    try:
        result = enhance(photograph.pixels)
    except ValueError as error:
        raise ImageError(f"{job.source}: {error}") from None
    prepare_output_directory(job.destination.parent)
    write_photograph(job.destination, result, photograph, overwrite=overwrite)
    height, width = result.shape[:2]
    remark = "".join(f" ({note})" for note in photograph.notes)
    print(f"{job.source} -> {job.destination} ({width} x {height}){remark}")


def plan(inputs: list[Path], output: Path | None) -> list[Job]:
    """Which file becomes which.

    Raises:
        ImageError: an input does not exist, or a folder holds no image.
        OutputError: two inputs would become the same output, or one of them would take the place of the other.
    """
    jobs: list[Job] = []
    single = len(inputs) == 1 and not inputs[0].is_dir()
    as_file = single and output is not None and output.suffix and not output.is_dir()
    for path in inputs:
        if path.is_dir():
            folder = output if output is not None else path.with_name(f"{path.resolve().name}_enhanced")
            jobs += _plan_folder(path, folder)
        elif not path.exists():
            raise ImageError(f"{path}: no such file or folder")
        elif output is None:
            jobs.append(Job(path, path.with_name(f"{path.stem}_enhanced{path.suffix}")))
        else:
            jobs.append(Job(path, output if as_file else output / path.name))
    inputs_of = {job.source.resolve(): job for job in jobs}
    sources: dict[Path, Path] = {}
    for job in jobs:
        destination = job.destination.resolve()
        if destination in sources:
            raise OutputError(f"{job.destination}: would hold both {sources[destination]} and {job.source}")
        if inputs_of.get(destination, job) is not job:
            raise OutputError(f"{job.destination}: is an input itself, and would hold {job.source}")
        sources[destination] = job.source
    return jobs


def _plan_folder(folder: Path, output: Path) -> list[Job]:
    """All images below a folder, in the same structure below the output; what lies in the output is left out."""
    jobs = [
        Job(path, output / path.relative_to(folder))
        for path in pictures_below(folder)
        if output.resolve() not in path.resolve().parents
    ]
    if not jobs:
        raise ImageError(f"{folder}: holds no image ({', '.join(FORMATS)})")
    return jobs
