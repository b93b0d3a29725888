"""``dcelite video``: a video file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcelite.commands.model_options import DEFAULTS, add_common_options, open_enhancer
from dcelite.denoising import AMOUNT
from dcelite.errors import OutputError, VideoError
from dcelite.extras import require
from dcelite.files import prepare_output_directory, refuse_existing, remove_leftovers
from dcelite.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from dcelite.video.enhance import Report

SMOOTHING = 0.8
"""A video without smoothing flickers; with this one the curve follows a change of light within some five frames."""
_DEFAULTS = DEFAULTS | {"smoothing": SMOOTHING, "temporal_denoise": AMOUNT}


def add_command(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "video",
        help="brighten a video",
        description="Brighten a video of any kind that FFmpeg reads. Sound, subtitles, metadata, rotation and the "
        "times of the frames are kept, and so are HDR10 and HLG. Needs PyAV: pip install 'dcelite[video]'",
    )
    parser.add_argument("input", type=Path, metavar="IN", help="a video file")
    add_common_options(
        parser,
        "a file name, whose suffix chooses the container, or a folder; without it, NAME_enhanced beside the input",
    )
    parser.add_argument(
        "--smoothing",
        type=float,
        metavar="S",
        help=f"against flicker: 0 takes each frame on its own, towards 1 changes slowly (default: {SMOOTHING})",
    )
    parser.add_argument(
        "--temporal-denoise",
        type=float,
        metavar="D",
        help=f"how much of the noise is taken away over the frames, where nothing moves, 0 to 1 (default: {AMOUNT:g})",
    )
    parser.add_argument(
        "--map-interval", type=int, default=1, metavar="N", help="run the network on every n-th frame only (default: 1)"
    )
    parser.add_argument(
        "--codec",
        metavar="C",
        help="an encoder of FFmpeg, such as libx265 or ffv1 (default: H.264, HEVC of 10 bits; in .webm VP9, AV1)",
    )
    parser.add_argument(
        "--crf", type=int, metavar="Q", help="quality of the encoder, 0 is the best (default: 18 for H.264)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Enhance one video; raises VideoError after the output is written where a part of the input is damaged."""
    require("video", "video", "av")
    from dcelite.video.enhance import enhance_video

    source: Path = options.input
    destination = plan(source, options.output)
    refuse_existing(destination, options.overwrite)
    enhancer = open_enhancer(options, _DEFAULTS, "smoothing", "map_interval", "temporal_denoise")
    with enhancer as enhance, deferred_interrupts() as interrupted:
        prepare_output_directory(destination.parent)
        remove_leftovers(destination.parent)
        report = enhance_video(
            source,
            destination,
            enhance,
            codec=options.codec,
            crf=options.crf,
            interrupted=interrupted,
            overwrite=options.overwrite,
        )
    print(describe(source, destination, report))
    if report.damage:
        raise VideoError(f"{source}: {'; '.join(report.damage)}; {destination} holds what could be read")
    return 0


def plan(source: Path, output: Path | None) -> Path:
    """The file to write for an input; raises VideoError and OutputError."""
    if not source.exists():
        raise VideoError(f"{source}: no such file")
    if output is None:
        return source.with_name(f"{source.stem}_enhanced{source.suffix}")
    destination = output / source.name if output.is_dir() or not output.suffix else output
    if destination.exists() and destination.samefile(source):
        raise OutputError(f"{destination}: is the input itself; another name was wanted")
    return destination


def describe(source: Path, destination: Path, report: Report) -> str:
    """The closing line: what was done, and where the time went."""
    waited = sum(report.stages.values())
    shares = ", ".join(f"{name} {seconds / waited:.0%}" for name, seconds in report.stages.items())
    remarks = "".join(f" ({note})" for note in report.notes)
    return (
        f"{source} -> {destination} ({report.width} x {report.height}, {report.frames} frames in "
        f"{report.seconds:.1f} s, {report.frames / report.seconds:.1f} frames/s: {shares}){remarks}"
    )
