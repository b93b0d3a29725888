"""The figures of an evaluation by hand and against scikit-image, every kind of model, and what the command refuses."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skimage")
pytest.importorskip("matplotlib")

from skimage.metrics import structural_similarity

from dcelite import Enhancer, cli, reference
from dcelite.denoising import AMOUNT
from dcelite.errors import DceliteError
from dcelite.metrics import psnr
from dcelite.model.architecture import ARCHITECTURES
from dcelite.model.checkpoint import Weights, load_weights, save_weights
from dcelite.pictures import find_pairs
from dcelite.training.evaluate import (
    CheckpointModel,
    evaluate,
    measure,
    open_model,
)

MODELS = Path(__file__).parents[2] / "models"


def random_weights(architecture: str, rng: np.random.Generator) -> Weights:
    shapes = ARCHITECTURES[architecture].parameter_shapes
    arrays = {
        name: rng.uniform(-1, 1, shape).astype(np.float32) * np.float32(1.5 / np.sqrt(max(1, np.prod(shape[1:]))))
        for name, shape in shapes.items()
    }
    return Weights(architecture, arrays)


def picture(rng: np.random.Generator, height: int = 40, width: int = 50, top: int = 80) -> np.ndarray:
    blocks = rng.integers(0, top, (5, 5, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture
def pairs(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Three pairs, the inputs as PNG, the references as BMP."""
    folder = tmp_path / "pairs"
    for part, suffix, top in (("low", "png", 60), ("high", "bmp", 250)):
        (folder / part).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(picture(rng, top=top)).save(folder / part / f"{number}.{suffix}")
    return folder


class TestFigures:
    def test_against_a_reference(self, rng: np.random.Generator) -> None:
        image, result, wanted = picture(rng, top=50), picture(rng, top=200), picture(rng, top=220)
        figures = measure(image, result, wanted, other=wanted)
        difference = result.astype(float) - wanted
        assert figures["psnr"] == pytest.approx(10 * math.log10(255**2 / np.mean(difference**2)))
        assert figures["fidelity"] == figures["psnr"]
        assert figures["mae"] == pytest.approx(np.abs(difference).mean())
        assert figures["ssim"] == pytest.approx(structural_similarity(wanted, result, channel_axis=2))
        assert figures["change"] == pytest.approx(np.abs(result.astype(float) - image).mean())
        assert (figures["brightness_in"], figures["brightness"]) == pytest.approx((image.mean(), result.mean()))
        assert figures["brightness_reference"] == pytest.approx(wanted.mean())

    def test_without_reference(self, rng: np.random.Generator) -> None:
        figures = measure(picture(rng), picture(rng))
        assert not {"psnr", "ssim", "mae", "fidelity", "brightness_reference"} & set(figures)

    def test_a_picture_without_noise(self) -> None:
        assert "noise_gain" not in measure(np.full((9, 9, 3), 7, np.uint8), np.full((9, 9, 3), 9, np.uint8))


