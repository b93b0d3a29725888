"""The writer of .dce files, read back by hand and by the native engine."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from dcelite import Enhancer, reference
from dcelite.errors import ModelError
from dcelite.model.dce_file import DceModel, dce_bytes, write_dce

from generated import ARCHITECTURES, SIZES, picture, weights_of
from support import assert_equals_reference


@pytest.mark.parametrize(
    ("architecture", "code", "channels", "parameters"), [("zerodcepp", 1, 3, 10561), ("zerodce", 2, 24, 79416)]
)
def test_header_and_payload(architecture, code, channels, parameters):
    arrays = weights_of(architecture).arrays
    data = dce_bytes(DceModel(architecture, 7, arrays))
    assert data[:8] == b"\x89DCE\r\n\x1a\n"
    version, checksum, size, *fields = struct.unpack("<9I", data[8:44])
    assert (version, checksum, size) == (1, zlib.crc32(data[16:]), len(data))
    assert fields == [code, 0, 7, 8, 32, channels]
    assert data[44:64] == bytes(20)
    payload = np.frombuffer(data, "<f4", offset=64)
    assert payload.size == parameters
    expected = [arrays[name].ravel() for name in ARCHITECTURES[architecture].parameter_shapes]
    np.testing.assert_array_equal(payload, np.concatenate(expected))


@pytest.mark.parametrize(("architecture", "scale"), [("zerodcepp", 12), ("zerodcepp", 5), ("zerodce", 1)])
def test_native_engine_equals_the_reference(architecture, scale, tmp_path):
    arrays = weights_of(architecture).arrays
    path = tmp_path / "model.dce"
    write_dce(DceModel(architecture, scale, arrays), path)
    with Enhancer(path) as enhance:
        assert enhance.info.scale == scale
        assert enhance.info.architecture == architecture
        for height, width in SIZES:
            image = picture(height, width)
            np.testing.assert_allclose(enhance.curve_map(image), reference.curve_map(image, arrays, scale), atol=1e-5)
            assert_equals_reference(enhance(image), reference.enhance(image, arrays, scale))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_flipped_bits_and_truncation_are_refused(architecture, tmp_path, rng):
    data = dce_bytes(DceModel(architecture, 12, weights_of(architecture).arrays))
    path = tmp_path / "model.dce"
    cases = [b"", data[:10], data[:-4], data + bytes(4)]
    for place in [*range(64), *rng.integers(64, len(data), 30).tolist()]:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        cases.append(bytes(damaged))
    for case in cases:
        path.write_bytes(case)
        with pytest.raises(ModelError, match=r"model\.dce"):
            Enhancer(path)
