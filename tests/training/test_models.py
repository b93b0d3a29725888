"""The shipped weights, on scenes that they were not trained on. ``-s`` shows the figures of models/README.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from dcelite import reference
from dcelite.training.checkpoint import load_weights

MODELS = Path(__file__).parents[2] / "models"
HELD_OUT = 8
"""Every eighth scene of sice_part1_train_scenes.json is held out of training, beginning with the first."""


class Pair(NamedTuple):
    """A dark exposure of a scene and the middle one, which serves as reference; uint8 (512, 512, 3)."""

    dark: np.ndarray
    wanted: np.ndarray


class Quality(NamedTuple):
    """Means over the pairs: dB, index, 8-bit levels, 8-bit level, share of values of 254 and above."""

    psnr: float
    ssim: float
    mae: float
    brightness: float
    clipped: float


@pytest.fixture(scope="module")
def pairs(shared: Path) -> list[Pair]:
    """Of scenes with three exposures and more, whose middle one has a mean of 80 to 150, those darker than 60."""
    folder = shared / "data" / "sice_part1_train"
    scenes = json.loads((folder.parent / "sice_part1_train_scenes.json").read_text())[::HELD_OUT]

    def found() -> Iterator[Pair]:
        for scene in scenes:
            middle = scene[len(scene) // 2]
            if len(scene) < 3 or not 80 <= middle["luminance"] <= 150:
                continue
            for exposure in scene:
                if exposure["luminance"] < min(60, 0.6 * middle["luminance"]):
                    yield Pair(*(np.asarray(Image.open(folder / x["file"]).convert("RGB")) for x in (exposure, middle)))

    return list(found())


def quality(results: list[np.ndarray], pairs: list[Pair]) -> Quality:
    rows = []
    for result, (_, wanted) in zip(results, pairs, strict=True):
        error = result.astype(np.float64) - wanted
        psnr = 10 * np.log10(255**2 / np.mean(error**2))
        ssim = structural_similarity(result, wanted, channel_axis=2)
        rows.append((psnr, ssim, np.abs(error).mean(), result.mean(), (result >= 254).mean()))
    return Quality(*np.mean(rows, axis=0).tolist())


def quality_of(checkpoint: Path, pairs: list[Pair]) -> Quality:
    weights = load_weights(checkpoint).arrays
    figures = quality([reference.enhance(pair.dark, weights, scale=12) for pair in pairs], pairs)
    print(f"\n{checkpoint.name}: {figures}")
    return figures


@pytest.fixture(scope="module")
def after(pairs: list[Pair]) -> Quality:
    return quality_of(MODELS / "zerodcepp.ckpt", pairs)


def test_shipped_weights_brighten_held_out_scenes(pairs: list[Pair], after: Quality) -> None:
    assert len(pairs) >= 30
    before = quality([pair.dark for pair in pairs], pairs)
    print(f"\ninputs: {before}")
    assert after.psnr > before.psnr + 8
    assert after.ssim > before.ssim + 0.3
    quartiles = np.percentile([pair.wanted.mean() for pair in pairs], (25, 75))
    assert quartiles[0] < after.brightness < quartiles[1]


@pytest.mark.parametrize("published", ["mindspore.ckpt", "torch.pth"])
def test_shipped_weights_are_as_good_as_the_published(
    pairs: list[Pair], after: Quality, shared: Path, published: str
) -> None:
    theirs = quality_of(shared / "reference" / f"upstream_zerodcepp_{published}", pairs)
    assert after.psnr > theirs.psnr
    assert after.ssim > theirs.ssim
    assert after.mae < theirs.mae
