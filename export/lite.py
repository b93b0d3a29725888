"""MindSpore Lite: the ``.ms`` file, converted from an ONNX graph."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite.errors import DceliteError
from dcelite.export.onnx_graph import write_onnx
from dcelite.export.variant import Variant
from dcelite.mindspore_lite import convert


def write_ms(
    arrays: Mapping[str, NDArray[np.float32]], variant: Variant, metadata: Mapping[str, str], path: Path
) -> None:
    """Write the ``.ms`` file of a variant; a whole enhancement has the variant's fixed size.

    Raises:
        DceliteError: the image size has a side of one pixel.
        ModelError: the converter refuses the graph.
        EngineUnavailableError: the converter is not installed.
    """
    if variant.size is not None and variant.scale > 1 and min(variant.size) == 1:
        # Its align_corners divides by H - 1 even where that is zero, and gives NaN.
        raise DceliteError(
            f"--size {variant.size_text}: MindSpore Lite resizes to 2x2 and more; leave out the format ms"
        )
    with tempfile.TemporaryDirectory(prefix="dcelite-export-") as folder:
        source = Path(folder, "model.onnx")
        write_onnx(arrays, variant, metadata, source)
        convert(source, path, scale=variant.scale)
