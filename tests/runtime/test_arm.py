"""The native engine built for Arm, run under an emulator, against the NumPy reference."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dcelite import reference

from support import REPOSITORY, assert_equals_reference, load_weights, skip


@dataclass(frozen=True)
class Architecture:
    preset: str  # of CMakePresets.json, made by `make test-PRESET`
    triplet: str
    emulator: str

    @property
    def sysroot(self) -> Path:
        return Path("/usr") / self.triplet


ARCHITECTURES = [
    Architecture("arm64", "aarch64-linux-gnu", "qemu-aarch64-static"),
    Architecture("armhf", "arm-linux-gnueabihf", "qemu-arm-static"),
]


@pytest.fixture(params=ARCHITECTURES, ids=lambda architecture: architecture.preset)
def architecture(request: pytest.FixtureRequest) -> Architecture:
    found: Architecture = request.param
    return found


@pytest.fixture
def enhance_raw(architecture: Architecture) -> list[str]:
    """The command that runs tests/runtime/native/enhance_raw.c on the emulated processor."""
    preset = architecture.preset
    program = REPOSITORY / "build" / preset / "tests" / "runtime" / "native" / "enhance_raw"
    emulator = shutil.which(architecture.emulator)
    if not program.exists() or emulator is None:
        packages = f"g++-{architecture.triplet} and qemu-user-static"
        skip(f"the {preset} build is absent: make test-{preset} makes it, with {packages}")
    return [str(emulator), "-L", str(architecture.sysroot), str(program)]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (13, 11), (97, 101), (240, 320)])
@pytest.mark.parametrize("threads", [1, 3])
def test_equals_reference(
    architecture: Architecture,
    enhance_raw: list[str],
    rng: np.random.Generator,
    threads: int,
    height: int,
    width: int,
) -> None:
    image = (255 * rng.random((height, width, 3)) ** 3).astype(np.uint8)
    command = [*enhance_raw, "-", str(threads), str(width), str(height)]
    # Without this path, threaded programs spin for ever under qemu-user where Arm's own libc is installed beside it.
    environment = {**os.environ, "LD_LIBRARY_PATH": str(architecture.sysroot / "lib")}
    output = subprocess.run(
        command, input=image.tobytes(), capture_output=True, check=True, timeout=120, env=environment
    ).stdout
    result = np.frombuffer(output, np.uint8).reshape(image.shape)
    weights = load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt")
    assert_equals_reference(result, reference.enhance(image, weights, 12))
