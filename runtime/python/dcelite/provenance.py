"""Where files and figures come from: checksums, versions, the machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import dcelite
from dcelite.errors import EngineUnavailableError

TOOLS = ("mindspore", "onnx", "onnxruntime", "numpy")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def file_record(path: Path | None) -> dict[str, Any] | None:
    """Name, size and SHA-256 of a file; None where it cannot be read."""
    try:
        return None if path is None else {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}
    except OSError:
        return None


def version_of(distribution: str) -> str | None:
    """Version of an installed Python distribution; None where it is absent."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def mindspore_lite_version() -> str | None:
    """Version of the MindSpore Lite SDK that converts and runs here; None where there is none."""
    from dcelite.mindspore_lite.sdk import VERSION, find_sdk

    try:
        sdk = find_sdk()
    except EngineUnavailableError:
        return None
    return "of MSLITE_HOME" if sdk.official else VERSION


def tool_versions() -> dict[str, str | None]:
    """What made files or figures, for the record."""
    versions: dict[str, str | None] = {"python": platform.python_version(), "platform": platform.platform()}
    versions["dcelite"] = dcelite.__version__
    versions["mindspore_lite"] = mindspore_lite_version()
    return versions | {name: version_of(name) for name in TOOLS}
