"""Folders of pictures to measure on, alone or in pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dcelite.errors import ImageError
from dcelite.folders import pictures_below
from dcelite.images import FORMATS, is_image_path, read_rgb8
from dcelite.metrics import Rgb

SMALLEST_SIDE = 7
"""Rgb: the window of SSIM."""


@dataclass(frozen=True)
class Picture:
    """One picture to evaluate on."""

    name: str
    source: Path
    reference: Path | None = None


def find_pairs(folder: Path) -> list[Picture]:
    """The pictures of DIR/low with that of the same name (suffixes may differ) in DIR/high.

    Raises:
        ImageError: a folder is missing, or a picture of either has no partner, or there is none at all.
    """
    low, high = folder / "low", folder / "high"
    for part in (low, high):
        if not part.is_dir():
            raise ImageError(f"{part}: no such folder; DIR/low and DIR/high with pictures of equal names were wanted")
    dark, references = _by_stem(low), _by_stem(high)
    lonely = sorted(set(dark) ^ set(references))
    if lonely:
        where, other = (low, high) if lonely[0] in dark else (high, low)
        more = f", and so have {len(lonely) - 1} more" if len(lonely) > 1 else ""
        raise ImageError(f"{where}: {lonely[0]} has no partner of the same name in {other}{more}")
    if not dark:
        raise ImageError(f"{low}: holds no image ({', '.join(FORMATS)})")
    return [Picture(stem, dark[stem], references[stem]) for stem in sorted(dark)]


def find_pictures(folder: Path, *, as_they_are: bool = False) -> list[Picture]:
    """All pictures below a folder, each its own reference if they should stay as they are.

    Raises ImageError where there is none.
    """
    if not folder.is_dir():
        raise ImageError(f"{folder}: {'is a file' if folder.exists() else 'does not exist'}; a folder was wanted")
    files = pictures_below(folder)
    if not files:
        raise ImageError(f"{folder}: holds no image ({', '.join(FORMATS)})")
    return [Picture(str(path.relative_to(folder)), path, path if as_they_are else None) for path in files]


def _by_stem(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if is_image_path(path) and path.is_file():
            if path.stem in found:
                raise ImageError(f"{path}: has the same name as {found[path.stem].name}; one of them was wanted")
            found[path.stem] = path
    return found


def read_rgb(path: Path) -> Rgb:
    """uint8 (H, W, 3) without transparency; raises ImageError."""
    pixels = read_rgb8(path)
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        size = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise ImageError(f"{path}: size {size}, at least {SMALLEST_SIDE} each way was wanted")
    return pixels


def read_picture(picture: Picture) -> tuple[Rgb, Rgb | None]:
    """Input and reference; raises ImageError where one cannot be read or their sizes differ."""
    image = read_rgb(picture.source)
    if picture.reference is None:
        return image, None
    wanted = read_rgb(picture.reference)
    if wanted.shape != image.shape:
        sizes = [f"{pixels.shape[1]} x {pixels.shape[0]}" for pixels in (wanted, image)]
        raise ImageError(f"{picture.reference}: size {sizes[0]}, that of {picture.source}, {sizes[1]}, was wanted")
    return image, wanted
