"""Training images: a folder is decoded and resized once into memory, then drawn in an order fixed by seed and step.

``panoramas.py`` makes training images of another kind; a run may have both.
"""

from __future__ import annotations

import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dcelite.errors import DceliteError, ImageError
from dcelite.files import reason
from dcelite.images import read_photograph, upright
from dcelite.metrics import Rgb
from dcelite.progress import track

SAMPLE_RANKS = (0.05, 0.2, 0.4, 0.6, 0.9)
"""Which images serve as samples: their rank by brightness, 0 the darkest, 1 the brightest."""
SAMPLE_SIDE = 384
"""Pixels of the longer side of a sample."""

DARKEST = 0.05
"""Smallest factor of :meth:`TrainingImages.batch`: a picture with a mean of 110 becomes one of 5 or 6."""


class Batch(NamedTuple):
    """The images of a step, float32 (batch, 3, size, size) in [0, 1]."""

    images: NDArray[np.float32]
    originals: NDArray[np.float32]
    """The same before some of them were darkened."""
    exposed: NDArray[np.float32]
    """(batch, 1, 1, 1): 1 where the original is known to be well exposed, 0 where nobody knows."""


class Source(Protocol):
    """Where the pictures of a run come from."""

    @property
    def skipped(self) -> list[str]:
        """One line "PATH: reason" for every file that is not used."""

    @property
    def fingerprint(self) -> int:
        """CRC-32 of all pixels: tells whether a resumed run sees the data it began with."""

    def __len__(self) -> int:
        """Pictures in memory."""

    def batch(self, step: int, batch_size: int, seed: int, darkening: float) -> Batch:
        """The pictures of a step (counted from 0): they depend on nothing but the arguments."""

    def samples(self) -> list[Rgb]:
        """A few pictures from which to see the course of a run."""


