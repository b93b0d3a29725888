"""The checksum that dcelite puts into its ``.ms`` files. ``model_check.h`` states the format and why it exists."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from dcelite.errors import ModelError
from dcelite.files import reason, write_bytes_atomically
from dcelite.model.architecture import MAX_SCALE

IDENTIFIER = b"MSL2"
"""Stands at bytes 4 to 8 of every ``.ms`` file."""

_MAGIC = b"\x89DCM\r\n\x1a\n"
_VERSION = 1
_LAYOUT = struct.Struct("<8sIII32xI8s")
_OFFSET, _CRC_OFFSET, _SECOND_MAGIC_OFFSET = 8, 60, 64


@dataclass(frozen=True)
class Seal:
    """What a sealed file says of itself."""

    scale: int
    """The downsampling factor that the network was trained for; 0 where it is not known."""


def seal(model: bytes, scale: int = 0) -> bytes:
    """Insert the seal into the bytes of an unsealed ``.ms`` model."""
    if not 0 <= scale <= MAX_SCALE:
        raise ValueError(f"scale is {scale}, 0 to {MAX_SCALE} was wanted")
    if check(model) is not None:
        raise ValueError("the model is sealed already")
    (root,) = struct.unpack_from("<I", model)
    size = len(model) + _LAYOUT.size
    head = struct.pack("<I4s", root + _LAYOUT.size, IDENTIFIER)
    unsigned = head + _LAYOUT.pack(_MAGIC, _VERSION, size, scale, 0, _MAGIC) + model[_OFFSET:]
    return _with_crc(unsigned)


def _with_crc(model: bytes) -> bytes:
    return model[:_CRC_OFFSET] + struct.pack("<I", zlib.crc32(model)) + model[_CRC_OFFSET + 4 :]


def check(model: bytes) -> Seal | None:
    """The seal of a ``.ms`` model, or None for a file without one (made by another program).

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


def _check_seal(model: bytes) -> Seal:
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
    return Seal(scale)


def check_file(path: Path) -> Seal | None:
    """The seal of a ``.ms`` file, or None; raises ModelError where it is absent, unreadable or damaged."""
    try:
        return check(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}") from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None


def seal_file(path: Path, scale: int = 0) -> None:
    """Seal a ``.ms`` file that another converter made, in place; raises ModelError or OutputError."""
    try:
        sealed = seal(path.read_bytes(), scale)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}") from None
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from None
    write_bytes_atomically(path, sealed, overwrite=True)
