"""The int8 ONNX model: the float graph of the export with QuantizeLinear and DequantizeLinear around its convolutions.

ONNX Runtime fuses such a pattern (QDQ, operator by operator) into integer kernels. Weights are stored as int8 with a
scale for each output channel, biases as int32, activations are uint8 with one scale for each tensor; after equalisation
(``equalize.py``) these scales are the same for all tensors of a kind, so that concatenation and ReLU cost nothing.

A scene head stays in floats. What it adds to a layer becomes part of the int32 bias, which is then computed in the
graph: the convolution is an integer kernel still. With an Add of floats behind it, ONNX Runtime would compute it in
floats, which is slower and hardly nearer to the original. A bias is that of one picture, though, so these models take
a batch of 1, as the enhancement does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dcelite.export.onnx_graph import build_model
from dcelite.export.spec import ExportSpec
from dcelite.model.architecture import FILTERS, STEERED
from dcelite.quantize.float_network import ACTIVATIONS, Arrays
from dcelite.quantize.int8_network import (
    FILTERED_SCALE,
    FILTERED_ZERO,
    LARGEST_BIAS,
    OUTPUT_SCALE,
    Network,
    Rounded,
    dequantized,
)

STEERED_CONVOLUTIONS = {f"e_conv{number}.point_conv": f"e_conv{number}" for number in STEERED}
"""Name of the convolution -> that of its layer."""


class _Rewriter:
    """Goes over the nodes of a graph and inserts others."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.renamed: dict[str, str] = {}
        self.absorbed: dict[str, str] = {}
        """Outputs of the Adds that became part of a bias -> of their convolutions."""
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        # "unit" stands for the image and the layer outputs, "filtered" for the depthwise outputs.
        for kind, scale, zero in (("unit", OUTPUT_SCALE, 0), ("filtered", FILTERED_SCALE, FILTERED_ZERO)):
            self.add(f"{kind}.scale", np.array(scale, np.float32))
            self.add(f"{kind}.zero", np.array(zero, np.uint8))

    def add(self, name: str, value: NDArray[np.generic]) -> str:
        self.initializers[name] = numpy_helper.from_array(value, name)
        return name

    def quantize(self, tensor: str) -> None:
        """Read ``tensor`` through 8 bits from here on."""
        kind = "filtered" if tensor.endswith(".depth_conv") else "unit"
        parameters = [f"{kind}.scale", f"{kind}.zero"]
        q, dq = f"{tensor}.quantised", f"{tensor}.dequantised"
        self.nodes.append(helper.make_node("QuantizeLinear", [tensor, *parameters], [q], name=q))
        self.nodes.append(helper.make_node("DequantizeLinear", [q, *parameters], [dq], name=dq))
        self.renamed[tensor] = dq

    def dequantized(self, name: str, steps: NDArray[np.generic], scale: NDArray[np.float32]) -> None:
        """An initialiser replaced by integers, a scale for each element of the first axis, and DequantizeLinear."""
        del self.initializers[name]
        parts = {"steps": steps, "scale": scale, "zero": np.zeros(len(scale), steps.dtype)}
        inputs = [self.add(f"{name}.{part}", value) for part, value in parts.items()]
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], name=f"{name}.dequantise", axis=0))

    def round_weights(self, node: onnx.NodeProto, rounded: Rounded, wide_input: bool, steered: bool) -> None:
        """Weights and bias of a Conv as integers; the bias only where the input is quantised, which gives its unit."""
        self.dequantized(node.input[1], rounded.steps.astype(np.int8), rounded.scale)
        if not wide_input:
            unit = rounded.scale * np.float32(OUTPUT_SCALE if node.name.endswith(".depth_conv") else FILTERED_SCALE)
            bias = np.clip(np.rint(rounded.bias / unit.astype(np.float64)), -LARGEST_BIAS, LARGEST_BIAS)
            if steered:
                self.steered_bias(node, bias.astype(np.int32), unit)
            else:
                self.dequantized(node.input[2], bias.astype(np.int32), unit)

    def steered_bias(self, node: onnx.NodeProto, bias: NDArray[np.int32], unit: NDArray[np.float32]) -> None:
        """The bias of a Conv with what the scene head adds to it, which is then no longer added to its output."""
        layer, name = STEERED_CONVOLUTIONS[node.name], node.input[2]
        del self.initializers[name]
        least, most = (np.array(sign * LARGEST_BIAS, np.float32) for sign in (-1, 1))
        scale, zero = self.add(f"{name}.scale", unit), self.add(f"{name}.zero", np.zeros(FILTERS, np.int32))

        def step(operator: str, part: str, inputs: Sequence[str], **attributes: Any) -> str:
            output = f"{name}.{part}"
            self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
            return output

        x = step("Reshape", "row", [f"{layer}.offset", self.add(f"{name}.shape", np.array([FILTERS], np.int64))])
        x = step("Div", "offset", [x, scale])
        x = step("Clip", "clamped", [x, self.add(f"{name}.least", least), self.add(f"{name}.most", most)])
        x = step("Cast", "offset_steps", [step("Round", "rounded", [x])], to=TensorProto.INT32)
        x = step("Add", "sum", [x, self.add(f"{name}.steps", bias)])
        dequantize = helper.make_node("DequantizeLinear", [x, scale, zero], [name], name=f"{name}.dequantise", axis=0)
        self.nodes.append(dequantize)
        self.absorbed[f"{layer}.steered"] = node.output[0]


