"""The integer network: near the float one, the same bits in NumPy and in the native engine on every processor."""

from __future__ import annotations

import platform
import struct

import numpy as np
import pytest

from dcelite import Enhancer
from dcelite.errors import ModelError
from dcelite.model.dce_file import INT8, DceModel, dce_bytes, write_dce
from dcelite.quantize.float_network import LAYERS, matrix, scene_offsets
from dcelite.quantize.float_network import run as run_float
from dcelite.quantize.int8_network import (
    LARGEST_BIAS,
    PARTS,
    dce_model,
    dequantized,
    requantize,
    run,
    scene_steps,
    tanh,
)

from quantize_cases import NETWORKS, equalized, picture, quantized, small_pictures, weights_of


@pytest.fixture(scope="module", params=NETWORKS)
def architecture(request):
    return request.param


@pytest.fixture(scope="module")
def model(tmp_path_factory, architecture):
    path = tmp_path_factory.mktemp("int8") / "model_int8.dce"
    write_dce(dce_model(quantized(architecture), 12), path)
    return path


def test_the_integer_network_is_near_the_float_one(architecture):
    for image in small_pictures(20, 3):
        seen = run(np.rint(image * np.float32(255)).astype(np.uint8), dce_model(quantized(architecture), 12))
        wanted = run_float(image, equalized(architecture)[0])["curve_map"]
        assert np.sqrt(np.mean((seen - wanted) ** 2)) < 0.01


def integer_layers(architecture):
    """(weight, bias, multiplier) of the depthwise and the pointwise convolution of each layer, weights as matrices."""
    arrays = dce_model(quantized(architecture), 12).arrays
    for layer in LAYERS:
        parts = ([arrays[f"{name}.{part}"] for part in PARTS] for name in (layer.depth, layer.point))
        yield [(matrix(weight), bias, multiplier) for weight, bias, multiplier in parts]


def test_integer_sums_are_the_real_ones_in_other_units(rng, architecture):
    real = dequantized(quantized(architecture))
    for integer, layer in zip(integer_layers(architecture), LAYERS, strict=True):
        real_depth, real_point = (matrix(real[f"{name}.weight"]) for name in (layer.depth, layer.point))
        (depth, depth_bias, depth_multiplier), (point, point_bias, point_multiplier) = integer
        taps = rng.integers(0, 256, (50, len(real_depth), 9))
        wanted = np.sum(taps / 255 * real_depth, axis=2) + real[f"{layer.depth}.bias"]
        seen = (np.sum(taps * depth.astype(int), axis=2) + depth_bias) * depth_multiplier
        assert (seen - 128) / 127 == pytest.approx(wanted, abs=1e-3)
        filtered = rng.integers(0, 256, (50, len(real_depth)))
        wanted = (filtered - 128) / 127 @ real_point.T + real[f"{layer.point}.bias"]
        seen = (filtered @ point.T.astype(int) + point_bias) * point_multiplier
        assert seen / (1 if layer is LAYERS[-1] else 255) == pytest.approx(
            wanted, abs=1e-3
        )  # half a unit of the sum, from the bias


def test_the_scene_head_is_in_the_units_of_the_sums():
    levels = np.rint(small_pictures(20, 1)[0] * np.float32(255)).astype(np.uint8)
    integer = dce_model(quantized("zerodcepp_scene"), 12)
    steps = scene_steps(levels, integer)
    wanted = scene_offsets(levels / np.float32(255), equalized("zerodcepp_scene")[0])
    assert steps.keys() == wanted.keys() == {"e_conv1.point_conv", "e_conv6.point_conv"}
    for name, offset in wanted.items():
        assert np.abs(offset).max() > 0.1
        assert steps[name] * integer.arrays[f"{name}.multiplier"] / 255 == pytest.approx(offset, abs=1e-3)


def test_what_the_scene_head_adds_is_limited():
    integer = dce_model(quantized("zerodcepp_scene"), 12)
    signs = np.where(np.arange(64) % 2, np.float32(1e20), np.float32(-1e20))
    huge = DceModel(integer.architecture, 12, {**integer.arrays, "scene_head.output.bias": signs}, INT8)
    steps = scene_steps(np.zeros((2, 2, 3), np.uint8), huge)
    assert steps["e_conv1.point_conv"][:2].tolist() == [-(2**29), 2**29]


def test_tanh_is_accurate_in_float32():
    x = np.concatenate([np.linspace(-20, 20, 20_001), [0.0, 1e-8, -1e30, 1e30]]).astype(np.float32)
    assert tanh(x) == pytest.approx(np.tanh(x.astype(np.float64)), abs=3e-7)


