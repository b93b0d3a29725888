"""What is counted of this library: kernels, pixel formats, precisions of the network, by processor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcelite.bench.arm import counting
from dcelite.bench.arm.counting import REPOSITORY, Counts
from dcelite.model.architecture import ARCHITECTURES
from dcelite.model.dce_file import INT8, DceModel, write_dce

WIDTH, HEIGHT = 1200, 900


@dataclass(frozen=True)
class Target:
    """A build, and what emulates it."""

    preset: str
    """Of CMakePresets.json."""
    triplet: str
    emulator: str

    @property
    def program(self) -> Path:
        return REPOSITORY / "build" / self.preset / "dce_frames"

    @property
    def compiler(self) -> str:
        return f"{self.triplet}-g++"


ARM64 = Target("arm64", "aarch64-linux-gnu", "qemu-aarch64")
ARMHF = Target("armhf", "arm-linux-gnueabihf", "qemu-arm")


@dataclass(frozen=True)
class Case:
    """A row of the table."""

    target: Target
    cpu: str
    """As QEMU names it."""
    kernels: str
    """DCELITE_ISA."""
    pixels: str
    """The argument of frames.c."""
    int8: bool = False
    denoise: float = 0.0
    fast: bool = False
    """The option ``precision``."""
    dense: bool = False
    """Random weights, none of which can be left out, instead of the shipped ones."""

    @property
    def name(self) -> str:
        parts = [self.target.preset, self.cpu, self.kernels, "int8" if self.int8 else "fp32", self.pixels]
        options = {"denoise": bool(self.denoise), "fast": self.fast, "dense": self.dense}
        return " ".join([*parts, *(name for name, given in options.items() if given)])


# QEMU 7.2 has no cortex-a55: what it executes is what cortex-a76 does, without regard to how fast.
CASES = (
    Case(ARM64, "cortex-a53", "neon", "rgb"),
    Case(ARM64, "cortex-a53", "neon", "rgba"),
    Case(ARM64, "cortex-a53", "neon", "nv21-rgba"),
    Case(ARM64, "cortex-a53", "neon", "nv21"),
    Case(ARM64, "cortex-a53", "neon", "rgb", denoise=1.0),
    Case(ARM64, "cortex-a72", "neon", "rgb", int8=True),
    Case(ARM64, "cortex-a76", "neondot", "rgb", int8=True),
    Case(ARM64, "cortex-a76", "neondot", "nv21-rgba", int8=True),
    Case(ARM64, "cortex-a53", "neon", "rgb", fast=True),
    Case(ARM64, "cortex-a53", "neon", "rgb", fast=True, dense=True),
    Case(ARM64, "cortex-a76", "neondot", "rgb", fast=True),
    Case(ARM64, "cortex-a76", "neondot", "rgb", fast=True, dense=True),
    Case(ARM64, "cortex-a76", "neondot", "rgba", fast=True),
    Case(ARM64, "cortex-a76", "neondot", "nv21-rgba", fast=True),
    Case(ARM64, "cortex-a76", "neondot", "rgb", int8=True, fast=True),
    Case(ARM64, "cortex-a76", "neondot", "nv21-rgba", int8=True, fast=True),
    Case(ARMHF, "cortex-a7", "neon32", "rgb"),
    Case(ARMHF, "cortex-a7", "neon32", "nv21-rgba"),
    Case(ARMHF, "cortex-a7", "neon32", "rgb", int8=True),
    Case(ARMHF, "cortex-a7", "neon32", "rgb", fast=True),
)


def int8_model(path: Path) -> Path:
    """A model in int8 with weights of no meaning: how many instructions are executed does not depend on them."""
    rng = np.random.default_rng(1)
    arrays = {}
    for name, shape in ARCHITECTURES["zerodcepp_scene"].parameter_shapes.items():
        if name.startswith("scene_head."):
            arrays[name] = np.zeros(shape, np.float32)
        elif name.endswith(".bias"):
            arrays[name] = np.zeros(shape, np.int32)
            arrays[f"{name.removesuffix('.bias')}.multiplier"] = np.full(shape, 1e-3, np.float32)
        else:
            arrays[name] = rng.integers(-127, 128, shape).astype(np.int8)
    write_dce(DceModel("zerodcepp_scene", 12, arrays, INT8), path)
    return path


def dense_model(path: Path) -> Path:
    """A model with random weights, which keep the size of the signal from layer to layer."""
    rng = np.random.default_rng(1)
    arrays = {}
    for name, shape in ARCHITECTURES["zerodcepp_scene"].parameter_shapes.items():
        size = 0.1 if name.endswith(".bias") else np.sqrt(1.5 / np.prod(shape[1:]))
        arrays[name] = rng.normal(0, size, shape).astype(np.float32)
    write_dce(DceModel("zerodcepp_scene", 12, arrays), path)
    return path


def model_of(case: Case, folder: Path) -> str:
    """The file of its weights; ``-``: the shipped ones."""
    if case.int8:
        return str(int8_model(folder / "int8.dce"))
    return str(dense_model(folder / "dense.dce")) if case.dense else "-"


def count_case(case: Case, plugin: Path) -> Counts:
    """Instructions of a frame, one thread, that is not the first one.

    Raises:
        CountingError
    """
    if not case.target.program.exists():
        raise counting.CountingError(f"{case.target.program} is absent: make test-{case.target.preset} builds it")
    emulator = [counting.tool(case.target.emulator, "qemu-user"), "-cpu", case.cpu]
    model = model_of(case, plugin.parent)
    fast = ["fast"] if case.fast else []
    few, many = (
        counting.count(
            emulator,
            plugin,
            [str(case.target.program), case.pixels, str(case.denoise), str(frames), f"{WIDTH}x{HEIGHT}", model, *fast],
            {"DCELITE_ISA": case.kernels},
        )
        for frames in (1, 3)
    )
    return counting.difference(few, many, 2)
