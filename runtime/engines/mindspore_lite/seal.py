"""The checksum that dcelite puts into its ``.ms`` files. ``model_check.h`` states the format and why it exists."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from dcelite.errors import ModelError
from dcelite.files import reason
from dcelite.model.architecture import MAX_SCALE

IDENTIFIER = b"MSL2"
"""Stands at bytes 4 to 8 of every ``.ms`` file."""

_MAGIC = b"\x89DCM\r\n\x1a\n"
_VERSION = 1
_LAYOUT = struct.Struct("<8sIII32xI8s")
_OFFSET, _CRC_OFFSET, _SECOND_MAGIC_OFFSET = 8, 60, 64


def seal(model: bytes, scale: int = 0) -> bytes:
    """Insert the seal into the bytes of an unsealed ``.ms`` model; a scale of 0 is not known."""
    if not 0 <= scale <= MAX_SCALE:
        raise ValueError(f"scale is {scale}, 0 to {MAX_SCALE} was wanted")
    if check(model) is not None:
        raise ValueError("the model is sealed already")
    (root,) = struct.unpack_from("<I", model)
    size = len(model) + _LAYOUT.size
    head = struct.pack("<I4s", root + _LAYOUT.size, IDENTIFIER)
    unsigned = head + _LAYOUT.pack(_MAGIC, _VERSION, size, scale, 0, _MAGIC) + model[_OFFSET:]
    return unsigned[:_CRC_OFFSET] + struct.pack("<I", zlib.crc32(unsigned)) + unsigned[_CRC_OFFSET + 4 :]


def check(model: bytes) -> int | None:
    """The scale in the seal of a ``.ms`` model, or None for a file without one (made by another program).

    Raises:
        ValueError: the bytes are not a whole, undamaged model; the message completes "FILE: ".
    """
    if not model:
        raise ValueError("is empty, a MindSpore Lite model was wanted")
    found = None
    if any(model.startswith(_MAGIC, offset) for offset in (_OFFSET, _SECOND_MAGIC_OFFSET)):
        found = _check_seal(model)
    if model[4:8] != IDENTIFIER:
        raise ValueError(f"is not a MindSpore Lite model (no identifier {IDENTIFIER.decode()})")
    if int.from_bytes(model[:4], "little") > len(model) - 4:
        raise ValueError(f"is truncated or damaged ({len(model)} bytes)")
    return found


def _check_seal(model: bytes) -> int:
    if len(model) < _OFFSET + _LAYOUT.size:
        raise ValueError(f"is truncated or damaged ({len(model)} bytes)")
    _, version, size, scale, crc, _ = _LAYOUT.unpack_from(model, _OFFSET)
    if size != len(model):
        raise ValueError(f"is truncated or damaged: {len(model)} bytes, its header says {size}")
    if crc != zlib.crc32(model[:_CRC_OFFSET] + bytes(4) + model[_CRC_OFFSET + 4 :]):
        raise ValueError("is damaged: its CRC-32 does not match its header")
    if version != _VERSION:
        raise ValueError(f"has seal version {version}, this program reads {_VERSION}")
    if scale > MAX_SCALE:
        raise ValueError(f"has scale {scale}, 1 to {MAX_SCALE} was wanted")
    return int(scale)


def check_file(path: Path) -> int | None:
    """As :func:`check`; raises ModelError where the file is absent, unreadable or damaged."""
    try:
        return check(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}") from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