def test_requantization_rounds_ties_to_even_and_clips():
    sums = np.array([-(2**30), -1, 1, 3, 5, 509, 511, 2**30], np.int32)
    assert requantize(sums, np.float32(0.5)).tolist() == [0, 0, 0, 2, 2, 254, 255, 255]


def test_what_the_kernels_rely_on(architecture):
    for layer in integer_layers(architecture):
        for weight, bias, multiplier in layer:
            assert np.all(np.abs(bias.astype(np.int64)) <= LARGEST_BIAS)
            assert np.all((multiplier > 0) & (multiplier <= 1))
            assert weight.dtype == np.int8
            assert weight.min() >= -127


def test_the_file_has_the_header_of_the_format_and_fits_21_kb(architecture):
    data = dce_bytes(dce_model(quantized(architecture), 12))
    length, code = {"zerodcepp": (14027, 1), "zerodcepp_scene": (14027 + 4 * (16 * 36 + 64 * 17), 3)}[architecture]
    assert len(data) == length < 21_000
    floats = dce_bytes(DceModel(architecture, 12, weights_of(architecture).arrays))
    assert data[:8] == floats[:8]
    # size, architecture, precision, scale, iterations, filters, channels
    assert struct.unpack("<7I", data[16:44]) == (length, code, 1, 12, 8, 32, 3)
    first = quantized(architecture).convolutions["e_conv1.depth_conv"]
    assert data[64 : 64 + 27] == first.steps.astype(np.int8).tobytes()


X86 = ("avx2", "avxvnni", "avx512", "avx512vnni")
INSTRUCTION_SETS = X86 if platform.machine() in ("x86_64", "AMD64") else ("neon", "neondot")


def use_instruction_set(monkeypatch, isa):
    monkeypatch.setenv("DCELITE_ISA", isa)
    try:
        Enhancer().close()
    except ValueError as error:
        if f"DCELITE_ISA: '{isa}'" not in str(error):
            raise
        pytest.skip(f"{isa}: this processor does not have it, and no emulator here runs Python")


@pytest.mark.parametrize("isa", [None, "scalar", *INSTRUCTION_SETS])
def test_the_native_engine_gives_the_same_bits(monkeypatch, model, architecture, rng, isa):
    if isa is not None:
        use_instruction_set(monkeypatch, isa)
    integer = dce_model(quantized(architecture), 12)
    for height, width in ((1, 1), (2, 1), (1, 2), (7, 9), (20, 31), (33, 64), (5, 101)):
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        wanted = run(image, integer)
        for threads in (1, 3):
            with Enhancer(model, scale=1, threads=threads) as enhancer:
                assert np.array_equal(enhancer.curve_map(image), wanted)


def all_formats(model, rng):
    """Enhanced frames of every kind of format, one after the other."""
    height, width = 179, 241
    dark = (255 * rng.random((height, width, 3)) ** 3).astype(np.uint8)
    with Enhancer(model, scale=6) as enhancer:
        yield enhancer(dark)
        yield enhancer(np.dstack([dark, dark[..., :1]]), order="bgr")
        yield enhancer(dark.astype(np.uint16) * 257 + rng.integers(0, 200, dark.shape, np.uint16))
        chroma = rng.integers(90, 160, (2, (height + 1) // 2, (width + 1) // 2), np.uint8)
        for full_range in (False, True):
            yield from enhancer.yuv420([dark[..., 0].copy(), *chroma], matrix="bt709", full_range=full_range)


@pytest.mark.parametrize("isa", INSTRUCTION_SETS)
def test_pictures_of_every_format_are_the_same_on_every_processor(monkeypatch, model, isa):
    use_instruction_set(monkeypatch, isa)
    seen = list(all_formats(model, np.random.default_rng(7)))
    monkeypatch.setenv("DCELITE_ISA", "scalar")
    wanted = list(all_formats(model, np.random.default_rng(7)))
    assert len(wanted) == 9
    for one, other in zip(seen, wanted, strict=True):
        assert np.array_equal(one, other)


def test_the_native_engine_enhances_whole_pictures_and_tells_what_it_is(model, architecture, tmp_path):
    floats = tmp_path / "float.dce"
    floats.write_bytes(dce_bytes(DceModel(architecture, 12, weights_of(architecture).arrays)))
    with Enhancer(model) as narrow, Enhancer(floats) as wide:
        assert narrow.info.parameters == wide.info.parameters
        difference = narrow(picture(20)).astype(int) - wide(picture(20))
    assert 10 * np.log10(255**2 / np.mean(difference**2)) > 45


@pytest.mark.parametrize("offset", [70, 3000, 14000])
def test_a_damaged_file_is_refused(model, tmp_path, offset):
    data = bytearray(model.read_bytes())
    data[offset] ^= 4
    path = tmp_path / "damaged.dce"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        Enhancer(path)
