"""The int8 ONNX files: integer kernels in ONNX Runtime, and the fidelity that the simulation predicts."""

from __future__ import annotations

import collections

import numpy as np
import onnx
import onnxruntime
import pytest

from dcelite import Enhancer
from dcelite.errors import ModelError
from dcelite.export.onnx_graph import save_sealed
from dcelite.export.spec import ExportSpec
from dcelite.quantize.int8_network import dequantized
from dcelite.quantize.onnx_int8 import float16_model, quantized_model
from dcelite.quantize.sensitivity import run_quantized

from quantize_cases import METADATA, NETWORKS, SPECS, picture, quantized, small_pictures, weights_of


def curve_maps(path, image, **options):
    session_options = onnxruntime.SessionOptions()
    for name, value in options.items():
        setattr(session_options, name, value)
    session = onnxruntime.InferenceSession(str(path), session_options, providers=["CPUExecutionProvider"])
    planar = np.ascontiguousarray(image.transpose(2, 0, 1)[None])
    return session.run(["curve_map"], {"image": planar})[0][0].transpose(1, 2, 0)


@pytest.fixture(params=NETWORKS)
def architecture(request):
    return request.param


def test_onnx_runtime_runs_it_with_integer_kernels(tmp_path, architecture):
    path, optimised = tmp_path / "int8.onnx", tmp_path / "optimised.onnx"
    save_sealed(quantized_model(quantized(architecture), SPECS[architecture], METADATA, frozenset()), path)
    image = small_pictures(20, 1)[0]
    curve_maps(path, image, optimized_model_filepath=str(optimised), log_severity_level=3)
    operators = collections.Counter(node.op_type for node in onnx.load(optimised).graph.node)
    # All but the last pointwise convolution, whose output is the float argument of tanh.
    assert operators["QLinearConv"] == 13
    assert operators["QLinearConcat"] == 3
    assert operators["Conv"] + operators["FusedConv"] == (1 if architecture == "zerodcepp" else 3)  # and the head's


@pytest.mark.parametrize("wide", [frozenset(), frozenset({"image", "e_conv1.depth_conv", "e_conv6.relu"})])
def test_it_computes_what_the_simulation_says(tmp_path, architecture, wide):
    path = tmp_path / "int8.onnx"
    network = quantized(architecture)
    save_sealed(quantized_model(network, SPECS[architecture], METADATA, wide), path)
    for image in small_pictures(20, 2):
        wanted = run_quantized(image, dequantized(network), wide)["curve_map"]
        difference = curve_maps(path, image) - wanted
        assert np.sqrt(np.mean(difference**2)) < 2e-3  # values that lie on a tie may round otherwise


def test_wide_activations_are_not_quantized():
    wide = frozenset({"e_conv2.depth_conv", "e_conv3.relu"})
    model = quantized_model(quantized(), SPECS["zerodcepp"], METADATA, wide)
    outputs = {name for node in model.graph.node if node.op_type == "QuantizeLinear" for name in node.output}
    assert "e_conv2.depth_conv.quantised" not in outputs
    assert "e_conv3.relu.quantised" not in outputs
    assert "e_conv5.concat.quantised" not in outputs  # one of its inputs is wide
    assert {"e_conv1.depth_conv.quantised", "e_conv4.relu.quantised", "e_conv6.concat.quantised"} <= outputs


@pytest.mark.parametrize("wide", [frozenset(), frozenset({"image", "e_conv3.relu", "e_conv6.depth_conv"})])
def test_the_whole_enhancement_in_the_graph(tmp_path, architecture, wide):
    spec = ExportSpec(architecture, 12, resize_in_graph=True)
    whole, network = tmp_path / "whole.onnx", tmp_path / "network.onnx"
    save_sealed(quantized_model(quantized(architecture), spec, spec.metadata("0" * 64, "0"), wide), whole)
    save_sealed(quantized_model(quantized(architecture), SPECS[architecture], METADATA, wide), network)
    with Enhancer(whole) as graph, Enhancer(network) as native:
        difference = graph(picture(20)).astype(int) - native(picture(20))
    assert np.mean(difference**2) < 0.3


def test_float16_weights_halve_the_file_and_keep_the_map(tmp_path, architecture):
    path = tmp_path / "fp16.onnx"
    arrays = weights_of(architecture).arrays
    save_sealed(float16_model(arrays, SPECS[architecture], METADATA), path)
    assert path.stat().st_size < {"zerodcepp": 32_000, "zerodcepp_scene": 40_000}[architecture]
    image = small_pictures(20, 1)[0]
    layers = {name: array.astype(np.float16).astype(np.float32) for name, array in arrays.items()}
    from dcelite.reference import network

    assert curve_maps(path, image) == pytest.approx(network(image.astype(np.float64), layers), abs=1e-5)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "int8.onnx"
    save_sealed(quantized_model(quantized(), SPECS["zerodcepp"], METADATA, frozenset()), path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        Enhancer(path)
