"""Builds of the native library that the tests of linking share."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite import reference

from support import REPOSITORY, assert_equals_reference, load_weights, skip

EXAMPLES = REPOSITORY / "runtime" / "examples"
SYSROOT = Path("/usr/aarch64-linux-gnu")
HEIGHT, WIDTH = 61, 83


def tool(name: str) -> str:
    """The path of a program, beside the interpreter or on the path; skips the test where it is absent."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        skip(f"the program {name} is absent")
    return str(found)


def run(*command: str | Path) -> str:
    """Run a command; its standard output. A failure shows what it printed."""
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}"
    return result.stdout


def build(source: Path, folder: Path, **variables: str | Path) -> Path:
    """Configure and build a CMake project with Ninja; returns the build folder."""
    definitions = [f"-D{name}={value}" for name, value in variables.items()]
    ninja = f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}"
    run(tool("cmake"), "-S", source, "-B", folder, "-G", "Ninja", ninja, "-Werror=dev", *definitions)
    run(tool("cmake"), "--build", folder)
    return folder


def install(prefix: Path, **variables: str | Path) -> Path:
    """Build the library and install it to ``prefix``."""
    folder = build(REPOSITORY, prefix.with_name(f"{prefix.name}-build"), CMAKE_INSTALL_PREFIX=prefix, **variables)
    run(tool("cmake"), "--install", folder)
    return prefix


def cross_settings() -> dict[str, str | Path]:
    """CMake variables of a build for 64-bit Arm; skips the test where the compiler is absent."""
    if shutil.which("aarch64-linux-gnu-g++") is None:
        skip("the cross compiler is absent: apt-get install g++-aarch64-linux-gnu")
    return {"CMAKE_TOOLCHAIN_FILE": REPOSITORY / "runtime" / "cmake" / "aarch64-linux-gnu.cmake"}


@functools.cache
def example() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An image, and what the reference makes of it with the shipped weights."""
    image = (255 * np.random.default_rng(3).random((HEIGHT, WIDTH, 3)) ** 3).astype(np.uint8)
    return image, reference.enhance(image, load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt"), 12)


def assert_enhances(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    """The program, given width and height, enhances raw pixels from standard input as the reference does."""
    image, wanted = example()
    result = subprocess.run(
        [*map(str, command), str(WIDTH), str(HEIGHT)],
        input=image.tobytes(),
        capture_output=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert_equals_reference(np.frombuffer(result.stdout, np.uint8).reshape(image.shape), wanted)
