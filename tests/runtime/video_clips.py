"""Clips that the tests of ``dcelite video`` make for themselves, and what they look at in a result."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.codec.context import Flags as CodecFlags
from numpy.typing import NDArray

from dcelite import Enhancer, cli
from dcelite.denoising import AMOUNT
from dcelite.video.encoders import usual_priority
from dcelite.video.frames import plane_arrays

Planes = list[NDArray[np.uint8]]


def dark_planes(rng: np.random.Generator, width: int = 96, height: int = 64, level: float = 40.0) -> Planes:
    """A dark picture with a gradient and some colour."""
    luma = level + 30.0 * np.linspace(0, 1, width) + rng.normal(0, 4, (height, width))
    chroma = 128 + rng.normal(0, 3, (2, -(-height // 2), -(-width // 2)))
    return [np.clip(plane, 1, 254).astype(np.uint8) for plane in (luma, *chroma)]


def write_clip(
    path: Path,
    frames: Sequence[Planes],
    *,
    codec: str = "ffv1",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    ticks: Sequence[int] | None = None,
    durations: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    audio: str | None = None,
    rotation: int | None = None,
    metadata: dict[str, str] | None = None,
    of_stream: dict[str, str] | None = None,
    **settings: Any,
) -> Path:
    """A video of frames that are yuv420p, and become ``pixel_format``.

    ``options`` and ``settings`` go to the encoder (the latter are colorspace, color_range, sample_aspect_ratio, …).
    """
    height, width = frames[0][0].shape
    with av.open(str(path), "w") as container, usual_priority():
        container.metadata.update(metadata or {})
        quality = {"crf": "0"} if codec == "libx264" else {}
        video: Any = container.add_stream(
            codec, 25, quality | (options or {}), width=width, height=height, time_base=time_base or Fraction(1, 25)
        )
        video.codec_context.pix_fmt = pixel_format
        video.metadata.update(of_stream or {})
        if durations is not None:
            video.codec_context.flags |= CodecFlags.frame_duration
        for name, value in settings.items():
            setattr(video.codec_context, name, value)
        if rotation is not None:
            video.set_display_rotation(rotation)
        sound: Any = container.add_stream(audio, 48000) if audio else None
        if sound is not None:
            sound.codec_context.layout = "stereo"
        for i, planes in enumerate(frames):
            frame = av.VideoFrame(width, height, "yuv420p")
            for target, plane in zip(plane_arrays(frame, width, height), planes, strict=True):
                target[...] = plane
            frame = frame.reformat(format=pixel_format)
            frame.pts, frame.time_base = (ticks[i] if ticks else i), time_base or Fraction(1, 25)
            if durations is not None:
                frame.duration = durations[i]
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            _write_tone(container, sound, 48000 * len(frames) // 25)
    return path


def _write_tone(container: Any, sound: Any, samples: int) -> None:
    sound.codec_context.open(strict=False)
    size = sound.codec_context.frame_size or 1024
    to_format = av.AudioResampler(sound.codec_context.format, "stereo", 48000)
    for start in range(0, samples, size):
        tone = np.sin(np.arange(start, start + size) * (2 * np.pi * 440 / 48000)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        for converted in to_format.resample(frame):
            container.mux(sound.encode(converted))
    container.mux(sound.encode(None))


def read_frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def read_planes(path: Path) -> list[Planes]:
    return [[plane.copy() for plane in plane_arrays(f, f.width, f.height)] for f in read_frames(path)]


def read_times(path: Path) -> list[float]:
    return [round(float(frame.time), 6) for frame in read_frames(path)]


NO_DENOISING = ["--denoise", 0, "--temporal-denoise", 0]


def run(*arguments: object) -> int:
    return cli.main(["video", *map(str, arguments)])


def enhanced(path: Path, *, matrix: str = "bt601", full_range: bool = False, **options: Any) -> list[Planes]:
    """What the enhancer makes of the frames of a file, with the settings of the command but for smoothing."""
    with Enhancer(**{"denoise": AMOUNT, "temporal_denoise": AMOUNT} | options) as enhance:
        return [list(enhance.yuv420(f, matrix=matrix, full_range=full_range)) for f in read_planes(path)]


def assert_same_frames(result: list[Planes], wanted: list[Planes]) -> None:
    assert len(result) == len(wanted)
    for a, b in zip(result, wanted, strict=True):
        for plane, wanted_plane in zip(a, b, strict=True):
            np.testing.assert_array_equal(plane, wanted_plane)


def assert_refused(capsys: pytest.CaptureFixture[str], folder: Path, arguments: Sequence[object], *texts: str) -> None:
    """Exit code 2, one line that names the cause, and no new file."""
    before = sorted(folder.rglob("*"))
    assert run(*arguments) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("video: ")]
    assert len(errors) == 1, errors
    assert errors[0].startswith("dcelite: error: ")
    for text in texts:
        assert text in errors[0]
    assert sorted(folder.rglob("*")) == before
