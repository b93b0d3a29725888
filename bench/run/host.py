"""This machine while it is measured: what it is, its processors, other threads, energy."""

from __future__ import annotations

import functools
import mmap
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import dcelite
from dcelite import core
from dcelite.bench.run import roofline
from dcelite.bench.run.variants import available_isas
from dcelite.machine import Machine
from dcelite.provenance import file_record, tool_versions

_ENERGY_WRAPS = 2.0**32
_PROPERTIES = ("ro.soc.manufacturer", "ro.soc.model", "ro.board.platform", "ro.product.model")

HERE = Machine()


def describe() -> dict[str, Any]:
    """This machine, and what runs on it."""
    found = HERE.describe(platform.machine())
    if sys.platform in ("darwin", "win32"):
        found |= {"cpu": platform.processor() or None, "kernel": platform.release(), "os": platform.platform()}
    return {
        **found,
        "android": _android_properties(),
        "affinity": affinity(),
        "emulated": roofline.is_emulated(),
        "isas": list(available_isas()),
        "python": platform.python_version(),
        "dcelite": dcelite.__version__,
        "core_library": {"version": core.version(), **(file_record(core.library_path()) or {})},
        "versions": tool_versions(),
    }


def described(found: Mapping[str, Any]) -> dict[str, Any]:
    """The same of another machine, from what ``dce_bench`` wrote down there."""
    kernel = Machine(found["files"])
    allowed = kernel.field("proc/self/status", "Cpus_allowed_list")
    return {
        **kernel.describe(found["machine"]),
        "android": found.get("android"),
        "affinity": sorted(parse_cpu_list(allowed)) if allowed else None,
        "emulated": found["emulated"],
        "isas": found["isas"],
        "python": None,
        "dcelite": found["dcelite"],
        "core_library": {"version": found["dcelite"]},
        "versions": {},
        **{name: Machine(found[name]["files"]).state(found[name]["unix_time"]) for name in ("before", "after")},
    }


def _android_properties() -> dict[str, str] | None:
    program = shutil.which("getprop")
    if program is None:
        return None
    command = functools.partial(subprocess.run, capture_output=True, text=True, timeout=5, check=False)
    found = {name: command([program, name]).stdout.strip() for name in _PROPERTIES}
    return {name: value for name, value in found.items() if value} or None


def parse_cpu_list(text: str) -> set[int]:
    """``0-3,6`` -> {0, 1, 2, 3, 6}; raises ValueError."""
    processors: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,5})(?:-([0-9]{1,5}))?\s*", part)
        if match is None:
            raise ValueError(f"{text!r}: a list such as 0-3,6 was wanted")
        first = int(match[1])
        processors |= set(range(first, int(match[2] or first) + 1))
    return processors


def affinity() -> list[int]:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # of Linux and Android
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def choose_processors(text: str) -> set[int]:
    """For ``--cpu``: "big", "little", a list such as 0-3,6.

    Raises:
        ValueError: the text is none of these, or the processors are not told apart by the kernel.
    """
    if text not in ("big", "little"):
        return parse_cpu_list(text)
    kinds = HERE.cores_by_power()
    if not kinds:
        raise ValueError(f"{text}: the kernel does not show big and little processors; give a list such as 0-3")
    return kinds[text]


def set_affinity(processors: Iterable[int]) -> str | None:
    """Bind this process; returns the reason where that is not possible."""
    wanted = sorted(processors)
    if not hasattr(os, "sched_setaffinity"):
        return f"processors {wanted}: this system binds no process to processors"
    try:
        os.sched_setaffinity(0, wanted)
    except OSError as error:
        return f"processors {wanted}: {error.strerror}"
    got = affinity()
    return None if got == wanted else f"processors {wanted}: only {got} may be used"


def available_memory() -> int | None:
    return HERE.memory("MemAvailable")


def address_space() -> int | None:
    """Bytes that this process has reserved."""
    text = HERE.line("proc/self/statm")
    return int(text.split()[0]) * mmap.PAGESIZE if text else None


def busy_threads() -> int:
    """Other threads of this process that run, or wait for a processor to run on; 0 where the kernel does not tell."""
    own = f"/{threading.get_native_id()}/stat"
    lines = [HERE.line(path) for path in HERE.paths("proc/self/task/*/stat") if not path.endswith(own)]
    # The state follows the name, which stands in brackets and may hold anything.
    return sum(line is not None and line.rpartition(")")[2].split()[:1] == ["R"] for line in lines)


def wait_for_threads(longest: float = 0.2) -> None:
    """Wait until no other thread of this process is busy, or for ``longest`` seconds.

    Engines keep their threads awake for the next call: those of ONNX Runtime take a whole processor for 40 ms after the
    last one, from whatever runs then.
    """
    end = time.perf_counter() + longest
    while busy_threads() > 0 and time.perf_counter() < end:
        time.sleep(1e-3)


class EnergyCounter:
    """Joules since the start, of the packages that RAPL or hwmon count; ``read`` gives None where there are none."""

    def __init__(self) -> None:
        rapl = HERE.paths("sys/class/powercap/*-rapl:[0-9]*/energy_uj")
        packages = [path for path in rapl if path.split("/")[-2].count(":") == 1]  # others are parts of a package
        found = packages or HERE.paths("sys/class/hwmon/hwmon*/energy*_input")
        self._last = {path: value for path in found if (value := HERE.number(path)) is not None}
        self._total = 0.0

    @property
    def source(self) -> str | None:
        return ", ".join(f"/{path}" for path in self._last) or None

    def read(self) -> float | None:
        if not self._last:
            return None
        for path, last in self._last.items():
            value = HERE.number(path)
            if value is None:
                return None
            wraps = HERE.number(f"{path.rpartition('/')[0]}/max_energy_range_uj") or _ENERGY_WRAPS
            self._total += 1e-6 * ((value - last) % wraps)
            self._last[path] = value
        return self._total
