"""Which pictures of a folder calibrate, and what the network sees of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.errors import DceliteError, ImageError
from dcelite.images import pictures_below, read_photograph
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


@dataclass(frozen=True)
class Calibration:
    """The chosen pictures, darkest first."""

    paths: list[Path]
    images: list[NDArray[np.float32]]
    """Each (h, w, 3) in 0 … 1: the picture at the network's resolution."""
    levels: list[float]
    """Mean of the 8-bit values of each."""
    held_out: list[NDArray[np.float32]]
    """Other dark pictures of the folder, up to HELD_OUT, to judge by; the calibration pictures where there are none."""
    held_out_paths: list[Path]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Candidate:
    path: Path
    image: NDArray[np.float32]
    level: float


def read_low_resolution(path: Path, scale: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The pixels (H, W, 3) of a picture and what the network sees of it (h, w, 3); raises ImageError."""
    pixels = read_photograph(path).pixels[..., :3]
    return pixels, reference.downsample(pixels / 255.0, scale).astype(np.float32)


def picture_paths(folder: Path) -> list[Path]:
    """The pictures in a folder and its subfolders; raises DceliteError where there are none."""
    if not folder.is_dir():
        raise DceliteError(f"{folder}: {'is a file' if folder.exists() else 'no such folder'}; a folder was wanted")
    paths = pictures_below(folder)
    if not paths:
        raise DceliteError(f"{folder}: holds no pictures; JPEG, PNG, WebP or BMP files were wanted")
    return paths


def choose_pictures(folder: Path, scale: int, count: int, seed: int) -> Calibration:
    """Choose ``count`` dark pictures that spread over the brightnesses found.

    Raises:
        DceliteError: the folder is absent or empty, or has fewer than FEWEST pictures that can be used.
    """
    paths = picture_paths(folder)
    order = np.random.default_rng(seed).permutation(len(paths))
    candidates: list[_Candidate] = []
    unreadable: list[str] = []
    bright = black = seen = 0
    with Progress("calibration pictures", None) as progress:
        for index in order:
            if len(candidates) == CANDIDATES * count:
                break
            seen += 1
            try:
                pixels, image = read_low_resolution(paths[index], scale)
            except ImageError as error:
                unreadable.append(str(error))
                continue
            level = float(pixels.mean())
            if level > BRIGHT_LEVEL:
                bright += 1
            elif int(pixels.max()) < BLACK_LEVEL:
                black += 1
            else:
                candidates.append(_Candidate(paths[index], image, level))
            progress.advance()
    warnings = [f"passed over: {text}" for text in unreadable[:5]]
    if len(unreadable) > 5:
        warnings.append(f"passed over: {len(unreadable) - 5} more that cannot be read")
    found = f"of {seen} pictures {len(candidates)} are dark, {bright} bright (mean above {BRIGHT_LEVEL:g}), "
    found += f"{black} black, {len(unreadable)} unreadable"
    if len(candidates) < FEWEST:
        raise DceliteError(f"{folder}: {found}; at least {FEWEST} dark photographs were wanted for calibration")
    if bright > len(candidates):
        warnings.append(f"most pictures were passed over as too bright: {found}")
    chosen = _spread(candidates, count)
    taken = {candidate.path for candidate in chosen}
    kept = [candidate for candidate in candidates if candidate.path not in taken][:HELD_OUT]
    if not kept:
        warnings.append("no dark picture is left to judge by: the calibration pictures judge themselves")
        kept = chosen
    if len(chosen) < ADVISED:
        warnings.append(f"{len(chosen)} pictures calibrate; {ADVISED} or more are advised")
    return Calibration(
        paths=[c.path for c in chosen],
        images=[c.image for c in chosen],
        levels=[c.level for c in chosen],
        held_out=[c.image for c in kept],
        held_out_paths=[c.path for c in kept],
        warnings=warnings,
    )


def _spread(candidates: list[_Candidate], count: int) -> list[_Candidate]:
    """``count`` of the candidates, evenly over their ranks in brightness, darkest and brightest included."""
    ranked = sorted(candidates, key=lambda candidate: (candidate.level, candidate.path))
    if len(ranked) <= count:
        return ranked
    return [ranked[index] for index in np.linspace(0, len(ranked) - 1, count).round().astype(int)]


def digest(calibration: Calibration) -> str:
    """SHA-256 over the low-resolution pictures, for the record."""
    result = hashlib.sha256()
    for image in calibration.images:
        result.update(repr(image.shape).encode())
        result.update(image.tobytes())
    return result.hexdigest()
