"""Enhancing a video file: decoded and encoded by FFmpeg (through PyAV), all that is not picture copied as it is."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from av.video.frame import VideoFrame

from dcelite.enhancer import Enhancer
from dcelite.errors import VideoError
from dcelite.files import atomic_output
from dcelite.progress import Progress
from dcelite.video.frames import FrameEnhancer
from dcelite.video.hdr import Hdr
from dcelite.video.output import Output, open_output
from dcelite.video.source import Item, Source, open_source


@dataclass(frozen=True)
class Report:
    """What became of a video."""

    width: int
    height: int
    frames: int
    seconds: float
    stages: dict[str, float]
    """Seconds that the command waited for decoding, enhancement and encoding. (All three use several processors, and
    the encoder works on while the other two run.)"""
    notes: list[str]
    """What was left out or changed, in words."""
    damage: list[str]
    """What could not be read of the source, in words; empty for a sound file."""


def enhance_video(
    source: Path,
    destination: Path,
    enhance: Enhancer,
    *,
    codec: str | None = None,
    crf: int | None = None,
    interrupted: threading.Event | None = None,
    overwrite: bool = False,
) -> Report:
    """Write the enhanced video to ``destination``, whose suffix says which container is wanted.

    Args:
        enhance: its frames so far are forgotten.
        codec: FFmpeg's name of an encoder, or of a codec; None takes H.264 where the container can hold it.
        crf: the encoder's constant quality, lower is better; None takes the value of encoders.OPTIONS.
        interrupted: ends the work with KeyboardInterrupt, and without an output, once it is set.

    Raises:
        VideoError: the source is no video, none of its frames can be decoded, or the model does not take them.
        OutputError: the output exists, without ``overwrite``; it cannot be written, or cannot hold what the source has.
    """
    begin = time.perf_counter()
    if enhance.has_curve_map:
        enhance.reset()
    stages = dict.fromkeys(("decoding", "enhancement", "encoding"), 0.0)
    with open_source(source) as input_container:
        reader = Source(source, input_container)
        with (
            atomic_output(destination, overwrite=overwrite) as temporary,
            open_output(destination, temporary) as output_container,
        ):
            items = iter(reader)
            with _timing(stages, "decoding"):
                packets, frame = _until_frame(items)
            if frame is None:
                raise VideoError(
                    f"{source}: holds no frame that can be decoded ({'; '.join(reader.damage) or 'empty'})"
                )
            whole_graph = not enhance.has_curve_map
            try:
                writer = Output(destination, output_container, reader, frame, codec, crf, whole_graph=whole_graph)
            except VideoError as error:
                raise VideoError(f"{source}: {error}") from None
            sizes = (frame.width, frame.height), writer.size
            frame_enhancer = FrameEnhancer(enhance, writer.colors, *sizes, writer.encoder)
            with Progress("video", reader.frame_count) as progress, _white(enhance, writer.hdr):
                items = itertools.chain(packets, [frame], items)
                try:
                    frames = _process(items, writer, frame_enhancer, interrupted, progress, stages)
                except ValueError as error:  # of a whole graph that has another size
                    raise VideoError(f"{source}: {error}") from None
            with _timing(stages, "encoding"):
                writer.finish()
    return Report(
        *writer.size, frames, time.perf_counter() - begin, stages, [*writer.notes, *reader.notes], reader.damage
    )


@contextlib.contextmanager
def _white(enhance: Enhancer, hdr: Hdr | None) -> Iterator[None]:
    """The white of a video's signal in the block, and 1 after it."""
    if hdr is None or hdr.white == 1:
        yield
        return
    enhance.set_white(hdr.white)
    try:
        yield
    finally:
        enhance.set_white(1.0)


def _until_frame(items: Iterator[Item]) -> tuple[list[Item], VideoFrame | None]:
    """The packets before the first frame, and it; None where there is none."""
    packets: list[Item] = []
    for item in items:
        if isinstance(item, VideoFrame):
            return packets, item
        packets.append(item)
    return packets, None


def _process(
    items: Iterator[Item],
    writer: Output,
    frame_enhancer: FrameEnhancer,
    interrupted: threading.Event | None,
    progress: Progress,
    stages: dict[str, float],
) -> int:
    """All frames and packets of the source; returns the number of frames."""
    frames, start = 0, time.perf_counter()
    while True:
        with _timing(stages, "decoding"):
            item = next(items, None)
        if item is None:
            return frames
        if interrupted is not None and interrupted.is_set():
            raise KeyboardInterrupt
        if isinstance(item, VideoFrame):
            with _timing(stages, "enhancement"):
                result = frame_enhancer(item)
            with _timing(stages, "encoding"):
                writer.encode(result, item)
            frames += 1
            progress.advance(f"{frames / (time.perf_counter() - start):.1f} frames/s")
        else:
            with _timing(stages, "encoding"):
                writer.copy(item)


@contextlib.contextmanager
def _timing(stages: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds of the block to those of a stage."""
    begin = time.perf_counter()
    yield
    stages[name] += time.perf_counter() - begin
