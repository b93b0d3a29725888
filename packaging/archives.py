"""Zip and tar files whose bytes depend on nothing but what is in them: fixed dates, owners, modes and order."""

from __future__ import annotations

import functools
import io
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

from zopfli import gzip, zlib

_SECONDS = 315532800  # 1980 begins


@functools.cache
def _deflated(data: bytes) -> bytes:
    """By zopfli, which packs 4 % closer than zlib, and always alike."""
    return bytes(zlib.compress(data, blocksplittingmax=0))[2:-4]  # without the frame of zlib


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write files by name, in the order of the names; what describes a wheel comes last, as is customary there."""
    body, directory = io.BytesIO(), io.BytesIO()
    for name in sorted(files, key=lambda name: (".dist-info/" in name, name)):
        data, packed, encoded = files[name], _deflated(files[name]), name.encode()
        mode = 0o100755 if name.endswith((".so", ".dylib", ".dll")) else 0o100644
        sizes = (crc32(data), len(packed), len(data), len(encoded))
        # Version 2.0, names in UTF-8, deflated; midnight of the first day of 1980. In the directory: written on Unix.
        common = struct.pack("<5H3I2H", 20, 0x800, 8, 0, 0x21, *sizes, 0)
        directory.write(b"PK\1\2" + struct.pack("<H", 0x314) + common)
        directory.write(struct.pack("<3H2I", 0, 0, 0, mode << 16, body.tell()) + encoded)
        body.write(b"PK\3\4" + common + encoded + packed)
    end = struct.pack("<4H2IH", 0, 0, len(files), len(files), directory.tell(), body.tell(), 0)
    path.write_bytes(body.getvalue() + directory.getvalue() + b"PK\5\6" + end)


def write_tar(path: Path, files: Mapping[str, bytes | str]) -> None:
    """Write files by name, gzip-compressed; a text is the target of a symbolic link."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.mtime, info.mode = _SECONDS, 0o755 if ".so" in name or ".dylib" in name else 0o644
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    path.write_bytes(gzip.compress(data.getvalue()))
