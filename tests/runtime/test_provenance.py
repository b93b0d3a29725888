"""Checksums, versions and the processor, for the record."""

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


def test_the_processor(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    assert provenance.processor_name(tmp_path) is None
    (tmp_path / "proc" / "cpuinfo").write_text("processor\t: 0\nHardware\t: A board\nModel\t\t: Its name\n")
    assert provenance.processor_name(tmp_path) == "Its name"
    assert provenance.cpuinfo(("flags", "Hardware"), tmp_path) == "A board"
    assert provenance.cpuinfo(("flags",), tmp_path) is None
