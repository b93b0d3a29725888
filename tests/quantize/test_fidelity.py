"""The bars that int8 has to pass, with real weights and photographs that did not calibrate."""

from __future__ import annotations

import contextlib

import numpy as np
import PIL.Image
import pytest

from dcelite import Enhancer
from dcelite.errors import EngineUnavailableError
from dcelite.export.onnx_graph import save_sealed
from dcelite.images import read_photograph
from dcelite.mindspore_lite.sdk import find_sdk
from dcelite.model.checkpoint import load_weights
from dcelite.model.dce_file import DceModel, write_dce
from dcelite.quantize.calibration import choose_pictures
from dcelite.quantize.float_network import run_all
from dcelite.quantize.int8_network import dce_model
from dcelite.quantize.lite_int8 import write_ms_full, write_ms_weight_only
from dcelite.quantize.onnx_int8 import quantized_model
from dcelite.quantize.quantize import calibrate
from dcelite.quantize.sensitivity import fidelity

import photographs
from quantize_cases import METADATA, SPECS
from support import REPOSITORY, skip

WEIGHTS = ("shipped", "upstream_zerodcepp_mindspore.ckpt", "upstream_zerodcepp_torch.pth")
BARS = {"dce": (52.0, 48.0), "onnx": (50.0, 46.0), "int8": (47.0, 42.0), "weight8": (54.0, 50.0)}
"""Least mean and worst fidelity in dB: native, ONNX, full int8 and weight-only .ms."""
OTHERS = [(WEIGHTS[1], 11), (WEIGHTS[1], 12), (WEIGHTS[2], 11)]
CASES = [(WEIGHTS[0], 11), *(pytest.param(*case, marks=pytest.mark.slow) for case in OTHERS)]


def found_for(shared, name: str, seed: int):
    """The weights of a name and what calibration with 32 pictures finds for them; photographs to judge by."""
    pictures, photos = shared / "data" / "sice_part1_train", shared / "data" / "photos"
    if not pictures.is_dir() or not photos.is_dir():
        skip(f"the photographs of {shared / 'data'} are absent")
    own = REPOSITORY / "models" / "zerodcepp_scene.ckpt"
    weights = load_weights(own if name == "shipped" else shared / "reference" / name)
    calibration = choose_pictures(pictures, 12, 32, seed)
    paths = sorted(photos.iterdir())
    return weights, calibration, calibrate(weights, calibration, "minmax", 48.0), paths


def test_photographs_of_every_clone(tmp_path):
    """The same bars with pictures that need no data: calibrated on half of the exposures, judged on the others."""
    calibration_folder, photos = tmp_path / "calibration", tmp_path / "photos"
    for number in range(18):
        folder = photos if number % 6 == 5 else calibration_folder
        folder.mkdir(exist_ok=True)
        for name in photographs.NAMES:
            picture = PIL.Image.fromarray(photographs.dark(name, 1 / (3 + 3 * number)))
            picture.save(folder / f"{name}_{number}.png")
    weights = load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt")
    found = calibrate(weights, choose_pictures(calibration_folder, 12, 32, 11), "minmax", 48.0)
    write_dce(DceModel(weights.architecture, 12, weights.arrays), tmp_path / "fp32.dce")
    files = {"dce": tmp_path / "int8.dce", "onnx": tmp_path / "int8.onnx"}
    write_dce(dce_model(found.network, 12), files["dce"])
    save_sealed(quantized_model(found.network, SPECS[weights.architecture], METADATA, found.wide), files["onnx"])
    check_fidelity(tmp_path / "fp32.dce", files, sorted(photos.iterdir()))


def check_fidelity(fp32_path, files, photos) -> None:
    """Hold the files, by their keys in BARS, against the fp32 file."""
    with contextlib.ExitStack() as stack:
        fp32 = stack.enter_context(Enhancer(fp32_path))
        models = {kind: stack.enter_context(Enhancer(path)) for kind, path in files.items()}
        results: dict[str, list[tuple[float, float]]] = {kind: [] for kind in files}
        for path in photos:
            pixels = read_photograph(path).pixels[..., :3]
            wanted = fp32(pixels)
            for kind, model in models.items():
                output = model(pixels)
                results[kind].append((fidelity(wanted, output), float(output.mean()) - float(wanted.mean())))
    for kind, rows in results.items():
        fidelities, shifts = np.array(rows).T
        mean, worst = BARS[kind]
        assert fidelities.mean() >= mean, kind
        assert fidelities.min() >= worst, kind
        assert abs(shifts.mean()) <= 0.3, kind


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_native_and_onnx(shared, tmp_path, name, seed):
    weights, _, found, photos = found_for(shared, name, seed)
    assert found.wide == frozenset()  # these weights need no mixed precision
    write_dce(DceModel(weights.architecture, 12, weights.arrays), tmp_path / "fp32.dce")
    files = {"dce": tmp_path / "int8.dce", "onnx": tmp_path / "int8.onnx"}
    write_dce(dce_model(found.network, 12), files["dce"])
    save_sealed(quantized_model(found.network, SPECS[weights.architecture], METADATA, found.wide), files["onnx"])
    check_fidelity(tmp_path / "fp32.dce", files, photos)


@pytest.mark.slow
def test_mindspore_lite(shared, tmp_path):
    try:
        find_sdk()
    except EngineUnavailableError as error:
        skip(str(error))
    weights, calibration, found, photos = found_for(shared, WEIGHTS[1], 11)
    write_dce(DceModel(weights.architecture, 12, weights.arrays), tmp_path / "fp32.dce")
    files = {"int8": tmp_path / "int8.ms", "weight8": tmp_path / "weight8.ms"}
    images = calibration.images(weights.architecture)
    maps = [values["curve_map"] for values in run_all(images, weights.arrays)]
    write_ms_full(found.lite, SPECS[weights.architecture], METADATA, images, maps, files["int8"])
    write_ms_weight_only(found.weight_only, SPECS[weights.architecture], METADATA, files["weight8"])
    check_fidelity(tmp_path / "fp32.dce", files, photos)
