"""Validation and test pairs from the scenes of SICE part 1, and the list of files to keep out of training.

    python -m dcelite.training.experiments.split --data ../shared/data/sice_part1_train \\
        --scenes ../shared/data/sice_part1_train_scenes.json --output build/split

writes symbolic links and pictures into the output folder:

    held_out.txt             files of the held-out scenes, for `dcelite train --exclude`
    PART/dark/{low,high}     dark exposures with the middle exposure of their scene
    PART/night/{low,high}    middle exposures, and the same as a sensor would see them with a hundredth of the light
    PART/bright              exposures with a mean above 110

with PART validation (every eighth scene, from the first on), by which settings are chosen, and test (every eighth, from
the fifth on), which is only looked at in the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dcelite.darkroom import GAMMA, LARGE_SENSOR, darken
from dcelite.errors import DceliteError
from dcelite.files import prepare_output_directory, write_text_atomically
from dcelite.pictures import read_rgb

PARTS = {"validation": 0, "test": 4}
"""The scenes whose number leaves this remainder when divided by EVERY."""
EVERY = 8

DARK_BELOW = 60.0
"""Levels: exposures with a lower mean are inputs, if they also have less than DARK_SHARE of the middle one's."""
DARK_SHARE = 0.6
MIDDLE = (80.0, 150.0)
"""Levels between which the middle exposure of a scene can serve as reference; NIGHT for the night pairs."""
NIGHT = (95.0, 140.0)
BRIGHT_ABOVE = 110.0

NIGHT_BRIGHTNESS = 17.0
"""Mean level of the night inputs: about that of the paired low-light photographs that papers report on."""


class Exposure(NamedTuple):
    """A photograph of a scene and its mean level."""

    file: str
    luminance: float


def read_scenes(path: Path) -> list[list[Exposure]]:
    """The scenes of the JSON file, their exposures darkest first; raises DceliteError."""
    try:
        scenes = json.loads(path.read_text(encoding="utf-8"))
        return [[Exposure(str(item["file"]), float(item["luminance"])) for item in scene] for scene in scenes]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DceliteError(f"{path}: cannot be read as a list of scenes: {error}") from None


def dark_pairs(scene: list[Exposure]) -> Iterator[tuple[Exposure, Exposure]]:
    """(dark exposure, middle exposure) of a scene with at least three, whose middle one is neither dark nor bright."""
    middle = scene[len(scene) // 2]
    if len(scene) >= 3 and MIDDLE[0] <= middle.luminance <= MIDDLE[1]:
        for exposure in scene:
            if exposure.luminance < min(DARK_BELOW, DARK_SHARE * middle.luminance):
                yield exposure, middle


def night(image: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """A photograph (H, W, 3) darkened to NIGHT_BRIGHTNESS, with the noise of a sensor in that light."""
    exposure = (NIGHT_BRIGHTNESS / image.mean()) ** GAMMA
    return darken(image, exposure, LARGE_SENSOR, np.random.default_rng(seed))


def split(data: Path, scenes: list[list[Exposure]], output: Path) -> dict[str, int]:
    """Write the folders described above; returns the number of pictures in each. Raises DceliteError."""
    if output.exists() and any(output.iterdir()):
        raise DceliteError(f"{output}: is not empty; a new folder was wanted")
    prepare_output_directory(output)
    counts: dict[str, int] = {}

    def link(exposure: Exposure, folder: str, name: str) -> None:
        source, target = (data / exposure.file).resolve(), output / folder / f"{name}{Path(exposure.file).suffix}"
        if not source.is_file():
            raise DceliteError(f"{source}: no such file, though the list of scenes names it")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)
        counts[folder] = counts.get(folder, 0) + 1

    held_out: list[str] = []
    for number, scene in enumerate(scenes):
        for part, remainder in PARTS.items():
            if number % EVERY != remainder:
                continue
            held_out += [exposure.file for exposure in scene]
            for dark, middle in dark_pairs(scene):
                name = f"{number:03}_{Path(dark.file).stem}"
                link(dark, f"{part}/dark/low", name)
                link(middle, f"{part}/dark/high", name)
            for exposure in scene:
                if exposure.luminance > BRIGHT_ABOVE:
                    link(exposure, f"{part}/bright", f"{number:03}_{Path(exposure.file).stem}")
            middle = scene[len(scene) // 2]
            if len(scene) >= 3 and NIGHT[0] <= middle.luminance <= NIGHT[1]:
                link(middle, f"{part}/night/high", f"{number:03}")
                target = output / part / "night" / "low" / f"{number:03}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(night(read_rgb(data / middle.file), seed=number)).save(target)
    write_text_atomically(output / "held_out.txt", "\n".join(held_out) + "\n")
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description="make validation and test pairs from multi-exposure scenes")
    parser.add_argument("--data", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--scenes", type=Path, required=True, help="which of them show one scene, as JSON")
    parser.add_argument("--output", type=Path, required=True, help="a new folder")
    options = parser.parse_args()
    try:
        counts = split(options.data, read_scenes(options.scenes), options.output)
    except (DceliteError, OSError) as error:
        print(f"split: error: {error}", file=sys.stderr)
        return 2
    for folder, count in counts.items():
        print(f"{options.output / folder}: {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
