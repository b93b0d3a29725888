"""``python -m dcelite.bench.dark_pictures FOLDER``: dark pictures, so that ``make bench`` can calibrate int8 models.

They are the photographs that scikit-image carries, with less light, of other colours, and with the noise of a sensor.
Good enough for times and for a first look at fidelity; calibrate what you ship with your own photographs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import skimage.data
from numpy.typing import NDArray

from dcelite.errors import DceliteError
from dcelite.files import publish, refuse_existing, scratch_folder

NAMES = ("astronaut", "cat", "coffee", "rocket")
EXPOSURES = (1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3)
"""Share of the light. With fewer than some 32 pictures in all, an int8 model fits them and little else."""
TINT = 0.6
"""The smallest share of it that a colour keeps."""
GAMMA = 2.2
READ_NOISE = 0.001
"""Standard deviation, as a share of the brightest light."""


def light_of(name: str) -> NDArray[np.float64]:
    """A photograph of scikit-image (H, W, 3) as light, 0 … 1."""
    light: NDArray[np.float64] = (getattr(skimage.data, name)() / 255.0) ** GAMMA
    return light


def picture_of(light: NDArray[np.float64]) -> PIL.Image.Image:
    """What a camera makes of it; light beyond 0 … 1 is cut off."""
    return PIL.Image.fromarray(np.round(255.0 * np.clip(light, 0.0, 1.0) ** (1 / GAMMA)).astype(np.uint8))


def file_name(name: str, exposure: float) -> str:
    return f"{name}_{round(1 / exposure)}.png"


def write_pictures(folder: Path, *, overwrite: bool) -> None:
    """Write every photograph at every exposure; raises OutputError."""
    for name in NAMES:
        for exposure in EXPOSURES:
            refuse_existing(folder / file_name(name, exposure), overwrite)
    rng = np.random.default_rng(0)
    with scratch_folder(folder) as scratch:
        for name in NAMES:
            light = light_of(name)
            for exposure in EXPOSURES:
                tint = rng.uniform(TINT, 1.0, 3)
                seen = light * exposure * tint + rng.normal(0.0, READ_NOISE, light.shape)
                picture_of(seen).save(scratch / file_name(name, exposure))
        publish(scratch, folder, overwrite=overwrite)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m dcelite.bench.dark_pictures", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that exist")
    args = parser.parse_args(arguments)
    try:
        write_pictures(args.folder, overwrite=args.overwrite)
    except DceliteError as error:
        print(f"dark_pictures: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
