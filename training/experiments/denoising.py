"""Denoising against that of OpenCV and FFmpeg, in quality and time, and a sheet of crops.

    python -m dcelite.training.experiments.denoising --pairs build/split/validation/night [--sheet docs/denoising.jpg]

needs ``pip install 'opencv-python-headless<4.12'`` and ``apt-get install ffmpeg``. Theirs work on the enhanced picture,
where noise is as strong as their settings expect, with one thread; ours before the curve. Times are those beyond the
enhancement, as shares of it, at 1200x900, all measured in turn.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import skimage.data
from numpy.typing import NDArray

from dcelite import Enhancer
from dcelite.cli import exit_code
from dcelite.darkroom import GAMMA, LARGE_SENSOR, SMALL_SENSOR, darken, light_of, picture_of
from dcelite.metrics import Rgb, psnr, ssim
from dcelite.pictures import find_pairs, read_picture
from dcelite.progress import track
from dcelite.report.tables import markdown
from dcelite.training.sheet import Sheet

Frames = NDArray[np.uint8]
"""(N, H, W, 3)."""
Denoise = Callable[[Frames], Frames]

SIZE = (1200, 900)
FRAMES, ROUNDS = 12, 5
CLIP_EXPOSURE = 1 / 32
CROP = 150
CROPS = (("astronaut", 40, 160), ("coffee", 120, 210), ("chelsea", 60, 120))
"""Photographs of scikit-image, and where a crop begins."""


def photograph(name: str) -> Rgb:
    pixels: Rgb = getattr(skimage.data, name)()
    return pixels


def of_each(denoise: Callable[[Rgb], Rgb]) -> Denoise:
    return lambda frames: np.stack([denoise(frame) for frame in frames])


def ffmpeg(name: str) -> Denoise:
    """A filter of FFmpeg on frames, all in one process."""

    def run(frames: Frames) -> Frames:
        count, height, width, _ = frames.shape
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
        command = ["ffmpeg", "-v", "error", "-threads", "1", *raw, "-r", "25", "-i", "-", "-filter_threads", "1"]
        command += ["-vf", f"format=yuv444p,{name},format=rgb24", *raw, "-"]
        result = subprocess.run(command, input=frames.tobytes(), capture_output=True, check=True)
        return np.frombuffer(result.stdout, np.uint8).reshape(count, height, width, 3)

    return run


METHODS: dict[str, Denoise] = {
    "OpenCV bilateral 9, 60, 5": of_each(lambda image: np.asarray(cv2.bilateralFilter(image, 9, 60, 5), np.uint8)),
    "OpenCV non-local means 10, 20": of_each(
        lambda image: np.asarray(cv2.fastNlMeansDenoisingColored(image, None, 10, 20), np.uint8)
    ),
    "FFmpeg nlmeans=s=6": ffmpeg("nlmeans=s=6"),
    "FFmpeg hqdn3d=8": ffmpeg("hqdn3d=8"),
    "FFmpeg atadenoise": ffmpeg("atadenoise=0a=0.1:0b=0.2:1a=0.1:1b=0.2:2a=0.1:2b=0.2"),
}
NOTHING = "FFmpeg without a filter"
OVER_TIME_ALONE = "FFmpeg atadenoise"
"""It never answers where there is but one frame."""
OURS: dict[str, dict[str, Any]] = {
    "without": {},
    "denoise 0.5": {"denoise": 0.5},
    "denoise 1": {"denoise": 1.0},
    "temporal_denoise 1": {"temporal_denoise": 1.0},
    "denoise 1, temporal_denoise 1": {"denoise": 1.0, "temporal_denoise": 1.0},
}


def enhanced(frames: Frames, settings: dict[str, Any]) -> Frames:
    """Frames as those of one video where the settings make them so."""
    with Enhancer(threads=1, **settings) as enhance:
        return np.stack([enhance(frame) for frame in frames])


def results(frames: Frames) -> Iterator[tuple[str, Frames]]:
    """What every method makes of dark frames."""
    plain = enhanced(frames, {})
    for name, settings in OURS.items():
        yield name, plain if not settings else enhanced(frames, settings)
    for name, method in METHODS.items():
        if len(frames) > 1 or name != OVER_TIME_ALONE:
            yield name, method(plain)


def quality(folder: Path) -> dict[str, list[str]]:
    """Of pictures by themselves, and of a frame in the midst of a clip against the clip without noise."""
    scores: dict[str, list[tuple[float, float, float]]] = {}
    pairs = find_pairs(folder)
    for pair in track(pairs, len(pairs), "pictures"):
        dark, wanted = read_picture(pair)
        assert wanted is not None
        clean = picture_of(light_of(wanted) * (dark.mean() / wanted.mean()) ** GAMMA)
        of_clean = dict(results(clean[None]))
        for name, frames in results(dark[None]):
            row = (psnr(wanted, frames[0]), ssim(wanted, frames[0]), ssim(wanted, of_clean[name][0]))
            scores.setdefault(name, []).append(row)
    light = light_of(photograph("coffee")) * CLIP_EXPOSURE
    rng = np.random.default_rng(1)
    clip = np.stack([picture_of(SMALL_SENSOR.expose(light, rng)) for _ in range(FRAMES)])
    clean = enhanced(picture_of(light)[None], {})[0]
    rows = {
        name: [f"{value:.{digits}f}" for value, digits in zip(np.mean(pair, 0), (2, 3, 3), strict=True)]
        for name, pair in scores.items()
    }
    for name, frames in results(clip):
        rows.setdefault(name, [""] * 3).append(f"{psnr(clean, frames[FRAMES // 2 + 1]):.2f}")
    return rows


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def times() -> dict[str, float]:
    """Of a frame beyond its enhancement, as a share of that."""
    picture = np.asarray(PIL.Image.fromarray(photograph("coffee")).resize(SIZE))
    dark = darken(picture, 1 / 48, LARGE_SENSOR, np.random.default_rng(2))
    frames = np.stack([dark] * FRAMES)
    bright = enhanced(frames, {})
    output = np.empty_like(dark)
    opened = {name: Enhancer(threads=1, **settings) for name, settings in OURS.items()}
    taken: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, enhance in opened.items():
            runs = [seconds(lambda enhance=enhance: enhance(dark, out=output)) for _ in range(FRAMES)]  # type: ignore[misc]
            taken.setdefault(name, []).append(statistics.median(runs))
        for name, method in {NOTHING: ffmpeg("null"), **METHODS}.items():
            some = bright[:2] if name.startswith("OpenCV non-local") else bright
            spent = seconds(lambda method=method, some=some: method(some))  # type: ignore[misc]
            taken.setdefault(name, []).append(spent / len(some))
    least = {name: min(values) for name, values in taken.items()}
    base = least["without"]
    without = {**dict.fromkeys(OURS, base), **{name: least[NOTHING] for name in METHODS if name.startswith("FFmpeg")}}
    return {name: (value - without.get(name, 0.0)) / base for name, value in least.items()}


def draw(output: Path, *, overwrite: bool) -> None:
    """Off, half and full, a row for each crop."""
    amounts = (0.0, 0.5, 1.0)
    sheet = Sheet(len(CROPS), len(amounts), 3.4 * len(amounts), 3.5 * len(CROPS))
    for row, (name, top, left) in enumerate(CROPS):
        dark = darken(photograph(name), 1 / 48, LARGE_SENSOR, np.random.default_rng(row))
        for column, amount in enumerate(amounts):
            with Enhancer(denoise=amount) as enhance:
                crop = enhance(dark)[top : top + CROP, left : left + CROP]
            sheet.show(row, column, crop, f"denoise {amount:g}")
    sheet.save(output, overwrite=overwrite)


def run(args: argparse.Namespace) -> None:
    if args.sheet:
        draw(args.sheet, overwrite=args.overwrite)
    rows, shares = quality(args.pairs), times()
    heading = [
        "",
        "PSNR",
        "SSIM",
        "without noise in it: SSIM",
        "clip: PSNR to that without noise",
        "time, in enhancements",
    ]
    for line in markdown([heading, *([name, *row, f"{shares[name]:.2f}"] for name, row in rows.items())]):
        print(line)


def main() -> int:
    parser = argparse.ArgumentParser(description="denoising against that of OpenCV and FFmpeg")
    parser.add_argument("--pairs", type=Path, required=True, metavar="DIR", help="low/ and high/ of night pictures")
    parser.add_argument("--sheet", type=Path, metavar="JPG", help="draw crops: off, half, full")
    parser.add_argument("--overwrite", action="store_true", help="replace the sheet")
    args = parser.parse_args()
    return exit_code("denoising", lambda: run(args))


if __name__ == "__main__":
    sys.exit(main())
