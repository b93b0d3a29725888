"""Puts the parts of an APK together, with the alignment that Android wants, and checks that of a finished one.

    pack_apk.py RESOURCES_APK DEX_FOLDER LIB_FOLDER OUTPUT
    pack_apk.py --check APK

Native libraries are mapped from the APK where it stands (``extractNativeLibs="false"``): stored uncompressed, at
multiples of 16 KiB, the largest page of an Android device. From API 30 on the table of resources must be stored too, at
a multiple of 4. ``zipalign`` of Debian 12 knows pages of 4 KiB only.

The alignment is written down in an extra field of each file (0xD935: multiple, padding), and ``apksigner`` keeps to it.
"""

from __future__ import annotations

import struct
import sys
import zipfile
from pathlib import Path

LIBRARY_ALIGNMENT = 16384
ALIGNMENT = 4
ALIGNMENT_FIELD = 0xD935
LOCAL_HEADER = 30
"""Bytes of a local file header before the name."""

STORED_SUFFIXES = (".so", ".arsc", ".dce", ".ms")
"""Mapped into memory, or, as models, hardly smaller when compressed."""


def alignment_of(name: str) -> int:
    """What the position of this file's bytes in the APK must be a multiple of."""
    return LIBRARY_ALIGNMENT if name.endswith(".so") else ALIGNMENT


def pack(resources: Path, dex_folder: Path, library_folder: Path, output: Path) -> None:
    """Write the unsigned APK: manifest and resources, then code, then libraries as ``lib/ABI/NAME.so``.

    The same bytes always give the same APK.
    """
    with zipfile.ZipFile(resources) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files |= {path.name: path.read_bytes() for path in sorted(dex_folder.glob("*.dex"))}
    files |= {
        f"lib/{path.parent.name}/{path.name}": path.read_bytes() for path in sorted(library_folder.glob("*/*.so"))
    }
    with output.open("wb") as file, zipfile.ZipFile(file, "w") as apk:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            if name.endswith(STORED_SUFFIXES):
                entry.compress_type = zipfile.ZIP_STORED
                multiple = alignment_of(name)
                padding = -(file.tell() + LOCAL_HEADER + len(name.encode()) + 6) % multiple
                entry.extra = struct.pack(f"<HHH{padding}x", ALIGNMENT_FIELD, 2 + padding, multiple)
            apk.writestr(entry, content)


def problems(apk: Path) -> list[str]:
    """What Android would refuse in the layout of this APK."""
    with zipfile.ZipFile(apk) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
    found = [
        f"{name}: is absent" for name in ("AndroidManifest.xml", "classes.dex", "resources.arsc") if name not in entries
    ]
    if not any(name.endswith(".so") for name in entries):
        found.append("lib/: holds no library")
    content = apk.read_bytes()
    for name, entry in entries.items():
        if not name.endswith((".so", ".arsc")):
            continue
        # The extra field may differ between the local header and the directory.
        name_size, extra_size = struct.unpack_from("<HH", content, entry.header_offset + 26)
        offset = entry.header_offset + LOCAL_HEADER + name_size + extra_size
        if entry.compress_type != zipfile.ZIP_STORED:
            found.append(f"{name}: is compressed, stored was wanted")
        if offset % alignment_of(name):
            found.append(f"{name}: begins at {offset}, a multiple of {alignment_of(name)} was wanted")
    return found


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "--check":
        found = problems(Path(arguments[1]))
        for problem in found:
            print(f"{arguments[1]}: {problem}", file=sys.stderr)
        return 1 if found else 0
    if len(arguments) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    pack(*map(Path, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
