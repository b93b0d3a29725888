"""Where the numbers come from: processor, frequencies, temperatures, memory, energy, versions.

Everything is what the kernel exposes (Linux on x86-64, aarch64 and armv7, Android with Termux); what it does not expose
is null, never a guess.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import dcelite
from dcelite import _native
from dcelite.bench.roofline import is_emulated
from dcelite.bench.variants import available_isas
from dcelite.errors import DceliteError
from dcelite.provenance import cpuinfo, file_record, processor_name, version_of

ROOT = Path("/")
"""Tests put a folder of their own here."""

_ENERGY_WRAPS = 2.0**32
_PROPERTIES = ("ro.soc.manufacturer", "ro.soc.model", "ro.board.platform", "ro.product.model")


def _text(path: Path) -> str | None:
    """The first line of a file of the kernel; None where it is absent, unreadable or empty."""
    try:
        text = path.read_text(errors="replace").replace("\0", " ").strip()
    except OSError:
        return None
    return text.split("\n")[0].strip() or None


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]+", text) else None


def _paths(pattern: str) -> list[Path]:
    """Paths below the root, in the order of the numbers in them."""
    try:
        found = list(ROOT.glob(pattern))
    except OSError:
        return []
    return sorted(found, key=lambda path: [int(part) for part in re.findall(r"[0-9]+", str(path))])


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


def cores() -> list[dict[str, Any]]:
    """What is known of each processor that is online."""
    result = []
    for folder in _paths("sys/devices/system/cpu/cpu[0-9]*"):
        if _number(folder / "online") == 0:
            continue
        frequency = folder / "cpufreq"
        result.append(
            {
                "number": int(folder.name[3:]),
                "capacity": _number(folder / "cpu_capacity"),
                "max_khz": _number(frequency / "cpuinfo_max_freq"),
                "governor": _text(frequency / "scaling_governor"),
            }
        )
    return result


def frequencies_khz() -> dict[str, int] | None:
    """Current frequency by processor."""
    found = {
        folder.name[3:]: value
        for folder in _paths("sys/devices/system/cpu/cpu[0-9]*")
        if (value := _number(folder / "cpufreq" / "scaling_cur_freq")) is not None
    }
    return found or None


def cores_by_power() -> dict[str, set[int]]:
    """The processors of the highest capacity ("big") and of the lowest ("little"), where they differ; else empty."""
    powers = {core["number"]: core["capacity"] or core["max_khz"] for core in cores()}
    known = {number: power for number, power in powers.items() if power is not None}
    if len(known) != len(powers) or len(set(known.values())) < 2:
        return {}
    return {
        name: {number for number, power in known.items() if power == chosen(known.values())}
        for name, chosen in (("big", max), ("little", min))
    }


def affinity() -> list[int] | None:
    if not hasattr(os, "sched_getaffinity"):
        return None
    return sorted(os.sched_getaffinity(0))


def choose_processors(text: str) -> set[int]:
    """For ``--cpu``: "big", "little", a list such as 0-3,6.

    Raises:
        ValueError: the text is none of these, or the processors are not told apart by the kernel.
    """
    if text not in ("big", "little"):
        return parse_cpu_list(text)
    kinds = cores_by_power()
    if not kinds:
        raise ValueError(f"{text}: the kernel does not show big and little processors; give a list such as 0-3")
    return kinds[text]


def set_affinity(processors: Iterable[int]) -> str | None:
    """Bind this process; returns the reason where that is not possible."""
    wanted = sorted(processors)
    if not hasattr(os, "sched_setaffinity"):
        return "this system has no sched_setaffinity"
    try:
        os.sched_setaffinity(0, wanted)
    except OSError as error:
        return f"processors {wanted}: {error.strerror}"
    got = affinity()
    return None if got == wanted else f"processors {wanted}: only {got} may be used"


def busy_threads() -> int:
    """Other threads of this process that run, or wait for a processor to run on; 0 where the kernel does not tell."""
    own = str(threading.get_native_id())
    lines = [_text(path) for path in ROOT.glob("proc/self/task/*/stat") if path.parent.name != own]
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


def temperatures_celsius() -> dict[str, float] | None:
    """By sensor. Thermal zones give thousandths of a degree."""
    found = {}
    for zone in _paths("sys/class/thermal/thermal_zone*"):
        value = _number(zone / "temp")
        if value is not None:
            name = _text(zone / "type") or zone.name
            found[name if name not in found else f"{name} ({zone.name})"] = value / 1000.0
    for sensor in _paths("sys/class/hwmon/hwmon*/temp*_input"):
        value = _number(sensor)
        if value is not None:
            label = _text(sensor.with_name(sensor.name.replace("_input", "_label"))) or sensor.name.split("_")[0]
            found[f"{_text(sensor.parent / 'name') or sensor.parent.name} {label}"] = value / 1000.0
    return found or None


class EnergyCounter:
    """Joules since the start, of the packages that RAPL or hwmon count; ``read`` gives None where there are none."""

    def __init__(self) -> None:
        rapl = _paths("sys/class/powercap/*-rapl:[0-9]*/energy_uj")
        packages = [path for path in rapl if path.parent.name.count(":") == 1]  # others are parts of a package
        self._files = [path for path in packages or _paths("sys/class/hwmon/hwmon*/energy*_input") if _readable(path)]
        self._ranges = [_number(path.with_name("max_energy_range_uj")) or _ENERGY_WRAPS for path in self._files]
        self._last = [_number(path) or 0 for path in self._files]
        self._total = 0.0

    @property
    def source(self) -> str | None:
        return ", ".join(str(path) for path in self._files) or None

    def read(self) -> float | None:
        if not self._files:
            return None
        for i, path in enumerate(self._files):
            value = _number(path)
            if value is None:
                return None
            self._total += 1e-6 * ((value - self._last[i]) % self._ranges[i])
            self._last[i] = value
        return self._total


def _readable(path: Path) -> bool:
    return _number(path) is not None


def _android_properties() -> dict[str, str] | None:
    program = shutil.which("getprop")
    if program is None:
        return None
    found = {}
    for name in _PROPERTIES:
        done = subprocess.run([program, name], capture_output=True, text=True, timeout=5, check=False)
        if done.stdout.strip():
            found[name] = done.stdout.strip()
    return found or None


def _meminfo(name: str) -> int | None:
    try:
        text = (ROOT / "proc/meminfo").read_text()
    except OSError:
        return None
    match = re.search(rf"^{name}:\s*([0-9]+) kB", text, re.MULTILINE)
    return 1024 * int(match[1]) if match else None


def available_memory() -> int | None:
    return _meminfo("MemAvailable")


def address_space() -> int | None:
    """Bytes that this process has reserved."""
    text = _text(ROOT / "proc/self/statm")
    return int(text.split()[0]) * os.sysconf("SC_PAGE_SIZE") if text else None


def _mindspore_lite() -> str | None:
    from dcelite.mindspore_lite.sdk import find_sdk

    try:
        return find_sdk().identity
    except (DceliteError, OSError):
        return None


def describe() -> dict[str, Any]:
    """What does not change during a run."""
    flags = cpuinfo(("flags", "Features"), ROOT)
    return {
        "cpu": processor_name(ROOT),
        "board": _text(ROOT / "proc/device-tree/model")
        or _text(ROOT / "sys/firmware/devicetree/base/model")
        or _text(ROOT / "sys/class/dmi/id/product_name"),
        "android": _android_properties(),
        "machine": platform.machine(),
        "cores": cores(),
        "affinity": affinity(),
        "emulated": is_emulated(),
        "virtual": "hypervisor" in flags.split() if flags is not None and platform.machine() == "x86_64" else None,
        "isas": list(available_isas()),
        "memory_bytes": _meminfo("MemTotal"),
        "kernel": platform.release() or None,
        "os": _os_name(),
        "python": platform.python_version(),
        "dcelite": dcelite.__version__,
        "core_library": {"version": _native.library().dce_version().decode(), **(_core_library() or {})},
        "versions": {
            "numpy": version_of("numpy"),
            "onnxruntime": version_of("onnxruntime"),
            "mindspore_lite": _mindspore_lite(),
        },
    }


def _core_library() -> dict[str, Any] | None:
    return file_record(_native._library_path())


def _os_name() -> str | None:
    for line in (_text_lines(ROOT / "etc/os-release")) or []:
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip().strip('"')
    return None


def _text_lines(path: Path) -> list[str] | None:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return None


def state(clock: Callable[[], float] = time.time) -> dict[str, Any]:
    """What changes during a run: taken before and after."""
    load = _text(ROOT / "proc/loadavg")
    return {
        "unix_time": clock(),
        "frequencies_khz": frequencies_khz(),
        "temperatures_celsius": temperatures_celsius(),
        "available_memory_bytes": available_memory(),
        "load_average": float(load.split()[0]) if load else None,
    }
