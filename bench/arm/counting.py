"""Counts the instructions of a program of another processor, under QEMU's user emulation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcelite.errors import DceliteError

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
CLASSES = ("vector arithmetic", "vector moves", "vector loads", "vector stores", "scalar", "branches")

Counts = dict[str, int]
"""Instructions by class."""


@dataclass
class Counted:
    """Instructions of a frame by the names of other runtimes; why there are none of some."""

    counts: dict[str, Counts] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


class CountingError(DceliteError):
    """Something to count with is absent, or the program failed."""


def tool(name: str, package: str) -> str:
    """The path of a program; raises CountingError, which names Debian's package."""
    found = shutil.which(name)
    if found is None:
        raise CountingError(f"{name} is absent: apt-get install {package}")
    return found


def build_plugin(folder: Path) -> Path:
    """Compile ``counter.c``; raises CountingError."""
    folder.mkdir(parents=True, exist_ok=True)
    plugin = folder / "counter.so"
    run([tool("cc", "gcc"), "-shared", "-fPIC", "-O2", "-o", str(plugin), str(HERE / "counter.c")])
    return plugin


def count(
    emulator: Sequence[str],
    plugin: Path,
    program: Sequence[str],
    environment: Mapping[str, str],
    *,
    blocks: bool = False,
) -> dict[str, Any]:
    """Run a program; returns its counts by class, and its blocks where they are wanted.

    Raises:
        CountingError: it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "counts.json"
        option = f"{plugin},out={output}" + (",blocks=yes" if blocks else "")
        run([emulator[0], "-plugin", option, *emulator[1:], *program], {**os.environ, **environment})
        if not output.exists():
            raise CountingError(f"{emulator[0]}: wrote no counts; QEMU 4.2 to 8.2 with TCG plugins was wanted")
        found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    return found


def difference(few: Counts, many: Counts, frames: int) -> Counts:
    """Of a frame, where ``many`` had so many more of them."""
    return {name: (many[name] - few[name]) // frames for name in CLASSES}


def total(counts: Counts) -> int:
    return sum(counts[name] for name in CLASSES)


def version_of(program: str) -> str:
    """The first line that ``PROGRAM --version`` prints."""
    return run([program, "--version"]).splitlines()[0]


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if result.returncode != 0:
        last = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()[-1]
        raise CountingError(f"{' '.join(command)}: status {result.returncode}: {last}")
    return result.stdout
