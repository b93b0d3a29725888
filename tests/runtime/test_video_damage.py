"""Damaged headers and metadata of video files: a video or one sentence, never a traceback, never a file left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from video_clips import dark_planes, write_clip

from support import REPOSITORY

TRIES = int(os.environ.get("DCELITE_FUZZ_TRIES", "60"))
"""In all; ``DCELITE_FUZZ_TRIES=1000`` takes some minutes."""
SOURCES = {
    ".mp4": ("libx264", "aac", "yuv420p"),
    ".mkv": ("ffv1", "flac", "yuv420p10le"),
    ".webm": ("libvpx-vp9", "libopus", "yuv420p"),
    ".avi": ("mpeg4", "mp2", "yuv420p"),
    ".ts": ("libx264", "aac", "yuv420p"),
    ".m2ts": ("libx264", "aac", "yuv420p"),
    ".mov": ("libx265", "aac", "yuv420p10le"),
    ".gif": ("gif", None, "rgb8"),
}
OPTIONS = {".m2ts": {"x264-params": "interlaced=1:tff=1"}, ".mov": {"x265-params": "log-level=error"}}
HLG = 18


@pytest.mark.parametrize("suffix", SOURCES)
def test_damage(tmp_path: Path, rng: np.random.Generator, suffix: str) -> None:
    codec, audio, pixel_format = SOURCES[suffix]
    frames = [dark_planes(rng, 64, 48) for _ in range(4)]
    source = write_clip(
        tmp_path / f"in{suffix}",
        frames,
        codec=codec,
        audio=audio,
        pixel_format=pixel_format,
        options=OPTIONS.get(suffix),
        color_trc=HLG if codec == "libx265" else 1,
        metadata={"title": "Night walk", "comment": "x" * 40},
    )
    folder = tmp_path / "tries"
    folder.mkdir()
    command = [sys.executable, str(REPOSITORY / "tests" / "runtime" / "fuzz_video.py"), str(source), str(folder)]
    count = -(-TRIES // len(SOURCES))
    limit = 60 + 2 * count
    result = subprocess.run(
        [*command, "0", str(count)], capture_output=True, text=True, errors="replace", timeout=limit, check=False
    )
    assert result.returncode == 0, (result.returncode, result.stdout[-2000:], result.stderr[-2000:])