@dataclass(frozen=True)
class Mixture:
    """Every batch has pictures of all sources, equally many of each, or one more of the first ones."""

    sources: list[Source]

    @property
    def skipped(self) -> list[str]:
        return [line for source in self.sources for line in source.skipped]

    @property
    def fingerprint(self) -> int:
        return zlib.crc32(" ".join(str(source.fingerprint) for source in self.sources).encode())

    def __len__(self) -> int:
        return sum(map(len, self.sources))

    def batch(self, step: int, batch_size: int, seed: int, darkening: float) -> Batch:
        count = len(self.sources)
        sizes = [(batch_size + count - 1 - number) // count for number in range(count)]
        pairs = zip(self.sources, sizes, strict=True)
        batches = [source.batch(step, size, seed, darkening) for source, size in pairs if size]
        return Batch(*map(np.concatenate, zip(*batches, strict=True)))

    def samples(self) -> list[Rgb]:
        return [sample for source in self.sources for sample in source.samples()]


@dataclass(frozen=True)
class TrainingImages:
    """Decoded images and what became of the other files of the folder."""

    pixels: NDArray[np.uint8]
    """(images, 3, size, size), red, green, blue, in the order of the file names."""
    skipped: list[str]
    """One line "PATH: reason" for every file that is not among them."""
    files: list[Path] = field(default_factory=list)
    """Where the images come from, in the same order."""

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def fingerprint(self) -> int:
        """CRC-32 of all pixels: tells whether a resumed run sees the data it began with."""
        return zlib.crc32(self.pixels.data)

    def batch(self, step: int, batch_size: int, seed: int, darkening: float = 0.0) -> Batch:
        """The images of a step (counted from 0), each mirrored or not.

        It depends on nothing but the arguments, so a resumed run continues with the batches that were to come. Every
        epoch is a new permutation; the images that do not fill a last batch wait for the next epoch.

        ``darkening`` is the probability of an image to be multiplied by a factor between DARKEST and 1, equally likely
        on a logarithmic scale, and rounded to 8 bits again: what a shorter exposure would give.
        """
        epoch, position = divmod(step, len(self) // batch_size)
        order = np.random.default_rng([seed, epoch]).permutation(len(self))
        chosen = self.pixels[order[position * batch_size : (position + 1) * batch_size]]
        random = np.random.default_rng([seed, epoch, position])
        mirrored = random.random(batch_size) < 0.5
        chosen[mirrored] = chosen[mirrored, :, :, ::-1]
        images = chosen
        if darkening > 0:
            factors = np.where(random.random(batch_size) < darkening, DARKEST ** random.random(batch_size), 1)
            images = np.round(chosen * factors[:, None, None, None])
        pictures, originals = (values.astype(np.float32) / np.float32(255) for values in (images, chosen))
        return Batch(pictures, originals, np.zeros((batch_size, 1, 1, 1), np.float32))

    def samples(self) -> list[Rgb]:
        """Some of the files, of different brightness."""
        order = np.argsort(self.pixels.mean((1, 2, 3)), kind="stable")
        pictures = []
        for rank in SAMPLE_RANKS:
            picture = Image.fromarray(_upright(self.files[order[round(rank * (len(self) - 1))]]))
            picture.thumbnail((SAMPLE_SIDE, SAMPLE_SIDE), Image.Resampling.BOX)
            pictures.append(np.asarray(picture))
        return pictures


def read_names(path: Path) -> frozenset[str]:
    """The lines of a text file, for ``exclude`` below; raises DceliteError."""
    try:
        names = frozenset(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        text = reason(error) if isinstance(error, OSError) else "not a text file"
        raise DceliteError(f"{path}: cannot be read as a list of file names: {text}") from None
    if not names:
        raise DceliteError(f"{path}: is empty; a file name on each line was wanted")
    return names


def load_images(folder: Path, size: int, batch_size: int, exclude: frozenset[str] = frozenset()) -> TrainingImages:
    """Decode every file below ``folder``; files that are no usable image are skipped and listed with the reason.

    Images are resized to squares of ``size``, as in the published training. The files to ``exclude`` are named by their
    path below the folder. Raises DceliteError where one of these is absent, the folder is missing or unreadable, or it
    holds fewer usable images than a batch.
    """

    def load_or_explain(path: Path) -> NDArray[np.uint8] | str:
        try:
            return load_image(path, size)
        except ImageError as error:
            return str(error)

    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise DceliteError(f"{folder}: {found}; a folder of training images was wanted")
    try:
        next(folder.iterdir(), None)  # rglob passes over a folder that may not be read
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise DceliteError(f"{folder}: cannot be read: {reason(error)}") from None
    missing = exclude - {path.relative_to(folder).as_posix() for path in files}
    if missing:
        raise DceliteError(f"{folder}: holds no {min(missing)}, which was to be excluded")
    files = [path for path in files if path.relative_to(folder).as_posix() not in exclude]
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        results = list(track(workers.map(load_or_explain, files), total=len(files), label="reading images"))
    images = [result for result in results if not isinstance(result, str)]
    used = [path for path, result in zip(files, results, strict=True) if not isinstance(result, str)]
    skipped = [result for result in results if isinstance(result, str)]
    if len(images) < batch_size:
        example = f", for example {skipped[0]}" if skipped else ""
        raise DceliteError(
            f"{folder}: holds {len(images)} usable images in {len(files)} files; "
            f"at least one batch of {batch_size} was wanted{example}"
        )
    return TrainingImages(np.stack(images), skipped, used)


def load_image(path: Path, size: int) -> NDArray[np.uint8]:
    """Decode one image to uint8 (3, size, size); raises ImageError naming the file and the reason.

    Grey images become grey RGB and transparency is dropped. Images with more than 8 bits a channel are refused, because
    their black and white levels are unknown, and so are those that would have to be enlarged.
    """
    pixels = _upright(path)
    height, width = pixels.shape[:2]
    if min(width, height) < size:
        raise ImageError(f"{path}: has {width}x{height} pixels; at least {size}x{size} was wanted")
    resized = Image.fromarray(pixels).resize((size, size), Image.Resampling.BOX)
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))


def _upright(path: Path) -> NDArray[np.uint8]:
    """uint8 (H, W, 3), turned as the metadata say; raises ImageError."""
    photograph = read_photograph(path)
    if photograph.pixels.dtype != np.uint8:
        raise ImageError(f"{path}: has 16 bits a channel; 8 were wanted")
    if photograph.damage:
        raise ImageError(f"{path}: {'; '.join(photograph.damage)}")
    return upright(photograph.pixels[..., :3], photograph.metadata)[0]
