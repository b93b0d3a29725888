"""MindSpore Lite: fetching and building, conversion, the engine, and what damaged files come to."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import signal
import stat
import struct
import subprocess
import sys
import textwrap
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dcelite.errors import EngineUnavailableError, ModelError, OutputError
from dcelite.mindspore_lite import __main__ as command_line
from dcelite.mindspore_lite import build, convert, engine, open_model, sdk, seal

from support import skip

with contextlib.suppress(ImportError):  # the fixture `lite` says so
    import onnx
    import onnxruntime

FLOAT, UINT8 = 1, 2  # of onnx.TensorProto


# Models ---------------------------------------------------------------------------------------------------------------


class Graph:
    """A small ONNX graph under construction; weights are random, the same for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: object) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        output = output or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(self, x: str, channels: int, outputs: int, kernel: int, group: int = 1) -> str:
        shape = (outputs, channels // group, kernel, kernel)
        weight = self.constant((self.rng.standard_normal(shape) * 0.4).astype(np.float32))
        bias = self.constant((self.rng.standard_normal(outputs) * 0.1).astype(np.float32))
        return self.add(
            "Conv",
            [x, weight, bias],
            kernel_shape=[kernel, kernel],
            strides=[1, 1],
            dilations=[1, 1],
            pads=[kernel // 2] * 4,
            group=group,
        )

    def curve_network(self, x: str, channels: int = 3, output: str = "curve_map") -> str:
        """Separable layers, a concatenation and tanh, as in Zero-DCE++, but smaller."""
        a = self.add("Relu", [self.conv(self.conv(x, 3, 3, 3, group=3), 3, 8, 1)])
        b = self.add("Relu", [self.conv(self.conv(a, 8, 8, 3, group=8), 8, 8, 1)])
        c = self.conv(self.conv(self.add("Concat", [a, b], axis=1), 16, 16, 3, group=16), 16, channels, 1)
        return self.add("Tanh", [c], output)

    def save(self, path: Path, output: str, shapes: tuple[list[Any], list[Any]], dtype: int = FLOAT) -> Path:
        graph = onnx.helper.make_graph(
            self.nodes,
            "network",
            [onnx.helper.make_tensor_value_info("image", dtype, shapes[0])],
            [onnx.helper.make_tensor_value_info(output, dtype, shapes[1])],
            self.constants,
        )
        opset = onnx.helper.make_opsetid("", 17)
        model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path


def curve_onnx(path: Path, channels: int = 3, output: str = "curve_map") -> Path:
    graph = Graph()
    graph.curve_network("image", channels, output)
    return graph.save(path, output, ([1, 3, "height", "width"], [1, channels, "height", "width"]))


def whole_onnx(path: Path, height: int, width: int, uint8: bool) -> Path:
    """Downsample by 4, curve network, upsample, eight iterations."""
    graph = Graph()
    x = "image"
    if uint8:
        x = graph.add("Transpose", [graph.add("Cast", [x], to=FLOAT)], perm=[0, 3, 1, 2])
        x = graph.add("Mul", [x, graph.constant(np.float32(1 / 255))])
    low = graph.constant(np.array([1, 3, -(-height // 4), -(-width // 4)], np.int64))
    high = graph.constant(np.array([1, 3, height, width], np.int64))
    small = graph.add("Resize", [x, "", "", low], mode="linear", coordinate_transformation_mode="half_pixel")
    a = graph.curve_network(small)
    a = graph.add("Resize", [a, "", "", high], mode="linear", coordinate_transformation_mode="align_corners")
    for iteration in range(8):
        change = graph.add("Mul", [a, graph.add("Sub", [graph.add("Mul", [x, x]), x])])
        x = graph.add("Add", [x, change], "" if uint8 or iteration < 7 else "enhanced")
    if uint8:
        x = graph.add("Mul", [x, graph.constant(np.float32(255))])
        x = graph.add("Floor", [graph.add("Add", [x, graph.constant(np.float32(0.5))])])
        x = graph.add("Clip", [x, graph.constant(np.float32(0)), graph.constant(np.float32(255))])
        graph.add("Cast", [graph.add("Transpose", [x], perm=[0, 2, 3, 1])], "enhanced", to=UINT8)
    shape: list[Any] = [1, height, width, 3] if uint8 else [1, 3, height, width]
    return graph.save(path, "enhanced", (shape, shape), UINT8 if uint8 else FLOAT)


def onnx_result(path: Path, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    result: np.ndarray = session.run(None, {"image": image[None]})[0][0]
    return result


def unsealed(model: bytes) -> bytes:
    """What another converter would have written: the same model without dcelite's seal."""
    (root,) = struct.unpack_from("<I", model)
    return struct.pack("<I", root - 64) + model[4:8] + model[72:]


@pytest.fixture(scope="session")
def lite() -> Path:
    """MindSpore Lite, installed and compiled, and what makes and checks its models."""
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            skip(f"the package {package} is absent")
    try:
        return build.find_build(sdk.find_sdk())
    except EngineUnavailableError as error:
        skip(str(error))
        raise


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mindspore_lite")


@pytest.fixture(scope="session")
def curve_ms(lite: Path, folder: Path) -> Path:
    """A curve network with a seal that says scale 6, beside its ``.onnx``."""
    convert(curve_onnx(folder / "curve.onnx"), folder / "curve.ms", scale=6)
    return folder / "curve.ms"


@pytest.fixture
def unsealed_ms(curve_ms: Path, tmp_path: Path) -> Path:
    path = tmp_path / "unsealed.ms"
    path.write_bytes(unsealed(curve_ms.read_bytes()))
    return path


# Conversion and parity ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_curve_network_equals_onnx_runtime_at_any_size(curve_ms: Path, rng: np.random.Generator, threads: int) -> None:
    with open_model(curve_ms, threads) as model:
        assert (model.kind, model.map_channels, model.input_shape) == ("curve_map", 3, (3, None, None))
        assert model.input_dtype == np.float32
        for height, width in [(1, 1), (1, 19), (19, 1), (2, 2), (7, 11), (7, 11), (53, 97), (75, 100), (1, 1)]:
            image = rng.random((3, height, width), np.float32)
            result = model.run(image)
            assert result.shape == image.shape
            np.testing.assert_allclose(result, onnx_result(curve_ms.with_suffix(".onnx"), image), rtol=0, atol=1e-5)


def test_24_channel_maps(lite: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    source = curve_onnx(tmp_path / "m.onnx", channels=24)
    convert(source, tmp_path / "m.ms")
    with open_model(tmp_path / "m.ms", 1) as model:
        assert (model.map_channels, model.scale, model.sealed) == (24, 1, True)
        image = rng.random((3, 5, 9), np.float32)
        np.testing.assert_allclose(model.run(image), onnx_result(source, image), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(20, 31), (3, 31), (20, 3), (3, 3)])
@pytest.mark.parametrize("uint8", [False, True])
def test_whole_graph(
    lite: Path, tmp_path: Path, rng: np.random.Generator, height: int, width: int, uint8: bool
) -> None:
    """Sizes with a side of 3 too: there the channel axis cannot be told from the shape."""
    source = whole_onnx(tmp_path / "m.onnx", height, width, uint8)
    convert(source, tmp_path / "m.ms", scale=4)
    with open_model(tmp_path / "m.ms", 2) as model:
        shape = (height, width, 3) if uint8 else (3, height, width)
        assert (model.kind, model.scale, model.input_shape) == ("enhanced", 4, shape)
        assert model.input_dtype == (np.uint8 if uint8 else np.float32)
        image = rng.integers(0, 256, shape, np.uint8) if uint8 else rng.random(shape, np.float32)
        expected = onnx_result(source, image)
        if uint8:
            assert np.abs(model.run(image).astype(int) - expected).max() <= 1
            assert (model.run(image) == expected).mean() > 0.999
        else:
            np.testing.assert_allclose(model.run(image), expected, rtol=0, atol=1e-5)
        assert model.kind == "enhanced"
        picture = rng.integers(0, 256, (height, width, 3), np.uint8)
        levels = onnx_result(source, picture if uint8 else picture.transpose(2, 0, 1) / np.float32(255))
        levels = levels if uint8 else np.floor(255 * levels.transpose(1, 2, 0) + 0.5)
        assert np.abs(model.enhance(picture).astype(int) - np.clip(levels, 0, 255)).max() <= 1
        with pytest.raises(ValueError, match=r"image: shape .* was made for"):
            model.run(np.zeros((height + 1, width, 3) if uint8 else (3, height + 1, width), model.input_dtype))


def test_models_with_the_other_layout(lite: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    """A curve network with channels last and a uint8 graph with channels first are fed and read like the usual ones."""
    graph = Graph()
    first = graph.add("Transpose", ["image"], perm=[0, 3, 1, 2])
    graph.add("Transpose", [graph.curve_network(first, output="map")], "curve_map", perm=[0, 2, 3, 1])
    shape: list[Any] = [1, "height", "width", 3]
    source = graph.save(tmp_path / "last.onnx", "curve_map", (shape, shape))
    convert(source, tmp_path / "last.ms")
    with open_model(tmp_path / "last.ms", 1) as model:
        image = rng.random((3, 5, 9), np.float32)
        expected = onnx_result(source, image.transpose(1, 2, 0)).transpose(2, 0, 1)
        np.testing.assert_allclose(model.run(image), expected, rtol=0, atol=1e-5)

    graph = Graph()
    scaled = graph.add("Mul", [graph.add("Cast", ["image"], to=FLOAT), graph.constant(np.float32(0.75))])
    graph.add("Cast", [scaled], "enhanced", to=UINT8)
    shape = [1, 3, 4, 6]
    source = graph.save(tmp_path / "first.onnx", "enhanced", (shape, shape), UINT8)
    convert(source, tmp_path / "first.ms")
    with open_model(tmp_path / "first.ms", 1) as model:
        assert model.input_shape == (4, 6, 3)
        pixels = rng.integers(0, 256, (4, 6, 3), np.uint8)
        np.testing.assert_array_equal(model.run(pixels), (pixels * 0.75).astype(np.uint8))


@pytest.mark.parametrize(
    "image", [np.zeros((3, 4, 4), np.float64), np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.float32)]
)
def test_wrong_images_are_refused(curve_ms: Path, image: np.ndarray) -> None:
    with open_model(curve_ms, 1) as model, pytest.raises(ValueError, match=r"^image: "):
        model.run(image)


def test_image_may_be_a_strided_view(curve_ms: Path, rng: np.random.Generator) -> None:
    image = rng.random((9, 8, 3), np.float32).transpose(2, 0, 1)[:, ::-1]
    with open_model(curve_ms, 1) as model:
        np.testing.assert_array_equal(model.run(image), model.run(np.ascontiguousarray(image)))


@pytest.mark.parametrize("method", ["WEIGHT_QUANT", "FULL_QUANT"])
def test_quantized_conversion_keeps_names_and_resizes(
    curve_ms: Path, tmp_path: Path, rng: np.random.Generator, method: str
) -> None:
    calibration = tmp_path / "calibration"
    calibration.mkdir()
    for index in range(4):
        rng.random((1, 12, 16, 3), np.float32).tofile(calibration / f"{index}.bin")
    config = tmp_path / "quant.cfg"
    config.write_text(
        f"[common_quant_param]\nquant_type={method}\nbit_num=8\nmin_quant_weight_size=0\nmin_quant_weight_channel=0\n"
        "[full_quant_param]\nactivation_quant_method=MAX_MIN\nbias_correction=false\n"
        f"[data_preprocess_param]\ncalibrate_path=image:{calibration}\ncalibrate_size=4\ninput_type=BIN\n"
    )
    source = curve_ms.with_suffix(".onnx")
    convert(source, tmp_path / "q.ms", config=config, input_shape={"image": (1, 3, 12, 16)}, scale=12)
    with open_model(tmp_path / "q.ms", 1) as model:
        assert (model.kind, model.scale, model.input_shape) == ("curve_map", 12, (3, None, None))
        image = rng.random((3, 20, 30), np.float32)
        difference = np.abs(model.run(image) - onnx_result(source, image)).max()
        assert 1e-6 < difference < 0.1


def test_convert_replaces_the_output_only_on_success(curve_ms: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.ms"
    target.write_text("precious")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(curve_ms.with_suffix(".onnx").read_bytes()[:500])
    with pytest.raises(
        ModelError, match=r"broken\.onnx: the MindSpore Lite converter refused it: .*model path: broken\.onnx"
    ):
        convert(broken, target, overwrite=True)
    assert target.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.onnx", "out.ms"]
    with pytest.raises(OutputError, match=r"out\.ms: exists already"):
        convert(curve_ms.with_suffix(".onnx"), target, scale=6)
    assert target.read_text() == "precious"
    convert(curve_ms.with_suffix(".onnx"), target, scale=6, overwrite=True)
    assert target.read_bytes() == curve_ms.read_bytes()
    assert stat.S_IMODE(target.stat().st_mode) & 0o600 == 0o600


def test_convert_names_what_is_wrong(curve_ms: Path, tmp_path: Path) -> None:
    source = curve_ms.with_suffix(".onnx")
    with pytest.raises(ModelError, match=r"absent\.onnx: no such file"):
        convert(tmp_path / "absent.onnx", tmp_path / "out.ms")
    with pytest.raises(ModelError, match="is not a file"):
        convert(tmp_path, tmp_path / "out.ms")
    with pytest.raises(ModelError, match=r"absent\.cfg: no such file"):
        convert(source, tmp_path / "out.ms", config=tmp_path / "absent.cfg")
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        convert(source, tmp_path / "absent" / "out.ms")
    unknown = Graph()
    unknown.add("Einsum", ["image"], "curve_map", equation="abcd->abcd")
    shape: list[Any] = [1, 3, 8, 8]
    with pytest.raises(ModelError, match=r"unknown\.onnx: the MindSpore Lite converter"):
        convert(unknown.save(tmp_path / "unknown.onnx", "curve_map", (shape, shape)), tmp_path / "out.ms")
    assert not (tmp_path / "out.ms").exists()


def test_path_with_blanks_and_signs(curve_ms: Path, tmp_path: Path) -> None:
    odd = tmp_path / "träum mal:1;2=x"
    odd.mkdir()
    source = odd / "netz ü.onnx"
    source.write_bytes(curve_ms.with_suffix(".onnx").read_bytes())
    convert(source, odd / "netz ü.ms", scale=6)
    with open_model(odd / "netz ü.ms", 1) as model:
        assert model.run(np.zeros((3, 2, 2), np.float32)).shape == (3, 2, 2)


# Files that are not what they should be -------------------------------------------------------------------------------


def test_seal_round_trip(curve_ms: Path) -> None:
    sealed = curve_ms.read_bytes()
    plain = unsealed(sealed)
    assert seal.check(sealed) == 6
    assert seal.check(plain) is None
    assert seal.seal(plain, 6) == sealed
    with pytest.raises(ValueError, match="sealed already"):
        seal.seal(sealed, 6)
    with pytest.raises(ValueError, match="scale is 65"):
        seal.seal(plain, 65)


def test_every_bit_and_every_truncation_of_a_sealed_file_is_noticed(curve_ms: Path) -> None:
    sealed = bytearray(curve_ms.read_bytes())
    for bit in range(8 * len(sealed)):
        sealed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match=r"is damaged|is truncated or damaged"):
            seal.check(bytes(sealed))
        sealed[bit // 8] ^= 1 << bit % 8
    for length in range(len(sealed)):
        with pytest.raises(ValueError, match=r"is empty|is not a MindSpore Lite|is truncated"):
            seal.check(bytes(sealed[:length]))


def test_the_check_in_the_library_agrees(curve_ms: Path, tmp_path: Path) -> None:
    """model_check.h alone, over the same damages."""
    program = tmp_path / "check.cpp"
    program.write_text(
        textwrap.dedent("""
            #include <cstdio>
            #include <fstream>
            #include <iterator>
            #include <vector>
            #include "model_check.h"
            int main(int, char **texts) {
              std::ifstream file(texts[1], std::ios::binary);
              std::vector<char> read{std::istreambuf_iterator<char>(file), {}};
              std::vector<uint8_t> model(read.begin(), read.end());
              dcelite::Seal seal;
              const auto refused = [&](const uint8_t *data, size_t size) {
                return !dcelite::check_model(data, size, &seal).empty();
              };
              if (refused(model.data(), model.size()) || !seal.present || seal.scale != 6) return 3;
              for (size_t size = 0; size < model.size(); ++size) {
                std::vector<uint8_t> part(model.begin(), model.begin() + size);
                if (!refused(part.data(), part.size())) return 4;
              }
              for (size_t bit = 0; bit < 8 * model.size(); ++bit) {
                model[bit / 8] ^= 1 << bit % 8;
                if (!refused(model.data(), model.size())) return 5;
                model[bit / 8] ^= 1 << bit % 8;
              }
              return 0;
            }
        """)
    )
    flags = [
        "-std=c++17",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsanitize=address,undefined",
        "-I",
        str(build.SOURCES),
    ]
    subprocess.run([*build.find_compiler(), *flags, str(program), "-o", str(tmp_path / "check")], check=True)
    assert subprocess.run([tmp_path / "check", curve_ms]).returncode == 0


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: b"", "is empty, a MindSpore Lite model was wanted"),
        (lambda b: b"\x89PNG\r\n\x1a\n" + bytes(500), r"is not a MindSpore Lite model \(no identifier MSL2\)"),
        (lambda b: b[:2000], "is truncated or damaged: 2000 bytes, its header says"),
        (lambda b: b[:30], "is truncated or damaged"),
        (lambda b: b + b"\0", "is truncated or damaged"),
        (lambda b: b[:-1] + bytes([b[-1] ^ 1]), "is damaged: its CRC-32 does not match"),
        (lambda b: unsealed(b)[:3000], "is refused by MindSpore Lite: damaged.*buffer is invalid"),
        (lambda b: unsealed(b)[:40], "is refused by MindSpore Lite|is truncated"),
        (lambda b: b"\x24\0\0\0MSL2" + bytes(3000), "is refused by MindSpore Lite"),
    ],
)
def test_damaged_files(curve_ms: Path, tmp_path: Path, damage: Callable[[bytes], bytes], message: str) -> None:
    path = tmp_path / "model.ms"
    path.write_bytes(damage(curve_ms.read_bytes()))
    with pytest.raises(ModelError, match=rf"^{path}: {message}") as caught:
        open_model(path, 1)
    assert "\n" not in str(caught.value)


def test_absent_file_and_folder(lite: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        open_model(tmp_path / "absent.ms")
    with pytest.raises(ModelError, match="cannot be read: Is a directory"):
        open_model(tmp_path)


def test_flipped_bits_without_seal_never_end_this_process(unsealed_ms: Path, tmp_path: Path) -> None:
    """Such files open (a weight changed: nobody can know) or are refused in one line; some crash the worker."""
    intact = unsealed_ms.read_bytes()
    refused: list[str] = []
    for offset in range(8, len(intact), len(intact) // 40):
        damaged = bytearray(intact)
        damaged[offset] ^= 1 << offset % 8
        path = tmp_path / "flipped.ms"
        path.write_bytes(damaged)
        try:
            with open_model(path, 1) as model:
                model.run(np.zeros((3, 5, 7), np.float32))
        except ModelError as error:
            refused.append(str(error))
    assert refused
    assert all(message.startswith(f"{path}: ") and "\n" not in message for message in refused)


def test_crash_of_the_worker_is_an_error(unsealed_ms: Path, tmp_path: Path) -> None:
    crashing = tmp_path / "worker"
    crashing.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crashing.chmod(0o755)
    with pytest.raises(ModelError, match=r"crashed on it \(SIGSEGV\); the file may be damaged, it has no checksum"):
        engine._Worker(unsealed_ms, crashing, 1, sealed=False).open()


def test_worker_that_hangs_is_given_up(unsealed_ms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "worker"
    hanging.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(engine, "OPEN_SECONDS", 0.2)
    worker = engine._Worker(unsealed_ms, hanging, 1, sealed=False)
    with pytest.raises(ModelError, match="did not open it within"):
        worker.open()
    worker.close()
    assert worker._process.returncode == -signal.SIGKILL


def test_foreign_models_are_refused_by_name(lite: Path, tmp_path: Path) -> None:
    convert(curve_onnx(tmp_path / "m.onnx", output="probabilities"), tmp_path / "m.ms")
    with pytest.raises(ModelError, match="has the output 'probabilities', 'curve_map' or 'enhanced' was wanted"):
        open_model(tmp_path / "m.ms", 1)
    convert(curve_onnx(tmp_path / "m.onnx", channels=5), tmp_path / "m.ms", overwrite=True)
    with pytest.raises(ModelError, match=r"has a curve map of shape \(1, 5, 4, 4\), 3 or 24 channels were wanted"):
        open_model(tmp_path / "m.ms", 1)


def test_unsealed_file_takes_the_scale_of_its_kind(unsealed_ms: Path) -> None:
    with open_model(unsealed_ms, 1) as model:
        assert (model.scale, model.sealed) == (12, False)
    unsealed_ms.write_bytes(seal.seal(unsealed_ms.read_bytes(), 3))
    with open_model(unsealed_ms, 1) as model:
        assert (model.scale, model.sealed) == (3, True)


def test_threads_out_of_range(curve_ms: Path) -> None:
    with pytest.raises(ValueError, match="threads: 65, 0 to 64 was wanted"):
        open_model(curve_ms, 65)


# The engine for the core ----------------------------------------------------------------------------------------------


def call_engine(model: engine.MindSporeLiteModel, image: np.ndarray) -> tuple[int, np.ndarray, bytes]:
    message = ctypes.create_string_buffer(64)
    output = np.empty((model.map_channels, *image.shape[1:]), np.float32)
    floats = ctypes.POINTER(ctypes.c_float)
    status = model.dce_engine().run(
        None, image.ctypes.data_as(floats), *image.shape[1:], output.ctypes.data_as(floats), message, len(message)
    )
    return status, output, message.value


def test_engine_structure(curve_ms: Path, rng: np.random.Generator) -> None:
    image = rng.random((3, 6, 10), np.float32)
    with open_model(curve_ms, 1) as model:
        assert model.kind == "curve_map"
        assert (model.dce_engine().map_channels, model.dce_engine().scale) == (3, 6)
        status, output, _ = call_engine(model, image)
        assert status == 0
        np.testing.assert_array_equal(output, model.run(image))
    status, _, message = call_engine(model, image)
    assert status == 1
    assert isinstance(model.failure, ModelError)
    assert str(model.failure) == f"{curve_ms}: the model is closed"
    assert message == str(model.failure).encode()[:63]


def test_models_in_several_threads(curve_ms: Path, rng: np.random.Generator) -> None:
    image = rng.random((3, 30, 40), np.float32)
    with open_model(curve_ms, 1) as shared_model:
        expected = shared_model.run(image)
        results: list[np.ndarray] = []

        def work(own: bool) -> None:
            with open_model(curve_ms, 1) as own_model:
                results.extend((own_model if own else shared_model).run(image) for _ in range(20))

        threads = [threading.Thread(target=work, args=(own,)) for own in (True, True, False, False)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(results) == 80
    assert all(np.array_equal(result, expected) for result in results)


C_INTERFACE = """
import ctypes, sys
library, curve, whole = ctypes.CDLL(sys.argv[1]), sys.argv[2].encode(), sys.argv[3].encode()
message = ctypes.create_string_buffer(200)
class Engine(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("context", ctypes.c_void_p), ("channels", ctypes.c_int32),
                ("scale", ctypes.c_int32), ("run", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
                ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)),
                ("destroy", ctypes.CFUNCTYPE(None, ctypes.c_void_p))]
def failing(status, wanted, *arguments):
    assert library.dce_mslite_open(*arguments, message, 200) == status
    assert wanted in message.value, message.value
engine = Engine()
failing(-3, b"absent.ms: cannot be opened: No such file", b"absent.ms", 1, ctypes.byref(engine))
failing(-3, b"cannot be read: Is a directory", b"/", 1, ctypes.byref(engine))
failing(-1, b"threads is 65", curve, 65, ctypes.byref(engine))
failing(-1, b"the engine is null", curve, 1, None)
failing(-4, b"is a whole graph", whole, 1, ctypes.byref(engine))
assert library.dce_mslite_open(b"absent.ms", 1, ctypes.byref(engine), None, 0) == -3

assert library.dce_mslite_open(curve, 2, ctypes.byref(engine), message, 200) == 0, message.value
assert (engine.size, engine.channels, engine.scale) == (ctypes.sizeof(Engine), 3, 6)
image = (ctypes.c_float * (3 * 5 * 7))(*[0.5] * 105)
first = (ctypes.c_float * 105)()
assert engine.run(engine.context, ctypes.addressof(image), 5, 7, ctypes.addressof(first), message, 200) == 0
assert engine.run(engine.context, ctypes.addressof(image), 0, 7, ctypes.addressof(first), message, 200) == -1
assert b"the image is 7x0" in message.value
engine.destroy(engine.context)

data = bytearray(open(curve, "rb").read())
buffer = (ctypes.c_char * len(data)).from_buffer(data)
model = ctypes.c_void_p()
assert library.dce_mslite_model_open_memory(buffer, len(data), 1, ctypes.byref(model), message, 200) == 0
ctypes.memset(buffer, 0, len(data))                     # the library keeps no pointer to it
second = (ctypes.c_float * 105)()
assert library.dce_mslite_model_run(model, image, 5, 7, second, message, 200) == 0, message.value
assert list(first) == list(second) and any(first)
library.dce_mslite_model_close(model)
library.dce_mslite_model_close(None)
assert library.dce_mslite_model_open_memory(buffer, len(data), 1, ctypes.byref(model), message, 200) == -4
assert message.value == b"is not a MindSpore Lite model (no identifier MSL2)" and not model.value
print("all is well")
"""


def test_c_interface(lite: Path, curve_ms: Path, tmp_path: Path) -> None:
    """The library inside a process that is not ours, as an app has it."""
    convert(whole_onnx(tmp_path / "whole.onnx", 20, 20, True), tmp_path / "whole.ms")
    command = [sys.executable, "-c", C_INTERFACE, str(lite / build.ENGINE), str(curve_ms), str(tmp_path / "whole.ms")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.stdout == "all is well\n", result.stderr


@pytest.mark.parametrize(("language", "standard"), [("c", "c11"), ("c++", "c++17")])
def test_header_compiles_alone(tmp_path: Path, language: str, standard: str) -> None:
    (tmp_path / "use.c").write_text('#include "dcelite_mslite.h"\ndce_status status = DCE_OK;\n')
    flags = ["-x", language, f"-std={standard}", "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]
    folders = [f"-I{build.SOURCES}", f"-I{build.header_folder()}"]
    subprocess.run([*build.find_compiler(), *flags, *folders, str(tmp_path / "use.c")], check=True)


@pytest.mark.parametrize("order", ["import mindspore; run()", "run(); import mindspore; run()"])
def test_beside_mindspore_in_one_process(curve_ms: Path, order: str) -> None:
    if importlib.util.find_spec("mindspore") is None:
        skip("the package mindspore is absent")
    script = f"""
import sys, pathlib, numpy
from dcelite.mindspore_lite import open_model
def run():
    with open_model(pathlib.Path(sys.argv[1]), 1) as model:
        print(model.run(numpy.zeros((3, 4, 4), numpy.float32)).shape)
{order}
from mindspore import Tensor
print(Tensor([2.0]).asnumpy())
"""
    result = subprocess.run([sys.executable, "-c", script, str(curve_ms)], capture_output=True, text=True)
    assert result.stdout.splitlines()[-2:] == ["(3, 4, 4)", "[2.]"], result.stderr


def test_worker_is_quiet_and_ends(curve_ms: Path) -> None:
    script = """
import sys, pathlib, numpy
from dcelite.mindspore_lite import open_model
model = open_model(pathlib.Path(sys.argv[1]), 2)
model.run(numpy.zeros((3, 4, 4), numpy.float32))
print(model._worker._process.pid)
"""
    result = subprocess.run([sys.executable, "-c", script, str(curve_ms)], capture_output=True, text=True)
    assert result.stderr == ""
    assert not Path(f"/proc/{int(result.stdout)}").exists()


# The SDK --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "cache"
    monkeypatch.setenv("DCELITE_CACHE", str(cache))
    monkeypatch.delenv("MSLITE_HOME", raising=False)
    return cache


@pytest.fixture
def fake_wheel(empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only thing that pip finds: a wheel with the right names and no contents; its digest is the pinned one."""
    architecture = sdk.host_architecture()
    tag = {"x86_64": "cp37-cp37m-manylinux1_x86_64", "aarch64": "cp37-none-any"}[architecture]
    path = tmp_path / "index" / f"mindspore_lite-{sdk.VERSION}-{tag}.whl"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        info = f"mindspore_lite-{sdk.VERSION}.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: mindspore-lite\nVersion: {sdk.VERSION}\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        for name in ["include/api/model.h", "lib/libtransformer-shared.so", "model.py"]:
            archive.writestr(f"mindspore_lite/{name}", name)
        for name in sdk.LIBRARIES:
            archive.writestr(f"mindspore_lite/lib/{name}", name)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(path.parent), "CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(sdk.WHEELS, architecture, sdk.Wheel(sdk.WHEELS[architecture].platform, digest, 1))
    return path


def test_cache_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    for name in ("DCELITE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert sdk.store() == Path("/home/somebody/.cache/dcelite/mindspore-lite")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/xdg")
    assert sdk.store() == Path("/var/xdg/dcelite/mindspore-lite")
    monkeypatch.setenv("DCELITE_CACHE", "/var/own")
    assert sdk.store() == Path("/var/own/mindspore-lite")


def test_install_unpacks_what_is_needed(fake_wheel: Path, empty_cache: Path) -> None:
    stale = empty_cache / "mindspore-lite" / ".dcelite-killed"
    stale.mkdir(parents=True)
    found = sdk.install_sdk(sdk.host_architecture())
    root = found.library.parent.parent
    names = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert names == {"METADATA", "include/api/model.h", *(f"lib/{name}" for name in sdk.LIBRARIES)}
    assert sorted(path.name for path in root.parent.iterdir()) == [".lock", root.name]


def test_install_keeps_what_is_there_unless_forced(fake_wheel: Path) -> None:
    first = sdk.install_sdk(sdk.host_architecture()).library
    first.write_text("changed")
    assert sdk.install_sdk(sdk.host_architecture()).library.read_text() == "changed"
    assert sdk.install_sdk(sdk.host_architecture(), force=True).library.read_text() == first.name
    first.unlink()
    with pytest.raises(EngineUnavailableError, match=r"not installed; run: python -m dcelite\.mindspore_lite install"):
        sdk.find_sdk()
    assert sdk.install_sdk(sdk.host_architecture()).library.is_file()


@pytest.mark.parametrize("force", [False, True])
def test_install_removes_nothing_of_others(fake_wheel: Path, force: bool) -> None:
    library = sdk.install_sdk(sdk.host_architecture()).library
    library.unlink()
    mine = [library.parent / "mine.so", sdk.store() / "mine" / "notes", sdk.store() / ".new-mine" / "notes"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("precious")
    sdk.install_sdk(sdk.host_architecture(), force=force)
    assert library.read_text() == library.name
    assert [path.read_text() for path in mine] == ["precious"] * 3


def test_installs_at_the_same_time(fake_wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results: list[str] = []
    downloads: list[Path] = []
    download = sdk._download

    def counted(architecture: str, folder: Path) -> Path:
        downloads.append(folder)
        return download(architecture, folder)

    def install() -> None:
        results.append(sdk.install_sdk(sdk.host_architecture()).library.read_text())

    monkeypatch.setattr(sdk, "_download", counted)
    threads = [threading.Thread(target=install) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [sdk.MAIN_LIBRARY] * 3
    assert len(downloads) == 1


def test_checksum_mismatch(fake_wheel: Path, empty_cache: Path) -> None:
    wanted = sdk.WHEELS[sdk.host_architecture()].sha256
    with zipfile.ZipFile(fake_wheel, "a") as archive:
        archive.writestr("mindspore_lite/extra.py", "evil")
    seen = hashlib.sha256(fake_wheel.read_bytes()).hexdigest()
    with pytest.raises(EngineUnavailableError, match=f"sha256 is {seen}, {wanted} was wanted"):
        sdk.install_sdk(sdk.host_architecture())
    assert [path.name for path in (empty_cache / "mindspore-lite").iterdir()] == [".lock"]


def test_no_network(empty_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"INDEX_URL": "http://127.0.0.1:9/simple", "RETRIES": "1", "CONFIG_FILE": os.devnull, "FIND_LINKS": ""}
    for name, value in settings.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    assert command_line.main(["install"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"dcelite: error: pip could not download mindspore-lite=={sdk.VERSION}")
    assert "onnection" in error
    assert error.count("\n") == 1


def test_no_compiler(
    fake_wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert command_line.main(["install"]) == 2
    assert "no C++ compiler for" in capsys.readouterr().err
    other = next(name for name in sdk.WHEELS if name != sdk.host_architecture())
    assert command_line.main(["install", "--arch", other]) == 2
    assert f"{other}-linux-gnu-g++ not found" in capsys.readouterr().err
    monkeypatch.setenv("CXX", "my-c++ -O3")
    assert command_line.main(["install"]) == 2
    assert "my-c++ -O3 not found" in capsys.readouterr().err


def test_compile_error(fake_wheel: Path, empty_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fake wheel's header is not C++."""
    assert command_line.main(["install"]) == 2
    error = capsys.readouterr().err
    assert "could not compile libdcelite_mslite.so for MindSpore Lite" in error
    assert "error:" in error
    assert error.count("\n") == 1
    assert not list((empty_cache / "mindspore-lite").glob("build-*"))


def test_unwritable_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DCELITE_CACHE", str(tmp_path / "file"))
    monkeypatch.delenv("MSLITE_HOME", raising=False)
    assert command_line.main(["install"]) == 2
    assert "cannot write to this folder: Not a directory" in capsys.readouterr().err


def test_absent_engine_says_what_to_run(curve_ms: Path, empty_cache: Path) -> None:
    wanted = r"MindSpore Lite is not installed; run: python -m dcelite\.mindspore_lite install"
    with pytest.raises(EngineUnavailableError, match=wanted):
        open_model(curve_ms)
    with pytest.raises(EngineUnavailableError, match=wanted):
        convert(curve_ms.with_suffix(".onnx"), empty_cache.parent / "out.ms")


def test_damage_is_found_even_without_the_engine(curve_ms: Path, tmp_path: Path, empty_cache: Path) -> None:
    path = tmp_path / "damaged.ms"
    path.write_bytes(curve_ms.read_bytes()[:-5])
    with pytest.raises(ModelError, match="is truncated or damaged"):
        open_model(path)


def test_other_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(EngineUnavailableError, match=r"exists for Linux on x86_64 and aarch64.*riscv64"):
        sdk.find_sdk()


# An official package --------------------------------------------------------------------------------------------------


@pytest.fixture
def official(lite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The layout of an official package, made of links to the SDK in the cache."""
    root = sdk.cached_sdk(sdk.host_architecture()).library.parent.parent
    home = tmp_path / "mindspore-lite-2.0.0-linux"
    (home / "runtime/lib").mkdir(parents=True)
    (home / "runtime/include").symlink_to(root / "include")
    (home / "runtime/lib/libmindspore-lite.so").symlink_to(root / "lib" / sdk.MAIN_LIBRARY)
    glog = home / "runtime/third_party/glog"
    glog.mkdir(parents=True)
    for name in sdk.LIBRARIES:
        ((glog if "glog" in name else home / "runtime/lib") / name).symlink_to(root / "lib" / name)
    monkeypatch.setenv("DCELITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MSLITE_HOME", str(home))
    return home


def test_official_package(
    official: Path,
    lite: Path,
    curve_ms: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(EngineUnavailableError, match="MSLITE_HOME has no tools/converter/converter/converter_lite"):
        convert(curve_ms.with_suffix(".onnx"), tmp_path / "out.ms")
    # An official libmindspore-lite.so holds what the wheel has in libmindspore_core.so.
    monkeypatch.setenv("CXX", f"c++ -Wl,--no-as-needed {official}/runtime/lib/libmindspore_core.so")
    assert command_line.main(["install"]) == 0
    assert command_line.main(["status"]) == 0
    assert str(official / "runtime/lib/libmindspore-lite.so") in capsys.readouterr().out
    image = np.full((3, 5, 6), 0.3, np.float32)
    with open_model(curve_ms, 1) as model:
        np.testing.assert_allclose(model.run(image), onnx_result(curve_ms.with_suffix(".onnx"), image), atol=1e-5)

    tool = official / "tools/converter/converter/converter_lite"
    tool.parent.mkdir(parents=True)
    tool.write_text(f'#!/bin/sh\necho "$LD_LIBRARY_PATH" > {tmp_path}/used\nexec {lite / build.CONVERTER} "$@"\n')
    tool.chmod(0o755)
    convert(curve_ms.with_suffix(".onnx"), tmp_path / "out.ms", scale=6)
    assert (tmp_path / "out.ms").read_bytes() == curve_ms.read_bytes()
    assert (tmp_path / "used").read_text().startswith(str(official / "tools/converter/lib"))


def test_incomplete_official_package(official: Path, curve_ms: Path) -> None:
    library = official / "runtime/lib/libmindspore-lite.so"
    library.unlink()
    with pytest.raises(EngineUnavailableError, match=r"MSLITE_HOME=.*: runtime/lib/libmindspore-lite\.so is not there"):
        open_model(curve_ms)
    library.write_bytes(b"\x7fELF" + bytes(14) + (40).to_bytes(2, "little") + bytes(100))
    with pytest.raises(EngineUnavailableError, match="is for another architecture, one for"):
        open_model(curve_ms)
    library.write_text("text")
    with pytest.raises(EngineUnavailableError, match="is not an ELF library"):
        open_model(curve_ms)
