"""Reading a video file: the frames of its first video stream, and the packets of everything else."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dcelite import files
from dcelite.errors import VideoError
from dcelite.video import deinterlace

_TOLERATED_SHORTFALL = 0.5
"""Seconds by which a file may end before the duration it states."""

_TOLERANT: dict[str, Any] = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "replace"}
"""Metadata that are not UTF-8: PyAV keeps them as they are from version 19 on; before, it fails unless told not to."""

_WITHOUT_TIMES = ("avi",)
"""Containers that know of a frame only its place in the file. Where frames are stored in another order than they are
shown in, what FFmpeg takes for their times is none; in the order in which they are shown, each has the next place."""

Item: TypeAlias = "Packet[Stream] | VideoFrame"


def reason(error: Exception) -> str:
    """FFmpeg's words for an error, with what it logged last."""
    log = getattr(error, "log", None)
    return f"{files.reason(error)} ({log[2].strip()})" if log else files.reason(error)


def file_url(path: Path) -> str:
    """The path as FFmpeg takes it for a path in any case, not "22:15.mp4" for a protocol "22"."""
    return f"file:{path}"


def open_source(path: Path) -> InputContainer:
    """Open a container for reading; raises VideoError."""
    if path.is_dir():
        raise VideoError(f"{path}: is a folder, a video file was wanted")
    try:
        container: InputContainer = av.open(file_url(path), "r", **_TOLERANT)
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"{path}: cannot be read as a video: {reason(error)}") from None
    return container


def is_cover_art(stream: Stream) -> bool:
    """True for a picture that belongs to the file as a whole; containers hold it as a video of one frame."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


class Source:
    """Iterates over the frames of the first video, progressive ones, and the packets of the other streams, in the order
    of the file.

    Raises:
        VideoError: there is no video, or none that can be decoded.
    """

    def __init__(self, path: Path, container: InputContainer) -> None:
        self.container = container
        self.damage: list[str] = []
        """What could not be read, in words; complete after the iteration."""
        videos = [stream for stream in container.streams.video if not is_cover_art(stream)]
        if not videos:
            raise VideoError(f"{path}: holds no video stream")
        self.video: VideoStream = videos[0]
        if self.video.codec_context is None:
            raise VideoError(f"{path}: holds a video that this FFmpeg has no decoder for")
        self.others = [stream for stream in container.streams if stream is not self.video]
        self.video.thread_type = "AUTO"
        self._deinterlacer = deinterlace.Deinterlacer()
        self._places: list[int] | None = [] if container.format.name in _WITHOUT_TIMES else None
        """Of the packets whose frames are still to come, a heap; None where packets have times."""
        self._end = Fraction(0)
        self._damaged = 0

    @property
    def frame_count(self) -> int | None:
        if self.video.frames:
            return self.video.frames
        if self.container.duration and self.video.average_rate:
            return round(self.container.duration * self.video.average_rate / av.time_base)
        return None

    @property
    def start(self) -> Fraction:
        """Seconds at which the file begins: broadcasts count from anywhere, and a file has to begin near 0."""
        return max(Fraction(self.container.start_time or 0, av.time_base), Fraction(0))

    def __iter__(self) -> Iterator[Item]:
        try:
            for packet in self.container.demux():
                if packet.size == 0 and packet.dts is None:  # PyAV's call to flush the decoder
                    continue
                self._note_end(packet)
                if packet.stream is self.video:
                    yield from self._decode(packet)
                else:
                    yield packet
        except av.error.FFmpegError as error:
            self.damage.append(f"reading ended with: {reason(error)}")
        try:
            yield from self._decode(None)
            yield from self._deinterlacer.flush()
        except av.error.FFmpegError as error:
            self.damage.append(f"its end cannot be deinterlaced: {reason(error)}")
        self._note_damage()

    @property
    def notes(self) -> list[str]:
        """What was changed, in words; complete after the iteration."""
        return [deinterlace.NOTE] if self._deinterlacer.used else []

    def _decode(self, packet: Packet[Stream] | None) -> Iterator[VideoFrame]:
        if self._places is not None and packet is not None and packet.dts is not None:
            heapq.heappush(self._places, packet.dts)
        try:
            frames = self.video.codec_context.decode(packet)
        except av.error.EOFError:  # of a decoder that saw no packet
            return
        except av.error.FFmpegError:
            self._damaged += 1
            if self._places and packet is not None and packet.dts in self._places:
                self._places.remove(packet.dts)
                heapq.heapify(self._places)
            return
        for frame in frames:
            self._damaged += frame.is_corrupt
            if frame.time_base is None:  # of those that come at the end, which no packet brings
                frame.time_base = self.video.time_base or Fraction(1, av.time_base)
            if self._places is not None:
                frame.pts = heapq.heappop(self._places) if self._places else None
            yield from self._deinterlacer(frame)

    def _note_end(self, packet: Packet[Stream]) -> None:
        time_stamp = packet.pts if packet.pts is not None else packet.dts
        if time_stamp is not None and packet.time_base:
            self._end = max(self._end, (time_stamp + (packet.duration or 0)) * packet.time_base)

    def _note_damage(self) -> None:
        if self._damaged:
            self.damage.append(f"{self._damaged} frames are damaged")
        if self.container.duration:
            stated = Fraction(self.container.duration, av.time_base)
            seconds = self._end - Fraction(self.container.start_time or 0, av.time_base)
            if seconds + _TOLERATED_SHORTFALL < stated:
                self.damage.append(f"it ends at {float(seconds):.1f} of {float(stated):.1f} seconds")
