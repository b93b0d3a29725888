"""The MindSpore Lite SDK: where it is, and how it gets there.

PyPI has MindSpore Lite 2.0.0 as wheels for Python 3.7 only. Their C++ headers and libraries need no Python, so the
pinned wheel is fetched with pip, checked, and the needed parts are kept in the user's cache folder:

    <cache>/mindspore-lite/2.0.0-x86_64/include/api/*.h, lib/*.so, METADATA (which states the licence, Apache 2.0)

``$MSLITE_HOME``, the root of an official MindSpore Lite package (``runtime/include``,
``runtime/lib/libmindspore-lite.so``, optionally ``tools/converter``), goes before the cache.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dcelite.errors import EngineUnavailableError
from dcelite.files import TEMPORARY, prepare_output_directory, publish, reason, scratch_folder
from dcelite.provenance import sha256

VERSION = "2.0.0"

INSTALL_COMMAND = "python -m dcelite.mindspore_lite install"


class Wheel(NamedTuple):
    """A pinned file on PyPI: the platform tag that makes pip choose it, its digest, its size in megabytes."""

    platform: str
    sha256: str
    megabytes: int


WHEELS = {
    "x86_64": Wheel("manylinux1_x86_64", "199cd0605cc985b88eddb273db9dfe9000a585ba10ca2292b6b36ebfff07b3ec", 169),
    "aarch64": Wheel("manylinux2014_aarch64", "9006b56a0285833802b4880f34cbce5f94111ef5ca4071d5df5c61e8c2a3a6f7", 56),
}

MAIN_LIBRARY = "libmindspore_converter.so"
"""Holds both the converter and the class that runs ``.ms`` files."""

LIBRARIES = (
    MAIN_LIBRARY,
    "libmslite_converter_plugin.so",
    "libmindspore_core.so",
    "libmindspore_glog.so.0",
    "libopencv_core.so.4.5",
    "libopencv_imgcodecs.so.4.5",
    "libopencv_imgproc.so.4.5",
)
"""The main library and what it needs. Not ``libmindspore-extendrt``: where that is loaded, full quantisation fails."""

ELF_MACHINES = {62: "x86_64", 183: "aarch64"}


@dataclass(frozen=True)
class Sdk:
    """Headers and libraries to compile and run against."""

    architecture: str
    include: tuple[Path, ...]
    """Folders in which ``#include "include/api/model.h"`` and the headers' own includes are found."""
    library: Path
    """The library with ``mindspore::Model``."""
    library_folders: tuple[Path, ...]
    """Where the dynamic linker finds the library and what it needs."""
    official: bool
    """From ``$MSLITE_HOME``, not from the cache, whose library holds ``mindspore::Converter`` too."""

    @property
    def identity(self) -> str:
        """What a build against this SDK depends on."""
        if not self.official:
            return f"{VERSION} {WHEELS[self.architecture].sha256}"
        status = self.library.stat()
        return f"{self.library.resolve()} {status.st_size} {status.st_mtime_ns}"


def store() -> Path:
    """``mindspore-lite`` in ``$DCELITE_CACHE``, else in ``$XDG_CACHE_HOME/dcelite``, else in ``~/.cache/dcelite``."""
    if chosen := os.environ.get("DCELITE_CACHE"):
        return Path(chosen).absolute() / "mindspore-lite"
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "dcelite/mindspore-lite"
    except RuntimeError:
        raise EngineUnavailableError("no home folder for the cache; set DCELITE_CACHE to a folder") from None


