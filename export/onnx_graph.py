"""The ONNX graphs, built node by node from the weights: the curve network, and the whole enhancement.

Nodes and tensors carry the names of the layers (``e_conv1.depth_conv``, ``curve3.product``), initialisers those of the
checkpoint's parameters, so that a viewer shows the network as the paper draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from dcelite.export.spec import ExportSpec
from dcelite.model.architecture import FILTERS, LAYERS, SOURCES, STEERED
from dcelite.model.seal import SEAL_KEY, UNSEALED, seal
from dcelite.reference import ITERATIONS, SCENE_BINS, low_resolution_size

OPSET = 22
IR_VERSION = 10
"""The pair of ONNX 1.17: the newest that ONNX Runtime 1.22 loads. No operator used here changed its meaning
since, and MindSpore Lite 2.0.0 converts it."""

Arrays = Mapping[str, NDArray[np.float32]]


class _Graph:
    """Nodes and initialisers in the order in which they are added; a node and its first output share their name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, operator: str, name: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        output = output or name
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def constant(self, name: str, value: NDArray[np.float32] | float | Sequence[int]) -> str:
        """Add an initialiser: float32, or int64 for a list of integers; returns its name."""
        kind = np.int64 if isinstance(value, list | tuple) else np.float32
        self.initializers.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name


def _convolution(graph: _Graph, x: str, arrays: Arrays, name: str, group: int = 1) -> str:
    """Same-size convolution with bias. All attributes are written out: MindSpore Lite's converter has no defaults."""
    weight = arrays[f"{name}.weight"]
    kernel = weight.shape[2]
    inputs = [x, graph.constant(f"{name}.weight", weight), graph.constant(f"{name}.bias", arrays[f"{name}.bias"])]
    window: dict[str, Any] = {"kernel_shape": [kernel, kernel], "pads": [kernel // 2] * 4}
    return graph.node("Conv", name, inputs, group=group, strides=[1, 1], dilations=[1, 1], **window)


def _scene_offsets(graph: _Graph, image: str, arrays: Arrays) -> list[str]:
    """(N, 3, h, w) -> what the scene head adds to each of the steered layers, (N, 32, 1, 1); see ``dcelite.reference``.

    The fully connected layers are 1x1 convolutions, which leave the axes as they are.
    """
    last = graph.constant("scene_head.last_bin", SCENE_BINS - 1.0)
    one = graph.constant("scene_head.one", 1.0)
    bins = graph.constant("scene_head.bins", np.arange(SCENE_BINS, dtype=np.float32).reshape(1, -1, 1, 1))
    statistics = []
    for kind, reduction in (("brightest", "ReduceMax"), ("mean", "ReduceMean")):
        name = f"scene_head.{kind}"
        x = graph.node(reduction, name, [image, graph.constant(f"{name}.axes", [1])], keepdims=1)
        x = graph.node("Mul", f"{name}.position", [graph.node("Sqrt", f"{name}.root", [x]), last])
        x = graph.node("Abs", f"{name}.distance", [graph.node("Sub", f"{name}.difference", [x, bins])])
        x = graph.node("Relu", f"{name}.share", [graph.node("Sub", f"{name}.nearness", [one, x])])
        statistics.append(graph.node("GlobalAveragePool", f"{name}.histogram", [x]))
    statistics.append(graph.node("GlobalAveragePool", "scene_head.means", [image]))
    x = graph.node("Concat", "scene_head.statistics", statistics, axis=1)
    pointwise = {name: array[:, :, None, None] if array.ndim == 2 else array for name, array in arrays.items()}
    x = graph.node("Relu", "scene_head.relu", [_convolution(graph, x, pointwise, "scene_head.hidden")])
    x = _convolution(graph, x, pointwise, "scene_head.output")
    offsets = [f"e_conv{number}.offset" for number in STEERED]
    parts = graph.constant("scene_head.parts", [FILTERS] * len(STEERED))
    graph.nodes.append(helper.make_node("Split", [x, parts], offsets, name="scene_head.split", axis=1))
    return offsets


def _curve_network(graph: _Graph, image: str, arrays: Arrays) -> str:
    """(N, 3, h, w) -> curve_map (N, C, h, w): layers of concatenation, if any, convolution, and ReLU or tanh."""
    steered = "scene_head.hidden.weight" in arrays
    offsets = dict(zip(STEERED, _scene_offsets(graph, image, arrays), strict=True)) if steered else {}
    outputs = [image]
    for number, sources in enumerate(SOURCES, start=1):
        name = f"e_conv{number}"
        inputs = [outputs[k] for k in sources]
        x = inputs[0] if len(inputs) == 1 else graph.node("Concat", f"{name}.concat", inputs, axis=1)
        depthwise = arrays.get(f"{name}.depth_conv.weight")
        if depthwise is None:
            x = _convolution(graph, x, arrays, name)
        else:
            x = _convolution(graph, x, arrays, f"{name}.depth_conv", group=depthwise.shape[0])
            x = _convolution(graph, x, arrays, f"{name}.point_conv")
        if number in offsets:
            x = graph.node("Add", f"{name}.steered", [x, offsets[number]])
        if number < LAYERS:
            outputs.append(graph.node("Relu", f"{name}.relu", [x]))
    return graph.node("Tanh", f"{name}.tanh", [x], "curve_map")


def _resize(graph: _Graph, name: str, x: str, sizes: str, coordinates: str) -> str:
    """Bilinear resize of (N, C, ., .) to ``sizes``, the name of a tensor that holds (h, w)."""
    return graph.node(
        "Resize", name, [x, "", "", sizes], mode="linear", coordinate_transformation_mode=coordinates, axes=[2, 3]
    )


def _sizes(graph: _Graph, image: str, spec: ExportSpec) -> tuple[str, str]:
    """Names of the tensors that hold the low-resolution size and the image size.

    For a fixed size they are constants. Otherwise they come from the image at run time, h = ceil(H / s) in integers;
    Resize then works with the true ratio H/h, not with s.
    """
    if spec.size is not None:
        low = graph.constant("low_resolution_size", low_resolution_size(*spec.size, spec.scale))
        return low, graph.constant("image_size", spec.size)
    full = graph.node("Shape", "image_size", [image], start=2, end=4)
    padded = graph.node("Add", "image_size.plus", [full, graph.constant("scale_minus_1", [spec.scale - 1])])
    low = graph.node("Div", "low_resolution_size", [padded, graph.constant("scale", [spec.scale])])
    return low, full


def _curve(graph: _Graph, x: str, curve_map: str, channels: int, output: str | None) -> str:
    """Eight times x <- x + a (x^2 - x), written as x ((1 - a) + a x): three nodes each, since 1 - a is shared."""
    one = graph.constant("one", 1.0)
    if channels == 3:
        maps = [curve_map] * ITERATIONS
        complements = [graph.node("Sub", "curve.complement", [one, curve_map])] * ITERATIONS
    else:
        maps = [f"curve{n}.map" for n in range(1, ITERATIONS + 1)]
        parts = graph.constant("curve_map.parts", [3] * ITERATIONS)
        graph.nodes.append(helper.make_node("Split", [curve_map, parts], maps, name="curve_map.split", axis=1))
        complements = [graph.node("Sub", f"curve{n}.complement", [one, a]) for n, a in enumerate(maps, start=1)]
    for n, (a, complement) in enumerate(zip(maps, complements, strict=True), start=1):
        product = graph.node("Mul", f"curve{n}.product", [a, x])
        factor = graph.node("Add", f"curve{n}.factor", [complement, product])
        x = graph.node("Mul", f"curve{n}", [x, factor], output if n == ITERATIONS else None)
    return x


def _enhancement(graph: _Graph, arrays: Arrays, spec: ExportSpec) -> None:
    """The five steps of the enhancement, image -> enhanced."""
    image = "image"
    if spec.uint8:  # (N, H, W, 3) -> float32 (N, 3, H, W) in [0, 1]
        image = graph.node("Cast", "image.float", [image], to=TensorProto.FLOAT)
        image = graph.node("Transpose", "image.planar", [image], perm=[0, 3, 1, 2])
        image = graph.node("Mul", "image.normalised", [image, graph.constant("one_255th", 1 / 255)])
    if spec.scale == 1:  # both resizes would be the identity
        full_map = _curve_network(graph, image, arrays)
    else:
        low, full = _sizes(graph, image, spec)
        small = _resize(graph, "downsample", image, low, "half_pixel")
        full_map = _resize(graph, "upsample", _curve_network(graph, small, arrays), full, "align_corners")
    x = _curve(graph, image, full_map, spec.map_channels, None if spec.uint8 else "enhanced")
    if spec.uint8:  # back, by floor(255 x + 0.5), clamped; Cast drops the fraction
        x = graph.node("Mul", "enhanced.levels", [x, graph.constant("maximum_level", 255.0)])
        x = graph.node("Add", "enhanced.rounded", [x, graph.constant("half", 0.5)])
        x = graph.node("Clip", "enhanced.clamped", [x, graph.constant("zero", 0.0), "maximum_level"])
        x = graph.node("Transpose", "enhanced.interleaved", [x], perm=[0, 2, 3, 1])
        graph.node("Cast", "enhanced", [x], to=TensorProto.UINT8)


def _value(name: str, spec: ExportSpec, channels: int) -> onnx.ValueInfoProto:
    """An input or output; batch and size are free unless the spec has a fixed size."""
    batch, height, width = ("batch", "height", "width") if spec.size is None else (1, *spec.size)
    if spec.uint8:
        return helper.make_tensor_value_info(name, TensorProto.UINT8, [batch, height, width, channels])
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, channels, height, width])


