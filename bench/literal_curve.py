"""``python -m dcelite.bench.literal_curve FROM.onnx TO.onnx``: an exported enhancement with the curve as published.

``dcelite export`` writes an iteration of the curve as x ((1 - a) + a x): three operations on the image at full size,
for 1 - a is shared. The authors' code says x + a (x^2 - x), and a converter that follows it leaves four: Pow, Sub, Mul,
Add. That graph is what one has without this project, hence a baseline of ``make bench``; the pictures are the same.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from dcelite.errors import DceliteError
from dcelite.files import refuse_existing, write_bytes_atomically
from dcelite.onnx_seal import read_sealed, seal
from dcelite.reference import ITERATIONS


def literal(model: onnx.ModelProto) -> None:
    """Replace the nodes of the curve; raises DceliteError for a model that has none."""
    graph = model.graph
    nodes = {node.name: node for node in graph.node}
    if "curve1.product" not in nodes:
        raise DceliteError("no curve in the graph: a model of 'dcelite export --resize-in-graph' was wanted")
    written: dict[str, list[onnx.NodeProto]] = {}
    for n in range(1, ITERATIONS + 1):
        name = f"curve{n}"
        curve_map, x = nodes[f"{name}.product"].input
        written[name] = [
            helper.make_node("Pow", [x, "two"], [f"{name}.square"], name=f"{name}.square"),
            helper.make_node("Sub", [f"{name}.square", x], [f"{name}.difference"], name=f"{name}.difference"),
            helper.make_node("Mul", [curve_map, f"{name}.difference"], [f"{name}.step"], name=f"{name}.step"),
            helper.make_node("Add", [x, f"{name}.step"], list(nodes[name].output), name=name),
        ]
    kept = []
    for node in graph.node:
        if node.name in written:
            kept += written[node.name]
        elif not node.name.startswith("curve") or node.name.startswith("curve_map"):
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    read = {name for node in kept for name in node.input}
    constants = [value for value in graph.initializer if value.name in read]
    del graph.initializer[:]
    graph.initializer.extend([*constants, numpy_helper.from_array(np.array(2.0, np.float32), "two")])
    onnx.checker.check_model(model, full_check=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m dcelite.bench.literal_curve", description=__doc__)
    parser.add_argument("source", type=Path, metavar="FROM.onnx")
    parser.add_argument("target", type=Path, metavar="TO.onnx")
    parser.add_argument("--overwrite", action="store_true", help="replace TO.onnx where it exists")
    args = parser.parse_args(arguments)
    try:
        refuse_existing(args.target, args.overwrite)
        model = onnx.load_from_string(read_sealed(args.source))
        literal(model)
        write_bytes_atomically(args.target, seal(model.SerializeToString()), overwrite=args.overwrite)
    except DceliteError as error:
        print(f"literal_curve: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
