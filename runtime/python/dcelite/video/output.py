"""Writing the enhanced video: its frames encoded, all other streams copied."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.codec.context import Flags as CodecFlags
from av.container import OutputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dcelite.errors import OutputError, VideoError
from dcelite.video.encoders import OPTIONS, USUAL_SUFFIXES, Encoder, choose_encoder, even_sizes_only, usual_priority
from dcelite.video.frames import bits_of, chroma_location, colors_of, has_halved_chroma, is_rgb
from dcelite.video.hdr import hdr_of, left_out
from dcelite.video.source import Source, file_url, is_cover_art, reason

BITS_PER_PIXEL = 0.15
"""Bit rate of the encoders that have no constant quality: 9 Mbit/s for 1080p at 30 frames/s."""

DEFAULT_RATE = Fraction(25)
"""Frames a second of a stream that says nothing of it."""
_IN_ORDER = ("avi", "asf")
"""Containers that tell one time of a frame, that of decoding: frames stand in the order in which they are shown."""
_FRAMES_WITHOUT_DECODING_TIMES = 2
"""Where a video has no more, x265 (in FFmpeg 8.0) leaves their decoding times undefined."""
_VARIABLE_RATE = 0x0400  # AVFMT_VARIABLE_FPS
_ROTATING_FORMATS = ("mp4", "mov", "ipod", "3gp", "3g2", "matroska", "webm")
_STALE_TAGS = (
    "alpha_mode",
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "duration",
    "bps",
    "number_of_",
    "_statistics",
)


@contextlib.contextmanager
def open_output(destination: Path, temporary: Path) -> Iterator[OutputContainer]:
    """Open the temporary file of a destination for writing; raises OutputError for a suffix that names no container."""
    try:
        container = av.open(file_url(temporary), "w")
    except (av.error.FFmpegError, ValueError):
        raise OutputError(
            f"{destination}: suffix {destination.suffix!r} names no video container; {USUAL_SUFFIXES} was wanted"
        ) from None
    try:
        yield container
    finally:
        with contextlib.suppress(av.error.FFmpegError):  # of a file that is given up: Output.finish() reports its own
            container.close()


class Output:
    """The output file: one video stream that is encoded, the other streams of the source as they come.

    Args:
        frame: like all that will be enhanced; later ones of another size are scaled to it.
        whole_graph: the model makes 8-bit images.

    Raises:
        OutputError: the container cannot hold what the source has, or the file cannot be written; so do all methods.
        VideoError: the frames have colours that cannot be enhanced.
    """

    def __init__(
        self,
        path: Path,
        container: OutputContainer,
        source: Source,
        frame: VideoFrame,
        codec: str | None,
        crf: int | None,
        *,
        whole_graph: bool = False,
    ) -> None:
        self._path = path
        self._container = container
        self._source = source
        dynamic = left_out(frame)
        self.hdr = hdr_of(frame)
        """None for the usual range."""
        if self.hdr and whole_graph:
            raise VideoError(f"is {self.hdr.name}, but the model has 8-bit images in its graph; another one was wanted")
        hdr_name = self.hdr.name if self.hdr else None
        self.encoder = choose_encoder(path, container, codec, 8 if whole_graph else bits_of(frame), hdr_name)
        self._encoder_options = self._options(frame, crf)
        self._last_time: int | None = None
        self._frames = 0
        self.notes: list[str] = []
        """What was left out or changed, in words."""
        self.size = self._even_size(frame)
        is_hdr = self.hdr is not None
        self.colors = colors_of(frame.colorspace, frame.color_range, frame.format.name, *self.size, is_hdr=is_hdr)
        self.notes += [*self.encoder.notes, *_losses(frame, source, self.encoder), *self.colors.notes]
        if self.hdr:
            self.notes += self.hdr.notes
        if dynamic:
            self.notes.append(f"left out, since it describes the pictures as they were: {', '.join(dynamic)}")
        self._copy_metadata()
        self._video = self._add_video(frame)
        self._copies = self._add_copies()
        """The other streams by their index in the source."""
        os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 writes to stderr by itself
        try:
            with usual_priority():
                self._video.codec_context.open()
            if "crf" in self._video.codec_context.options:  # still there: nobody took it
                raise OutputError(f"--crf: the encoder {self.encoder.name} has no such option")
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError(
                f"{self._path}: the encoder {self.encoder.name} refuses this video: {reason(error)}"
            ) from None
        try:
            self._container.start_encoding()
        except (av.error.ArgumentError, av.error.PatchWelcomeError, av.error.InvalidDataError) as error:
            held = ", ".join([self.encoder.name, *(copy.name or copy.type for copy in self._copies.values())])
            raise OutputError(
                f"{self._path}: {container.format.name} cannot hold these together: {held} ({reason(error)}); .mkv or "
                "the suffix of the source was wanted"
            ) from None
        except av.error.FFmpegError as error:
            raise OutputError(f"{self._path}: cannot be written: {reason(error)}") from None

    def _options(self, frame: VideoFrame, crf: int | None) -> dict[str, str]:
        """Of the encoder: quality, light, and where chroma stands."""
        options = dict(OPTIONS.get(self.encoder.name, {}))
        if crf is not None:
            options["crf"] = str(crf)
        for name, value in (self.hdr.encoder_options(self.encoder.name) if self.hdr else {}).items():
            options[name] = f"{options[name]}:{value}" if name in options else value
        if has_halved_chroma(frame) and (location := chroma_location(frame)):
            options["chroma_sample_location"] = location
        return options

    def _even_size(self, frame: VideoFrame) -> tuple[int, int]:
        width, height = frame.width, frame.height
        if not even_sizes_only(self.encoder.name) or (width % 2, height % 2) == (0, 0):
            return width, height
        self.notes.append(
            f"an odd row or column of {width} x {height}, which {self.encoder.name} cannot hold, was left out"
        )
        return width - width % 2, height - height % 2

    def _copy_metadata(self) -> None:
        source = self._source.container
        self._container.metadata.update(_kept_tags(source.metadata))
        if any("." in key for key in source.metadata):
            # Keys such as com.apple.quicktime.make, which the MP4 writer would drop.
            self._container.container_options["movflags"] = "use_metadata_tags"
        self._container.set_chapters(source.chapters())

    def _add_video(self, frame: VideoFrame) -> VideoStream:
        source = self._source.video
        rate = source.average_rate or source.guessed_rate or DEFAULT_RATE
        # Where a container has one frame rate for all, its ticks are frames.
        ticks = source.time_base if self._container.format.flags & _VARIABLE_RATE else None
        width, height = self.size
        try:
            video = self._container.add_stream(
                self.encoder.name, rate, self._encoder_options, width=width, height=height, time_base=ticks or 1 / rate
            )
        except ValueError:
            raise OutputError(
                f"{self._path}: {self._container.format.name} cannot hold video of {self.encoder.name}; another "
                "suffix or another --codec was wanted"
            ) from None
        assert isinstance(video, VideoStream)
        context = video.codec_context
        context.pix_fmt = self.encoder.pixel_format
        context.thread_type = "AUTO"
        context.flags |= CodecFlags.frame_duration
        if self._container.format.name in _IN_ORDER:
            context.max_b_frames = 0
        if not {"crf", "global_quality"} & set(self._encoder_options):
            context.bit_rate = round(BITS_PER_PIXEL * width * height * rate)
        if context.codec.canonical_name == "hevc" and self._container.format.name in ("mp4", "mov"):
            context.codec_tag = "hvc1"  # without it, Apple's players refuse the file
        context.colorspace, context.color_range = self.colors.matrix_tag, self.colors.range_tag
        context.color_primaries, context.color_trc = frame.color_primaries, frame.color_trc
        if source.sample_aspect_ratio:
            context.sample_aspect_ratio = source.sample_aspect_ratio
        video.metadata.update(_kept_tags(source.metadata))
        video.disposition = source.disposition
        self._keep_rotation(video, frame)
        return video

    def _keep_rotation(self, video: VideoStream, frame: VideoFrame) -> None:
        side_data: Any = frame.side_data  # a mapping by type that PyAV's annotations take for one by name
        matrix = side_data.get(SideDataType.DISPLAYMATRIX)
        if matrix is None:
            return
        if self._container.format.name not in _ROTATING_FORMATS:
            raise OutputError(
                f"{self._path}: the source is to be shown turned, which {self._container.format.name} cannot say; "
                ".mp4, .mov or .mkv was wanted"
            )
        video.set_display_matrix(np.frombuffer(matrix, np.int32).tolist())

    def _add_copies(self) -> dict[int, Stream]:
        copies: dict[int, Stream] = {}
        left_out: set[str] = set()
        for stream in self._source.others:
            if (copy := self._add_copy(stream)) is not None:
                copies[stream.index] = copy
            elif stream.type == "audio":
                name = stream.codec_context.name if stream.codec_context else "of an unknown kind"
                raise OutputError(
                    f"{self._path}: {self._container.format.name} cannot hold the sound of the source ({name}); "
                    ".mkv or the suffix of the source was wanted"
                )
            else:
                left_out.add("cover art" if is_cover_art(stream) else f"{stream.type} stream")
        if left_out:
            self.notes.append(f"left out: {', '.join(sorted(left_out))}")
        return copies

    def _add_copy(self, stream: Stream) -> Stream | None:
        """None where the container cannot hold the stream."""
        if stream.type not in ("audio", "subtitle") or stream.codec_context is None:
            return None
        try:
            copy = self._container.add_stream_from_template(stream, opaque=True)
        except ValueError:
            return None
        copy.metadata.update(_kept_tags(stream.metadata))
        copy.disposition = stream.disposition
        return copy

    def copy(self, packet: Packet[Stream]) -> None:
        """Write a packet of another stream than the video."""
        stream = self._copies.get(packet.stream.index)
        if stream is None:
            return
        shift = round(self._source.start / packet.time_base)
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        packet.stream = stream
        with self._writing():
            self._container.mux(packet)

    def encode(self, result: VideoFrame, frame: VideoFrame) -> None:
        """Encode an enhanced frame at the time of the frame that it comes from."""
        context = self._video.codec_context
        base = context.time_base or 1 / context.framerate
        source_base = frame.time_base or self._source.video.time_base or base
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is None:  # of streams without a container
            ticks = 0 if self._last_time is None else self._last_time + round(1 / (context.framerate * base))
        else:
            ticks = round((stamp * source_base - self._source.start) / base)
        # Containers want times that increase.
        self._last_time = result.pts = ticks if self._last_time is None else max(ticks, self._last_time + 1)
        result.time_base = base
        if frame.duration:
            result.duration = round(frame.duration * source_base / base)
        self._frames += 1
        with self._writing():
            self._container.mux(self._video.encode(result))

    def finish(self) -> None:
        """Write what the encoder still holds, and close the file."""
        with self._writing():
            packets = self._video.encode(None)
            if self.encoder.name == "libx265" and self._frames <= _FRAMES_WITHOUT_DECODING_TIMES:
                for packet in packets:
                    packet.dts = packet.pts
            self._container.mux(packets)
            self._container.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError(f"{self._path}: cannot be written: {reason(error)}") from None


def _kept_tags(metadata: dict[str, str]) -> dict[str, str]:
    """Without those that describe the file as it was."""
    return {key: value for key, value in metadata.items() if not key.lower().startswith(_STALE_TAGS)}


def _losses(frame: VideoFrame, source: Source, encoder: Encoder) -> list[str]:
    """What is lost on the way to YUV 4:2:0 of 8 or 10 bits, in words."""
    name, bits, kept = frame.format.name, bits_of(frame), 10 if encoder.is_deep else 8
    notes = []
    if bits > kept and not encoder.notes:
        notes.append(f"{bits} bits a channel ({name}) were reduced to {kept}")
    if not is_rgb(name) and len(frame.format.components) >= 3 and not has_halved_chroma(frame):
        notes.append(f"{name} was reduced to {encoder.pixel_format}")
    # VP8 and VP9 hold it as a second picture, which FFmpeg's own decoders pass over.
    beside = ("alpha_mode", "1") in ((key.lower(), value) for key, value in source.video.metadata.items())
    if beside or any(component.is_alpha for component in frame.format.components):
        notes.append("transparency was left out")
    return notes
