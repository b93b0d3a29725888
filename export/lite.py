"""MindSpore Lite: the ``.ms`` file, converted from an ONNX graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.errors import DceliteError
from dcelite.export.onnx_graph import write_onnx
from dcelite.export.spec import ExportSpec
from dcelite.files import working_folder
from dcelite.mindspore_lite import convert


def write_ms(
    arrays: Mapping[str, NDArray[np.float32]],
    spec: ExportSpec,
    metadata: Mapping[str, str],
    path: Path,
    **options: Any,
) -> None:
    """Write the ``.ms`` file of a spec; a whole enhancement has the spec's fixed size. ``options`` go to ``convert``.

    Raises DceliteError for an image side of one pixel, and what ``convert`` raises.
    """
    if spec.size is not None and spec.scale > 1 and min(spec.size) == 1:
        # Its align_corners divides by H - 1 even where that is zero, and gives NaN.
        raise DceliteError(f"--size {spec.size_text}: MindSpore Lite resizes to 2x2 and more; leave out the format ms")
    with working_folder() as folder:
        source = folder / "model.onnx"
        write_onnx(arrays, spec, metadata, source)
        convert(source, path, scale=spec.scale, **options)
