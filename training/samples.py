"""Sample pictures along a training run: what the weights so far make of a few of the training images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dcelite import reference
from dcelite.files import prepare_output_directory
from dcelite.model.checkpoint import Weights
from dcelite.training.config import TrainingConfig
from dcelite.training.dataset import TrainingImages

BRIGHTNESS_RANKS = (0.05, 0.2, 0.4, 0.6, 0.9)
"""Which images of the data serve as samples: their rank by brightness, 0 the darkest, 1 the brightest."""
SAMPLE_NAME = re.compile("[0-9]{6,}[.]png")
SIDE = 384
"""Pixels of the longer side of a sample."""


def is_sample_step(step: int) -> bool:
    """True for 1, 3, 10, 30, 100, 300 ...: the run changes quickly at first."""
    return re.fullmatch("[13]0*", str(step)) is not None


def samples_in(folder: Path) -> list[Path]:
    """The files that :meth:`Samples.draw` has written, or has the names of."""
    return sorted(path for path in folder.glob("*.png") if SAMPLE_NAME.fullmatch(path.name))


@dataclass(frozen=True)
class Samples:
    """A few pictures, uint8 (H, W, 3), and the scale at which the network sees them as it does in training."""

    pictures: list[NDArray[np.uint8]]
    scale: int

    @classmethod
    def choose(cls, images: TrainingImages, config: TrainingConfig) -> Samples:
        """Read samples of different brightness from the training files."""
        order = np.argsort(images.pixels.mean((1, 2, 3)), kind="stable")
        chosen = [images.files[order[round(rank * (len(images) - 1))]] for rank in BRIGHTNESS_RANKS]
        pictures = []
        for path in chosen:
            with Image.open(path) as file:
                picture = ImageOps.exif_transpose(file).convert("RGB")
                picture.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
                pictures.append(np.asarray(picture))
        return cls(pictures, min(64, max(1, SIDE // config.image_size) * config.scale))

    def draw(self, folder: Path, step: int, weights: Weights) -> None:
        """Write FOLDER/STEP.png; raises OutputError."""
        from dcelite.training.sheet import sample_sheet

        rows = []
        for picture in self.pictures:
            curve_map = reference.curve_map(picture, weights.arrays, self.scale)
            rows.append((picture, reference.finish(picture, curve_map), curve_map))
        prepare_output_directory(folder)
        sample_sheet(folder / f"{step:06}.png", step, rows)
