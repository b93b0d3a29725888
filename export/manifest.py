"""``manifest.json`` beside the exported files: what each of them is, where it comes from, and how exact it is.

A folder has one manifest; exporting into it again adds or replaces the records of the files written, and drops those of
files that are gone. Every record is complete, so files of different checkpoints can stand side by side.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dcelite.errors import OutputError
from dcelite.export.spec import ExportSpec
from dcelite.export.verify import Parity
from dcelite.files import reason
from dcelite.provenance import sha256
from dcelite.reference import ITERATIONS

FILE_NAME = "manifest.json"
MANIFEST_VERSION = 1

Record = dict[str, Any]


def _shape(file_format: str, spec: ExportSpec, channels: int, layout: str) -> list[int | str]:
    """Axis lengths in the order of the layout, free ones as words."""
    axes: dict[str, int | str] = {"N": "batch", "C": channels, "H": "height", "W": "width"}
    if file_format in ("ms", "dce"):
        axes["N"] = 1
    if spec.resize_in_graph and file_format != "onnx" and spec.size is not None:
        axes.update(N=1, H=spec.size[0], W=spec.size[1])
    return [axes[letter] for letter in layout]


def _tensor(name: str, file_format: str, spec: ExportSpec, channels: int, value_range: list[int]) -> Record:
    layout = "NCHW"
    if spec.uint8 or (file_format == "ms" and name == "image"):
        layout = "NHWC"  # MindSpore Lite's converter turns every four-dimensional input so
    return {
        "name": name,
        "type": "uint8" if spec.uint8 else "float32",
        "layout": layout,
        "shape": _shape(file_format, spec, channels, layout),
        "range": value_range,
    }


def _value_range(spec: ExportSpec) -> list[int]:
    return [0, 255] if spec.uint8 else [0, 1]


def file_record(path: Path, file_format: str, spec: ExportSpec, parity: Parity) -> Record:
    """What the manifest says of one file, apart from its origin."""
    output_channels = 3 if spec.resize_in_graph else spec.map_channels
    output_range = _value_range(spec) if spec.resize_in_graph else [-1, 1]
    return {
        "format": file_format,
        "kind": spec.kind,
        "architecture": spec.architecture,
        "scale": spec.scale,
        "iterations": ITERATIONS,
        "input": {**_tensor("image", file_format, spec, 3, _value_range(spec)), "channels": "RGB"},
        "output": _tensor(spec.output_name, file_format, spec, output_channels, output_range),
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
        "parity": {
            "runtime": parity.runtime,
            "against": "the MindSpore network",
            "curve_map_max_difference": parity.map_difference,
            "levels_max_difference": parity.level_difference,
            "levels_equal_share": parity.equal_share,
            "picture_sizes_height_width": [list(size) for size in parity.sizes],
        },
    }


def read_manifest(folder: Path) -> dict[str, Record]:
    """The records of a folder's manifest by file name; empty where there is none.

    Raises:
        OutputError: the file there is not a manifest of this version.
    """
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["manifest_version"] != MANIFEST_VERSION:
            raise OutputError(
                f"{path}: has manifest version {content['manifest_version']}, {MANIFEST_VERSION} was wanted"
            )
        return dict(content["files"])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {reason(error)}") from None
    except (ValueError, KeyError, TypeError):
        raise OutputError(f"{path}: is not a manifest of dcelite; give another folder, or --overwrite") from None


def manifest_text(folder: Path, previous: dict[str, Record], written: dict[str, Record]) -> str:
    """The manifest after an export: ``written`` over what of ``previous`` is still in the folder."""
    kept = {name: record for name, record in previous.items() if (folder / name).is_file()}
    content = {"manifest_version": MANIFEST_VERSION, "files": dict(sorted({**kept, **written}.items()))}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
