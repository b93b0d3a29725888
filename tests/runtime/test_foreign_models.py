"""Model files as people have them: ONNX graphs that ``dcelite export`` did not write, known by what they do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import PIL.Image
import pytest
from onnx import TensorProto, helper, numpy_helper

from dcelite import Enhancer, ModelError, cli, reference
from dcelite.export.onnx_graph import build_model
from dcelite.export.spec import ExportSpec
from dcelite.model import seal

from generated import weights_of
from support import assert_equals_reference


def foreign(
    path: Path, architecture: str, *, extra: tuple[str, ...] = (), shuffle: bool = False, **options: Any
) -> Path:
    """The graph of an architecture as another program exports it: other names, no metadata, maybe several outputs."""
    model = build_model(weights_of(architecture).arrays, ExportSpec(architecture, **options), {})
    del model.metadata_props[:]
    model.producer_name, model.producer_version = "pytorch", "2.4"
    ends = {model.graph.input[0].name: "input", model.graph.output[0].name: "output"}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [ends.get(name, name) for name in names]
    model.graph.input[0].name, model.graph.output[0].name = "input", "output"
    for name in extra:
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4))
    if shuffle:
        outputs = list(model.graph.output)[::-1]
        del model.graph.output[:]
        model.graph.output.extend(outputs)
    path.write_bytes(model.SerializeToString())
    return path


def dark(rng: np.random.Generator, height: int = 60, width: int = 84) -> np.ndarray:
    return (255 * rng.random((height, width, 3)) ** 3).astype(np.uint8)


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("zerodcepp", {"scale": 12}),
        ("zerodce", {"scale": 1}),
        ("zerodcepp", {"scale": 12, "size": (5, 7)}),
        ("zerodcepp_scene", {"scale": 12}),
    ],
)
def test_a_curve_network(tmp_path: Path, rng: np.random.Generator, architecture: str, options: dict[str, Any]) -> None:
    path = foreign(tmp_path / "net.onnx", architecture, **options)
    enhance, image = Enhancer(path), dark(rng)
    assert enhance.has_curve_map
    assert enhance.info.scale == options["scale"]
    wanted = reference.enhance(image, weights_of(architecture).arrays, options["scale"])
    assert_equals_reference(enhance(image), wanted)
    assert_equals_reference(Enhancer(path.read_bytes())(image), wanted)


@pytest.mark.parametrize(
    ("architecture", "options", "extra"),
    [
        ("zerodcepp", {"scale": 12}, ()),
        ("zerodcepp", {"scale": 12}, ("upsample",)),  # the published code: enhanced image and curve map
        ("zerodce", {"scale": 1}, ("curve4", "curve_map")),  # the same after four and eight iterations
        ("zerodce", {"scale": 1, "size": (60, 84)}, ("curve_map",)),
        ("zerodcepp", {"scale": 12, "uint8": True}, ()),
    ],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_whole_graph(
    tmp_path: Path,
    rng: np.random.Generator,
    architecture: str,
    options: dict[str, Any],
    extra: tuple[str, ...],
    shuffle: bool,
) -> None:
    path = foreign(tmp_path / "all.onnx", architecture, extra=extra, shuffle=shuffle, resize_in_graph=True, **options)
    enhance, image = Enhancer(path), dark(rng)
    assert not enhance.has_curve_map
    wanted = reference.enhance(image, weights_of(architecture).arrays, options["scale"])
    assert np.abs(enhance(image).astype(int) - wanted).max() <= 1
    if "size" in options:
        with pytest.raises(ValueError, match=r"all\.onnx: .* image of \(61, 84, 3\), it takes \(60, 84\) only"):
            enhance(dark(rng, 61))


def graph_of(path: Path, operator: str, kind: int, shape: list[int | str], constant: float = 0.0) -> Path:
    """One node from an input to an output."""
    ends = [helper.make_tensor_value_info(name, kind, shape) for name in ("x", "y")]
    constants = [numpy_helper.from_array(np.array(constant, np.float32), "c")] if constant else []
    node = helper.make_node(operator, ["x", "c"] if constants else ["x"], ["y"])
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_what_is_neither_says_what_was_wanted(tmp_path: Path) -> None:
    square: list[int | str] = [1, 3, "h", "w"]
    for arguments, seen in [
        (("Relu", TensorProto.FLOAT, [1, 10]), "its input is x tensor(float) [1, 10]"),
        (("Relu", TensorProto.FLOAT, [1, 4, 8, 8]), "its input is x tensor(float) [1, 4, 8, 8]"),
        (("Relu", TensorProto.DOUBLE, square), "its input is x tensor(double)"),
        (("Mul", TensorProto.FLOAT, square, 255.0), "neither of both: y float32 (1, 3, 48, 72)"),
        (("Cos", TensorProto.FLOAT, square), "neither of both: y float32 (1, 3, 48, 72)"),  # 0.54 … 1, dark is bright
        (("GlobalAveragePool", TensorProto.FLOAT, square), "neither of both: y float32 (1, 3, 1, 1)"),
    ]:
        path = graph_of(tmp_path / "other.onnx", *arguments)
        with pytest.raises(ModelError) as caught:
            Enhancer(path)
        assert seen in str(caught.value)
        assert "float32 (1, 3, H, W) in 0 … 1" in str(caught.value)
        assert str(caught.value).startswith(f"{path}: ")
    assert not Enhancer(graph_of(tmp_path / "identity.onnx", "Relu", TensorProto.FLOAT, square)).has_curve_map


def test_weights_in_a_file_beside_the_graph(tmp_path: Path, rng: np.random.Generator) -> None:
    """As PyTorch's newer exporter writes them."""
    model = onnx.load(foreign(tmp_path / "small.onnx", "zerodcepp", scale=12))
    path = tmp_path / "beside.onnx"
    onnx.save(model, path, save_as_external_data=True, location="beside.onnx.data", size_threshold=0)
    image = dark(rng)
    wanted = reference.enhance(image, weights_of("zerodcepp").arrays, 12)
    assert_equals_reference(Enhancer(path)(image), wanted)