def build_model(arrays: Arrays, spec: ExportSpec, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """The ONNX model of a spec, not sealed yet; with a ``size``, for batch 1 and that size alone."""
    graph = _Graph()
    if spec.resize_in_graph:
        _enhancement(graph, arrays, spec)
    else:
        _curve_network(graph, "image", arrays)
    channels = 3 if spec.resize_in_graph else spec.map_channels
    ends = [_value("image", spec, 3)], [_value(spec.output_name, spec, channels)]
    proto = helper.make_graph(graph.nodes, f"{spec.architecture}_{spec.kind}", *ends, graph.initializers)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(proto, producer_name="dcelite", opset_imports=opsets, ir_version=IR_VERSION)
    model.producer_version = metadata.get("dcelite.version", "")
    helper.set_model_props(model, {**metadata, SEAL_KEY: UNSEALED})
    return model


def save_sealed(model: onnx.ModelProto, path: Path) -> None:
    """Check a model of :func:`build_model`, whatever has become of it since, and write it with its seal."""
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(seal(model.SerializeToString()))


def write_onnx(arrays: Arrays, spec: ExportSpec, metadata: Mapping[str, str], path: Path) -> None:
    """Write the sealed ONNX file of a spec."""
    save_sealed(build_model(arrays, spec, metadata), path)
