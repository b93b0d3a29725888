"""Reader of ``.dce`` files for the reference (the format: ``runtime/src/model.cpp``)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite.errors import ModelError
from dcelite.files import reason

_MAGIC = b"\x89DCE\r\n\x1a\n"
_HEADER = struct.Struct("<8s10I")
_HEADER_SIZE = 64
_CHECKED_FROM = 16
ARCHITECTURES = {1: "zerodcepp", 2: "zerodce"}
FLOAT32, INT8 = 0, 1
PRECISIONS = {FLOAT32: "float32", INT8: "int8"}


@dataclass(frozen=True)
class Model:
    """A curve network with the names of its parameters as upstream has them."""

    name: str
    architecture: str
    scale: int
    arrays: dict[str, NDArray[np.float32]]


def layer_channels(architecture: str, filters: int, map_channels: int) -> list[tuple[int, int]]:
    """(inputs, outputs) of layers 1 to 7 (Zero-DCE, section 3.2)."""
    return [
        (3, filters),
        *[(filters, filters)] * 3,
        *[(2 * filters, filters)] * 2,
        (2 * filters, map_channels),
    ]


def parameter_shapes(architecture: str, filters: int, map_channels: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes in the order of the file."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (inputs, outputs) in enumerate(layer_channels(architecture, filters, map_channels), start=1):
        layer = f"e_conv{number}"
        if architecture == "zerodce":
            shapes |= {f"{layer}.weight": (outputs, inputs, 3, 3), f"{layer}.bias": (outputs,)}
        else:
            shapes |= {
                f"{layer}.depth_conv.weight": (inputs, 1, 3, 3),
                f"{layer}.depth_conv.bias": (inputs,),
                f"{layer}.point_conv.weight": (outputs, inputs, 1, 1),
                f"{layer}.point_conv.bias": (outputs,),
            }
    return shapes


def multiply_adds_of(architecture: str) -> int:
    """Of the network, for one low-resolution pixel: every weight that is not a bias is used once."""
    shapes = parameter_shapes(architecture, 32, 24 if architecture == "zerodce" else 3)
    return sum(int(np.prod(shape)) for name, shape in shapes.items() if name.endswith(".weight"))


def parse_dce(data: bytes, name: str) -> Model:
    """Read the bytes of a ``.dce`` file in float32.

    Raises:
        ModelError: they are damaged, or hold another precision than the reference computes with.
    """
    if len(data) < _HEADER_SIZE or not data.startswith(_MAGIC):
        raise ModelError(f"{name}: is not a .dce file, which the reference wants")
    _, version, checksum, size, code, precision, scale, _, filters, map_channels, _ = _HEADER.unpack_from(data)
    if version != 1 or size != len(data) or checksum != zlib.crc32(data[_CHECKED_FROM:]) or code not in ARCHITECTURES:
        raise ModelError(f"{name}: is damaged or of a newer version")
    if precision != FLOAT32:
        raise ModelError(f"{name}: holds weights of precision {precision}; give a float32 file with --reference")
    architecture = ARCHITECTURES[code]
    values = np.frombuffer(data, "<f4", offset=_HEADER_SIZE)
    arrays: dict[str, NDArray[np.float32]] = {}
    begin = 0
    for parameter, shape in parameter_shapes(architecture, filters, map_channels).items():
        count = int(np.prod(shape))
        arrays[parameter] = values[begin : begin + count].reshape(shape)
        begin += count
    return Model(name, architecture, scale, arrays)


def precision_of(path: Path | None) -> str | None:
    """By the header of .dce files; others are "int8" where their name says so, as ``dcelite quantize`` names them.

    Returns:
        "float32", "int8", or None where neither is known.
    """
    if path is None:
        return PRECISIONS[FLOAT32]
    if path.suffix.lower() != ".dce":
        return PRECISIONS[INT8] if path.stem.endswith("_int8") else None
    try:
        with path.open("rb") as file:
            return PRECISIONS.get(_HEADER.unpack(file.read(_HEADER.size))[5])
    except (OSError, struct.error):
        return None


def read_dce(path: Path) -> Model:
    """Read a ``.dce`` file; raises ModelError."""
    try:
        return parse_dce(path.read_bytes(), str(path))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}") from None
