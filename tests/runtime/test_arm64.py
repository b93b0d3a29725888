"""The native engine built for 64-bit Arm, run under an emulator, against the NumPy reference."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dcelite import reference

from support import REPOSITORY, assert_equals_reference, load_weights, skip

SYSROOT = Path("/usr/aarch64-linux-gnu")


@pytest.fixture(scope="session")
def enhance_raw() -> list[str]:
    """The command that runs tests/runtime/native/enhance_raw.c on the emulated processor."""
    program = REPOSITORY / "build" / "arm64" / "tests" / "runtime" / "native" / "enhance_raw"
    emulator = shutil.which("qemu-aarch64-static")
    if not program.exists() or emulator is None:
        skip("the arm64 build is absent: make test-arm64 makes it, with g++-aarch64-linux-gnu and qemu-user-static")
    return [str(emulator), "-L", str(SYSROOT), str(program)]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (13, 11), (97, 101), (240, 320)])
@pytest.mark.parametrize("threads", [1, 3])
def test_equals_reference(
    enhance_raw: list[str], rng: np.random.Generator, threads: int, height: int, width: int
) -> None:
    image = (255 * rng.random((height, width, 3)) ** 3).astype(np.uint8)
    command = [*enhance_raw, "-", str(threads), str(width), str(height)]
    # Without this path, threaded programs spin for ever under qemu-user where arm64's own libc is installed beside it.
    environment = {**os.environ, "LD_LIBRARY_PATH": str(SYSROOT / "lib")}
    output = subprocess.run(
        command, input=image.tobytes(), capture_output=True, check=True, timeout=120, env=environment
    ).stdout
    result = np.frombuffer(output, np.uint8).reshape(image.shape)
    weights = load_weights(REPOSITORY / "models" / "zerodcepp.ckpt")
    assert_equals_reference(result, reference.enhance(image, weights, 12))
