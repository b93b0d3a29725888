"""The seal of exported ONNX and MindIR files: a SHA-256 inside the file over the rest of it.

Neither format has a checksum, and their loaders accept many flipped bits. Both are Protocol Buffers messages that keep
string pairs, so the exporter writes one more pair, ``dcelite.sha256`` -> 64 hexadecimal digits: the SHA-256 of the
whole file with these digits set to zero. Reading it back takes neither the onnx nor the protobuf package.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from dcelite.errors import ModelError
from dcelite.files import reason

SEAL_KEY = "dcelite.sha256"
DIGITS = 64
UNSEALED = "0" * DIGITS
"""The value under SEAL_KEY before :func:`seal` replaces it."""

_OF_DCELITE = (b"\x12\x07dcelite", b"dcelite.")
"""The producer as ONNX keeps it, and what the names of the pairs beside the seal begin with: such files had a seal."""
_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"  # tags of a pair's key and value: field number, length-delimited
_MARKER = _FIELD_1 + bytes([len(SEAL_KEY)]) + SEAL_KEY.encode() + _FIELD_2 + bytes([DIGITS])


def _find(data: bytes) -> slice | None:
    """Where the digits stand; None without a seal."""
    marker = data.find(_MARKER)
    begin = marker + len(_MARKER)
    return slice(begin, begin + DIGITS) if marker >= 0 and begin + DIGITS <= len(data) else None


def _digest(data: bytes, digits: slice) -> bytes:
    return hashlib.sha256(data[: digits.start] + UNSEALED.encode() + data[digits.stop :]).hexdigest().encode()


def seal(data: bytes) -> bytes:
    """Fill in the digest of a serialised model that holds the pair SEAL_KEY -> UNSEALED (or an older digest).

    Raises:
        ValueError: the pair is not there.
    """
    digits = _find(data)
    if digits is None:
        raise ValueError(f"the model must hold the pair {SEAL_KEY!r} to be sealed")
    return data[: digits.start] + _digest(data, digits) + data[digits.stop :]


def read_sealed(path: Path) -> bytes:
    """The bytes of a sealed file, proved to be those that were sealed.

    Raises:
        ModelError: the file is missing, a folder, or not as :func:`check` wants it.
    """
    try:
        return check(path.read_bytes(), path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}") from None


def check(data: bytes, path: Path) -> bytes:
    """The same bytes, proved to be those that were sealed; ``path`` is for the message.

    Raises:
        ModelError: they are none, without a seal, or differ from what was sealed.
    """
    if not is_sealed(data, path):
        raise ModelError(f"{path}: has no valid checksum; an undamaged file of 'dcelite export' was wanted")
    return data


def is_sealed(data: bytes, path: Path) -> bool:
    """True for the bytes that were sealed, False for those of another program; ``path`` is for the message.

    Raises:
        ModelError: they are none, or differ from what was sealed, be it in the seal itself.
    """
    if not data:
        raise ModelError(f"{path}: is empty, a model file was wanted")
    digits = _find(data)
    if digits is None:
        if any(mark in data for mark in _OF_DCELITE):
            raise ModelError(
                f"{path}: has no valid checksum, which 'dcelite export' writes: it is damaged or was changed"
            )
        return False
    if data[digits] != _digest(data, digits):
        raise ModelError(f"{path}: is damaged or was changed after its export: its checksum does not match")
    return True
