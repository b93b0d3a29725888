"""``make libraries``: an archive for C and C++ for every platform, into ``dist/``: shared and static library, header,
CMake package, pkg-config file, licence.

    python packaging/libraries.py [--output dist] [PLATFORM...]
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import native
from archives import write_tar, write_zip
from checks import check_library
from native import REPOSITORY
from platforms import Platform
from wheels import write_checksums


def make_archive(platform: Platform, output: Path) -> Path:
    """Build and install the libraries, and pack what was installed."""
    folder = native.build(platform, "dcelite", "dcelite_static")
    check_library(native.library(folder, platform, "dcelite"), platform, "dcelite")
    stage = folder / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    native.run([native.tool("cmake"), "--install", folder, "--prefix", stage], folder / "build.log")
    name = f"dcelite-{native.version()}-{platform.name}"
    files: dict[str, bytes | str] = {f"{name}/LICENSE": (REPOSITORY / "LICENSE").read_bytes()}
    for path in sorted(stage.rglob("*")):
        if path.is_symlink():
            files[f"{name}/{path.relative_to(stage)}"] = str(path.readlink())
        elif path.is_file():
            files[f"{name}/{path.relative_to(stage)}"] = path.read_bytes()
    if platform.format == "pe":
        archive = output / f"{name}.zip"
        write_zip(archive, {name: content for name, content in files.items() if isinstance(content, bytes)})
    else:
        archive = output / f"{name}.tar.gz"
        write_tar(archive, files)
    return archive


def make_archives(platforms: list[Platform], output: Path, complete: bool) -> None:
    for platform in platforms:
        archive = make_archive(platform, output)
        print(f"{archive.name}: {archive.stat().st_size} bytes", flush=True)
    write_checksums(output)


if __name__ == "__main__":
    sys.exit(native.command(__doc__, make_archives))
