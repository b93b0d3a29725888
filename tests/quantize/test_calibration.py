"""Which pictures calibrate: dark ones, spread over their brightness; everything else is named and passed over."""

from __future__ import annotations

import numpy as np
import PIL.Image
import pytest

from dcelite.errors import DceliteError
from dcelite.quantize.calibration import FEWEST, OTHER_MEANS, choose_pictures

from quantize_cases import save_pictures


def save_plain(path, level: int) -> None:
    PIL.Image.fromarray(np.full((24, 36, 3), level, np.uint8)).save(path)


def test_takes_the_dark_and_says_what_it_passed_over(tmp_path):
    folder = save_pictures(tmp_path / "in", 9)
    save_plain(folder / "bright.png", 180)
    save_plain(folder / "black.png", 1)
    (folder / "broken.png").write_bytes(b"no picture")
    chosen = choose_pictures(folder, 12, 64, seed=1)
    assert sorted(picture.path.name for picture in chosen.pictures) == [f"dark{n:02}.png" for n in range(9)]
    assert chosen.images("zerodcepp")[0].shape[2] == 3
    levels = [picture.level for picture in chosen.pictures]
    assert levels == sorted(levels)
    text = "\n".join(chosen.warnings)
    assert "broken.png: is not an image" in text
    assert "9 pictures calibrate; 32 or more are advised" in text


def test_a_network_with_a_scene_head_sees_bright_and_black_pictures_as_well(tmp_path):
    chosen = choose_pictures(save_pictures(tmp_path, 10), 4, 8, seed=1)
    dark, images = chosen.images("zerodcepp"), chosen.images("zerodcepp_scene")
    assert len(dark) == 8
    assert all(one is other for one, other in zip(images, dark, strict=False))
    assert [image.mean() for image in images[8:]] == pytest.approx([*OTHER_MEANS, *OTHER_MEANS][:8], abs=0.01)
    assert all(image.max() <= 1 and image.dtype == np.float32 for image in images)


def test_too_few_dark_pictures_are_refused_with_a_count(tmp_path):
    folder = save_pictures(tmp_path, FEWEST - 1)
    for number in range(20):
        save_plain(folder / f"bright{number}.png", 200)
    with pytest.raises(DceliteError, match=rf"of 27 pictures {FEWEST - 1} are dark, 20 bright .* at least {FEWEST}"):
        choose_pictures(folder, 12, 64, seed=1)


def test_folders_without_pictures(tmp_path):
    with pytest.raises(DceliteError, match="absent: does not exist"):
        choose_pictures(tmp_path / "absent", 12, 64, seed=1)
    with pytest.raises(DceliteError, match="holds no image"):
        choose_pictures(tmp_path, 12, 64, seed=1)


def test_a_choice_spreads_over_brightness_and_keeps_others_to_judge_by(tmp_path):
    folder = tmp_path
    for level in range(10, 90, 2):
        save_plain(folder / f"{level:03}.png", level)
    chosen = choose_pictures(folder, 12, 8, seed=3)
    paths = [picture.path for picture in chosen.pictures]
    assert len(paths) == 8
    assert not set(paths) & {picture.path for picture in chosen.held_out}
    assert len(chosen.held_out) > 0
    assert chosen.pictures[0].level < 20
    assert chosen.pictures[-1].level > 75
    assert [picture.path for picture in choose_pictures(folder, 12, 8, seed=3).pictures] == paths
    assert [picture.path for picture in choose_pictures(folder, 12, 8, seed=4).pictures] != paths
