"""``dcelite quantize``: files, report, and one clear line for what a user may get wrong."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

from dcelite import Enhancer
from dcelite.cli import main
from dcelite.errors import EngineUnavailableError
from dcelite.mindspore_lite.sdk import find_sdk
from dcelite.model.checkpoint import Weights, save_weights

from quantize_cases import picture, save_pictures, weights_of
from support import REPOSITORY, skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Checkpoints, calibration pictures, and pairs of dark and bright pictures."""
    folder = tmp_path_factory.mktemp("quantize")
    save_weights(weights_of(), folder / "weights.ckpt")
    save_weights(altered("scene_head.output.weight", "zerodcepp_scene", index=5, value=0), folder / "scene.ckpt")
    save_pictures(folder / "dark", 12)
    for part in ("low", "high"):
        (folder / "pairs" / part).mkdir(parents=True)
    for number in (20, 21):
        PIL.Image.fromarray(picture(number)).save(folder / "pairs" / "low" / f"{number}.png")
        bright = np.minimum(picture(number).astype(int) * 3, 255).astype(np.uint8)
        PIL.Image.fromarray(bright).save(folder / "pairs" / "high" / f"{number}.png")
    return folder


def fails(capsys, *arguments: object) -> str:
    """Run ``dcelite quantize``; returns the last line on standard error of a run that ends with exit code 2."""
    assert main(["quantize", *map(str, arguments)]) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def altered(name: str, architecture: str = "zerodcepp", **changes) -> Weights:
    """The generated weights with one parameter changed: ``index`` of its first axis, ``value``."""
    arrays = {key: array.copy() for key, array in weights_of(architecture).arrays.items()}
    arrays[name][changes["index"]] = changes["value"]
    return Weights(architecture, arrays)


@pytest.mark.parametrize("checkpoint", ["weights.ckpt", "scene.ckpt"])
def test_native_and_onnx_files_with_a_report(folder, tmp_path, capsys, checkpoint):
    out = tmp_path / "out"
    arguments = ["--checkpoint", folder / checkpoint, "--calibration", folder / "dark", "--output", out]
    arguments += ["--pictures", 8, "--pairs", folder / "pairs", "--formats", "dce,onnx", "--name", "night"]
    assert main(["quantize", *map(str, arguments)]) == 0
    text = capsys.readouterr().out
    names = {path.name for path in out.iterdir()}
    models = {"night_int8.dce", "night_int8.onnx", "night_int8_full.onnx", "night_fp16.onnx"}
    assert names == models | {"night_quantization.json", "night_quantization.html"}
    report = json.loads((out / "night_quantization.json").read_text())
    assert {record["file"] for record in report["files"]} == models
    for record in report["files"]:
        assert record["file"] in text
        assert record["bytes"] == (out / record["file"]).stat().st_size
        pictures = record["fidelity_db"]["pictures"]
        assert record["fidelity_db"]["worst"] == min(pictures.values()) > 40
        assert pictures[record["fidelity_db"]["worst_picture"]] == min(pictures.values())
        assert abs(record["ground_truth"]["psnr"] - report["ground_truth_fp32"]["psnr"]) < 0.1
        assert record["latency_ms"]["frame_1200x900"] > 0
    assert len(report["activations"]) == 14
    assert len(report["calibration"]["pictures"]) == 8
    page = (out / "night_quantization.html").read_text()
    assert page.count("<img ") == 4 * len(models)
    assert "http" not in page.replace("http-equiv", "")  # nothing is fetched
    with Enhancer(out / "night_int8.dce") as enhancer:
        assert enhancer(picture(20)).shape == picture(20).shape
    line = fails(capsys, *arguments)
    assert "exists already" in line


def test_overwrite_replaces_its_own_files_and_nothing_else(folder, tmp_path, capsys):
    try:
        find_sdk()
    except EngineUnavailableError as error:
        skip(str(error))
    inputs = tmp_path / "zerodcepp_int8_calibration"
    arguments = ["--checkpoint", folder / "weights.ckpt", "--calibration", folder / "dark", "--output", tmp_path]
    arguments += ["--formats", "ms", "--pictures"]
    assert main(["quantize", *map(str, arguments), "9"]) == 0
    inputs.joinpath("notes.txt").write_text("precious")
    made = {path.name for path in tmp_path.iterdir()}
    endings = ["int8.ms", "int8.cfg", "int8_source.onnx", "int8_calibration", "weight8.ms", "weight8.cfg"]
    endings += ["weight8_source.onnx", "fp16.ms", "quantization.json", "quantization.html"]
    assert made == {f"zerodcepp_{ending}" for ending in endings}
    assert main(["quantize", *map(str, arguments), "8", "--overwrite"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == made
    assert sorted(path.name for path in inputs.iterdir()) == [*(f"{n:03}.bin" for n in range(8)), "notes.txt"]
    assert "calibrate_size=8" in (tmp_path / "zerodcepp_int8.cfg").read_text()


@pytest.mark.parametrize(("name", "index"), [("e_conv2.depth_conv.weight", 5), ("e_conv4.point_conv.weight", 31)])
def test_a_channel_without_weights_is_refused_by_name(folder, tmp_path, capsys, name, index):
    save_weights(altered(name, index=index, value=0), tmp_path / "dead.ckpt")
    arguments = ["--checkpoint", tmp_path / "dead.ckpt", "--calibration", folder / "dark"]
    line = fails(capsys, *arguments, "--output", tmp_path / "out")
    assert f"{name}: channel {index} has no weight but 0" in line
    assert not (tmp_path / "out").exists()


def test_a_weight_that_is_not_finite_is_refused_by_name(folder, tmp_path, capsys):
    save_weights(altered("e_conv3.point_conv.weight", index=2, value=np.nan), tmp_path / "nan.ckpt")
    arguments = ["--checkpoint", tmp_path / "nan.ckpt", "--calibration", folder / "dark"]
    assert "e_conv3.point_conv.weight holds values that are not finite" in fails(
        capsys, *arguments, "--output", tmp_path / "out"
    )


def test_what_cannot_be_quantized(folder, tmp_path, capsys):
    save_weights(weights_of("zerodce"), tmp_path / "zerodce.ckpt")
    common = ["--calibration", folder / "dark", "--output", tmp_path / "out"]
    line = fails(capsys, "--checkpoint", tmp_path / "zerodce.ckpt", *common)
    assert "zerodce.ckpt: holds Zero-DCE; quantisation is made for Zero-DCE++" in line
    checkpoint = ["--checkpoint", folder / "weights.ckpt"]
    assert "--formats tflite: is not a format" in fails(capsys, *checkpoint, *common, "--formats", "tflite")
    assert "--pictures 7: 8 or more" in fails(capsys, *checkpoint, *common, "--pictures", 7)
    (tmp_path / "empty").mkdir()
    empty = ["--calibration", tmp_path / "empty", "--output", tmp_path / "out", "--formats", "dce"]
    assert "holds no image" in fails(capsys, *checkpoint, *empty)
    assert not (tmp_path / "out").exists()


def test_it_works_as_a_script():
    script = REPOSITORY / "quantize" / "quantize.py"
    result = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True, timeout=60)
    assert "--calibration DIR" in result.stdout
