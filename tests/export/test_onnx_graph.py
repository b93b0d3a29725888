"""The ONNX graphs: names, rules, metadata, and their numbers in ONNX Runtime against the NumPy reference."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from dcelite import reference
from dcelite.export.onnx_graph import OPSET, build_model, write_onnx
from dcelite.export.spec import ExportSpec

from generated import ARCHITECTURES, SIZES, picture, weights_of
from support import assert_equals_reference


def session(arrays, spec: ExportSpec) -> onnxruntime.InferenceSession:
    model = build_model(arrays, spec, spec.metadata("0" * 64, "0"))
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def planar(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray((image / 255.0).astype(np.float32).transpose(2, 0, 1)[None])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("resize", [False, True])
def test_graph_names_are_those_of_the_layers(architecture, resize):
    spec = ExportSpec(architecture, 12, resize_in_graph=resize)
    graph = build_model(weights_of(architecture).arrays, spec, {}).graph
    assert [value.name for value in graph.input] == ["image"]
    assert [value.name for value in graph.output] == ["enhanced" if resize else "curve_map"]
    parameters = set(ARCHITECTURES[architecture].parameter_shapes)
    assert parameters <= {tensor.name for tensor in graph.initializer}
    nodes = [node.name for node in graph.node]
    assert len(set(nodes)) == len(nodes)
    assert {name.rpartition(".")[0] for name in parameters} <= set(nodes)
    assert ("downsample" in nodes) == ("upsample" in nodes) == resize


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_are_kept_bit_for_bit(architecture):
    arrays = weights_of(architecture).arrays
    graph = build_model(arrays, ExportSpec(architecture, 12), {}).graph
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for name, array in arrays.items():
        np.testing.assert_array_equal(stored[name].reshape(array.shape), array)  # fully connected layers are 1x1 ones


def test_file_passes_the_checker_and_tells_what_it_is(tmp_path):
    spec = ExportSpec("zerodcepp", 6, resize_in_graph=True, uint8=True)
    path = tmp_path / "model.onnx"
    write_onnx(weights_of("zerodcepp").arrays, spec, spec.metadata("ab" * 32, "1.2.3"), path)
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    digest = metadata.pop("dcelite.sha256")
    assert len(digest) == 64
    assert set(digest) != {"0"}
    assert metadata == {
        "dcelite.version": "1.2.3",
        "dcelite.kind": "enhancement",
        "dcelite.architecture": "zerodcepp",
        "dcelite.scale": "6",
        "dcelite.iterations": "8",
        "dcelite.map_channels": "3",
        "dcelite.input": "image: uint8 NHWC, RGB 0..255",
        "dcelite.output": "enhanced: uint8 NHWC, RGB 0..255",
        "dcelite.checkpoint_sha256": "ab" * 32,
    }


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_curve_network_equals_the_reference_at_any_size(architecture):
    arrays = weights_of(architecture).arrays
    run = session(arrays, ExportSpec(architecture, 12))
    for height, width in SIZES:
        image = picture(height, width)
        (curve_map,) = run.run(["curve_map"], {"image": planar(image)})
        expected = reference.network(image / 255.0, arrays)
        np.testing.assert_allclose(curve_map[0].transpose(1, 2, 0), expected, atol=2e-6)


def test_curve_network_takes_batches():
    run = session(weights_of("zerodcepp").arrays, ExportSpec("zerodcepp", 12))
    images = [planar(picture(9, 8)) for _ in range(3)]
    (together,) = run.run(None, {"image": np.concatenate(images)})
    for image, curve_map in zip(images, together, strict=True):
        np.testing.assert_allclose(run.run(None, {"image": image})[0][0], curve_map, atol=1e-6)


@pytest.mark.parametrize(
    ("architecture", "scale"), [("zerodcepp", 12), ("zerodcepp", 5), ("zerodcepp", 1), ("zerodce", 1), ("zerodce", 4)]
)
@pytest.mark.parametrize("uint8", [False, True])
def test_enhancement_equals_the_reference_at_any_size(architecture, scale, uint8):
    arrays = weights_of(architecture).arrays
    run = session(arrays, ExportSpec(architecture, scale, resize_in_graph=True, uint8=uint8))
    for height, width in SIZES:
        image = picture(height, width)
        (enhanced,) = run.run(["enhanced"], {"image": image[None] if uint8 else planar(image)})
        if not uint8:
            enhanced = reference.to_8_bit(enhanced.transpose(0, 2, 3, 1))
        assert_equals_reference(enhanced[0], reference.enhance(image, arrays, scale))


@pytest.mark.parametrize(("height", "width"), [(900, 1200), (901, 1201)])
def test_enhancement_of_a_large_image(height, width):
    arrays = weights_of("zerodcepp").arrays
    image = picture(height, width)
    run = session(arrays, ExportSpec("zerodcepp", 12, resize_in_graph=True, uint8=True))
    (enhanced,) = run.run(None, {"image": image[None]})
    assert_equals_reference(enhanced[0], reference.enhance(image, arrays, 12))


def test_enhancement_of_a_4k_row_keeps_its_coordinates():
    """Float32 source coordinates lose most where the image is longest."""
    arrays = weights_of("zerodcepp").arrays
    image = picture(3, 3847)
    run = session(arrays, ExportSpec("zerodcepp", 12, resize_in_graph=True, uint8=True))
    (enhanced,) = run.run(None, {"image": image[None]})
    assert_equals_reference(enhanced[0], reference.enhance(image, arrays, 12))


def test_fixed_size_graph_has_no_free_axis():
    arrays = weights_of("zerodcepp").arrays
    spec = ExportSpec("zerodcepp", 12, resize_in_graph=True, size=(25, 37))
    run = session(arrays, spec)
    assert run.get_inputs()[0].shape == [1, 3, 25, 37]
    assert run.get_outputs()[0].shape == [1, 3, 25, 37]
    image = picture(25, 37)
    (enhanced,) = run.run(None, {"image": planar(image)})
    assert_equals_reference(reference.to_8_bit(enhanced[0].transpose(1, 2, 0)), reference.enhance(image, arrays, 12))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_default_scale_one_needs_no_resize(architecture):
    scale = ARCHITECTURES[architecture].scale
    graph = build_model(
        weights_of(architecture).arrays, ExportSpec(architecture, scale, resize_in_graph=True), {}
    ).graph
    assert any(node.op_type == "Resize" for node in graph.node) == (scale > 1)
