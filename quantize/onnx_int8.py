"""The int8 ONNX model: the float graph of the export with QuantizeLinear and DequantizeLinear around its convolutions.

ONNX Runtime fuses such a pattern (QDQ, operator by operator) into integer kernels. Weights are stored as int8 with a
scale for each output channel, biases as int32, activations are uint8 with one scale for each tensor; after equalisation
(``equalize.py``) these scales are the same for all tensors of a kind, so that concatenation and ReLU cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dcelite.export.onnx_graph import build_model
from dcelite.export.spec import ExportSpec
from dcelite.model.architecture import SOURCES
from dcelite.model.seal import SEAL_KEY, UNSEALED, seal
from dcelite.quantize.float_network import arrays_of
from dcelite.quantize.int8_network import FILTERED_SCALE, FILTERED_ZERO, OUTPUT_SCALE, QuantizedLayer
from dcelite.quantize.sensitivity import filtered_name, output_name

UNIT_SCALE, UNIT_ZERO = "unit.scale", "unit.zero"
"""Of the image and the layer outputs."""
FILTER_SCALE, FILTER_ZERO = "filtered.scale", "filtered.zero"
"""Of the depthwise outputs."""


class _Rewriter:
    """Goes over the nodes of a graph and inserts others."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.nodes: list[onnx.NodeProto] = []
        self.renamed: dict[str, str] = {}
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        self._constants([(UNIT_SCALE, np.float32(OUTPUT_SCALE)), (UNIT_ZERO, np.uint8(0))])
        self._constants([(FILTER_SCALE, np.float32(FILTERED_SCALE)), (FILTER_ZERO, np.uint8(FILTERED_ZERO))])

    def _constants(self, named: Sequence[tuple[str, np.generic]]) -> None:
        for name, value in named:
            self.add(name, np.array(value))

    def add(self, name: str, value: NDArray[np.generic]) -> str:
        self.initializers[name] = numpy_helper.from_array(value, name)
        return name

    def quantize(self, tensor: str, filtered: bool) -> None:
        """Read ``tensor`` through 8 bits from here on."""
        parameters = [FILTER_SCALE, FILTER_ZERO] if filtered else [UNIT_SCALE, UNIT_ZERO]
        q, dq = f"{tensor}.quantised", f"{tensor}.dequantised"
        self.nodes.append(helper.make_node("QuantizeLinear", [tensor, *parameters], [q], name=q))
        self.nodes.append(helper.make_node("DequantizeLinear", [q, *parameters], [dq], name=dq))
        self.renamed[tensor] = dq

    def dequantized(self, name: str, steps: NDArray[np.generic], scale: NDArray[np.float32]) -> str:
        """An initialiser replaced by integers, a scale for each element of the first axis, and DequantizeLinear."""
        del self.initializers[name]
        self.add(f"{name}.steps", steps)
        self.add(f"{name}.scale", scale)
        inputs = [f"{name}.steps", f"{name}.scale", self.add(f"{name}.zero", np.zeros(len(scale), steps.dtype))]
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], name=f"{name}.dequantise", axis=0))
        return name

    def keep(self, node: onnx.NodeProto) -> None:
        """The node, with its inputs as they are called now."""
        inputs = [self.renamed.get(name, name) for name in node.input]
        del node.input[:]
        node.input.extend(inputs)
        self.nodes.append(node)

    def finish(self) -> None:
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        del self.graph.initializer[:]
        self.graph.initializer.extend(self.initializers.values())


def _weights(rewriter: _Rewriter, node: onnx.NodeProto, layer: QuantizedLayer, wide_input: bool) -> None:
    """Weights and bias of a Conv as integers; the bias only where the input is quantised: its unit depends on it."""
    is_depthwise = node.name.endswith(".depth_conv")
    steps, scale = (layer.depth, layer.depth_scale) if is_depthwise else (layer.point, layer.point_scale)
    bias = layer.depth_bias if is_depthwise else layer.point_bias
    shape = (len(steps), 1, 3, 3) if is_depthwise else (*steps.shape, 1, 1)
    rewriter.dequantized(node.input[1], steps.reshape(shape), scale)
    if not wide_input:
        unit = scale * np.float32(OUTPUT_SCALE if is_depthwise else FILTERED_SCALE)
        rounded = np.clip(np.rint(bias / unit.astype(np.float64)), -(2**30), 2**30)
        rewriter.dequantized(node.input[2], rounded.astype(np.int32), unit)


def quantized_model(
    layers: Sequence[QuantizedLayer], spec: ExportSpec, metadata: Mapping[str, str], wide: frozenset[str]
) -> onnx.ModelProto:
    """The ONNX model with integer weights and, but for the ``wide`` ones, 8-bit activations."""
    model = build_model(arrays_of([layer.dequantized for layer in layers]), spec, metadata)
    rewriter = _Rewriter(model.graph)
    image = "downsample" if spec.resize_in_graph and spec.scale > 1 else "image"
    narrow = {filtered_name(n): True for n in range(len(layers)) if filtered_name(n) not in wide}
    narrow |= {output_name(n): False for n in range(1, len(layers)) if output_name(n) not in wide}
    if output_name(0) not in wide:
        narrow[image] = False
    for index, sources in enumerate(SOURCES):
        names = [image if k == 0 else output_name(k) for k in sources]
        if len(names) > 1 and all(name in narrow for name in names):
            narrow[f"e_conv{index + 1}.concat"] = False
    if image == "image" and image in narrow:
        rewriter.quantize(image, filtered=False)
    for node in list(model.graph.node):
        if node.op_type == "Conv":
            layer = layers[int(node.name[len("e_conv")]) - 1]
            _weights(rewriter, node, layer, wide_input=node.input[0] not in narrow)
        rewriter.keep(node)
        for output in node.output:
            if output in narrow:
                rewriter.quantize(output, filtered=narrow[output])
    rewriter.finish()
    onnx.checker.check_model(model, full_check=True)
    return model


def write_onnx_int8(
    layers: Sequence[QuantizedLayer],
    spec: ExportSpec,
    metadata: Mapping[str, str],
    wide: frozenset[str],
    path: Path,
) -> None:
    """Write the sealed int8 ONNX file."""
    model = quantized_model(layers, spec, {**metadata, SEAL_KEY: UNSEALED}, wide)
    path.write_bytes(seal(model.SerializeToString()))


def write_onnx_fp16(
    arrays: Mapping[str, NDArray[np.float32]], spec: ExportSpec, metadata: Mapping[str, str], path: Path
) -> None:
    """Write a sealed ONNX file whose weights are float16 and are computed with in float32: half the size."""
    model = build_model(arrays, spec, {**metadata, SEAL_KEY: UNSEALED})
    casts = []
    for tensor in model.graph.initializer:
        if tensor.name in arrays:
            name = tensor.name
            half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
            tensor.CopyFrom(half)
            casts.append(helper.make_node("Cast", [half.name], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(seal(model.SerializeToString()))
