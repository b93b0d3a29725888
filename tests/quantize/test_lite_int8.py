"""The .ms files: MindSpore Lite's quantisation finds the grids that the weights are on."""

from __future__ import annotations

import configparser
from pathlib import Path

import numpy as np
import onnx
import pytest

from dcelite.errors import EngineUnavailableError
from dcelite.export.lite import write_ms
from dcelite.mindspore_lite import convert, open_model
from dcelite.mindspore_lite.sdk import find_sdk
from dcelite.quantize.float_network import run
from dcelite.quantize.int8_network import dequantized
from dcelite.quantize.lite_int8 import (
    CALIBRATION_SIZE,
    LAST_BIAS,
    fitted,
    write_ms_full,
    write_ms_weight_only,
)
from dcelite.quantize.rounding import round_affine
from dcelite.quantize.sensitivity import run_quantized

from quantize_cases import METADATA, NETWORKS, SPECS, equalized, quantized, small_pictures, weights_of
from support import skip


@pytest.fixture(autouse=True, scope="module")
def mindspore_lite() -> None:
    try:
        find_sdk()
    except EngineUnavailableError as error:
        skip(str(error))


@pytest.fixture(params=NETWORKS)
def architecture(request):
    return request.param


def curve_map(path, image):
    with open_model(path, 1) as model:
        return model.run(np.ascontiguousarray(image.transpose(2, 0, 1))).transpose(1, 2, 0)


def test_weight_only_quantization_changes_no_weight(tmp_path, architecture):
    arrays = round_affine(*equalized(architecture))
    path = tmp_path / "weight8.ms"
    write_ms_weight_only(arrays, SPECS[architecture], METADATA, path)
    image = small_pictures(20, 1)[0]
    assert curve_map(path, image) == pytest.approx(run(image, arrays)["curve_map"], abs=1e-5)
    assert "quant_type=WEIGHT_QUANT" in path.with_suffix(".cfg").read_text()


def test_full_int8_is_near_the_simulation_and_keeps_its_configuration(tmp_path, architecture):
    arrays = dequantized(quantized(architecture))
    path = tmp_path / "int8.ms"
    pictures = small_pictures(0, 8)
    maps = [run(picture, arrays)["curve_map"] for picture in pictures]
    write_ms_full(arrays, SPECS[architecture], METADATA, pictures, maps, path)
    source = onnx.load(tmp_path / "int8_source.onnx").graph.initializer
    used = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in source}
    changed = [name for name, array in arrays.items() if not np.array_equal(used[name].ravel(), array.ravel())]
    assert changed == [LAST_BIAS]
    config = configparser.ConfigParser()
    config.read(path.with_suffix(".cfg"))
    assert config["common_quant_param"]["quant_type"] == "FULL_QUANT"
    skipped = config["common_quant_param"].get("skip_quant_node", "").split(",")
    assert ("scene_head.hidden" in skipped) == (architecture == "zerodcepp_scene")
    name, folder = config["data_preprocess_param"]["calibrate_path"].split(":")
    assert name == "image"
    files = sorted((tmp_path / folder).iterdir())
    assert len(files) == int(config["data_preprocess_param"]["calibrate_size"]) == len(pictures)
    assert all(file.stat().st_size == 4 * 3 * CALIBRATION_SIZE[0] * CALIBRATION_SIZE[1] for file in files)
    image = small_pictures(20, 1)[0]
    wanted = run_quantized(image, arrays, frozenset())["curve_map"]
    assert np.sqrt(np.mean((curve_map(path, image) - wanted) ** 2)) < 0.03


def test_the_mean_of_full_int8_maps_is_right_whatever_the_last_bias_was(tmp_path):
    arrays = dequantized(quantized())
    pictures = small_pictures(0, 8)
    maps = [run(picture, arrays)["curve_map"] for picture in pictures]
    arrays[LAST_BIAS] = arrays[LAST_BIAS] + np.float32([0.1, -0.05, 0.0])
    write_ms_full(arrays, SPECS["zerodcepp"], METADATA, pictures, maps, tmp_path / "int8.ms")
    seen = [curve_map(tmp_path / "int8.ms", picture).mean((0, 1)) for picture in pictures]
    wanted = [curve.mean((0, 1)) for curve in maps]
    assert np.mean(seen, axis=0) == pytest.approx(np.mean(wanted, axis=0), abs=0.003)


def test_the_files_beside_it_reproduce_the_model(tmp_path, architecture, monkeypatch):
    """What converter_lite does with them, run in their folder."""
    arrays = dequantized(quantized(architecture))
    pictures = small_pictures(0, 8)
    maps = [run(picture, arrays)["curve_map"] for picture in pictures]
    write_ms_full(arrays, SPECS[architecture], METADATA, pictures, maps, tmp_path / "a_int8.ms")
    monkeypatch.chdir(tmp_path)
    convert(
        Path("a_int8_source.onnx"),
        Path("again.ms"),
        config=Path("a_int8.cfg").absolute(),
        input_shape={"image": (1, 3, *CALIBRATION_SIZE)},
    )
    image = small_pictures(20, 1)[0]
    assert np.array_equal(curve_map(tmp_path / "again.ms", image), curve_map(tmp_path / "a_int8.ms", image))


def test_float16_weights(tmp_path, architecture):
    path, whole = tmp_path / "fp16.ms", tmp_path / "fp32.ms"
    arrays = weights_of(architecture).arrays
    write_ms(arrays, SPECS[architecture], METADATA, path, fp16=True)
    write_ms(arrays, SPECS[architecture], METADATA, whole)
    assert path.stat().st_size < 0.75 * whole.stat().st_size
    image = small_pictures(20, 1)[0]
    halves = {name: array.astype(np.float16).astype(np.float32) for name, array in arrays.items()}
    assert curve_map(path, image) == pytest.approx(run(image, halves)["curve_map"], abs=1e-4)


@pytest.mark.parametrize("size", [(5, 7), (48, 64), (100, 30)])
def test_calibration_inputs_have_one_size(rng, size):
    image = rng.random((*size, 3), np.float32)
    result = fitted(image, CALIBRATION_SIZE)
    assert result.shape == (*CALIBRATION_SIZE, 3)
    if size == CALIBRATION_SIZE:
        assert np.array_equal(result, image)
    assert result.mean() == pytest.approx(image.mean(), abs=0.1)
