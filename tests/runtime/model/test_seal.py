"""The seal inside exported ONNX and MindIR files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dcelite.errors import ModelError
from dcelite.export.onnx_graph import write_onnx
from dcelite.export.spec import ExportSpec
from dcelite.model.seal import read_sealed, seal

from generated import weights_of


@pytest.fixture
def sealed(tmp_path) -> Path:
    path = tmp_path / "model.onnx"
    spec = ExportSpec("zerodcepp", 12)
    write_onnx(weights_of("zerodcepp").arrays, spec, spec.metadata("0" * 64, "0"), path)
    return path


def test_an_untouched_file_passes(sealed):
    data = sealed.read_bytes()
    assert read_sealed(sealed) == data


def test_sealing_again_changes_nothing(sealed):
    data = sealed.read_bytes()
    assert seal(data) == data


def test_every_flipped_bit_is_found(sealed, rng):
    data = sealed.read_bytes()
    start = data.index(b"dcelite.sha256")
    # All of the seal with its surroundings, the first bytes, and a sample of the rest.
    places = {*range(start - 4, start + 80), *range(16), *rng.integers(0, len(data), 100).tolist(), len(data) - 1}
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        sealed.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"model\.onnx: (is damaged|has no valid checksum)"):
            read_sealed(sealed)


@pytest.mark.parametrize("keep", [1, 10, 20000, -1])
def test_truncation_is_found(sealed, keep):
    sealed.write_bytes(sealed.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"model\.onnx: (is damaged|has no valid checksum)"):
        read_sealed(sealed)


def test_appended_bytes_are_found(sealed):
    sealed.write_bytes(sealed.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="checksum does not match"):
        read_sealed(sealed)


def test_an_empty_and_a_foreign_file_are_named(sealed):
    sealed.write_bytes(b"")
    with pytest.raises(ModelError, match=r"model\.onnx: is empty"):
        read_sealed(sealed)
    sealed.write_bytes(b"\x08\x0a\x12\x05other" * 100)
    with pytest.raises(ModelError, match=r"model\.onnx: has no valid checksum"):
        read_sealed(sealed)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"absent\.onnx: cannot be read: No such file"):
        read_sealed(tmp_path / "absent.onnx")
    with pytest.raises(ModelError, match="Is a directory"):
        read_sealed(tmp_path)


def test_sealing_needs_the_pair():
    with pytest.raises(ValueError, match=r"dcelite\.sha256"):
        seal(np.arange(100, dtype=np.uint8).tobytes())
