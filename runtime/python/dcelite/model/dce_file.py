"""``.dce``, the model file of the native engine, read and written (its reader in C++: ``runtime/src``, "model").

Little endian: a header of 64 bytes, then the parameters of layers 1 to 7.

====== ==== =====================================================
offset type
====== ==== =====================================================
     0  8 B ``\\x89DCE\\r\\n\\x1a\\n``
     8  u32 format version, 1
    12  u32 CRC-32 of the bytes from 16 to the end
    16  u32 file size in bytes
    20  u32 architecture: 1 Zero-DCE++, 2 Zero-DCE, 3 Zero-DCE++ with a scene head
    24  u32 precision: 0 float32, 1 int8 (not of Zero-DCE)
    28  u32 scale, 1 … 64
    32  u32 iterations, 8
    36  u32 filters, 32
    40  u32 channels of the curve map, 3 or 24
    44 20 B zero
    64      the parameters, in the order of the layers
====== ==== =====================================================

A layer of Zero-DCE++ is depthwise weight (in, 3, 3), bias (in), pointwise weight (out, in), bias (out); one of Zero-DCE
weight (out, in, 3, 3), bias (out). In float32 all are f32. In int8, whose arithmetic is that of ``dcelite.quantize``'s
``int8_network.py``, weights are i8 and biases i32, and each bias is followed by as many f32: the multipliers.

A scene head follows the layers: hidden weight (16, 35), bias (16), output weight (64, 16), bias (64), in f32 in either
precision; in int8 its outputs are in units of the sums that they are added to.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.errors import ModelError
from dcelite.files import reason
from dcelite.model.architecture import ARCHITECTURES, FILTERS, MAX_SCALE, SCENE_HEAD, Architecture
from dcelite.reference import ITERATIONS

MAGIC = b"\x89DCE\r\n\x1a\n"
FORMAT_VERSION = 1
FLOAT32, INT8 = "float32", "int8"
PRECISIONS = {FLOAT32: 0, INT8: 1}
HEADER_SIZE = 64
CHECKED_FROM = 16
"""Offset from which the CRC-32 is computed."""

_BEGIN = struct.Struct(f"<{len(MAGIC)}s2I")
_FIELDS = struct.Struct("<7I20x")


@dataclass(frozen=True)
class DceModel:
    """What a file holds."""

    architecture: str
    scale: int
    arrays: Mapping[str, NDArray[Any]]
    """The parameters by their published names; of int8, ``….multiplier`` beside each ``….bias``."""
    precision: str = FLOAT32
    name: str = "model"
    """For messages and reports."""

    @property
    def multiply_adds(self) -> int:
        """Of the network, for one low-resolution pixel."""
        return ARCHITECTURES[self.architecture].multiply_adds


def _layout(architecture: Architecture, precision: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name -> (type, shape) of everything after the header, in its order; the shapes only add axes of length 1."""
    if precision == FLOAT32:
        return {name: ("<f4", shape) for name, shape in architecture.parameter_shapes.items()}
    layout: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name, shape in architecture.parameter_shapes.items():
        if name in SCENE_HEAD:
            layout[name] = ("<f4", shape)
            continue
        layout[name] = ("<i4" if name.endswith(".bias") else "|i1", shape)
        if name.endswith(".bias"):
            layout[f"{name.removesuffix('.bias')}.multiplier"] = ("<f4", shape)
    return layout


def dce_bytes(model: DceModel) -> bytes:
    """The bytes of the file of a model."""
    architecture = ARCHITECTURES[model.architecture]
    layout = _layout(architecture, model.precision)
    payload = b"".join(np.ascontiguousarray(model.arrays[name], kind).tobytes() for name, (kind, _) in layout.items())
    checked = _FIELDS.pack(
        HEADER_SIZE + len(payload),
        architecture.code,
        PRECISIONS[model.precision],
        model.scale,
        ITERATIONS,
        FILTERS,
        architecture.map_channels,
    )
    checked += payload
    return _BEGIN.pack(MAGIC, FORMAT_VERSION, zlib.crc32(checked)) + checked


def write_dce(model: DceModel, path: Path) -> None:
    """Write the file of a model."""
    path.write_bytes(dce_bytes(model))


def stated_size(data: bytes, begin: int) -> int:
    """Bytes of the file that begins there, as its header says; 0 where there is no room for one."""
    return int(_FIELDS.unpack_from(data, begin + CHECKED_FROM)[0]) if begin + HEADER_SIZE <= len(data) else 0


def parse_dce(data: bytes, name: str) -> DceModel:
    """The model in the bytes of a file; raises ModelError, which calls them by ``name``."""
    if len(data) < HEADER_SIZE or not data.startswith(MAGIC):
        raise ModelError(f"{name}: is not a .dce file")
    _, version, checksum = _BEGIN.unpack_from(data)
    size, code, precision_code, scale, *shape = _FIELDS.unpack_from(data, CHECKED_FROM)
    architecture = next((a for a in ARCHITECTURES.values() if a.code == code), None)
    precision = next((text for text, number in PRECISIONS.items() if number == precision_code), None)
    if (
        version != FORMAT_VERSION
        or size != len(data)
        or checksum != zlib.crc32(data[CHECKED_FROM:])
        or architecture is None
        or precision is None
        or not 1 <= scale <= MAX_SCALE
        or shape != [ITERATIONS, FILTERS, architecture.map_channels]
        or (precision == INT8 and not architecture.separable)
    ):
        raise ModelError(f"{name}: is damaged or of a newer version")
    layout = _layout(architecture, precision)
    counts = {parameter: math.prod(shape) for parameter, (_, shape) in layout.items()}
    if len(data) != HEADER_SIZE + sum(np.dtype(kind).itemsize * counts[n] for n, (kind, _) in layout.items()):
        raise ModelError(f"{name}: has {len(data)} bytes, which are not those of its parameters")
    arrays: dict[str, NDArray[Any]] = {}
    begin = HEADER_SIZE
    for parameter, (kind, extent) in layout.items():
        arrays[parameter] = np.frombuffer(data, kind, counts[parameter], begin).reshape(extent)
        begin += arrays[parameter].nbytes
    return DceModel(architecture.name, scale, arrays, precision, name)


def read_dce(path: Path) -> DceModel:
    """Read a ``.dce`` file; raises ModelError."""
    try:
        return parse_dce(path.read_bytes(), str(path))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}") from None
