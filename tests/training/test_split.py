"""Validation pairs: which exposures make pairs, what is held out, and the darkness of the night pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcelite.errors import DceliteError
from dcelite.training.experiments.split import Exposure, dark_pairs, night, read_scenes, split


def scene(*luminances: float) -> list[Exposure]:
    return [Exposure(f"{luminance}.png", luminance) for luminance in luminances]


@pytest.mark.parametrize(
    ("luminances", "expected"),
    [
        ((20, 50, 100, 180, 220), [(20, 100), (50, 100)]),
        ((59, 61, 120), []),  # the middle one, 61, is too dark to be a reference
        ((50, 81, 200), []),  # 50 is more than 0.6 of 81
        ((48, 81, 200), [(48, 81)]),
        ((20, 100), []),
    ],
)
def test_dark_pairs(luminances: tuple[float, ...], expected: list[tuple[float, float]]) -> None:
    assert [(dark.luminance, wanted.luminance) for dark, wanted in dark_pairs(scene(*luminances))] == expected


def test_night_has_the_brightness_and_the_noise_of_a_sensor(rng: np.random.Generator) -> None:
    image = np.full((200, 200, 3), 110, np.uint8)
    dark = night(image, seed=1)
    assert dark.mean() == pytest.approx(17, abs=0.5)
    # x = (17 / 255)^2.2 = 0.00258 of 20,000 electrons, 51.6: deviation sqrt(51.6 + 8^2) = 10.8, of the value / 2.2
    assert dark.std() == pytest.approx(17 * 10.8 / 51.6 / 2.2, rel=0.1)
    np.testing.assert_array_equal(dark, night(image, seed=1))
    assert np.any(dark != night(image, seed=2))


def test_folders(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    scenes = []
    for number in range(5):
        exposures = []
        for luminance in (20, 50, 110, 200):
            Image.new("RGB", (8, 8), (luminance,) * 3).save(data / f"{number}_{luminance}.png")
            exposures.append({"file": f"{number}_{luminance}.png", "luminance": luminance})
        scenes.append(exposures)
    (tmp_path / "scenes.json").write_text(json.dumps(scenes))
    output = tmp_path / "split"
    counts = split(data, read_scenes(tmp_path / "scenes.json"), output)
    held_out = (output / "held_out.txt").read_text().split()
    assert held_out == [f"{number}_{luminance}.png" for number in (0, 4) for luminance in (20, 50, 110, 200)]
    # With four exposures, the middle one is the third: 110 of 20, 50, 110, 200.
    assert sorted(path.name for path in (output / "validation/dark/low").iterdir()) == ["000_0_20.png", "000_0_50.png"]
    assert (output / "test/dark/high/004_4_20.png").resolve() == (data / "4_110.png").resolve()
    assert counts["validation/bright"] == 1
    assert np.asarray(Image.open(output / "validation/night/low/000.png")).mean() == pytest.approx(17, abs=1)
    with pytest.raises(DceliteError, match="split: is not empty"):
        split(data, read_scenes(tmp_path / "scenes.json"), output)


def test_bad_list_and_missing_photograph(tmp_path: Path) -> None:
    (tmp_path / "scenes.json").write_text('[["x.png"]]')
    with pytest.raises(DceliteError, match=r"scenes\.json: cannot be read as a list of scenes"):
        read_scenes(tmp_path / "scenes.json")
    with pytest.raises(DceliteError, match=r"20\.png: no such file, though the list of scenes names it"):
        split(tmp_path, [scene(20, 100, 200)], tmp_path / "split")