def _replace_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    del graph.node[:]
    graph.node.extend(nodes)


def quantized_model(
    network: Network, spec: ExportSpec, metadata: Mapping[str, str], wide: frozenset[str]
) -> onnx.ModelProto:
    """The ONNX model, not sealed yet, with integer weights and, but for the ``wide`` ones, 8-bit activations."""
    model = build_model(dequantized(network), spec, metadata)
    rewriter = _Rewriter(model.graph)
    narrow = set(ACTIVATIONS) - wide
    if "image" in narrow and spec.resize_in_graph and spec.scale > 1:
        narrow = narrow - {"image"} | {"downsample"}
    elif "image" in narrow:
        rewriter.quantize("image")
    for node in list(model.graph.node):
        if node.name.startswith("scene_head."):  # reads the image in floats, as in all engines
            rewriter.nodes.append(node)
            continue
        if node.name in rewriter.absorbed:
            rewriter.renamed[node.output[0]] = rewriter.absorbed[node.name]
            continue
        if node.op_type == "Conv":
            steered = bool(network.head) and node.name in STEERED_CONVOLUTIONS
            rounded = network.convolutions[node.name]
            rewriter.round_weights(node, rounded, wide_input=node.input[0] not in narrow, steered=steered)
        if node.op_type == "Concat" and narrow.issuperset(node.input):
            narrow.add(node.output[0])
        node.input[:] = [rewriter.renamed.get(name, name) for name in node.input]
        rewriter.nodes.append(node)
        for output in node.output:
            if output in narrow:
                rewriter.quantize(output)
    _replace_nodes(model.graph, rewriter.nodes)
    if rewriter.absorbed:
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.shape.dim[0].dim_value = 1
    del model.graph.initializer[:]
    model.graph.initializer.extend(rewriter.initializers.values())
    return model


def float16_model(arrays: Arrays, spec: ExportSpec, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """The ONNX model, not sealed yet, with float16 weights that are computed with in float32: half the size."""
    model = build_model(arrays, spec, metadata)
    casts = []
    for tensor in model.graph.initializer:
        name = tensor.name
        if name in arrays:
            half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
            tensor.CopyFrom(half)
            casts.append(helper.make_node("Cast", [half.name], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    _replace_nodes(model.graph, [*casts, *model.graph.node])
    return model
