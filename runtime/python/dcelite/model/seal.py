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

_FIELD_1, _FIELD_2 = b"\x0a", b"\x12"  # tags of a pair's key and value: field number, length-delimited
_MARKER = _FIELD_1 + bytes([len(SEAL_KEY)]) + SEAL_KEY.encode() + _FIELD_2 + bytes([DIGITS])


def _split(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The bytes before the digits, the digits, the bytes after; None without a seal."""
    marker = data.find(_MARKER)
    start = marker + len(_MARKER)
    if marker < 0 or len(data) < start + DIGITS:
        return None
    return data[:start], data[start : start + DIGITS], data[start + DIGITS :]


def _digest(before: bytes, after: bytes) -> bytes:
    return hashlib.sha256(before + UNSEALED.encode() + after).hexdigest().encode()


def seal(data: bytes) -> bytes:
    """Fill in the digest of a serialised model that holds the pair SEAL_KEY -> UNSEALED (or an older digest).

    Raises:
        ValueError: the pair is not there.
    """
    parts = _split(data)
    if parts is None:
        raise ValueError(f"the model must hold the pair {SEAL_KEY!r} to be sealed")
    before, _, after = parts
    return before + _digest(before, after) + after


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
    if not data:
        raise ModelError(f"{path}: is empty, a model file was wanted")
    parts = _split(data)
    if parts is None:
        raise ModelError(f"{path}: has no valid checksum; an undamaged file of 'dcelite export' was wanted")
    before, digits, after = parts
    if digits != _digest(before, after):
        raise ModelError(f"{path}: is damaged or was changed after its export: its checksum does not match")
    return data
