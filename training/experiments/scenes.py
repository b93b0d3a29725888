"""Pictures of what a scene head does: hard cases, and a video that pans from a dark room to a window and back.

    python -m dcelite.training.experiments.scenes --panoramas DIR --model models/zerodcepp_scene.ckpt \\
        --model models/zerodcepp.ckpt --output build/scenes

writes ``cases.jpg``, from photographs of scikit-image in the public domain, and ``pan.png``, from the panoramas of
``python -m dcelite.training.panoramas DIR``; the figures of both go to the terminal.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray

from dcelite import Enhancer
from dcelite.cli import exit_code
from dcelite.darkroom import LARGE_SENSOR, darken
from dcelite.files import prepare_output_directory
from dcelite.metrics import Rgb
from dcelite.model.checkpoint import load_weights
from dcelite.model.dce_file import DceModel, dce_bytes
from dcelite.training import camera
from dcelite.training.evaluate import open_model
from dcelite.training.panoramas import read_panorama
from dcelite.training.sheet import Sheet

ROOM = "apartment.exr"
PAN_FRAMES = 96
PAN_SIDE = 288
PAN_FIELD = np.radians(60)
ROOM_EXPOSURE = 0.02
"""Mean of the room's darkest view in linear light; the window is seen with the same exposure."""
SMOOTHING = 0.8
"""As ``dcelite video`` has it by default."""


def cases() -> Iterator[tuple[str, Rgb]]:
    """Names and pictures (H, W, 3)."""
    rng = np.random.default_rng(1)
    photographs = (getattr(skimage.data, name)() for name in ("astronaut", "coffee", "chelsea"))
    astronaut, coffee, cat = photographs
    dark = darken(astronaut, 1 / 64, LARGE_SENSOR, rng)
    yield "dark", dark
    letterboxed = np.zeros_like(dark)
    letterboxed[96:-96] = dark[96:-96]
    yield "letterboxed", letterboxed
    bordered = np.full_like(dark, 255)
    bordered[64:-64, 64:-64] = dark[64:-64, 64:-64]
    yield "with a white border", bordered
    lamp = dark.copy()
    y, x = np.mgrid[: lamp.shape[0], : lamp.shape[1]]
    glow = np.exp(-((y - 90) ** 2 + (x - 400) ** 2) / (2 * 26.0**2))[..., None]
    yield "a lamp in the dark", np.asarray(np.clip(lamp + 400 * glow, 0, 255), np.uint8)
    window = darken(astronaut, 1 / 24, LARGE_SENSOR, rng)
    outside = np.clip(coffee[:, 88:270].repeat(2, axis=0)[: len(window)] * 1.2, 0, 255)
    window[:, 330:] = outside.astype(np.uint8)[:, : window.shape[1] - 330]
    yield "against a window", window
    for level in (0.1, 0.4, 1.0):
        yield f"fading in, {100 * level:.0f} %", np.asarray(np.round(level * cat), np.uint8)
    yield "well lit", coffee


def draw_cases(models: list[Path], output: Path) -> None:
    """A row for each case: the picture, and what each model makes of it."""
    opened = [open_model(path) for path in models]
    pictures = list(cases())
    sheet = Sheet(len(pictures), 1 + len(models), 3.4 * (1 + len(models)), 2.7 * len(pictures))
    for row, (name, picture) in enumerate(pictures):
        sheet.show(row, 0, picture, f"{name}: mean {picture.mean():.0f}")
        print(f"{name}: mean {picture.mean():.0f}", end="")
        for column, (path, model) in enumerate(zip(models, opened, strict=True), start=1):
            result = model(picture)
            sheet.show(row, column, result, f"{path.stem}: mean {result.mean():.0f}")
            print(f", {path.stem} {result.mean():.0f}", end="")
        print()
    sheet.save(output, overwrite=False)


def pan(panorama: NDArray[np.float32]) -> Iterator[Rgb]:
    """Frames (PAN_SIDE, PAN_SIDE, 3) that turn from the darkest view of a room to its brightest one and back."""

    def look(yaw: float, side: int) -> NDArray[np.float32]:
        return camera.look(panorama, camera.View(PAN_FIELD, 1.0, yaw, 0.0), side)

    yaws = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    means = np.array([look(yaw, 24).mean() for yaw in yaws])
    start, end = yaws[means.argmin()], yaws[means.argmax()]
    turn = (end - start + np.pi) % (2 * np.pi) - np.pi
    exposure = np.float32(ROOM_EXPOSURE / means.min())
    for frame in range(PAN_FRAMES):
        share = 0.5 - 0.5 * np.cos(2 * np.pi * frame / (PAN_FRAMES - 1))
        light = look(start + share * turn, PAN_SIDE)[None] * exposure
        picture = camera.in_8_bits(camera.develop(light, np.zeros((1, 1, 1, 1), np.float32)))[0]
        yield np.asarray(np.round(255 * picture).transpose(1, 2, 0), np.uint8)


def draw_pan(model: Path, panorama: Path, output: Path) -> None:
    """The mean of every frame before and after, with smoothing and without; frames of both ends and the middle."""
    weights = load_weights(model)
    data = dce_bytes(DceModel(weights.architecture, 12, weights.arrays))
    frames = list(pan(read_panorama(panorama)))
    means, shown = {"input": [float(frame.mean()) for frame in frames]}, {}
    for smoothing in (0.0, SMOOTHING):
        with Enhancer(data, smoothing=smoothing) as enhance:
            results = [enhance(frame) for frame in frames]
        name = f"smoothing {smoothing:g}"
        means[name], shown[name] = [float(result.mean()) for result in results], results
    places = (0, PAN_FRAMES // 4, PAN_FRAMES // 2)
    sheet = Sheet(3, len(places), 10, 10)
    for column, place in enumerate(places):
        sheet.show(0, column, frames[place], f"frame {place}: mean {means['input'][place]:.0f}")
        last = f"smoothing {SMOOTHING:g}"
        sheet.show(1, column, shown[last][place], f"enhanced: mean {means[last][place]:.0f}")
    axes = sheet.figure.add_subplot(3, len(places), (2 * len(places) + 1, 3 * len(places)))
    for name, values in means.items():
        axes.plot(values, label=name)
        print(f"{name}: largest change of the mean from frame to frame {np.abs(np.diff(values)).max():.1f} levels")
    axes.set_xlabel("frame")
    axes.set_ylabel("mean, levels")
    axes.set_ylim(0, 255)
    axes.legend()
    sheet.save(output, overwrite=False)


def main() -> int:
    parser = argparse.ArgumentParser(description="draw what a scene head does")
    parser.add_argument("--panoramas", type=Path, required=True, metavar="DIR", help=f"folder with {ROOM}")
    text = "a checkpoint; the first one also enhances the pan"
    parser.add_argument("--model", type=Path, action="append", required=True, metavar="M", help=text)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="a new folder")
    options = parser.parse_args()

    def run() -> None:
        prepare_output_directory(options.output)
        draw_cases(options.model, options.output / "cases.jpg")
        draw_pan(options.model[0], options.panoramas / ROOM, options.output / "pan.png")

    return exit_code("scenes", run)


if __name__ == "__main__":
    sys.exit(main())
