"""The formats: what ``--formats`` and ``--name`` mean, which can be made here, and how each is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dcelite.errors import DceliteError, EngineUnavailableError
from dcelite.export.spec import ExportSpec
from dcelite.extras import absent
from dcelite.model.checkpoint import Weights

FORMATS = ("mindir", "onnx", "ms", "dce")


def split_list(text: str) -> tuple[str, ...]:
    """``onnx,ms`` -> its parts."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def check(formats: Sequence[str], known: Sequence[str], name: str | None) -> None:
    """Raise DceliteError for a format that is unknown, and for a name that is none of a file."""
    if unknown := [one for one in formats if one not in known]:
        raise DceliteError(f"--formats {unknown[0]}: is not a format; a list of {', '.join(known)} was wanted")
    if name is not None and (name in ("", ".", "..") or Path(name).name != name):
        raise DceliteError(f"--name {name}: a file name without folder and suffix was wanted")


def available(wanted: Sequence[str], *, explicit: bool) -> tuple[list[str], dict[str, str]]:
    """Split into formats that can be made here and those that cannot, with the reason: what to install.

    Raises EngineUnavailableError for one that cannot but was asked for.
    """
    skipped = {name: text for name in wanted if (text := _what_is_absent(name))}
    if skipped and explicit:
        raise EngineUnavailableError("; ".join(f"--formats {name}: {text}" for name, text in skipped.items()))
    return [name for name in dict.fromkeys(wanted) if name not in skipped], skipped


def _what_is_absent(file_format: str) -> str:
    """What to install before a format can be written and run here; empty where nothing is missing."""
    if file_format == "onnx":
        return absent("export", "onnx", "onnxruntime")
    if file_format == "ms":
        from dcelite.mindspore_lite.build import find_build
        from dcelite.mindspore_lite.sdk import find_sdk

        try:
            find_build(find_sdk())  # compiles converter and engine if that is still to be done
        except EngineUnavailableError as error:
            return str(error)
        return absent("export", "onnx")
    return ""


def write_model(weights: Weights, spec: ExportSpec, metadata: Mapping[str, str], path: Path) -> None:
    """Write the float model of a spec, in the format of the suffix."""
    file_format = path.suffix[1:]
    if file_format == "mindir":
        from dcelite.export.mindir import write_mindir

        write_mindir(weights, spec, metadata, path)
    elif file_format == "onnx":
        from dcelite.export.onnx_graph import write_onnx

        write_onnx(weights.arrays, spec, metadata, path)
    elif file_format == "ms":
        from dcelite.export.lite import write_ms

        write_ms(weights.arrays, spec, metadata, path)
    else:
        from dcelite.model.dce_file import DceModel, write_dce

        write_dce(DceModel(weights.architecture, spec.scale, weights.arrays), path)
