"""The shipped weights, on scenes that they were not trained on. ``-s`` shows the figures of models/README.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

pytest.importorskip("skimage")

from dcelite.metrics import Rgb
from dcelite.model.checkpoint import load_weights
from dcelite.pictures import read_rgb
from dcelite.training.evaluate import CheckpointModel, Evaluation, measure
from dcelite.training.experiments.split import EVERY, NIGHT, PARTS, dark_pairs, night, read_scenes

import photographs

MODELS = Path(__file__).parents[2] / "models"


class Pair(NamedTuple):
    """A dark picture and its reference, uint8 (512, 512, 3)."""

    dark: Rgb
    wanted: Rgb


class Scenes(NamedTuple):
    """What the held-out scenes of a part of the data offer, see dcelite.training.experiments.split."""

    dark: list[Pair]
    night: list[Pair]
    bright: list[Rgb]


@pytest.fixture(scope="module", params=PARTS)
def scenes(shared: Path, request: pytest.FixtureRequest) -> Scenes:
    folder = shared / "data" / "sice_part1_train"
    listed = read_scenes(folder.parent / "sice_part1_train_scenes.json")
    numbered = list(enumerate(listed))[PARTS[request.param] :: EVERY]

    def pairs() -> Iterator[Pair]:
        for _, scene in numbered:
            for dark, middle in dark_pairs(scene):
                yield Pair(read_rgb(folder / dark.file), read_rgb(folder / middle.file))

    middles = [(number, scene[len(scene) // 2]) for number, scene in numbered if len(scene) >= 3]
    night_pairs = [
        Pair(night(read_rgb(folder / middle.file), number), read_rgb(folder / middle.file))
        for number, middle in middles[::4]
        if NIGHT[0] <= middle.luminance <= NIGHT[1]
    ]
    bright = [read_rgb(folder / x.file) for _, scene in numbered for x in scene if x.luminance > 110]
    return Scenes(list(pairs()), night_pairs, bright[::6])


def measured(checkpoint: Path, pairs: list[Pair], scale: int = 12) -> Evaluation:
    model = CheckpointModel(checkpoint, scale)
    rows = {str(number): measure(pair.dark, model(pair.dark), pair.wanted) for number, pair in enumerate(pairs)}
    evaluation = Evaluation(checkpoint.name, rows)
    names = ("psnr", "ssim", "mae", "brightness", "clipped", "red_cast")
    print("\n", checkpoint.name, {name: round(evaluation.mean(name) or 0, 4) for name in names})
    return evaluation


def published(shared: Path) -> list[Path]:
    return [shared / "reference" / f"upstream_zerodcepp_{name}" for name in ("mindspore.ckpt", "torch.pth")]


def mean(evaluation: Evaluation, name: str) -> float:
    value = evaluation.mean(name)
    assert value is not None
    return value


def test_shipped_weights_beat_the_published_on_dark_pictures(scenes: Scenes, shared: Path) -> None:
    assert len(scenes.dark) >= 30
    ours = measured(MODELS / "zerodcepp_scene.ckpt", scenes.dark)
    quartiles = np.percentile([pair.wanted.mean() for pair in scenes.dark], (25, 75))
    assert quartiles[0] < mean(ours, "brightness") < quartiles[1]
    for path in published(shared):
        theirs = measured(path, scenes.dark)
        assert mean(ours, "psnr") >= mean(theirs, "psnr")
        assert mean(ours, "ssim") >= mean(theirs, "ssim")
        assert mean(ours, "mae") <= mean(theirs, "mae")
    assert mean(ours, "psnr") > mean(measured(published(shared)[1], scenes.dark), "psnr") + 2
    assert mean(ours, "mae") < 19.5


@pytest.mark.slow
def test_very_dark_and_noisy_pictures(scenes: Scenes, shared: Path) -> None:
    ours = measured(MODELS / "zerodcepp_scene.ckpt", scenes.night)
    pytorch = measured(published(shared)[1], scenes.night)
    assert mean(ours, "psnr") > mean(pytorch, "psnr") + 2
    assert mean(ours, "brightness") > 5 * np.mean([pair.dark.mean() for pair in scenes.night])


def test_well_lit_pictures_stay_as_they_are(scenes: Scenes) -> None:
    assert len(scenes.bright) >= 10
    ours = measured(MODELS / "zerodcepp_scene.ckpt", [Pair(picture, picture) for picture in scenes.bright])
    assert mean(ours, "psnr") > 35
    assert abs(mean(ours, "brightness") - mean(ours, "brightness_in")) < 3
    assert mean(ours, "clipped") < mean(ours, "clipped_in") + 0.3


@pytest.mark.parametrize("name", photographs.NAMES)
def test_photographs_in_little_light(name: str) -> None:
    """Nearer to what they were, and neither dark nor blown up."""
    dark, wanted = photographs.dark(name), photographs.well_lit(name)
    enhanced = CheckpointModel(MODELS / "zerodcepp_scene.ckpt", 12)(dark)
    before, after = measure(dark, dark, wanted), measure(dark, enhanced, wanted)
    print(f"\n{name}: {before['psnr']:.1f} -> {after['psnr']:.1f} dB, mean {dark.mean():.0f} -> {enhanced.mean():.0f}")
    assert after["psnr"] > before["psnr"] + 0.5  # the rocket was dark, but for its flames, and comes out too bright
    assert 2.5 * dark.mean() < enhanced.mean() < 160


def test_zero_dce_brightens(scenes: Scenes) -> None:
    ours = measured(MODELS / "zerodce.ckpt", scenes.dark[::15], scale=1)
    before = [measure(pair.dark, pair.dark, pair.wanted) for pair in scenes.dark[::15]]
    assert mean(ours, "psnr") > np.mean([figures["psnr"] for figures in before]) + 4
    assert mean(ours, "ssim") > np.mean([figures["ssim"] for figures in before]) + 0.2


def test_sizes() -> None:
    counts = {
        name: sum(array.size for array in load_weights(MODELS / f"{name}.ckpt").arrays.values())
        for name in ("zerodcepp_scene", "zerodcepp", "zerodce")
    }
    assert counts == {"zerodcepp_scene": 12_225, "zerodcepp": 10_561, "zerodce": 79_416}
