"""The writer of .dce files, read back by hand and by the native engine."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from dcelite import Enhancer, reference
from dcelite.errors import ModelError
from dcelite.model.dce_file import INT8, DceModel, dce_bytes, parse_dce, read_dce, write_dce

from generated import ARCHITECTURES, SIZES, picture, weights_of
from support import assert_equals_reference


@pytest.mark.parametrize(
    ("architecture", "code", "channels", "parameters"),
    [("zerodcepp", 1, 3, 10561), ("zerodce", 2, 24, 79416), ("zerodcepp_scene", 3, 3, 12225)],
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


@pytest.mark.parametrize(
    ("architecture", "scale"),
    [("zerodcepp", 12), ("zerodcepp", 5), ("zerodce", 1), ("zerodcepp_scene", 12), ("zerodcepp_scene", 5)],
)
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


@pytest.fixture
def int8_model(rng) -> DceModel:
    return int8_model_of("zerodcepp", rng)


def int8_model_of(architecture, rng) -> DceModel:
    arrays = {}
    for name, array in weights_of(architecture).arrays.items():
        if name.startswith("scene_head."):
            arrays[name] = array
        elif name.endswith(".weight"):
            arrays[name] = rng.integers(-127, 128, array.shape).astype(np.int8)
        else:
            arrays[name] = rng.integers(-1000, 1000, array.shape).astype(np.int32)
            arrays[f"{name.removesuffix('.bias')}.multiplier"] = rng.random(array.shape, np.float32)
    return DceModel(architecture, 5, arrays, INT8)


def test_what_is_written_is_read(int8_model, tmp_path, rng):
    for number, model in enumerate(
        (
            DceModel("zerodcepp", 7, weights_of("zerodcepp").arrays),
            DceModel("zerodce", 1, weights_of("zerodce").arrays),
            DceModel("zerodcepp_scene", 7, weights_of("zerodcepp_scene").arrays),
            int8_model,
            int8_model_of("zerodcepp_scene", rng),
        )
    ):
        path = tmp_path / f"{number}.dce"
        write_dce(model, path)
        found = read_dce(path)
        assert (found.architecture, found.scale, found.precision) == (model.architecture, model.scale, model.precision)
        assert found.arrays.keys() == model.arrays.keys()
        for name, array in model.arrays.items():
            assert found.arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(found.arrays[name], array)
        with Enhancer(path) as enhance:
            assert enhance.info.scale == model.scale


def with_field(data: bytes, offset: int, value: int) -> bytes:
    """The file with another u32 in its header and the checksum that goes with it."""
    changed = data[16:offset] + struct.pack("<I", value) + data[offset + 4 :]
    return data[:12] + struct.pack("<I", zlib.crc32(changed)) + changed


def test_foreign_and_damaged_files_are_refused(int8_model, tmp_path):
    data = dce_bytes(int8_model)
    for case in (data[:40], b"\x08" + data[1:]):
        with pytest.raises(ModelError, match=r"a file: is not a \.dce file"):
            parse_dce(case, "a file")
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    other = [
        with_field(data, *field)
        for field in ((20, 2), (20, 9), (24, 2), (28, 0), (28, 65), (32, 7), (36, 16), (40, 24))
    ]
    for case in (data[:-1], data + b"\0", flipped, data[:8] + b"\2" + data[9:], *other):
        with pytest.raises(ModelError, match="a file: is damaged or of a newer version"):
            parse_dce(case, "a file")
    with pytest.raises(ModelError, match=r"a file: has 14027 bytes, which are not those of its parameters"):
        parse_dce(with_field(data, 24, 0), "a file")
    with pytest.raises(ModelError, match=r"none\.dce: cannot be read: No such file"):
        read_dce(tmp_path / "none.dce")
