"""Writing the enhanced video: its frames encoded, all other streams copied."""

from __future__ import annotations

import contextlib
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

from dcelite.errors import OutputError
from dcelite.video.frames import colors_of
from dcelite.video.source import Source, file_url, is_cover_art, reason

ENCODERS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "18", "preset": "faster"},
    "libx265": {"crf": "20", "preset": "faster", "x265-params": "log-level=error"},
    "libvpx-vp9": {"crf": "24", "cpu-used": "4", "row-mt": "1"},
    "libsvtav1": {"crf": "24", "preset": "8"},
    "libaom-av1": {"crf": "24", "cpu-used": "6", "row-mt": "1"},
}
"""Encoders with a constant quality, and the options with which each looks almost like its input at a bearable speed."""
BITS_PER_PIXEL = 0.15
"""Bit rate of the encoders that have no constant quality: 9 Mbit/s for 1080p at 30 frames/s."""

DEFAULT_RATE = Fraction(25)
"""Frames a second of a stream that says nothing of it."""
_VARIABLE_RATE = 0x0400  # AVFMT_VARIABLE_FPS
_USUAL_SUFFIXES = ".mp4, .mov, .mkv or .webm"
_EVEN_SIZE_ENCODERS = ("libx264", "libx265", "libopenh264")
_ROTATING_FORMATS = ("mp4", "mov", "ipod", "3gp", "3g2", "matroska", "webm")
_STALE_TAGS = (
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
            f"{destination}: suffix {destination.suffix!r} names no video container; {_USUAL_SUFFIXES} was wanted"
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

    Raises:
        OutputError: the container cannot hold what the source has, or the file cannot be written; so do all methods.
    """

    def __init__(
        self,
        path: Path,
        container: OutputContainer,
        source: Source,
        frame: VideoFrame,
        codec: str | None,
        crf: int | None,
    ) -> None:
        self._path = path
        self._container = container
        self._source = source
        self._encoder = _choose_encoder(path, container, codec)
        self._encoder_options = dict(ENCODERS.get(self._encoder, {}))
        if crf is not None:
            self._encoder_options["crf"] = str(crf)
        self._last_time: int | None = None
        self.notes: list[str] = []
        """What was left out or changed, in words."""
        self.size = self._even_size(frame)
        self.colors = colors_of(frame.colorspace, frame.color_range, frame.format.name, *self.size)
        self.notes += [*_losses(frame), *self.colors.notes]
        self._copy_metadata()
        self._video = self._add_video(frame)
        self._copies = self._add_copies()
        """The other streams by their index in the source."""
        try:
            self._video.codec_context.open()
            if "crf" in self._video.codec_context.options:  # still there: nobody took it
                raise OutputError(f"--crf: the encoder {self._encoder} has no such option")
        except (av.error.FFmpegError, ValueError) as error:
            raise OutputError(
                f"{self._path}: the encoder {self._encoder} refuses this video: {reason(error)}"
            ) from None
        with self._writing():
            self._container.start_encoding()

    def _even_size(self, frame: VideoFrame) -> tuple[int, int]:
        width, height = frame.width, frame.height
        if self._encoder not in _EVEN_SIZE_ENCODERS or (width % 2, height % 2) == (0, 0):
            return width, height
        self.notes.append(
            f"an odd row or column of {width} x {height}, which {self._encoder} cannot hold, was left out"
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
                self._encoder, rate, self._encoder_options, width=width, height=height, time_base=ticks or 1 / rate
            )
        except ValueError:
            raise OutputError(
                f"{self._path}: {self._container.format.name} cannot hold video of {self._encoder}; another suffix or "
                "another --codec was wanted"
            ) from None
        assert isinstance(video, VideoStream)
        context = video.codec_context
        context.pix_fmt = "yuv420p"
        context.thread_type = "AUTO"
        context.flags |= CodecFlags.frame_duration
        if "crf" not in self._encoder_options:
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
        source_base = self._source.video.time_base or base
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
        with self._writing():
            self._container.mux(self._video.encode(result))

    def finish(self) -> None:
        """Write what the encoder still holds, and close the file."""
        with self._writing():
            self._container.mux(self._video.encode(None))
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


def _losses(frame: VideoFrame) -> list[str]:
    """What is lost on the way to 8-bit YUV 4:2:0, in words."""
    name = frame.format.name
    notes = []
    bits = max(component.bits for component in frame.format.components)
    if bits > 8:
        notes.append(f"{bits} bits a channel ({name}) were reduced to 8")
    elif name.startswith(("yuv4", "yuvj4")) and "420" not in name:
        notes.append(f"{name} was reduced to yuv420p")
    if any(component.is_alpha for component in frame.format.components):
        notes.append("transparency was left out")
    if frame.interlaced_frame:
        notes.append("interlaced frames were written as progressive ones")
    return notes


def _choose_encoder(path: Path, container: OutputContainer, codec: str | None) -> str:
    """The name of an encoder; raises OutputError."""
    if codec is not None:
        with contextlib.suppress(ValueError):
            encoder = av.Codec(codec, "w")
            if encoder.type == "video":
                return encoder.name
        raise OutputError(f"--codec: FFmpeg has no video encoder {codec!r}; {', '.join(ENCODERS)} are some")
    for name in ("libx264", "libopenh264", "libvpx-vp9", container.default_video_codec):
        with contextlib.suppress(ValueError):
            encoder = av.Codec(name, "w")
            if encoder.name in container.supported_codecs:
                return encoder.name
    raise OutputError(f"{path}: suffix {path.suffix!r} names a container without video; {_USUAL_SUFFIXES} was wanted")
