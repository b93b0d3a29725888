"""Encoders: which one a container gets, with how many bits, and its options."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import OutputContainer

from dcelite.errors import OutputError

OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"crf": "18", "preset": "faster"},
    "libx265": {"crf": "20", "preset": "faster", "x265-params": "log-level=error"},
    "libvpx-vp9": {"crf": "24", "cpu-used": "4", "row-mt": "1"},
    "libsvtav1": {"crf": "24", "preset": "8"},
    "libaom-av1": {"crf": "24", "cpu-used": "6", "row-mt": "1"},
    "mpeg2video": {"flags": "+qscale", "global_quality": str(3 * 118)},  # 118 is FF_QP2LAMBDA
}
"""Encoders with a constant quality, and the options with which each looks almost like its input at a bearable speed."""

_OF_8_BITS = ("libx264", "libopenh264", "libvpx-vp9")
_OF_10_BITS = ("libx265", "libx264", "libvpx-vp9", "libsvtav1", "libaom-av1")
"""In the order of preference: few players show H.264 of 10 bits, all that show HDR show HEVC."""
_SILENT = {"mpegts": ("h264", "hevc", "mpeg2video")}
"""Containers whose list in FFmpeg lacks most of what they hold."""
_MPEG2_CONTAINERS = ("mpeg", "vob", "svcd", "dvd")
USUAL_SUFFIXES = ".mp4, .mov, .mkv or .webm"
DEEP_FORMAT, FORMAT = "yuv420p10le", "yuv420p"


@contextlib.contextmanager
def usual_priority() -> Iterator[None]:
    """Open an encoder without a rise of the process in rank.

    Where it may, as root, SVT-AV1 takes the highest real-time priority for the thread that opens it and for its own:
    every other process would wait for them.
    """
    if not hasattr(os, "sched_setscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    tasks = Path("/proc/self/task")
    for task in [int(path.name) for path in tasks.iterdir()] if tasks.is_dir() else [0]:
        with contextlib.suppress(OSError):  # a thread that has ended, or a policy that may not be set
            os.sched_setscheduler(task, policy, parameters)


@dataclass(frozen=True)
class Encoder:
    """An encoder, and what it is given."""

    name: str
    pixel_format: str
    notes: tuple[str, ...] = ()

    @property
    def is_deep(self) -> bool:
        """10 bits a sample, not 8."""
        return self.pixel_format == DEEP_FORMAT


def choose_encoder(path: Path, container: OutputContainer, codec: str | None, bits: int, hdr: str | None) -> Encoder:
    """The encoder for a source of so many bits a channel; ``hdr`` names its kind of HDR.

    10 bits are kept wherever the container has an encoder for them; HDR, whose curves show bands in 8 bits, goes with
    10 bits or not at all.

    Raises:
        OutputError: there is none such; the message names the way out.
    """
    deep = bits > 8 or hdr is not None
    if codec is not None:
        name = _named(codec)
        if not deep or has_10_bits(name):
            return Encoder(name, DEEP_FORMAT if deep else FORMAT)
        if hdr:
            others = ", ".join(_available(_OF_10_BITS, container)) or "another suffix, and libx265,"
            raise OutputError(f"--codec {codec}: has no 10-bit video, which {hdr} wants; {others} can hold it")
        return Encoder(name, FORMAT, (f"{bits} bits a channel were reduced to 8, {name} has no 10",))
    if container.format.name in _MPEG2_CONTAINERS:
        candidates = ["mpeg2video"]
    else:
        candidates = _available(_OF_10_BITS, container) if deep else []
        if candidates:
            return Encoder(candidates[0], DEEP_FORMAT)
        candidates = _available((*_OF_8_BITS, container.default_video_codec), container)
    if container.format.name in ("gif", "apng", "webp"):
        raise OutputError(
            f"{path}: {container.format.name} is for pictures of few colours; -o {path.stem}.mp4 was wanted"
        )
    if not candidates:
        raise OutputError(
            f"{path}: suffix {path.suffix!r} names a container without video; {USUAL_SUFFIXES} was wanted"
        )
    if hdr:
        raise OutputError(f"{path}: {container.format.name} cannot hold {hdr}; .mp4, .mov or .mkv was wanted")
    note = f"{bits} bits a channel were reduced to 8, which is what {container.format.name} can hold"
    return Encoder(candidates[0], FORMAT, (note,) if deep else ())


def _named(codec: str) -> str:
    """The encoder of FFmpeg's name for one, or for a codec."""
    with contextlib.suppress(ValueError):
        encoder = av.Codec(codec, "w")
        if encoder.type == "video":
            return encoder.name
    raise OutputError(f"--codec: FFmpeg has no video encoder {codec!r}; {', '.join(OPTIONS)} are some")


def has_10_bits(encoder: str) -> bool:
    formats = av.Codec(encoder, "w").video_formats or []
    return any(pixel_format.name == DEEP_FORMAT for pixel_format in formats)


def _available(names: Sequence[str], container: OutputContainer) -> list[str]:
    """The encoders among ``names`` that this FFmpeg has and the container holds; of _OF_10_BITS, with 10 bits."""
    found = []
    for name in names:
        with contextlib.suppress(ValueError):
            codec = av.Codec(name, "w")
            listed = _SILENT.get(container.format.name)
            held = codec.canonical_name in listed if listed else codec.name in container.supported_codecs
            if held and (names is not _OF_10_BITS or has_10_bits(name)):
                found.append(codec.name)
    return found


def even_sizes_only(encoder: str) -> bool:
    return encoder in ("libx264", "libx265", "libopenh264", "libsvtav1", "mpeg2video")
