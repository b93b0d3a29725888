"""Writer of ``.dce``, the model file of the native engine (reader: ``runtime/src/model.cpp``).

Little endian: a header of 64 bytes, then the parameters of layers 1 to 7 as float32.

====== ==== =====================================================
offset type
====== ==== =====================================================
     0  8 B ``\\x89DCE\\r\\n\\x1a\\n``
     8  u32 format version, 1
    12  u32 CRC-32 of the bytes from 16 to the end
    16  u32 file size in bytes
    20  u32 architecture: 1 Zero-DCE++, 2 Zero-DCE
    24  u32 precision: 0 float32 (1, int8, is written by ``quantize/dce_int8.py``)
    28  u32 scale, 1 … 64
    32  u32 iterations, 8
    36  u32 filters, 32
    40  u32 channels of the curve map, 3 or 24
    44 20 B zero
    64  f32 a layer of Zero-DCE++: depthwise weight (in, 3, 3), bias (in), pointwise weight (out, in), bias (out);
            of Zero-DCE: weight (out, in, 3, 3), bias (out)
====== ==== =====================================================
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite.export.variant import Variant
from dcelite.reference import ITERATIONS
from dcelite.training.architecture import NetworkConfig

MAGIC = b"\x89DCE\r\n\x1a\n"
FORMAT_VERSION = 1
ARCHITECTURE_CODES = {"zerodcepp": 1, "zerodce": 2}
FLOAT32 = 0
HEADER_SIZE = 64
CHECKED_FROM = 16
"""Offset from which the CRC-32 is computed."""


def dce_bytes(arrays: Mapping[str, NDArray[np.float32]], variant: Variant) -> bytes:
    """The bytes of the ``.dce`` file of a curve network."""
    config = NetworkConfig(variant.architecture)
    # The order of parameter_shapes is the order of the payload; the arrays' shapes only add axes of length 1.
    payload = b"".join(np.ascontiguousarray(arrays[name], "<f4").tobytes() for name in config.parameter_shapes)
    fields = struct.pack(
        "<7I20x",
        HEADER_SIZE + len(payload),
        ARCHITECTURE_CODES[variant.architecture],
        FLOAT32,
        variant.scale,
        ITERATIONS,
        config.filters,
        config.map_channels,
    )
    checked = fields + payload
    return MAGIC + struct.pack("<2I", FORMAT_VERSION, zlib.crc32(checked)) + checked


def write_dce(arrays: Mapping[str, NDArray[np.float32]], variant: Variant, path: Path) -> None:
    """Write the ``.dce`` file of a curve network."""
    path.write_bytes(dce_bytes(arrays, variant))
