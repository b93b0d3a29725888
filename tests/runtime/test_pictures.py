"""Folders of pictures to measure on, and what is no pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from dcelite.errors import ImageError
from dcelite.pictures import find_pairs, find_pictures, read_picture


@pytest.fixture
def pairs(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Three pairs, the inputs as PNG, the references as BMP."""
    folder = tmp_path / "pairs"
    for part, suffix in (("low", "png"), ("high", "bmp")):
        (folder / part).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, (9, 8, 3), np.uint8)
            PIL.Image.fromarray(pixels).save(folder / part / f"{number}.{suffix}")
    return folder


def test_pairs_by_name(pairs: Path) -> None:
    found = find_pairs(pairs)
    assert [item.name for item in found] == ["0", "1", "2"]
    assert found[1].source == pairs / "low" / "1.png"
    assert found[1].reference == pairs / "high" / "1.bmp"


def test_a_picture_without_partner_is_named(pairs: Path) -> None:
    (pairs / "high" / "2.bmp").unlink()
    with pytest.raises(ImageError, match=r"low: 2 has no partner of the same name in .*high"):
        find_pairs(pairs)


def test_two_pictures_of_one_name(pairs: Path) -> None:
    (pairs / "low" / "0.bmp").write_bytes((pairs / "high" / "0.bmp").read_bytes())
    with pytest.raises(ImageError, match=r"0\.png: has the same name as 0\.bmp"):
        find_pairs(pairs)


def test_missing_folders(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="low: no such folder; DIR/low and DIR/high"):
        find_pairs(tmp_path)
    with pytest.raises(ImageError, match="none: does not exist; a folder was wanted"):
        find_pictures(tmp_path / "none")
    with pytest.raises(ImageError, match="holds no image"):
        find_pictures(tmp_path)


def test_pictures_below_a_folder(pairs: Path) -> None:
    (pairs / "notes.txt").write_text("no picture")
    names = [picture.name for picture in find_pictures(pairs)]
    assert names == [f"high/{n}.bmp" for n in range(3)] + [f"low/{n}.png" for n in range(3)]


def test_what_is_read(pairs: Path) -> None:
    image, wanted = read_picture(find_pairs(pairs)[0])
    assert wanted is not None
    assert image.shape == wanted.shape == (9, 8, 3)
    PIL.Image.new("RGB", (8, 6)).save(pairs / "low" / "0.png")
    with pytest.raises(ImageError, match=r"0\.png: size 8 x 6, at least 7 each way was wanted"):
        read_picture(find_pairs(pairs)[0])
    PIL.Image.new("RGB", (8, 10)).save(pairs / "low" / "0.png")
    with pytest.raises(ImageError, match=r"0\.bmp: size 8 x 9, that of .*0\.png, 8 x 10, was wanted"):
        read_picture(find_pairs(pairs)[0])
