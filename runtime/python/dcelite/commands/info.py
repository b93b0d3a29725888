"""``dcelite info``: what a model file is, and which engines this installation has."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import dcelite
from dcelite import core
from dcelite.enhancer import Enhancer
from dcelite.errors import DceliteError
from dcelite.extras import absent
from dcelite.model.architecture import ARCHITECTURES
from dcelite.provenance import sha256

FOR_THE_ENGINE = "known to the engine alone"
ARCHITECTURE_NAMES = {"engine": FOR_THE_ENGINE} | {a.name: a.title for a in ARCHITECTURES.values()}
ENGINE_NAMES = {".dce": "native", ".ms": "MindSpore Lite", ".onnx": "ONNX Runtime"}


def add_command(subparsers: Any) -> None:
    parser = subparsers.add_parser("info", help="describe a model file, or this installation")
    parser.add_argument(
        "model", nargs="?", type=Path, metavar="MODEL", help=".dce, .ms or .onnx; without it, the shipped weights"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    rows = describe(options.model)
    if options.model is None:
        rows += installation()
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    return 0


def describe(path: Path | None) -> list[tuple[str, str]]:
    """Name and value of everything that is known of a model."""
    with Enhancer(path) as enhance:
        rows = [("model", "shipped weights" if path is None else str(path))]
        if path is not None:
            rows += [("size", f"{path.stat().st_size:,} bytes"), ("sha256", sha256(path))]
        rows.append(("engine", "native" if path is None else ENGINE_NAMES[path.suffix.lower()]))
        if (engine := enhance.session.engine) is not None:
            rows.append(("checksum", "matches" if engine.sealed else "none, damage would not be noticed"))
        if not enhance.has_curve_map:
            return [*rows, ("graph", "the whole enhancement, from image to enhanced image")]
        info, kernels = enhance.info, enhance.kernels
    return [
        *rows,
        ("graph", "the curve network"),
        ("architecture", ARCHITECTURE_NAMES[info.architecture]),
        ("parameters", f"{info.parameters:,}" if info.parameters else FOR_THE_ENGINE),
        ("scale", f"1/{info.scale}"),
        ("curve map", f"{info.map_channels} channels, {info.iterations} iterations"),
        ("kernels", kernels),
    ]


def installation() -> list[tuple[str, str]]:
    """Versions, and which engines are there."""
    onnx = absent("onnx", "onnxruntime")
    return [
        ("dcelite", f"{dcelite.__version__}, core library {core.version()}"),
        ("instruction sets", ", ".join(core.kernels())),
        (".onnx engine", f"absent: {onnx}" if onnx else "ONNX Runtime"),
        (".ms engine", _mindspore_lite()),
    ]


def _mindspore_lite() -> str:
    from dcelite.mindspore_lite.sdk import find_sdk

    try:
        return f"MindSpore Lite, {find_sdk().library}"
    except DceliteError as error:
        return f"absent: {error}"
