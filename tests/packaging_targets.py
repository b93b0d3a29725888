"""How a wheel is run here, by platform: this machine's Python, Debian's for another processor in an emulator, none."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from runtime.native_builds import tool
from support import REPOSITORY, skip

HERE = Path(__file__).parent / "packaging"
PACKAGING = REPOSITORY / "packaging"
DIST = REPOSITORY / "dist"
BUILD = REPOSITORY / "build" / "packaging"

sys.path.insert(0, str(PACKAGING))
from platforms import PLATFORMS, Platform  # noqa: E402

BY_NAME = {platform.name: platform for platform in PLATFORMS}


@dataclass(frozen=True)
class Emulated:
    """Debian's Python for another processor, in an emulator."""

    debian: str
    triplet: str
    emulator: str


EMULATED = {
    "linux-aarch64": Emulated("arm64", "aarch64-linux-gnu", "qemu-aarch64-static"),
    "linux-armv7l": Emulated("armhf", "arm-linux-gnueabihf", "qemu-arm-static"),
    "linux-riscv64": Emulated("riscv64", "riscv64-linux-gnu", "qemu-riscv64-static"),
}


def wheel_of(platform: Platform) -> Path:
    """The wheel that `make wheels` made; skips the test where there is none."""
    found = list(DIST.glob(f"dcelite-*-py3-none-{platform.tag}.whl"))
    if len(found) != 1:
        skip(f"dist has {len(found)} wheels for {platform.name}: make wheels")
    return found[0]


def install(wheel: Path, platform: Platform, folder: Path) -> Path:
    """Let pip install the wheel for its platform, whatever this machine is; returns the folder of the packages."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--only-binary=:all:"]
    command += [
        "--python-version",
        "3.13",
        "--platform",
        platform.tag.split(".")[-1],
        "--target",
        str(folder),
        str(wheel),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return folder


@dataclass(frozen=True)
class Python:
    """A Python that has the wheel, and nothing of this machine: no compiler is on its path."""

    command: list[str]
    environment: dict[str, str]
    emulated: bool

    def run(self, *arguments: str | Path, timeout: float = 600) -> str:
        """What it prints; a failure shows all."""
        command = [*self.command, *map(str, arguments)]
        result = subprocess.run(
            command, capture_output=True, text=True, env=self.environment, timeout=timeout, check=False
        )
        assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"
        return result.stdout


def debian_packages(debian: str, *packages: str) -> Path:
    """The root of a system of Debian 13 that has these packages; skips the test where they cannot be had."""
    folder = BUILD / f"debian-{debian}-{packages[0]}"
    command = [str(HERE / "debian_packages.sh"), debian, str(folder), *packages]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 3:
        skip(f"{packages[0]} of Debian for {debian} cannot be had: {(result.stdout + result.stderr).strip()}")
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "root"


def emulated_python(name: str, packages: Path) -> Python:
    """Debian's Python for a processor, with the packages of the wheel; skips the test where it cannot be had."""
    target = EMULATED[name]
    emulator = tool(target.emulator)
    root = debian_packages(target.debian, "python3-minimal", "python3-numpy", "python3-pil", "python3-tqdm")
    libraries = root / "usr/lib" / target.triplet
    environment = {
        "PATH": "/nonexistent",
        "HOME": str(packages.parent),
        "PYTHONHOME": str(root / "usr"),
        "PYTHONPATH": f"{packages}:{root / 'usr/lib/python3/dist-packages'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LD_LIBRARY_PATH": f"{libraries}:{libraries / 'blas'}:{libraries / 'lapack'}",
    }
    return Python([emulator, "-L", str(root), str(root / "usr/bin/python3.13")], environment, True)


def native_python(wheel: Path, folder: Path) -> Python:
    """A new environment of this machine's Python, where pip installed the wheel and what it needs."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        skip("the wheel for x86-64 Linux runs there alone")
    folder.mkdir()
    (folder / "bin").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DCELITE_"))}
    environment["PATH"] = str(folder / "bin")  # which is empty
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, env=environment)
    python = str(folder / "venv/bin/python")
    command = [python, "-m", "pip", "install", "--quiet", "--only-binary=:all:", str(wheel)]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if "No matching distribution" in result.stderr:
        skip(f"numpy, pillow and tqdm cannot be downloaded: {result.stderr.strip().splitlines()[-1]}")
    assert result.returncode == 0, result.stderr
    return Python([python], environment, False)
