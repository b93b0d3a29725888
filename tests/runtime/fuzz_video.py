"""Damaged videos for ``dcelite video``: a program that test_video_damage.py runs, since FFmpeg itself may crash on one.

    python tests/runtime/fuzz_video.py SOURCE FOLDER FIRST LAST

makes the tries FIRST to LAST, each with a few bytes of SOURCE changed, most of them where headers and metadata stand.
It names each before it begins, and ends with an error at the first that does not end as it should: in a video, or in
one sentence and, unless that says so, without one.
"""

from __future__ import annotations

import contextlib
import io
import sys
import traceback
from pathlib import Path

import numpy as np

from dcelite import cli


def damaged(data: bytes, number: int) -> bytes:
    """The bytes of a try: 1 to 8 others in the first or last 1,500, or anywhere; sometimes, an end that is missing."""
    rng = np.random.default_rng(number)
    result = bytearray(data)
    places = [(0, min(1500, len(data))), (max(0, len(data) - 1500), len(data)), (0, len(data))]
    low, high = places[int(rng.choice(3, p=[0.5, 0.25, 0.25]))]
    for _ in range(int(rng.integers(1, 9))):
        place = int(rng.integers(low, high))
        result[place] = int(rng.choice([0, 255, result[place] ^ (1 << int(rng.integers(8))), rng.integers(256)]))
    return bytes(result[: int(rng.integers(1, len(data)))] if number % 10 == 9 else result)


def attempt(source: Path, folder: Path, number: int) -> str:
    """What is wrong with the end of a try, or nothing."""
    case, out = (
        folder / f"case{source.suffix}",
        folder / ("out.mp4" if source.suffix == ".gif" else f"out{source.suffix}"),
    )
    case.write_bytes(damaged(source.read_bytes(), number))
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = cli.main(["video", str(case), "-o", str(out), "--threads", "1"])
        except BaseException:  # whatever it is, it is what is looked for
            return traceback.format_exc()
    lines = [line for line in errors.getvalue().splitlines() if line.startswith("dcelite")]
    written = code == 0 or (code == 2 and "holds what could be read" in "".join(lines))
    left = sorted(path.name for path in folder.iterdir())
    out.unlink(missing_ok=True)
    if left != sorted([case.name, *([out.name] if written else [])]):
        return f"left behind: {left}, exit code {code}, {lines}"
    if code not in (0, 2) or len(lines) != (code == 2):
        return f"exit code {code}, {lines}"
    return ""


def main(source: str, folder: str, first: str, last: str) -> int:
    for number in range(int(first), int(last)):
        print(f"try {number} of {source}", flush=True)
        if fault := attempt(Path(source), Path(folder), number):
            print(fault)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