def test_a_seal_that_is_gone_is_damage(tmp_path: Path) -> None:
    """A flipped bit in the seal of an exported file does not make it a foreign one."""
    spec = ExportSpec("zerodcepp", 12)
    model = build_model(weights_of("zerodcepp").arrays, spec, spec.metadata("0" * 64, "0"))
    data = bytearray(seal.seal(model.SerializeToString()))
    assert seal.is_sealed(bytes(data), tmp_path)
    data[data.index(b"dcelite.sha256") + 9] ^= 1
    with pytest.raises(ModelError, match="has no valid checksum"):
        Enhancer(bytes(data))


def test_the_commands_say_it_once(tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]) -> None:
    network = foreign(tmp_path / "net.onnx", "zerodcepp", scale=12)
    whole = foreign(tmp_path / "all.onnx", "zerodcepp", scale=12, resize_in_graph=True)
    assert cli.main(["info", str(network)]) == 0
    shown = capsys.readouterr()
    assert "none, damage would not be noticed" in shown.out
    assert shown.err == ""
    photo = tmp_path / "night.png"
    PIL.Image.fromarray(dark(rng)).save(photo)
    for model, arguments, note in [
        (network, [], "has no checksum, damage would not be noticed"),
        (whole, [], "noticed; has the curve in its graph, which leaves out: denoise"),
        (whole, ["--denoise", "0"], "has no checksum, damage would not be noticed"),
    ]:
        assert cli.main(["enhance", str(photo), "--model", str(model), "--overwrite", *arguments]) == 0
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dcelite")]
        assert len(lines) == 1
        assert lines[0].startswith(f"dcelite: note: {model}: ")
        assert lines[0].endswith(note)
    assert cli.main(["enhance", str(photo), "--model", str(whole), "--overwrite", "--denoise", "0.5"]) == 2
    assert "has the curve in its graph" in capsys.readouterr().err
