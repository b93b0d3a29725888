"""Zip and tar files whose bytes depend on nothing but what is in them: fixed dates, owners, modes and order."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

_DATE = (1980, 1, 1, 0, 0, 0)
_SECONDS = 315532800  # the same


def write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    """Write files by name, in the order of the names; what describes a wheel comes last, as is customary there."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files, key=lambda name: (".dist-info/" in name, name)):
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, whatever system this is
            info.external_attr = (0o100755 if name.endswith((".so", ".dylib", ".dll")) else 0o100644) << 16
            archive.writestr(info, files[name], compresslevel=9)


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
    path.write_bytes(gzip.compress(data.getvalue(), 9, mtime=0))
