"""The native engine built for Arm, run under an emulator, against the NumPy reference."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from dcelite import _native, reference
from dcelite.denoising import denoise, noise_of

import photographs
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


WEIGHTS = load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt")


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


def run_on(architecture: Architecture, command: list[str], pixels: bytes) -> bytes:
    """What a program writes that reads pixels."""
    # Without this path, threaded programs spin for ever under qemu-user where Arm's own libc is installed beside it.
    environment = {**os.environ, "LD_LIBRARY_PATH": str(architecture.sysroot / "lib")}
    return subprocess.run(command, input=pixels, capture_output=True, check=True, timeout=120, env=environment).stdout


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
    output = run_on(architecture, [*enhance_raw, "-", str(threads), str(width), str(height)], image.tobytes())
    result = np.frombuffer(output, np.uint8).reshape(image.shape)
    assert_equals_reference(result, reference.enhance(image, WEIGHTS, 12))


@pytest.mark.parametrize("name", photographs.NAMES)
@pytest.mark.parametrize(
    ("architecture", "kernels"),
    [(ARCHITECTURES[0], "neon"), (ARCHITECTURES[0], "neondot"), (ARCHITECTURES[1], "neon32")],
    indirect=["architecture"],
    ids=lambda value: value if isinstance(value, str) else value.preset,
)
def test_fast_is_close_to_the_reference(
    monkeypatch: pytest.MonkeyPatch, architecture: Architecture, enhance_raw: list[str], kernels: str, name: str
) -> None:
    monkeypatch.setenv("DCELITE_ISA", kernels)
    image = photographs.dark(name)
    numbers = (2, image.shape[1], image.shape[0], _native.RGB8, 0, 1.0, 0.0, 1)
    output = run_on(architecture, [*enhance_raw, "-", *map(str, numbers)], image.tobytes())
    difference = np.frombuffer(output, np.uint8).reshape(image.shape).astype(int) - reference.enhance(
        image, WEIGHTS, 12
    )
    assert np.abs(difference).max() <= 2
    assert (np.abs(difference) > 1).mean() <= 0.001
    assert abs(difference.mean()) <= 0.05
    assert difference.any()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (13, 11), (97, 101)])
@pytest.mark.parametrize("pixel_format", [_native.I010, _native.P010])
@pytest.mark.parametrize(("white", "amount"), [(1.0, 0.0), (0.75, 0.0), (0.75, 1.0)])
def test_10_bits_equal_the_reference(
    architecture: Architecture,
    enhance_raw: list[str],
    rng: np.random.Generator,
    pixel_format: int,
    white: float,
    amount: float,
    height: int,
    width: int,
) -> None:
    coding = reference.Coding("bt2020", bits=10)
    chroma = (-(-height // 2), -(-width // 2))
    luma = (1023 * rng.random((height, width)) ** 3).astype(np.uint16)
    planes = [luma, *(rng.integers(400, 620, chroma, np.uint16) for _ in range(2))]
    high = pixel_format == _native.P010
    given = [luma << 6, np.stack(planes[1:], axis=2) << 6] if high else planes
    numbers = (2, width, height, pixel_format, _native.MATRICES["bt2020", False], white, amount)
    command = [*enhance_raw, "-", *map(str, numbers)]
    words = np.frombuffer(run_on(architecture, command, b"".join(plane.tobytes() for plane in given)), np.uint16)
    y, rest = np.split(words, [luma.size])
    u, v = rest.reshape(-1, 2).T if high else np.split(rest, 2)
    levels = 255 * coding.rgb_of_planes(planes)
    without = denoise(levels, amount, noise_of(levels).with_rounding(1 / 4)) if amount else levels
    small = reference.network(reference.downsample(np.clip(levels / (255 * white), 0, 1), 12), WEIGHTS)
    values, inside = without / (255 * white), np.clip(without / (255 * white), 0, 1)
    curved = reference.apply_curve(inside, reference.upsample(small, height, width))
    wanted = coding.planes_of_rgb(white * np.where(values == inside, curved, values))
    difference = np.concatenate(
        [np.abs((a >> 6 if high else a).astype(int) - b.ravel()) for a, b in zip((y, u, v), wanted, strict=True)]
    )
    assert difference.max() <= (3 if amount else 1)
    assert np.count_nonzero(difference) <= max(difference.size // (100 if amount else 1000), 2)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (97, 101)])
def test_16_bits_with_alpha_equal_the_reference(
    architecture: Architecture, enhance_raw: list[str], rng: np.random.Generator, height: int, width: int
) -> None:
    image = (20 / 255 * 65535 * rng.random((height, width, 4))).astype(np.uint16)
    numbers = (2, width, height, _native.RGBA16, 0, 1.0, 0.0)
    output = run_on(architecture, [*enhance_raw, "-", *map(str, numbers)], image.tobytes())
    result = np.frombuffer(output, np.uint16).reshape(image.shape)
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
    wanted = 65535 * reference.enhance_values(image[..., :3] / 65535, WEIGHTS, 12)
    assert np.abs(result[..., :3] - wanted).max() <= 0.5 + 0.5
