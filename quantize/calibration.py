"""Which pictures of a folder calibrate, and what the network sees of them."""

from __future__ import annotations

import hashlib
import itertools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.errors import DceliteError, ImageError
from dcelite.images import read_rgb8
from dcelite.model.architecture import ARCHITECTURES
from dcelite.pictures import find_pictures
from dcelite.progress import Progress

BRIGHT_LEVEL = 100.0
"""Mean of the 8-bit values above which a picture is no low-light photograph: its activations are not those of use."""
BLACK_LEVEL = 8
"""A picture whose brightest value is below holds no signal."""
FEWEST = 8
"""With fewer pictures the ranges are those of the pictures, not of the network."""
ADVISED = 32
"""From here on, subsets drawn at random give the same fidelity to some tenths of a dB."""
CANDIDATES = 4
"""Pictures that are looked at for every one that is taken."""
HELD_OUT = 12
"""Pictures kept to judge settings by."""
OTHER_MEANS = (0.01, 0.4, 0.03, 0.6, 0.8)
"""Of the pictures that are made of the chosen ones for networks with a scene head."""


@dataclass(frozen=True)
class Picture:
    """A dark picture."""

    path: Path
    image: NDArray[np.float32]
    """(h, w, 3) in 0 … 1: at the network's resolution."""
    level: float
    """Mean of its 8-bit values."""


@dataclass(frozen=True)
class Calibration:
    """The chosen pictures."""

    pictures: list[Picture]
    """Darkest first."""
    held_out: list[Picture]
    """Other dark pictures of the folder, up to HELD_OUT, to judge by; the calibration pictures where there are none."""
    warnings: list[str]

    def images(self, architecture: str) -> list[NDArray[np.float32]]:
        """What calibrates a network; one with a scene head also sees the pictures much brighter, and darker still.

        A network without one meets bright places in dark pictures; the head steers by the whole picture, and in bright
        and in black ones to where the calibration pictures never lead. With these alone, activations clip there.
        """
        images = [picture.image for picture in self.pictures]
        if ARCHITECTURES[architecture].has_scene:
            means = itertools.cycle(OTHER_MEANS)
            images += [brought_to(image, mean) for image, mean in zip(images, means, strict=False)]
        return images


def brought_to(image: NDArray[np.float32], mean: float) -> NDArray[np.float32]:
    """The picture to the power with which its mean is the wanted one, as nearly as black pixels permit."""
    low, high = 0.02, 16.0
    for _ in range(20):
        power = math.sqrt(low * high)
        low, high = (low, power) if np.mean(image ** np.float32(power)) < mean else (power, high)
    return image ** np.float32(power)


def choose_pictures(folder: Path, scale: int, count: int, seed: int) -> Calibration:
    """``count`` dark pictures, spread over the brightnesses found; raises DceliteError where there are too few."""
    paths = [picture.source for picture in find_pictures(folder)]
    dark: list[Picture] = []
    unreadable: list[str] = []
    bright = black = seen = 0
    with Progress("calibration pictures", None) as progress:
        for index in np.random.default_rng(seed).permutation(len(paths)):
            if len(dark) == CANDIDATES * count:
                break
            seen += 1
            try:
                pixels = read_rgb8(paths[index])
            except ImageError as error:
                unreadable.append(str(error))
                continue
            level = float(pixels.mean())
            if level > BRIGHT_LEVEL:
                bright += 1
            elif int(pixels.max()) < BLACK_LEVEL:
                black += 1
            else:
                image = reference.downsample(pixels / 255.0, scale).astype(np.float32)
                dark.append(Picture(paths[index], image, level))
            progress.advance()
    warnings = [f"passed over: {text}" for text in unreadable[:5]]
    if len(unreadable) > 5:
        warnings.append(f"passed over: {len(unreadable) - 5} more that cannot be read")
    found = f"of {seen} pictures {len(dark)} are dark, {bright} bright (mean above {BRIGHT_LEVEL:g}), "
    found += f"{black} black, {len(unreadable)} unreadable"
    if len(dark) < FEWEST:
        raise DceliteError(f"{folder}: {found}; at least {FEWEST} dark photographs were wanted for calibration")
    if bright > len(dark):
        warnings.append(f"most pictures were passed over as too bright: {found}")
    chosen = sorted(dark, key=lambda picture: (picture.level, picture.path))
    if len(chosen) > count:  # evenly over the ranks in brightness, darkest and brightest included
        chosen = [chosen[index] for index in np.linspace(0, len(chosen) - 1, count).round().astype(int)]
    taken = {picture.path for picture in chosen}
    held_out = [picture for picture in dark if picture.path not in taken][:HELD_OUT]
    if not held_out:
        warnings.append("no dark picture is left to judge by: the calibration pictures judge themselves")
    if len(chosen) < ADVISED:
        warnings.append(f"{len(chosen)} pictures calibrate; {ADVISED} or more are advised")
    return Calibration(chosen, held_out or chosen, warnings)


def digest(calibration: Calibration) -> str:
    """SHA-256 over the low-resolution pictures, for the record."""
    result = hashlib.sha256()
    for picture in calibration.pictures:
        result.update(repr(picture.image.shape).encode() + picture.image.tobytes())
    return result.hexdigest()
