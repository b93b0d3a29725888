"""LiteRT's model of the whole graph, a ``.tflite``: from the nodes of the ONNX graph, by the schema in LiteRT's wheel.

Channels go last. Bytes become floats by DEQUANTIZE, floats bytes by QUANTIZE, of scale 1/255: what LiteRT has for it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import onnx
from numpy.typing import NDArray

from dcelite.bench.arm.peer_graph import Node, read_graph
from dcelite.errors import DceliteError
from dcelite.files import write_bytes_atomically

IDENTIFIER = b"TFL3"
FROM_BYTES, TO_BYTES = "image.normalised", "enhanced.levels"
"""The nodes that become DEQUANTIZE and QUANTIZE."""
CONTAINED = ("image.float", "image.planar", "enhanced.rounded", "enhanced.clamped", "enhanced.interleaved", "enhanced")
"""Those that these two do along with it."""
PLAIN = {
    "Abs": "ABS",
    "Sqrt": "SQRT",
    "Relu": "RELU",
    "Tanh": "TANH",
    "Add": "ADD",
    "Sub": "SUB",
    "Mul": "MUL",
}
REDUCTIONS = {"ReduceMean": ("MEAN", [3]), "ReduceMax": ("REDUCE_MAX", [3]), "GlobalAveragePool": ("MEAN", [1, 2])}
FP16 = "reduced_precision_support"
"""Metadata that permits XNNPACK to compute in float16."""


def load_schema(packages: Path) -> Any:
    """The classes of the format; raises DceliteError.

    The package itself cannot be imported here: its libraries are for another processor.
    """
    path = packages / "ai_edge_litert" / "schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("litert_schema", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise DceliteError(f"{path}: is absent; make bench-arm puts it there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    n, c, h, w = shape
    return n, h, w, c


class _Writer:
    """Tensors, each with its buffer, and operators."""

    def __init__(self, proto: onnx.ModelProto, schema: Any) -> None:
        self.schema = schema
        self.graph = read_graph(proto)
        inferred = onnx.shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True).graph
        values = [*inferred.value_info, *inferred.input, *inferred.output]
        self.shapes = {v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values}
        self.tensors: list[Any] = []
        self.buffers = [schema.BufferT()]  # the first one is that of tensors without values
        self.operators: list[Any] = []
        self.codes: list[str] = []
        self.numbers: dict[str, int] = {}

    def tensor(self, name: str, shape: tuple[int, ...], kind: str, value: NDArray[Any] | None = None) -> int:
        """The number of a tensor, which is added where there is none of this name."""
        if name not in self.numbers:
            found = self.schema.TensorT()
            found.name, found.shape = name, list(shape)
            found.type = getattr(self.schema.TensorType, kind)
            found.buffer = 0
            if value is not None:
                found.buffer = len(self.buffers)
                self.buffers.append(self.schema.BufferT())
                self.buffers[-1].data = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
            self.numbers[name] = len(self.tensors)
            self.tensors.append(found)
        return self.numbers[name]

    def pixels(self, name: str) -> int:
        """A picture of bytes, whose unit is 1/255."""
        number = self.tensor(name, self.shapes[name], "UINT8")
        quantization = self.schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = [1 / 255], [0]
        self.tensors[number].quantization = quantization
        return number

    def floats(self, name: str) -> int:
        """A constant or what a node gives."""
        constant = self.graph.constants.get(name)
        if constant is None:
            return self.tensor(name, _channels_last(self.shapes[name]), "FLOAT32")
        if constant.ndim == 4:
            constant = constant.transpose(0, 2, 3, 1)
        return self.tensor(name, constant.shape, "FLOAT32", constant.astype("<f4"))

    def integers(self, name: str, values: list[int] | int) -> int:
        array = np.array(values, "<i4")
        return self.tensor(name, array.shape, "INT32", array)

    def operator(self, code: str, inputs: list[int], outputs: list[int], options: str = "", **values: Any) -> None:
        """Add an operator; ``options`` is the schema's name of what ``values`` belong to."""
        if code not in self.codes:
            self.codes.append(code)
        found = self.schema.OperatorT()
        found.opcodeIndex, found.inputs, found.outputs = self.codes.index(code), inputs, outputs
        if options:
            found.builtinOptionsType = getattr(self.schema.BuiltinOptions, options)
            found.builtinOptions = getattr(self.schema, f"{options}T")()
            for name, value in values.items():
                setattr(found.builtinOptions, name, value)
        self.operators.append(found)

    def add(self, node: Node) -> None:
        outputs = [self.floats(name) for name in node.outputs]
        relu = int(node.relu)
        match node.operator:
            case "Conv":
                self._convolution(node, outputs, relu)
            case "Resize":
                size = self.integers(node.inputs[3], self.graph.constants[node.inputs[3]].tolist())
                is_aligned = node.attributes["coordinate_transformation_mode"] == b"align_corners"
                modes = {"alignCorners": is_aligned, "halfPixelCenters": not is_aligned}
                inputs = [self.floats(node.inputs[0]), size]
                self.operator("RESIZE_BILINEAR", inputs, outputs, "ResizeBilinearOptions", **modes)
            case "Pow":
                if self.graph.scalar(node.inputs[1]) != 2:
                    raise DceliteError(f"{node.name}: a square was wanted")
                self.operator("SQUARE", [self.floats(node.inputs[0])], outputs, "SquareOptions")
            case "ReduceMean" | "ReduceMax" | "GlobalAveragePool":
                code, axes = REDUCTIONS[node.operator]
                inputs = [self.floats(node.inputs[0]), self.integers(f"axes {axes}", axes)]
                self.operator(code, inputs, outputs, "ReducerOptions", keepDims=True)
            case "Split":
                sizes = self.graph.constants[node.inputs[1]].tolist()
                inputs = [
                    self.floats(node.inputs[0]),
                    self.integers(node.inputs[1], sizes),
                    self.integers("last axis", 3),
                ]
                self.operator("SPLIT_V", inputs, outputs, "SplitVOptions", numSplits=len(sizes))
            case "Concat":
                inputs = [self.floats(name) for name in node.inputs]
                self.operator("CONCATENATION", inputs, outputs, "ConcatenationOptions", axis=3)
            case "Add" | "Sub" | "Mul" as name:
                inputs = [self.floats(name) for name in node.inputs]
                self.operator(PLAIN[name], inputs, outputs, f"{name}Options", fusedActivationFunction=relu)
            case name if name in PLAIN:
                self.operator(PLAIN[name], [self.floats(node.inputs[0])], outputs)
            case other:
                raise DceliteError(f"{node.name}: {other} has no translation for LiteRT")

    def _convolution(self, node: Node, outputs: list[int], relu: int) -> None:
        """Weights are (filters, rows, columns, channels), or (1, rows, columns, channels) where each filter has one."""
        image, *names = node.inputs
        weight, bias = (self.graph.constants[name] for name in names)
        window = {"padding": self.schema.Padding.SAME, "strideH": 1, "strideW": 1, "fusedActivationFunction": relu}
        is_depthwise = node.attributes["group"] > 1
        weight = weight.transpose(1, 2, 3, 0) if is_depthwise else weight.transpose(0, 2, 3, 1)
        inputs = [
            self.floats(image),
            self.tensor(names[0], weight.shape, "FLOAT32", weight),
            self.tensor(names[1], bias.shape, "FLOAT32", bias),
        ]
        if is_depthwise:
            self.operator("DEPTHWISE_CONV_2D", inputs, outputs, "DepthwiseConv2DOptions", depthMultiplier=1, **window)
        else:
            self.operator("CONV_2D", inputs, outputs, "Conv2DOptions", **window)

    def model(self, *, fp16: bool) -> bytes:
        """The file, once all nodes are added."""
        schema = self.schema
        subgraph = schema.SubGraphT()
        subgraph.tensors, subgraph.operators, subgraph.name = self.tensors, self.operators, "main"
        subgraph.inputs, subgraph.outputs = [self.numbers["image"]], [self.numbers["enhanced"]]
        model = schema.ModelT()
        model.version, model.description = 3, "dcelite"
        model.operatorCodes = []
        for code in self.codes:
            found = schema.OperatorCodeT()
            found.builtinCode = getattr(schema.BuiltinOperator, code)
            found.deprecatedBuiltinCode = min(found.builtinCode, 127)
            found.version = 3 if code == "RESIZE_BILINEAR" else 1
            model.operatorCodes.append(found)
        if fp16:
            permission = schema.MetadataT()
            permission.name, permission.buffer = FP16, len(self.buffers)
            self.buffers.append(schema.BufferT())
            self.buffers[-1].data = np.frombuffer(b"fp16accfp16", np.uint8)
            model.metadata = [permission]
        model.subgraphs, model.buffers = [subgraph], self.buffers
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
        return bytes(builder.Output())


def write_litert(proto: onnx.ModelProto, path: Path, packages: Path, *, fp16: bool = False) -> None:
    """Write the ``.tflite`` of a whole graph with bytes at its ends.

    Raises:
        DceliteError: a node has no translation, or LiteRT's package is absent.
        OutputError
    """
    writer = _Writer(proto, load_schema(packages))
    for node in writer.graph.nodes:
        if node.name == FROM_BYTES:
            writer.operator("DEQUANTIZE", [writer.pixels("image")], [writer.floats(node.outputs[0])])
        elif node.name == TO_BYTES:
            writer.operator("QUANTIZE", [writer.floats(node.inputs[0])], [writer.pixels("enhanced")])
        elif node.name not in CONTAINED:
            writer.add(node)
    write_bytes_atomically(path, writer.model(fp16=fp16), overwrite=True)
