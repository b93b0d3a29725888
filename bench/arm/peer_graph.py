"""The whole graph of a frame, as the writers of other runtimes' models read it: ONNX nodes, ready to be translated."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from dcelite.bench.arm.cases import HEIGHT, WIDTH
from dcelite.bench.fixtures.literal_curve import literal
from dcelite.export.onnx_graph import build_model
from dcelite.export.spec import ExportSpec
from dcelite.model.dce_file import DceModel


@dataclass
class Node:
    """An operator. ``relu``: what it gives has no values below zero, for the ReLU behind it became a part of it."""

    operator: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    relu: bool = False


@dataclass
class Graph:
    """Nodes in order, and the tensors that are known beforehand."""

    nodes: list[Node]
    constants: dict[str, NDArray[Any]]

    def scalar(self, name: str) -> float | None:
        """The value of a constant of one element; None: it is something else."""
        constant = self.constants.get(name)
        return float(constant.item()) if constant is not None and constant.size == 1 else None


def whole_model(model: DceModel, *, is_literal: bool) -> onnx.ModelProto:
    """Of the frame's size, bytes in and out: as ``dcelite export`` writes it, or with the curve as published."""
    proto = build_model(
        model.arrays,
        ExportSpec(model.architecture, model.scale, resize_in_graph=True, uint8=True, size=(HEIGHT, WIDTH)),
        {},
    )
    if is_literal:
        literal(proto)
    return proto


def read_graph(proto: onnx.ModelProto) -> Graph:
    """The nodes of a model, with ReLUs drawn into convolutions and additions, as every converter does."""
    nodes = [
        Node(
            node.op_type,
            node.name,
            list(node.input),
            list(node.output),
            {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute},
        )
        for node in proto.graph.node
    ]
    constants = {value.name: np.asarray(numpy_helper.to_array(value)) for value in proto.graph.initializer}
    readers = Counter(name for node in nodes for name in node.inputs)
    makers: dict[str, Node] = {}
    kept = []
    for node in nodes:
        maker = makers.get(node.inputs[0])
        if node.operator == "Relu" and maker and maker.operator in ("Conv", "Add") and readers[node.inputs[0]] == 1:
            maker.relu = True
            maker.outputs = node.outputs
        else:
            kept.append(node)
            maker = node
        makers.update(dict.fromkeys(node.outputs, maker))
    return Graph(kept, constants)
