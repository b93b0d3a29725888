"""The native libraries of a platform, built by CMake with the compiler of zig."""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from platforms import Platform, chosen

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD = REPOSITORY / "build" / "packaging"
_REQUIREMENTS = (REPOSITORY / "packaging" / "requirements.txt").read_text().splitlines()
VERSION_OF_ZIG = next(line.partition("==")[2] for line in _REQUIREMENTS if line.startswith("ziglang=="))
"""Another compiler writes other bytes."""


class PackagingError(Exception):
    """What is wrong, in one line."""


def tool(name: str) -> str:
    """The path of a program, beside the interpreter or on the path; raises PackagingError."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        raise PackagingError(f"the program {name} is absent")
    return found


def zig() -> Path:
    """The compiler; raises PackagingError where it is absent, or another version."""
    try:
        import ziglang
    except ImportError:
        raise PackagingError("zig is absent: pip install -r packaging/requirements.txt") from None
    program = Path(ziglang.__file__).parent / "zig"
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout.strip()
    if version != VERSION_OF_ZIG:
        raise PackagingError(f"zig {version}: {VERSION_OF_ZIG} was wanted: pip install -r packaging/requirements.txt")
    return program


def run(command: list[str | Path], log: Path) -> None:
    """Run a command, what it prints goes to the end of a file; raises PackagingError with the last lines."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("FLAGS")}
    environment |= {"ZIG_GLOBAL_CACHE_DIR": str(BUILD / "zig-cache"), "ZIG_LOCAL_CACHE_DIR": str(BUILD / "zig-cache")}
    with log.open("ab") as file:
        code = subprocess.run(command, stdout=file, stderr=file, env=environment, check=False).returncode
    if code != 0:
        end = log.read_text(errors="replace").splitlines()[-30:]
        raise PackagingError("\n".join([f"{' '.join(map(str, command))}: failed ({log})", *end]))


def configure(platform: Platform, folder: Path, *definitions: str) -> None:
    """Make the build folder of a platform."""
    folder.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [tool("cmake"), "-S", REPOSITORY, "-B", folder, "-G", "Ninja"]
    command += [
        f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}",
        f"-DCMAKE_TOOLCHAIN_FILE={REPOSITORY / 'packaging' / 'zig.cmake'}",
        f"-DZIG={zig()}",
        f"-DZIG_TARGET={platform.target}",
        f"-DZIG_CPU={platform.cpu}",
        "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_INSTALL_PREFIX=/dcelite",
        "-DCMAKE_INSTALL_LIBDIR=lib",
        *definitions,
    ]
    run(command, folder / "build.log")


@functools.cache
def fresh(platform: Platform) -> Path:
    """The build folder of a platform, empty but for what CMake wrote: nothing of an earlier build gets in."""
    folder = BUILD / platform.name
    shutil.rmtree(folder, ignore_errors=True)
    configure(platform, folder)
    return folder


def build(platform: Platform, *targets: str) -> Path:
    """Build targets; returns the build folder."""
    folder = fresh(platform)
    run([tool("cmake"), "--build", folder, "--parallel", "1", "--target", *targets], folder / "build.log")
    return folder


def library(folder: Path, platform: Platform, name: str) -> Path:
    """A shared library in the build folder, ``dcelite`` or ``dcelite_bench``."""
    prefix = "" if platform.format == "pe" else "lib"
    return (folder / "runtime" / f"{prefix}{name}{platform.suffix}").resolve(strict=True)


def version() -> str:
    """Of the package and the library: CMake reads it there too."""
    lines = (REPOSITORY / "runtime/python/dcelite/__init__.py").read_text().splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("__version__ = "))


def command(description: str | None, make: Callable[[list[Platform], Path, bool], None]) -> int:
    """The command line of both programs: calls ``make`` with platforms, an output folder, and whether these are all.

    Returns the exit code, 2 for what is wrong, which one line says.
    """
    parser = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help="names of packaging/platforms.py; all without")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "dist")
    options = parser.parse_args()
    try:
        platforms, output = chosen(options.platforms), options.output.resolve()
        output.mkdir(parents=True, exist_ok=True)
        make(platforms, output, not options.platforms)
    except (PackagingError, ValueError) as error:
        print(f"{Path(parser.prog).stem}: error: {error}", file=sys.stderr)
        return 2
    return 0
