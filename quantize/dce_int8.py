"""Writer of the int8 ``.dce`` (reader: ``runtime/src/model_int8.cpp``).

The header is that of ``export/dce_file.py``, with precision 1.

Payload, little endian, for layers 1 to 7 of Zero-DCE++; the arithmetic is that of ``int8_network.py``:

============================ ====================
depthwise weight             int8 (inputs, 3, 3)
depthwise bias               int32 (inputs)
depthwise multiplier         float32 (inputs)
pointwise weight             int8 (outputs, inputs)
pointwise bias               int32 (outputs)
pointwise multiplier         float32 (outputs)
============================ ====================
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from dcelite.export.dce_file import ARCHITECTURE_CODES, FORMAT_VERSION, HEADER_SIZE, MAGIC
from dcelite.quantize.int8_network import IntegerLayer
from dcelite.reference import ITERATIONS
from dcelite.training.architecture import NetworkConfig

INT8 = 1
"""The precision field of the header."""


def dce_int8_bytes(layers: Sequence[IntegerLayer], scale: int) -> bytes:
    """The bytes of the int8 ``.dce`` file of a Zero-DCE++ network."""
    config = NetworkConfig("zerodcepp")
    payload = b""
    for layer in layers:
        payload += layer.depth.tobytes()
        payload += layer.depth_bias.astype("<i4").tobytes() + layer.depth_multiplier.astype("<f4").tobytes()
        payload += layer.point.tobytes()
        payload += layer.point_bias.astype("<i4").tobytes() + layer.point_multiplier.astype("<f4").tobytes()
    checked = struct.pack(
        "<7I20x",
        HEADER_SIZE + len(payload),
        ARCHITECTURE_CODES["zerodcepp"],
        INT8,
        scale,
        ITERATIONS,
        config.filters,
        config.map_channels,
    )
    checked += payload
    return MAGIC + struct.pack("<2I", FORMAT_VERSION, zlib.crc32(checked)) + checked


def write_dce_int8(layers: Sequence[IntegerLayer], scale: int, path: Path) -> None:
    """Write the int8 ``.dce`` file."""
    path.write_bytes(dce_int8_bytes(layers, scale))
