"""``make wheels``: a wheel for every platform, and the source distribution, into ``dist/``.

The Python binds through the C ABI, so one wheel of a platform serves every version of it. All have the same files but
for the native libraries. The bytes of a wheel depend on the sources and on requirements.txt, and on nothing else.

    python packaging/wheels.py [--output dist] [PLATFORM...]
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import native
from archives import write_zip
from checks import check_library
from native import REPOSITORY, PackagingError
from platforms import Platform

LARGEST = 500_000
"""Bytes of a wheel."""
OF_A_CLONE = "dcelite/training/experiments/"
"""What needs the repository anyway."""
ENGINE_SOURCES = (".cpp", ".h", "CMakeLists.txt", "exports.map")
"""Of MindSpore Lite's engine, which is built on Linux alone."""


def package_files() -> dict[str, bytes]:
    """What every wheel has, without WHEEL and RECORD."""
    from scikit_build_core.build import build_wheel

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(REPOSITORY)
        name = build_wheel(folder, {"wheel.cmake": "false"})
        with zipfile.ZipFile(Path(folder, name)) as wheel:
            files = {name: wheel.read(name) for name in wheel.namelist() if not name.endswith("/")}
    if any(Path(name).suffix in (".so", ".dylib", ".dll", ".pyc") for name in files):
        raise PackagingError(f"{name}: has native or compiled files already; is the repository clean?")
    own = re.compile(r".*\.dist-info/(?:WHEEL|RECORD)")
    return {name: data for name, data in files.items() if not own.fullmatch(name) and not name.startswith(OF_A_CLONE)}


def make_wheel(platform: Platform, shared: dict[str, bytes], output: Path) -> Path:
    """Build the native libraries, check them, and write the wheel."""
    folder = native.build(platform, "dcelite", "dcelite_bench")
    files = {
        name: data for name, data in shared.items() if platform.format == "elf" or not name.endswith(ENGINE_SOURCES)
    }
    files |= {"dcelite/native/dcelite.h": (REPOSITORY / "runtime/include/dcelite.h").read_bytes()}
    for name in ("dcelite", "dcelite_bench"):
        path = native.library(folder, platform, name)
        print(f"    {check_library(path, platform, name)}")
        prefix = "" if platform.format == "pe" else "lib"
        files[f"dcelite/native/{prefix}{name}{platform.suffix}"] = path.read_bytes()
    information = next(name.rpartition("/")[0] for name in shared if name.endswith(".dist-info/METADATA"))
    tags = "".join(f"Tag: py3-none-{tag}\n" for tag in platform.tag.split("."))
    files[f"{information}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: dcelite {native.version()}\nRoot-Is-Purelib: false\n{tags}".encode()
    )
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b'=').decode()},{len(files[name])}"
        for name in sorted(files)
    ]
    files[f"{information}/RECORD"] = "\n".join([*record, f"{information}/RECORD,,", ""]).encode()
    path = output / f"dcelite-{native.version()}-py3-none-{platform.tag}.whl"
    write_zip(path, files)
    if path.stat().st_size > LARGEST:
        raise PackagingError(f"{path.name}: {path.stat().st_size} bytes, {LARGEST} at most were wanted")
    return path


def make_sdist(output: Path) -> Path:
    """The sources that pip builds where there is no wheel."""
    from scikit_build_core.build import build_sdist

    os.chdir(REPOSITORY)
    return output / build_sdist(str(output), {})


def write_checksums(output: Path) -> None:
    """SHA256SUMS of all that lies in the folder, as ``sha256sum --check`` reads it."""
    files = sorted(path for path in output.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (output / "SHA256SUMS").write_text("".join(lines))


def make_wheels(platforms: list[Platform], output: Path, complete: bool) -> None:
    shared = package_files()
    for platform in platforms:
        start = time.monotonic()
        print(f"{platform.name} ({platform.target})", flush=True)
        path = make_wheel(platform, shared, output)
        print(f"    {path.name}: {path.stat().st_size} bytes, {time.monotonic() - start:.0f} s", flush=True)
    if complete:
        print(make_sdist(output).name)
    write_checksums(output)


if __name__ == "__main__":
    sys.exit(native.command(__doc__, make_wheels))
