"""Compiles the converter program and the engine library against the MindSpore Lite SDK, into the cache.

    <cache>/mindspore-lite/build-x86_64-<sources and SDK>-<compiler>/converter, worker, libdcelite_mslite.so

The compiler is ``$CXX`` (with its options), else the first of c++, g++, clang++ on the path; for another architecture
than this machine's the GNU cross compiler, for instance aarch64-linux-gnu-g++.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dcelite.errors import EngineUnavailableError
from dcelite.files import scratch_folder
from dcelite.mindspore_lite.sdk import LIBRARIES, Sdk, host_architecture, install_folder, locked_store, store

SOURCES = Path(__file__).resolve().parent

SOURCE_NAMES = ("converter.cpp", "worker.cpp", "engine.cpp", "dcelite_mslite.h", "model_check.cpp", "model_check.h")

FLAGS = ("-std=c++17", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra")

CONVERTER, WORKER, ENGINE = "converter", "worker", "libdcelite_mslite.so"


@dataclass(frozen=True)
class Build:
    """The compiled files. There is no converter for an SDK that holds none."""

    folder: Path

    @property
    def converter(self) -> Path:
        return self.folder / CONVERTER

    @property
    def worker(self) -> Path:
        return self.folder / WORKER

    @property
    def engine(self) -> Path:
        return self.folder / ENGINE


def find_compiler(architecture: str | None = None) -> list[str]:
    """The C++ compiler command for this machine or another architecture; raises EngineUnavailableError."""
    host = host_architecture()
    target = architecture or host
    cross = f"{target}-linux-gnu-g++"
    candidates = ["c++", "g++", "clang++"] if target == host else [cross]
    if chosen := os.environ.get("CXX"):
        candidates = [chosen]
    for candidate in candidates:
        command = shlex.split(candidate)
        if command and shutil.which(command[0]):
            return command
    package = "g++" if target == host else f"g++-{target.replace('_', '-')}-linux-gnu"
    raise EngineUnavailableError(
        f"no C++ compiler for {target} ({', '.join(candidates)} not found); "
        f"MindSpore Lite needs one once, to build its engine: install the package {package} or set CXX"
    )


def find_build(sdk: Sdk) -> Build:
    """The build for these sources and this SDK, compiled now if there is none; raises EngineUnavailableError."""
    folders = existing_builds(sdk)
    return Build(folders[0]) if folders else build(sdk, find_compiler(sdk.architecture))


def existing_builds(sdk: Sdk) -> list[Path]:
    """Folders of the builds for these sources and this SDK, one per compiler."""
    return sorted(store().glob(f"build-{sdk.architecture}-{_source_key(sdk)}-*"))


def build(sdk: Sdk, compiler: Sequence[str], *, force: bool = False) -> Build:
    """Compile against ``sdk`` unless this compiler has done so already.

    Raises:
        EngineUnavailableError: the compiler cannot be run, or reports an error.
        OutputError: the cache folder cannot be written.
    """
    final = store() / f"build-{sdk.architecture}-{_source_key(sdk)}-{_compiler_key(compiler)}"
    with locked_store():
        if force or not final.is_dir():
            with scratch_folder(store()) as scratch:
                new = scratch / "build"
                new.mkdir()
                _compile_all(sdk, compiler, new)
                install_folder(new, final, force=force)
    return Build(final)


def _compile_all(sdk: Sdk, compiler: Sequence[str], folder: Path) -> None:
    engine = folder / ENGINE
    sources = [SOURCES / "engine.cpp", SOURCES / "model_check.cpp"]
    shared = ["-fPIC", "-shared", f"-Wl,-soname,{ENGINE}"]
    _compile(compiler, [*_sdk_flags(sdk), *shared, *map(str, sources)], sdk, engine)
    origin = ["-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN"]
    worker = [f"-I{header_folder()}", str(SOURCES / "worker.cpp"), str(engine), *origin]
    _compile(compiler, worker, sdk, folder / WORKER)
    if sdk.has_converter:
        _compile(compiler, [*_sdk_flags(sdk), str(SOURCES / "converter.cpp")], sdk, folder / CONVERTER)


def _sdk_flags(sdk: Sdk) -> list[str]:
    return [f"-I{header_folder()}", *(f"-isystem{folder}" for folder in sdk.include)]


def _compile(compiler: Sequence[str], arguments: Sequence[str], sdk: Sdk, output: Path) -> None:
    command = [*compiler, *FLAGS, *arguments, "-o", str(output), *_link_flags(sdk)]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise EngineUnavailableError(f"{compiler[0]}: cannot be run: {error.strerror}") from None
    if result.returncode != 0:
        lines = [line for line in result.stderr.splitlines() if "error" in line.lower() or "undefined" in line]
        detail = (lines or result.stderr.splitlines() or [f"exit code {result.returncode}"])[0]
        raise EngineUnavailableError(f"{compiler[0]} could not compile {output.name} for MindSpore Lite: {detail}")


def _link_flags(sdk: Sdk) -> list[str]:
    """Link with the SDK. The run path is of the old kind (DT_RPATH), which the SDK's own libraries inherit."""
    libraries = [sdk.library]
    if not sdk.official:
        libraries += [sdk.library.parent / name for name in LIBRARIES if "core.so" in name and "mindspore" in name]
    flags = [str(library) for library in libraries]
    for directory in sdk.library_folders:
        # The build folder is renamed after linking, but only within the store, so relative paths keep their meaning.
        path = str(directory) if sdk.official else f"$ORIGIN/../{directory.relative_to(store())}"
        flags.append(f"-Wl,-rpath,{path}")
    return [*flags, "-Wl,--disable-new-dtags", "-Wl,--unresolved-symbols=ignore-in-shared-libs"]


def header_folder() -> Path:
    """The folder of dcelite.h: in the repository beside ``engines``, in an installed package under ``native``."""
    for folder in (SOURCES.parent.parent / "include", SOURCES.parent / "native"):
        if (folder / "dcelite.h").is_file():
            return folder
    raise EngineUnavailableError(f"{SOURCES.parent}/native/dcelite.h: is missing from this installation of dcelite")


def _source_key(sdk: Sdk) -> str:
    digest = hashlib.sha256(f"{sdk.identity} {FLAGS}".encode())
    for path in [header_folder() / "dcelite.h", *(SOURCES / name for name in (*SOURCE_NAMES, "build.py"))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _compiler_key(compiler: Sequence[str]) -> str:
    try:
        result = subprocess.run([*compiler, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        raise EngineUnavailableError(f"{compiler[0]}: cannot be run: {error.strerror}") from None
    return hashlib.sha256(f"{shlex.join(compiler)} {result.stdout}".encode()).hexdigest()[:8]
