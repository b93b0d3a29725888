"""MindIR: MindSpore's own graph file, exported from the network Cells and loaded through ``nn.GraphCell``.

MindSpore 2.10 loads many damaged MindIR files without complaint; hence the seal (``dcelite.model.seal``), kept in the
file's ``user_info``, and :func:`load_mindir`, which proves it before MindSpore sees the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format  # type: ignore[import-untyped]

from dcelite.errors import ModelError
from dcelite.export.spec import ExportSpec
from dcelite.model.checkpoint import Weights
from dcelite.model.seal import SEAL_KEY, UNSEALED, read_sealed, seal
from dcelite.training.backend import Tensor, ms, nn, ops
from dcelite.training.network import CurveNetwork, Enhancement, build_network


class _EnhancedImage(nn.Cell):
    """The whole enhancement: float32 (N, 3, H, W) in [0, 1] -> the same, or uint8 (N, H, W, 3) -> the same."""

    def __init__(self, network: CurveNetwork, spec: ExportSpec) -> None:
        super().__init__(auto_prefix=False)  # keeps the parameter names of the network
        self.enhancement = Enhancement(network, spec.scale)
        self.uint8 = spec.uint8

    def construct(self, image: Tensor) -> Tensor:
        if not self.uint8:
            return self.enhancement(image)[0]
        planar = ops.transpose(ops.cast(image, ms.float32), (0, 3, 1, 2)) * (1 / 255)
        # floor(255 x + 0.5); the cast drops the fraction.
        levels = ops.clamp(self.enhancement(planar)[0] * 255.0 + 0.5, 0.0, 255.0)
        return ops.cast(ops.transpose(levels, (0, 2, 3, 1)), ms.uint8)


def _cell_and_input(weights: Weights, spec: ExportSpec) -> tuple[nn.Cell, Tensor]:
    """What to export, and a tensor with the input's type and shape (None: free)."""
    network = build_network(weights)
    if not spec.resize_in_graph:
        return network, Tensor(shape=[None, 3, None, None], dtype=ms.float32)
    if spec.size is None:
        raise ValueError("a MindIR file with the resize in the graph has a fixed size")
    shape, dtype = ([1, *spec.size, 3], ms.uint8) if spec.uint8 else ([1, 3, *spec.size], ms.float32)
    return _EnhancedImage(network, spec), Tensor(shape=shape, dtype=dtype)


def _finish(model: Any, output_name: str, metadata: Mapping[str, str]) -> None:
    """Give the graph readable names and the model its metadata.

    MindSpore prefixes every name with that of the compiled function ("56_1___main___construct_5:image").
    """
    prefix = model.graph.input[0].name.rpartition(":")[0] + ":"
    output = model.graph.output[0].name
    text = (
        text_format.MessageToString(model.graph).replace(f'"{output}"', f'"{output_name}"').replace(f'"{prefix}', '"')
    )
    model.graph.Clear()
    text_format.Parse(text, model.graph)
    model.user_info.update(metadata)
    model.user_info[SEAL_KEY] = UNSEALED


def write_mindir(weights: Weights, spec: ExportSpec, metadata: Mapping[str, str], path: Path) -> None:
    """Write the sealed MindIR file of a spec. ``path`` must not exist; MindSpore would add a missing ``.mindir``."""
    cell, example = _cell_and_input(weights, spec)
    raw = path.with_name(f"{path.stem}.unsealed.mindir")  # MindSpore makes its files read-only
    try:
        ms.export(
            cell.set_train(False),
            example,
            file_name=str(raw),
            file_format="MINDIR",
            custom_func=lambda model: _finish(model, spec.output_name, metadata),
        )
        path.write_bytes(seal(raw.read_bytes()))
    finally:
        raw.unlink(missing_ok=True)


def load_mindir(path: Path) -> nn.GraphCell:
    """A file of ``dcelite export``, to be called with a Tensor; raises ModelError for any other or a damaged one."""
    read_sealed(path)
    try:
        return nn.GraphCell(ms.load(str(path)))
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"{path}: MindSpore {ms.__version__} cannot load it: {str(error).splitlines()[0]}") from None