def host_architecture() -> str:
    """This machine's architecture; raises EngineUnavailableError where MindSpore Lite does not exist for it."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in WHEELS:
        raise EngineUnavailableError(
            f"MindSpore Lite {VERSION} exists for Linux on {' and '.join(WHEELS)}, this is {sys.platform} on {machine}"
            "; use a .dce or .onnx model here"
        )
    return machine


def find_sdk(architecture: str | None = None) -> Sdk:
    """The SDK in ``$MSLITE_HOME`` or in the cache; raises EngineUnavailableError, which says what to run."""
    wanted = architecture or host_architecture()
    home = os.environ.get("MSLITE_HOME")
    return _official_sdk(Path(home).absolute(), wanted) if home else cached_sdk(wanted)


def cached_sdk(architecture: str) -> Sdk:
    """The SDK in the cache; raises EngineUnavailableError where it is absent or incomplete."""
    root = store() / f"{VERSION}-{architecture}"
    if not all((root / name).is_file() for name in ("include/api/model.h", *(f"lib/{name}" for name in LIBRARIES))):
        other = "" if architecture == platform.machine() else f" --arch {architecture}"
        raise EngineUnavailableError(
            f"MindSpore Lite is not installed; run: {INSTALL_COMMAND}{other} "
            f"(downloads {WHEELS[architecture].megabytes} MB, needs a C++ compiler), "
            "or set MSLITE_HOME to the root of an official MindSpore Lite package"
        )
    return Sdk(architecture, (root,), root / "lib" / MAIN_LIBRARY, (root / "lib",), official=False)


def _official_sdk(home: Path, architecture: str) -> Sdk:
    library = home / "runtime/lib/libmindspore-lite.so"
    for path in (library, home / "runtime/include/api/model.h"):
        if not path.is_file():
            raise EngineUnavailableError(
                f"MSLITE_HOME={home}: {path.relative_to(home)} is not there; "
                "the root of an official MindSpore Lite package was wanted"
            )
    with library.open("rb") as file:
        head = file.read(20)
    found = ELF_MACHINES.get(int.from_bytes(head[18:20], "little"), "another architecture")
    if head[:4] != b"\x7fELF" or found != architecture:
        seen = f"for {found}" if head[:4] == b"\x7fELF" else "not an ELF library"
        raise EngineUnavailableError(f"{library}: is {seen}, one for {architecture} was wanted")
    third_party = sorted({path.parent for path in (home / "runtime/third_party").glob("**/*.so*")})
    include = (home / "runtime", home / "runtime/include")
    return Sdk(architecture, include, library, (library.parent, *third_party), official=True)


def install_sdk(architecture: str, *, force: bool = False) -> Sdk:
    """Fetch the pinned wheel and unpack what is needed of it into the cache; what is there is kept, unless ``force``.

    Installs that run at the same time wait for each other; a killed one leaves nothing that is taken for an SDK.
    Raises EngineUnavailableError; OutputError where the cache folder cannot be written.
    """
    with locked_store():
        if not force:
            with contextlib.suppress(EngineUnavailableError):
                return cached_sdk(architecture)
        with scratch_folder(store()) as scratch:
            unpacked = scratch / "sdk"
            try:
                _unpack(_download(architecture, scratch), unpacked)
            except OSError as error:
                raise EngineUnavailableError(f"{scratch}: cannot unpack MindSpore Lite: {reason(error)}") from None
            install_folder(unpacked, store() / f"{VERSION}-{architecture}", force=force)
    return cached_sdk(architecture)


@contextlib.contextmanager
def locked_store() -> Iterator[None]:
    """Hold the cache for this process, so that two installs do not do the same work twice."""
    import fcntl

    prepare_output_directory(store())
    with (store() / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_behind in store().glob(f"{TEMPORARY}*"):  # by an install that was killed
            shutil.rmtree(left_behind, ignore_errors=True)
        yield


def install_folder(new: Path, final: Path, *, force: bool) -> None:
    """Rename ``new`` to ``final``. A folder that is there gets the files that it lacks, with ``force`` all of them.

    Programs that use it keep running: they hold the files that are replaced.
    """
    if not os.path.lexists(final):
        new.rename(final)
        return
    for path in list(new.rglob("*")):
        if not force and path.is_file() and os.path.lexists(final / path.relative_to(new)):
            path.unlink()
    publish(new, final, overwrite=force)


def _download(architecture: str, folder: Path) -> Path:
    """Download the pinned wheel with pip and check its digest."""
    wheel = WHEELS[architecture]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary=:all:", "--python-version=3.7", "--implementation=cp", "--abi=cp37m"]
    command += ["--platform", wheel.platform, "--dest", str(folder), f"mindspore-lite=={VERSION}"]
    result = run_program(command)
    files = sorted(folder.glob("mindspore_lite-*.whl"))
    if result.returncode != 0 or len(files) != 1:
        raise EngineUnavailableError(
            f"pip could not download mindspore-lite=={VERSION} for {architecture} ({_pip_reason(result.stderr)}); "
            "check the network or the package index, or set MSLITE_HOME to the root of an official package"
        )
    digest = sha256(files[0])
    if digest != wheel.sha256:
        raise EngineUnavailableError(
            f"{files[0].name}: sha256 is {digest}, {wheel.sha256} was wanted; the package index offers another file"
        )
    return files[0]


def run_program(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, and keep what it prints; raises EngineUnavailableError where it cannot be run."""
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=environment
        )
    except OSError as error:
        raise EngineUnavailableError(f"{command[0]}: cannot be run: {error.strerror}") from None


def _pip_reason(log: str) -> str:
    """The line of pip's messages that says most."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if refused := [line for line in lines if "onnection" in line]:
        return refused[-1].split("after connection broken by ")[-1][:200]
    return (errors or lines or ["pip gave no reason"])[-1][:200]


def _unpack(wheel: Path, folder: Path) -> None:
    """Unpack headers, the needed libraries, and the metadata file with the licence."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            package, _, entry.filename = entry.filename.partition("/")
            path = entry.filename
            needed = path.startswith("include/") or path.removeprefix("lib/") in LIBRARIES or path == "METADATA"
            if needed and package.endswith((".dist-info", "mindspore_lite")):
                archive.extract(entry, folder)
