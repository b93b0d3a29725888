"""Each exported file, loaded again in its own runtime and compared with the MindSpore network on golden pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dcelite
from dcelite.errors import DceliteError, ModelError
from dcelite.export.golden import Golden, Network
from dcelite.export.spec import ExportSpec
from dcelite.model.checkpoint import Weights
from dcelite.model.seal import read_sealed
from dcelite.provenance import mindspore_lite_version
from dcelite.reference import finish, to_8_bit

MAP_TOLERANCE = 1e-4
"""Largest difference of a curve map. Float32 runtimes differ by some 1e-7; at 1e-4 eight iterations move a value by at
most 8 x 255 / 4 x 1e-4 = 0.05 levels."""
LEVEL_TOLERANCE = 1
"""Largest difference of an 8-bit value: where 255 x + 0.5 lies next to an integer, rounding decides."""
EQUAL_SHARE = 0.999
"""Smallest share of 8-bit values that are equal, in a picture of at least 1 / (1 - EQUAL_SHARE) values."""

Outputs = tuple[NDArray[np.floating[Any]] | None, NDArray[np.uint8]]
"""Curve map (h, w, C), or None where the file does not give it away, and enhanced picture (H, W, 3)."""
Runner = Callable[[Golden], Outputs]


@dataclass(frozen=True)
class Parity:
    """How far a file is from the MindSpore network, over all golden pictures."""

    runtime: str
    map_difference: float | None
    level_difference: int
    equal_share: float
    sizes: tuple[tuple[int, int], ...]
    """(height, width) of the pictures."""

    @property
    def passed(self) -> bool:
        # Written so that a NaN fails.
        map_holds = self.map_difference is None or self.map_difference <= MAP_TOLERANCE
        return map_holds and self.level_difference <= LEVEL_TOLERANCE and self.equal_share >= EQUAL_SHARE

    def __str__(self) -> str:
        curve_map = "" if self.map_difference is None else f"curve map differs by {self.map_difference:.1e}, "
        return f"{curve_map}8-bit values by {self.level_difference}, {self.equal_share:.3%} are equal"


def mindspore_network(weights: Weights) -> Network:
    """The network of the checkpoint in MindSpore: what every file is compared with."""
    from dcelite.training.backend import Tensor
    from dcelite.training.network import build_network

    network = build_network(weights).set_train(False)

    def run(image: NDArray[np.float32]) -> NDArray[np.float32]:
        curve_map: NDArray[np.float32] = network(Tensor(image)).asnumpy()
        return curve_map

    return run


def _graph_runner(call: Callable[[NDArray[np.generic]], NDArray[np.generic]], spec: ExportSpec) -> Runner:
    """A runner from a function that maps the graph's input array to its output array, both in ONNX's layout."""

    def run(golden: Golden) -> Outputs:
        if not spec.resize_in_graph:
            curve_map = call(golden.small)[0].transpose(1, 2, 0)
            return curve_map, finish(golden.picture, curve_map)
        if not spec.uint8:
            planar = (golden.picture / 255.0).astype(np.float32).transpose(2, 0, 1)[None]
            return None, to_8_bit(call(np.ascontiguousarray(planar))[0].transpose(1, 2, 0).astype(np.float64))
        output = call(golden.picture[None])
        if output.dtype != np.uint8:
            raise ValueError(f"gives {output.dtype}, uint8 was wanted")
        return None, output[0].view(np.uint8)

    return run


def _open(path: Path, spec: ExportSpec) -> tuple[str, Runner]:
    """What the format's own runtime is called, and the file in it."""
    file_format = path.suffix[1:]
    call: Callable[[NDArray[np.generic]], NDArray[np.generic]]
    if file_format == "dce":
        enhancer = dcelite.Enhancer(path)
        runtime = f"dcelite {dcelite.__version__}"
        return runtime, lambda golden: (enhancer.curve_map(golden.picture), enhancer(golden.picture))
    if file_format == "mindir":
        from dcelite.export.mindir import load_mindir
        from dcelite.training.backend import Tensor, ms

        cell = load_mindir(path)
        runtime, call = f"MindSpore {ms.__version__}", lambda x: cell(Tensor(x)).asnumpy()
    elif file_format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(read_sealed(path), providers=["CPUExecutionProvider"])
        name = spec.output_name
        runtime, call = f"ONNX Runtime {onnxruntime.__version__}", lambda x: session.run([name], {"image": x})[0]
    else:
        from dcelite.mindspore_lite import open_model

        model = open_model(path)
        runtime, call = f"MindSpore Lite {mindspore_lite_version()}", lambda x: model.run(x[0])[None]
    return runtime, _graph_runner(call, spec)


def compare(runtime: str, run: Runner, goldens: Sequence[Golden]) -> Parity:
    """Run all golden pictures and keep the largest differences; raises ValueError for an output of another shape."""
    map_differences: list[float] = []
    level_difference, equal_share = 0, 1.0
    for golden in goldens:
        curve_map, enhanced = run(golden)
        if curve_map is not None:
            _check_shape(curve_map, golden.curve_map, "curve map")
            map_differences.append(float(np.max(np.abs(curve_map - golden.curve_map))))
        _check_shape(enhanced, golden.enhanced, "enhanced picture")
        levels = np.abs(enhanced.astype(np.int16) - golden.enhanced)
        level_difference = max(level_difference, int(levels.max()))
        if levels.size * (1 - EQUAL_SHARE) >= 1:
            equal_share = min(equal_share, float(np.mean(levels == 0)))
    map_difference = float(np.max(map_differences)) if map_differences else None  # a NaN stays
    sizes = tuple((golden.picture.shape[0], golden.picture.shape[1]) for golden in goldens)
    return Parity(runtime, map_difference, level_difference, equal_share, sizes)


def _check_shape(seen: NDArray[np.generic], wanted: NDArray[np.generic], what: str) -> None:
    if seen.shape != wanted.shape:
        raise ValueError(f"the {what} has the shape {seen.shape}, {wanted.shape} was wanted")


def verify(path: Path, spec: ExportSpec, goldens: Sequence[Golden]) -> Parity:
    """Compare a file in its own runtime; the caller judges ``passed``. Raises ModelError where that fails."""
    try:
        return compare(*_open(path, spec), goldens)
    except DceliteError:
        raise
    except Exception as error:  # each runtime has exception classes of its own
        detail = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{path.name}: does not run in its own runtime: {detail[0]}") from error
