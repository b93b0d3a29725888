"""The baseline graph with the curve as published: four operations an iteration, and the same picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dcelite import Enhancer
from dcelite.bench.roofline import shipped_model

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def exported(path: Path, *, resize_in_graph: bool) -> Path:
    from dcelite.export.onnx_graph import write_onnx
    from dcelite.export.spec import ExportSpec

    spec = ExportSpec("zerodcepp", 12, resize_in_graph=resize_in_graph, uint8=resize_in_graph)
    write_onnx(shipped_model().arrays, spec, spec.metadata("0" * 64, "test"), path)
    return path


def test_the_literal_curve_has_four_operations_and_gives_the_same_picture(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    from dcelite.bench.literal_curve import main

    source, target = exported(tmp_path / "full.onnx", resize_in_graph=True), tmp_path / "literal.onnx"
    assert main([str(source), str(target)]) == 0
    assert main([str(source), str(target)]) == 2  # it is there
    operators = [
        node.op_type for node in onnx.load(target).graph.node if node.name.startswith("curve") and "_" not in node.name
    ]
    assert operators == ["Pow", "Sub", "Mul", "Add"] * 8
    image = rng.integers(0, 256, (61, 84, 3), np.uint8)
    ours, literal = Enhancer(source)(image), Enhancer(target)(image)
    assert np.mean(ours != literal) < 0.001
    assert np.abs(ours.astype(int) - literal).max() <= 1


def test_a_network_without_curve_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dcelite.bench.literal_curve import main

    source = exported(tmp_path / "network.onnx", resize_in_graph=False)
    assert main([str(source), str(tmp_path / "literal.onnx")]) == 2
    assert "no curve in the graph" in capsys.readouterr().err
    assert not (tmp_path / "literal.onnx").exists()
