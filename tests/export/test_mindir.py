"""MindIR files: free and fixed sizes, names, damage, through MindSpore against the NumPy reference."""

from __future__ import annotations

import os
import stat

import numpy as np
import pytest

from dcelite import reference
from dcelite.errors import ModelError
from dcelite.export.spec import ExportSpec

from generated import ARCHITECTURES, SIZES, picture, weights_of
from support import assert_equals_reference

backend = pytest.importorskip("dcelite.training.backend")
mindir = pytest.importorskip("dcelite.export.mindir")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_curve_network_equals_the_reference_at_any_size(architecture, tmp_path):
    weights = weights_of(architecture)
    path = tmp_path / "model.mindir"
    mindir.write_mindir(weights, ExportSpec(architecture, 12), {}, path)
    cell = mindir.load_mindir(path)
    for height, width in SIZES:
        image = picture(height, width) / 255.0
        curve_map = cell(backend.Tensor(image.transpose(2, 0, 1)[None].astype(np.float32))).asnumpy()
        expected = reference.network(image, weights.arrays)
        np.testing.assert_allclose(curve_map[0].transpose(1, 2, 0), expected, atol=2e-6)


@pytest.mark.parametrize(("architecture", "scale"), [("zerodcepp", 12), ("zerodce", 1)])
@pytest.mark.parametrize("size", [(1, 1), (1, 17), (53, 97)])
@pytest.mark.parametrize("uint8", [False, True])
def test_enhancement_equals_the_reference(architecture, scale, size, uint8, tmp_path):
    weights = weights_of(architecture)
    path = tmp_path / "model.mindir"
    mindir.write_mindir(weights, ExportSpec(architecture, scale, True, uint8, size), {}, path)
    image = picture(*size)
    array = image[None] if uint8 else (image / 255.0).astype(np.float32).transpose(2, 0, 1)[None]
    enhanced = mindir.load_mindir(path)(backend.Tensor(array)).asnumpy()
    if not uint8:
        enhanced = reference.to_8_bit(enhanced.transpose(0, 2, 3, 1))
    assert enhanced.dtype == np.uint8
    assert_equals_reference(enhanced[0], reference.enhance(image, weights.arrays, scale))


def test_file_is_ordinary_and_readable(tmp_path):
    """MindSpore itself writes mode 0400 and names that begin with that of the compiled function."""
    path = tmp_path / "model.mindir"
    mindir.write_mindir(weights_of("zerodcepp"), ExportSpec("zerodcepp", 12), {"dcelite.scale": "12"}, path)
    assert list(tmp_path.iterdir()) == [path]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    data = path.read_bytes()
    for name in (b"image", b"curve_map", b"e_conv1.depth_conv.weight", b"dcelite.scale"):
        assert bytes([len(name)]) + name in data  # the whole string of a protobuf field
    assert b"__main__" not in data


def test_damage_is_found_before_mindspore_reads_the_file(tmp_path, rng):
    path = tmp_path / "model.mindir"
    mindir.write_mindir(weights_of("zerodcepp"), ExportSpec("zerodcepp", 12), {}, path)
    data = path.read_bytes()
    mindir.load_mindir(path)
    cases = [b"", data[:100], data[:-1], b"\x08\x0a\x12\x05other" * 50]
    for place in rng.integers(0, len(data), 50):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        cases.append(bytes(damaged))
    for case in cases:
        path.write_bytes(case)
        with pytest.raises(ModelError, match=r"model\.mindir: "):
            mindir.load_mindir(path)
