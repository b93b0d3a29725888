"""ncnn's model of the whole graph: a text of layers and a file of weights, from the nodes of the ONNX graph.

Bytes become planes of floats, and floats bytes, outside of the graph, as ncnn does it (``Mat.from_pixels``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.bench.arm.peer_graph import Graph, Node
from dcelite.errors import DceliteError
from dcelite.files import write_bytes_atomically, write_text_atomically

MAGIC = "7767517"
OUTSIDE = ("image.float", "image.planar", "enhanced.interleaved", "enhanced")
"""Nodes between bytes and floats, which are no layers."""
BINARY = {"Add": 0, "Sub": 1, "Mul": 2}
REVERSED = {"Add": 0, "Sub": 7, "Mul": 2}
"""Numbers of BinaryOp, the last for a scalar on the left."""
UNARY = {"Abs": 0, "Sqrt": 5}
SQUARE = 4
REDUCTION = {"ReduceMean": 3, "ReduceMax": 4}
ACTIVATION = 9
"""The parameter of convolutions that may be 1: ReLU."""


class _Writer:
    """Layers and weights in their order."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.layers: list[tuple[str, str, list[str], list[str], str]] = []
        self.weights: list[bytes] = []
        self.flat: set[str] = set()
        """Blobs of one axis."""

    def layer(self, kind: str, name: str, inputs: Sequence[str], outputs: Sequence[str], *parameters: str) -> None:
        self.layers.append((kind, name, list(inputs), list(outputs), " ".join(parameters)))

    def values(self, array: NDArray[Any], *, tagged: bool) -> None:
        """Weights; ``tagged``: behind the number that says that they are float32."""
        self.weights += [bytes(4)] if tagged else []
        self.weights.append(np.ascontiguousarray(array, "<f4").tobytes())

    def add(self, node: Node) -> None:
        name, inputs, outputs = node.name, node.inputs, node.outputs
        match node.operator:
            case "Conv":
                self._convolution(node)
            case "Resize":
                height, width = self.graph.constants[inputs[3]]
                corners = int(node.attributes["coordinate_transformation_mode"] == b"align_corners")
                self.layer("Interp", name, inputs[:1], outputs, f"0=2 3={height} 4={width} 6={corners}")
            case "Pow":
                if self.graph.scalar(inputs[1]) != 2:
                    raise DceliteError(f"{name}: a square was wanted")
                self.layer("UnaryOp", name, inputs[:1], outputs, f"0={SQUARE}")
            case "Add" | "Sub" | "Mul":
                self._binary(node)
            case "Abs" | "Sqrt":
                self.layer("UnaryOp", name, inputs, outputs, f"0={UNARY[node.operator]}")
            case "ReduceMean" | "ReduceMax":
                kind = REDUCTION[node.operator]
                self.layer("Reduction", name, inputs[:1], outputs, f"0={kind} 1=0 -23303=1,0 4=1 5=1")
            case "GlobalAveragePool":
                self.layer("Pooling", name, inputs, outputs, "0=1 4=1")
                self.flat.update(outputs)
            case "Concat":
                self.layer("Concat", name, inputs, outputs, "0=0")
                self.flat.update(outputs if inputs[0] in self.flat else [])
            case "Split":
                self._split(node)
            case "Clip":
                low, high = (self.graph.scalar(bound) for bound in inputs[1:])
                self.layer("Clip", name, inputs[:1], outputs, f"0={low} 1={high}")
            case "Relu":
                self.layer("ReLU", name, inputs, outputs)
            case "Tanh":
                self.layer("TanH", name, inputs, outputs)
            case other:
                raise DceliteError(f"{name}: {other} has no translation for ncnn")

    def _convolution(self, node: Node) -> None:
        weight, bias = (self.graph.constants[name] for name in node.inputs[1:])
        filters, _, kernel, _ = weight.shape
        groups = node.attributes["group"]
        if node.inputs[0] in self.flat:
            kind, parameters = "InnerProduct", f"0={filters} 1=1 2={weight.size}"
            self.flat.update(node.outputs)
        else:
            kind, parameters = "Convolution", f"0={filters} 1={kernel} 4={kernel // 2} 5=1 6={weight.size}"
            if groups > 1:
                kind, parameters = "ConvolutionDepthWise", f"{parameters} 7={groups}"
        relu = [f"{ACTIVATION}=1"] if node.relu else []
        self.layer(kind, node.name, node.inputs[:1], node.outputs, parameters, *relu)
        self.values(weight, tagged=True)
        self.values(bias, tagged=False)

    def _split(self, node: Node) -> None:
        """Into planes, of what may have one axis."""
        source, sizes = node.inputs
        parts = self.graph.constants[sizes].tolist()
        if source in self.flat:
            planes = f"{source}.planes"
            self.layer("Reshape", planes, [source], [planes], f"0=1 1=1 2={sum(parts)}")
            source = planes
        self.layer("Slice", node.name, [source], node.outputs, f"-23300={len(parts)},{','.join(map(str, parts))} 1=0")

    def _binary(self, node: Node) -> None:
        """Of two blobs, or of a blob and a number, which stands in the layer."""
        left, right = (self.graph.scalar(name) for name in node.inputs)
        outputs = [f"{node.name}.sum"] if node.relu else node.outputs
        if left is not None:
            self.layer("BinaryOp", node.name, node.inputs[1:], outputs, f"0={REVERSED[node.operator]} 1=1 2={left!r}")
        elif right is not None:
            self.layer("BinaryOp", node.name, node.inputs[:1], outputs, f"0={BINARY[node.operator]} 1=1 2={right!r}")
        else:
            for name in node.inputs:
                self._constant(name)
            self.layer("BinaryOp", node.name, node.inputs, outputs, f"0={BINARY[node.operator]}")
        if node.relu:
            self.layer("ReLU", outputs[0], outputs, node.outputs)

    def _constant(self, name: str) -> None:
        """A layer that gives a constant, where the blob is one and has none yet."""
        if name in self.graph.constants and all(name not in outputs for _, _, _, outputs, _ in self.layers):
            constant = self.graph.constants[name]
            channels, height, width = constant.shape[-3:]
            self.layer("MemoryData", name, [], [name], f"0={width} 1={height} 2={channels}")
            self.values(constant, tagged=False)

    def text(self) -> str:
        """A blob that is read more than once goes through a Split, which has an output for each reader."""
        readers = Counter(name for _, _, inputs, _, _ in self.layers for name in inputs)
        turns: Counter[str] = Counter()
        lines, blobs = [], 0
        for kind, name, inputs, outputs, parameters in self.layers:
            taken = []
            for blob in inputs:
                taken.append(f"{blob}.{turns[blob]}" if readers[blob] > 1 else blob)
                turns[blob] += 1
            lines.append(f"{kind} {name} {len(inputs)} {len(outputs)} {' '.join([*taken, *outputs])} {parameters}")
            blobs += len(outputs)
            for blob in outputs:
                if readers[blob] > 1:
                    copies = [f"{blob}.{turn}" for turn in range(readers[blob])]
                    lines.append(f"Split {blob}.split 1 {len(copies)} {blob} {' '.join(copies)}")
                    blobs += len(copies)
        return "\n".join([MAGIC, f"{len(lines)} {blobs}", *lines, ""])


def write_ncnn(graph: Graph, path: Path) -> None:
    """Write ``path``, a ``.param``, and the ``.bin`` beside it; raises DceliteError, OutputError."""
    writer = _Writer(graph)
    writer.layer("Input", "image", [], ["image.planar"])
    for node in graph.nodes:
        if node.name not in OUTSIDE:
            writer.add(node)
    write_bytes_atomically(path.with_suffix(".bin"), b"".join(writer.weights), overwrite=True)
    write_text_atomically(path, writer.text(), overwrite=True)
