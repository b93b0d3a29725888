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


def _tensor(name: str, file_format: str, spec: ExportSpec) -> Record:
    """An input or output; free axes have words for their lengths."""
    is_map = name == "curve_map"
    axes: dict[str, int | str] = {"C": spec.map_channels if is_map else 3, "H": "height", "W": "width"}
    axes["N"] = 1 if file_format in ("ms", "dce") else "batch"
    if spec.size is not None:
        axes.update(N=1, H=spec.size[0], W=spec.size[1])
    # MindSpore Lite's converter turns every four-dimensional input to NHWC.
    layout = "NHWC" if spec.uint8 or (file_format == "ms" and name == "image") else "NCHW"
    return {
        "name": name,
        "type": "uint8" if spec.uint8 else "float32",
        "layout": layout,
        "shape": [axes[letter] for letter in layout],
        "range": [-1, 1] if is_map else [0, 255 if spec.uint8 else 1],
    }


def file_record(path: Path, spec: ExportSpec, parity: Parity) -> Record:
    """What the manifest says of one file, apart from its origin."""
    file_format = path.suffix[1:]
    return {
        "format": file_format,
        "kind": spec.kind,
        "architecture": spec.architecture,
        "scale": spec.scale,
        "iterations": ITERATIONS,
        "input": {**_tensor("image", file_format, spec), "channels": "RGB"},
        "output": _tensor(spec.output_name, file_format, spec),
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
    """The records by file name; empty without a manifest. Raises OutputError for one that is none of this version."""
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (version := content["manifest_version"]) != MANIFEST_VERSION:
            raise OutputError(f"{path}: has manifest version {version}, {MANIFEST_VERSION} was wanted")
        return dict(content["files"])
    except (FileNotFoundError, NotADirectoryError):
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