class TestModels:
    @pytest.mark.parametrize("architecture", ARCHITECTURES)
    @pytest.mark.parametrize("scale", [1, 4])
    def test_a_checkpoint_equals_the_reference_across_strips(
        self, architecture: str, scale: int, rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dcelite.training.evaluate.STRIP", 9)
        weights = random_weights(architecture, rng)
        save_weights(weights, tmp_path / "w.ckpt")
        model, image = CheckpointModel(tmp_path / "w.ckpt", scale), picture(rng, 41, 30)
        np.testing.assert_allclose(
            model.curve_map(image), reference.curve_map(image, weights.arrays, scale), rtol=0, atol=1e-12
        )
        np.testing.assert_array_equal(model(image), reference.enhance(image, weights.arrays, scale))

    def test_a_checkpoint_and_its_exported_file_agree(self, rng: np.random.Generator) -> None:
        image = picture(rng, 90, 120)
        theirs = open_model(MODELS / "zerodcepp_scene.ckpt")(image)
        with Enhancer(MODELS / "zerodcepp_scene.dce") as enhance:
            assert psnr(enhance(image), theirs) > 60

    def test_denoising_of_a_checkpoint_and_of_its_exported_file_agrees(self, rng: np.random.Generator) -> None:
        image = picture(rng, 90, 120)
        theirs, plain = (open_model(MODELS / "zerodcepp_scene.ckpt", denoise=amount)(image) for amount in (None, 0.0))
        with contextlib.closing(open_model(MODELS / "zerodcepp_scene.dce", denoise=None)) as enhance:
            assert psnr(enhance(image), theirs) > 60
        assert psnr(plain, theirs) < 55
        with pytest.raises(DceliteError, match="denoise 2: 0 to 1 was wanted"):
            open_model(None, denoise=2)

    def test_bad_scale(self) -> None:
        with pytest.raises(DceliteError, match="scale 65: 1 to 64 was wanted"):
            open_model(MODELS / "zerodcepp_scene.ckpt", scale=65)


class TestFolders:
    def test_a_bad_picture_fails_alone_for_every_model(self, pairs: Path, rng: np.random.Generator) -> None:
        Image.fromarray(picture(rng, 20, 20)).save(pairs / "high" / "1.bmp")
        model = open_model(MODELS / "zerodcepp_scene.ckpt")
        first, second = evaluate([("a", model), ("b", model)], find_pairs(pairs))
        for evaluation in (first, second):
            assert list(evaluation.figures) == ["0", "2"]
            assert len(evaluation.failures) == 1
            assert "1.bmp: size 20 x 20, that of" in evaluation.failures[0]


class TestCommand:
    def test_pairs_with_everything(self, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        model = MODELS / "zerodcepp_scene.ckpt"
        arguments = ["evaluate", "--pairs", pairs, "--model", model, "--against", MODELS / "zerodcepp_scene.dce"]
        outputs = ["--json", tmp_path / "r.json", "--sheet", tmp_path / "s.png"]
        assert cli.main([str(x) for x in arguments + outputs]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert any(line.startswith("mean") for line in lines)
        report = json.loads((tmp_path / "r.json").read_text())["models"][0]
        assert report["images"] == 3
        image, wanted = (np.asarray(Image.open(pairs / part)) for part in ("low/1.png", "high/1.bmp"))
        curve_map = reference.curve_map(image, load_weights(model).arrays, 12)
        result = reference.finish(image, curve_map, denoise=AMOUNT)  # as dcelite enhance does
        assert report["rows"][1]["psnr"] == pytest.approx(psnr(wanted, result))
        assert report["mean"]["psnr"] == pytest.approx(np.mean([row["psnr"] for row in report["rows"]]))
        assert report["mean"]["fidelity"] > 60
        with Image.open(tmp_path / "s.png") as sheet:
            assert sheet.width > 1000

    def test_outputs_are_not_replaced(self, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "r.json").write_text("mine")
        assert cli.main(["evaluate", "--pairs", str(pairs), "--json", str(tmp_path / "r.json")]) == 2
        assert "r.json: exists already" in capsys.readouterr().err
        assert (tmp_path / "r.json").read_text() == "mine"

    def test_images_without_references(self, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (pairs / "low" / "torn.png").write_bytes(b"\x89PNG")
        (pairs / "low" / "tiny.png").write_bytes(b"")
        arguments = ["evaluate", "--images", str(pairs / "low"), "--model", str(MODELS / "zerodcepp_scene.ckpt")]
        assert cli.main([*arguments, "--sheet", str(tmp_path / "s.png")]) == 2
        output = capsys.readouterr()
        assert "PSNR  " not in output.out
        assert "torn.png: " in output.err
        assert "2 of 5 pictures could not be evaluated" in output.err
        assert (tmp_path / "s.png").exists()

    def test_figure(self, pairs: Path, tmp_path: Path) -> None:
        arguments = ["figure", str(pairs / "low" / "0.png"), "-o", str(tmp_path / "f.png")]
        models = ["--model", str(MODELS / "zerodcepp_scene.ckpt"), "--model", str(MODELS / "zerodcepp_scene.dce")]
        assert cli.main(arguments + models) == 0
        with Image.open(tmp_path / "f.png") as figure:
            assert figure.width > figure.height > 500
