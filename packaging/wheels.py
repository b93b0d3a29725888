"""``make wheels``: a wheel for every platform, one of tools for all, and the source distribution, into ``dist/``.

The Python binds through the C ABI, so one wheel of a platform serves every version of it. All have the same files but
for the native libraries: what a board needs. Training, export, quantisation and the archive, which it does not, are a
wheel of their own, dcelite-tools, whose folders stand beside the others' in the package; the extras that need it
require it. The bytes of a wheel depend on the sources and on requirements.txt, and on nothing else.

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
TOOLS = ("dcelite/training/", "dcelite/export/", "dcelite/quantize/", "dcelite/archive/")
"""The folders of dcelite-tools."""
EXTRAS_OF_TOOLS = ("train", "export", "archive")
OF_A_CLONE = "dcelite/training/experiments/"
"""What needs the repository anyway."""
ENGINE_SOURCES = (".cpp", ".h", "CMakeLists.txt", "exports.map")
"""Of MindSpore Lite's engine, which is built on Linux alone."""


def package_files() -> dict[str, bytes]:
    """What the wheels of a platform and of the tools have, without WHEEL and RECORD."""
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
        name: data
        for name, data in shared.items()
        if not name.startswith(TOOLS) and (platform.format == "elf" or not name.endswith(ENGINE_SOURCES))
    }
    files |= {"dcelite/native/dcelite.h": (REPOSITORY / "runtime/include/dcelite.h").read_bytes()}
    for name in ("dcelite", "dcelite_bench"):
        path = native.library(folder, platform, name)
        print(f"    {check_library(path, platform, name)}")
        prefix = "" if platform.format == "pe" else "lib"
        files[f"dcelite/native/{prefix}{name}{platform.suffix}"] = path.read_bytes()
    metadata = next(name for name in files if name.endswith(".dist-info/METADATA"))
    fields, empty, description = files[metadata].partition(b"\n\n")
    tools = "".join(f'\nRequires-Dist: dcelite-tools=={native.version()}; extra == "{e}"' for e in EXTRAS_OF_TOOLS)
    files[metadata] = fields + tools.encode() + empty + description
    return _write_wheel(output, "dcelite", platform.tag, files)


def make_tools_wheel(shared: dict[str, bytes], output: Path) -> Path:
    """Training, export, quantisation and the archive: Python alone, for every platform."""
    files = {name: data for name, data in shared.items() if name.startswith(TOOLS)}
    metadata = next(name for name in shared if name.endswith(".dist-info/METADATA"))
    licence = next(name for name in shared if name.endswith(".dist-info/licenses/LICENSE"))
    kept = (
        "Metadata-Version",
        "Version",
        "License-Expression",
        "License-File",
        "Requires-Python",
        "Keywords",
        "Classifier",
    )
    lines = shared[metadata].partition(b"\n\n")[0].decode().splitlines()
    fields = [line for line in lines if line.startswith(kept)]
    fields += [
        "Name: dcelite-tools",
        "Summary: Training, export, quantisation and archives of dcelite, low-light image enhancement",
        f"Requires-Dist: dcelite=={native.version()}",
        "Description-Content-Type: text/plain",
        "",
        "A part of dcelite, which its extras train, export and archive bring: pip install 'dcelite[train]'.",
        "",
    ]
    information = f"dcelite_tools-{native.version()}.dist-info"
    files[f"{information}/METADATA"] = "\n".join(fields).encode()
    files[f"{information}/licenses/LICENSE"] = shared[licence]
    return _write_wheel(output, "dcelite_tools", "any", files)


def _write_wheel(output: Path, name: str, platform_tag: str, files: dict[str, bytes]) -> Path:
    information = next(name.rpartition("/")[0] for name in files if name.endswith(".dist-info/METADATA"))
    tags = "".join(f"Tag: py3-none-{tag}\n" for tag in platform_tag.split("."))
    pure = "true" if platform_tag == "any" else "false"
    files[f"{information}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: dcelite {native.version()}\nRoot-Is-Purelib: {pure}\n{tags}".encode()
    )
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).rstrip(b'=').decode()},{len(files[name])}"
        for name in sorted(files)
    ]
    files[f"{information}/RECORD"] = "\n".join([*record, f"{information}/RECORD,,", ""]).encode()
    path = output / f"{name}-{native.version()}-py3-none-{platform_tag}.whl"
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
        tools = make_tools_wheel(shared, output)
        print(f"{tools.name}: {tools.stat().st_size} bytes")
        print(make_sdist(output).name)
    write_checksums(output)


if __name__ == "__main__":
    sys.exit(native.command(__doc__, make_wheels))
