"""Compiles the converter program and the engine library against the MindSpore Lite SDK, into the cache.

    <cache>/mindspore-lite/build-x86_64-<sources and SDK>/converter, worker, libdcelite_mslite.so

The compiler is ``$CXX`` (with its options), else the first of c++, g++, clang++ on the path; for another architecture
than this machine's the GNU cross compiler, for instance aarch64-linux-gnu-g++.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from pathlib import Path

from dcelite.errors import EngineUnavailableError
from dcelite.files import scratch_folder
from dcelite.mindspore_lite.sdk import Sdk, host_architecture, install_folder, locked_store, run_program, store

SOURCES = Path(__file__).resolve().parent
FLAGS = ("-std=c++17", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra")
CONVERTER, WORKER, ENGINE = "converter", "worker", "libdcelite_mslite.so"


def find_compiler(architecture: str | None = None) -> list[str]:
    """The C++ compiler command for this machine or another architecture; raises EngineUnavailableError."""
    host = host_architecture()
    target = architecture or host
    usual = ["c++", "g++", "clang++"] if target == host else [f"{target}-linux-gnu-g++"]
    candidates = [chosen] if (chosen := os.environ.get("CXX")) else usual
    for command in map(shlex.split, candidates):
        if command and shutil.which(command[0]):
            return command
    package = "g++" if target == host else f"g++-{target.replace('_', '-')}-linux-gnu"
    raise EngineUnavailableError(
        f"no C++ compiler for {target} ({', '.join(candidates)} not found); "
        f"MindSpore Lite needs one once, to build its engine: install the package {package} or set CXX"
    )


def find_build(sdk: Sdk) -> Path:
    """The folder of the build for these sources and this SDK, compiled now if there is none.

    It holds CONVERTER, unless the SDK is an official one, WORKER and ENGINE. Raises EngineUnavailableError.
    """
    folder = build_folder(sdk)
    return folder if folder.is_dir() else build(sdk, find_compiler(sdk.architecture))


def build_folder(sdk: Sdk) -> Path:
    """Where the build for these sources and this SDK is, or would be."""
    digest = hashlib.sha256(f"{sdk.identity} {FLAGS}".encode())
    sources = sorted([*SOURCES.glob("*.cpp"), *SOURCES.glob("*.h")])
    for path in [header_folder() / "dcelite.h", *sources, SOURCES / "build.py"]:
        digest.update(path.read_bytes())
    return store() / f"build-{sdk.architecture}-{digest.hexdigest()[:16]}"


def build(sdk: Sdk, compiler: list[str], *, force: bool = False) -> Path:
    """Compile against ``sdk`` unless that is done already; returns the folder.

    Raises EngineUnavailableError; OutputError where the cache folder cannot be written.
    """
    final = build_folder(sdk)
    with locked_store():
        if force or not final.is_dir():
            with scratch_folder(store()) as scratch:
                new = scratch / "build"
                new.mkdir()
                engine = new / ENGINE
                _compile(compiler, ["-fPIC", "-shared", f"-Wl,-soname,{ENGINE}", SOURCES / "engine.cpp"], sdk, engine)
                _compile(compiler, [SOURCES / "worker.cpp", engine, "-Wl,-rpath,$ORIGIN"], sdk, new / WORKER)
                if not sdk.official:
                    _compile(compiler, [SOURCES / "converter.cpp"], sdk, new / CONVERTER)
                install_folder(new, final, force=force)
    return final


def _compile(compiler: list[str], arguments: list[str | Path], sdk: Sdk, output: Path) -> None:
    include = [f"-I{header_folder()}", *(f"-isystem{folder}" for folder in sdk.include)]
    result = run_program([*compiler, *FLAGS, *include, *arguments, "-o", output, *_link_flags(sdk)])
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if "error" in line.lower() or "undefined" in line]
        detail = (lines or result.stderr.splitlines() or [f"exit code {result.returncode}"])[0]
        raise EngineUnavailableError(f"{compiler[0]} could not compile {output.name} for MindSpore Lite: {detail}")


def _link_flags(sdk: Sdk) -> list[str | Path]:
    """Link with the SDK. The run path is of the old kind (DT_RPATH), which the SDK's own libraries inherit."""
    libraries = [sdk.library]
    if not sdk.official:
        libraries.append(sdk.library.parent / "libmindspore_core.so")
    # The build folder is renamed after linking, but only within the store, so relative paths keep their meaning.
    paths = [path if sdk.official else f"$ORIGIN/../{path.relative_to(store())}" for path in sdk.library_folders]
    run_paths = [f"-Wl,-rpath,{path}" for path in paths]
    return [*libraries, *run_paths, "-Wl,--disable-new-dtags", "-Wl,--unresolved-symbols=ignore-in-shared-libs"]


def header_folder() -> Path:
    """The folder of dcelite.h: in the repository beside ``engines``, in an installed package under ``native``."""
    for folder in (SOURCES.parent.parent / "include", SOURCES.parent / "native"):
        if (folder / "dcelite.h").is_file():
            return folder
    raise EngineUnavailableError(f"{SOURCES.parent}/native/dcelite.h: is missing from this installation of dcelite")
