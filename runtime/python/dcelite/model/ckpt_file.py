"""MindSpore's ``.ckpt`` format, read and written without MindSpore, which is slow to import and prints its errors.

The file is one protobuf message (proto2), optionally followed by a checksum:

    message Checkpoint  { repeated Value value = 1; }
    message Value       { required string tag = 1; optional TensorProto tensor = 2; }
    message TensorProto { repeated int64 dims = 1; required string tensor_type = 2; required bytes tensor_content = 3; }
    "crc_num" and the CRC-32 of all bytes before it, as a 10-byte big-endian number

Files written here always end with the checksum, as by MindSpore's ``save_checkpoint(crc_check=True)``.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHECKSUM_MARK = b"crc_num"
CHECKSUM_SIZE = len(CHECKSUM_MARK) + 10

TENSOR_TYPES = {"Float16": "<f2", "Float32": "<f4", "Float64": "<f8", "Int32": "<i4", "Int64": "<i8", "Bool": "|b1"}
"""MindSpore's type names -> NumPy's, as far as networks, optimisers and counters use them."""

_VARINT, _BYTES = 0, 2  # wire types of protobuf, as far as the messages use them


class CkptFormatError(ValueError):
    """The bytes are not a whole, undamaged MindSpore checkpoint; the message says why."""


def read(data: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a checkpoint by name; raises CkptFormatError."""
    if data[-CHECKSUM_SIZE:].startswith(CHECKSUM_MARK):
        expected = int.from_bytes(data[-CHECKSUM_SIZE + len(CHECKSUM_MARK) :], "big")
        data = data[:-CHECKSUM_SIZE]
        if zlib.crc32(data) != expected:
            raise CkptFormatError("its checksum does not match, the file is damaged")
    tensors: dict[str, NDArray[Any]] = {}
    for field, value in _fields(data):
        if field != 1 or not isinstance(value, bytes):
            raise CkptFormatError("truncated or damaged: it holds something other than tensors")
        name, tensor = _named_tensor(value)
        if name in tensors:
            raise CkptFormatError(f"damaged: it holds {name} twice")
        tensors[name] = tensor
    return tensors


def write(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """A checkpoint that holds the tensors, with its checksum."""
    names = {np.dtype(kind): name for name, kind in TENSOR_TYPES.items()}
    data = b""
    for name, tensor in tensors.items():
        dims = b"".join(_encoded_varint(1 << 3 | _VARINT) + _encoded_varint(n) for n in tensor.shape or [0])
        body = dims + _encoded_bytes(2, names[tensor.dtype].encode()) + _encoded_bytes(3, tensor.tobytes())
        data += _encoded_bytes(1, _encoded_bytes(1, name.encode()) + _encoded_bytes(2, body))
    return data + CHECKSUM_MARK + zlib.crc32(data).to_bytes(10, "big")


def _named_tensor(value: bytes) -> tuple[str, NDArray[Any]]:
    """Decode a ``Value`` message."""
    message = dict(_fields(value))
    name, tensor = message.get(1), message.get(2)
    if not isinstance(name, bytes) or not isinstance(tensor, bytes):
        raise CkptFormatError("truncated or damaged: an entry has no name or no tensor")
    dims: list[int] = []
    kind = content = None
    for field, item in _fields(tensor):
        if isinstance(item, int):
            dims += [item] if field == 1 else []
        elif field == 2:
            kind = item.decode("ascii", "replace")
        elif field == 3:
            content = item
    if dims == [0] and content:  # how MindSpore writes a scalar
        dims = []
    label = name.decode("utf-8", "replace")
    if kind not in TENSOR_TYPES:
        raise CkptFormatError(f"{label} has the type {kind}; one of {', '.join(TENSOR_TYPES)} was wanted")
    dtype = np.dtype(TENSOR_TYPES[kind])
    if content is None or math.prod(dims) * dtype.itemsize != len(content):
        size = 0 if content is None else len(content)
        raise CkptFormatError(f"damaged: {label} has {size} bytes for the shape {tuple(dims)} of {kind}")
    return label, np.frombuffer(content, dtype).reshape(dims)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The (number, value) pairs of a protobuf message; a value is an integer or a byte string."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        wire_type = key & 7
        if wire_type not in (_VARINT, _BYTES):
            raise CkptFormatError("truncated or damaged: it is not a protobuf message throughout")
        number, position = _varint(data, position)  # the value, or the length of the bytes
        if wire_type == _VARINT:
            yield key >> 3, number
            continue
        if number > len(data) - position:
            raise CkptFormatError("truncated or damaged: an entry is longer than the file")
        yield key >> 3, data[position : position + number]
        position += number


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Decode a base-128 number of at most 64 bits; returns it and the position after it."""
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise CkptFormatError("truncated: it ends within a number")
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
    raise CkptFormatError("damaged: a number has more than 64 bits")


def _encoded_varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _encoded_bytes(field: int, content: bytes) -> bytes:
    return _encoded_varint(field << 3 | _BYTES) + _encoded_varint(len(content)) + content
