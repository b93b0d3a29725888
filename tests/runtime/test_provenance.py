"""Checksums and versions, for the record."""

from __future__ import annotations

import hashlib
from pathlib import Path

import dcelite
from dcelite import provenance


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    data = bytes(range(256)) * 9000  # more than is read at once
    path.write_bytes(data)
    wanted = hashlib.sha256(data).hexdigest()
    assert provenance.sha256(path) == wanted
    assert provenance.file_record(path) == {"file": "file.bin", "bytes": len(data), "sha256": wanted}
    assert provenance.file_record(tmp_path / "absent") is None
    assert provenance.file_record(None) is None


def test_versions() -> None:
    assert provenance.version_of("no-such-distribution") is None
    versions = provenance.tool_versions()
    assert versions["dcelite"] == dcelite.__version__
    assert versions["numpy"] == provenance.version_of("numpy") is not None
    assert {"python", "platform", "mindspore", "mindspore_lite", "onnx", "onnxruntime"} <= set(versions)
