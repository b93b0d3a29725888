"""Enhancing a video file: decoded and encoded by FFmpeg (through PyAV), all that is not picture copied as it is."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from av.packet import Packet

from dcelite.enhancer import Enhancer
from dcelite.errors import VideoError
from dcelite.files import atomic_output
from dcelite.progress import Progress
from dcelite.video.frames import FrameEnhancer
from dcelite.video.output import Output, open_output
from dcelite.video.source import Source, open_source


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
        crf: the encoder's constant quality, lower is better; None takes the value of output.ENCODERS.
        interrupted: ends the work with KeyboardInterrupt, and without an output, once it is set.

    Raises:
        VideoError: the source is no video, or none of its frames can be decoded.
        OutputError: the output exists, without ``overwrite``; it cannot be written, or cannot hold what the source has.
    """
    begin = time.perf_counter()
    enhance.reset()
    with open_source(source) as input_container:
        reader = Source(source, input_container)
        with (
            atomic_output(destination, overwrite=overwrite) as temporary,
            open_output(destination, temporary) as output_container,
        ):
            writer = Output(destination, output_container, reader, codec, crf)
            with Progress("video", reader.frame_count) as progress:
                frames, enhancement = _process(reader, writer, enhance, interrupted, progress)
            if frames == 0:
                raise VideoError(
                    f"{source}: holds no frame that can be decoded ({'; '.join(reader.damage) or 'empty'})"
                )
            writer.finish()
    return Report(
        *writer.size,
        frames,
        time.perf_counter() - begin,
        {"decoding": reader.seconds, "enhancement": enhancement, "encoding": writer.seconds},
        writer.notes,
        reader.damage,
    )


def _process(
    reader: Source, writer: Output, enhance: Enhancer, interrupted: threading.Event | None, progress: Progress
) -> tuple[int, float]:
    """All frames and packets of the source; returns the number of frames and the seconds of their enhancement."""
    frame_enhancer: FrameEnhancer | None = None
    frames, seconds, start = 0, 0.0, time.perf_counter()
    for item in reader:
        if interrupted is not None and interrupted.is_set():
            raise KeyboardInterrupt
        if isinstance(item, Packet):
            writer.copy(item)
            continue
        if frame_enhancer is None:
            writer.open_encoder(item)
            frame_enhancer = FrameEnhancer(enhance, writer.colors, (item.width, item.height), writer.size)
        begin = time.perf_counter()
        result = frame_enhancer(item)
        seconds += time.perf_counter() - begin
        writer.encode(result, item)
        frames += 1
        progress.advance(f"{frames / (time.perf_counter() - start):.1f} frames/s")
    return frames, seconds
