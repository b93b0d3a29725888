"""Where the numbers come from: processor, frequencies, temperatures, memory, energy, versions.

Everything is what the kernel exposes (Linux on x86-64, aarch64 and armv7, Android with Termux); what it does not expose
is null, never a guess.
"""

from __future__ import annotations

import fnmatch
import os
import platform
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import dcelite
from dcelite import core
from dcelite.bench.run import roofline
from dcelite.bench.run.variants import available_isas
from dcelite.errors import DceliteError
from dcelite.provenance import PROCESSOR_NAMES, file_record, version_of

_ENERGY_WRAPS = 2.0**32
_PROPERTIES = ("ro.soc.manufacturer", "ro.soc.model", "ro.board.platform", "ro.product.model")


class Kernel:
    """The files in which a kernel describes a machine: of this one, or as ``dce_bench`` wrote them down elsewhere."""

    def __init__(self, texts: Mapping[str, str] | None = None, root: Path = Path("/")) -> None:
        self._texts = texts
        self._root = root

    def text(self, path: str) -> str | None:
        """None where the file is absent, unreadable or empty."""
        if self._texts is not None:
            text = self._texts.get(f"/{path}", "")
        else:
            try:
                text = (self._root / path).read_text(errors="replace")
            except OSError:
                return None
        return text.replace("\0", " ").strip() or None

    def line(self, *paths: str) -> str | None:
        """The first line of the first of these files that has one."""
        texts = (self.text(path) for path in paths)
        return next((text.split("\n")[0].strip() for text in texts if text is not None), None)

    def number(self, path: str) -> int | None:
        text = self.line(path)
        return int(text) if text is not None and re.fullmatch(r"-?[0-9]+", text) else None

    def field(self, path: str, *names: str) -> str | None:
        """The value of the first of these fields that a file such as ``proc/cpuinfo`` has."""
        text = self.text(path) or ""
        found = (re.search(rf"^{name}\s*[:=]\s*(\S.*)$", text, re.MULTILINE) for name in names)
        return next((match[1].strip() for match in found if match is not None), None)

    def paths(self, pattern: str) -> list[str]:
        """What is there, in the order of the numbers in the names."""
        if self._texts is not None:
            parts = pattern.count("/") + 2
            names = {"/".join(PurePosixPath(path).parts[1:parts]) for path in self._texts}
            found = fnmatch.filter(names, pattern)
        else:
            try:
                found = [str(path.relative_to(self._root)) for path in self._root.glob(pattern)]
            except OSError:
                return []
        return sorted(found, key=lambda path: [int(part) for part in re.findall(r"[0-9]+", path)])

    def cores(self) -> list[dict[str, Any]]:
        """What is known of each processor that is online."""
        return [
            {
                "number": int(folder.rpartition("cpu")[2]),
                "capacity": self.number(f"{folder}/cpu_capacity"),
                "max_khz": self.number(f"{folder}/cpufreq/cpuinfo_max_freq"),
                "governor": self.line(f"{folder}/cpufreq/scaling_governor"),
            }
            for folder in self.paths("sys/devices/system/cpu/cpu[0-9]*")
            if self.number(f"{folder}/online") != 0
        ]

    def cores_by_power(self) -> dict[str, set[int]]:
        """The processors of the highest capacity ("big") and of the lowest ("little"), where they differ; else empty."""
        powers = {core["number"]: core["capacity"] or core["max_khz"] for core in self.cores()}
        known = {number: power for number, power in powers.items() if power is not None}
        if len(known) != len(powers) or len(set(known.values())) < 2:
            return {}
        return {
            name: {number for number, power in known.items() if power == chosen(known.values())}
            for name, chosen in (("big", max), ("little", min))
        }

    def frequencies_khz(self) -> dict[str, int] | None:
        """Current frequency by processor."""
        found = {
            folder.rpartition("cpu")[2]: value
            for folder in self.paths("sys/devices/system/cpu/cpu[0-9]*")
            if (value := self.number(f"{folder}/cpufreq/scaling_cur_freq")) is not None
        }
        return found or None

    def temperatures_celsius(self) -> dict[str, float] | None:
        """By sensor; the kernel gives thousandths of a degree."""
        found = {}
        for zone in self.paths("sys/class/thermal/thermal_zone*"):
            value, number = self.number(f"{zone}/temp"), zone.rpartition("/")[2]
            if value is not None:
                name = self.line(f"{zone}/type") or number
                found[name if name not in found else f"{name} ({number})"] = value / 1000.0
        for sensor in self.paths("sys/class/hwmon/hwmon*/temp*_input"):
            value = self.number(sensor)
            if value is not None:
                chip, _, name = sensor.rpartition("/")
                label = self.line(sensor.replace("_input", "_label")) or name.split("_")[0]
                found[f"{self.line(f'{chip}/name') or chip.rpartition('/')[2]} {label}"] = value / 1000.0
        return found or None

    def memory(self, name: str) -> int | None:
        """Bytes of a field of ``proc/meminfo``."""
        found = self.field("proc/meminfo", name)
        return 1024 * int(found.split()[0]) if found else None

    def state(self, unix_time: float) -> dict[str, Any]:
        """What changes during a run: taken before and after."""
        load = self.line("proc/loadavg")
        return {
            "unix_time": unix_time,
            "frequencies_khz": self.frequencies_khz(),
            "temperatures_celsius": self.temperatures_celsius(),
            "available_memory_bytes": self.memory("MemAvailable"),
            "load_average": float(load.split()[0]) if load else None,
        }

    def describe(self, machine: str) -> dict[str, Any]:
        """What does not change during a run."""
        flags = self.field("proc/cpuinfo", "flags", "Features")
        os_name = self.field("etc/os-release", "PRETTY_NAME")
        return {
            "cpu": self.field("proc/cpuinfo", *PROCESSOR_NAMES),
            "board": self.line(
                "proc/device-tree/model",
                "sys/firmware/devicetree/base/model",
                "sys/class/dmi/id/product_name",
            ),
            "machine": machine,
            "cores": self.cores(),
            "virtual": "hypervisor" in flags.split() if flags is not None and machine == "x86_64" else None,
            "memory_bytes": self.memory("MemTotal"),
            "kernel": self.line("proc/sys/kernel/osrelease"),
            "os": os_name.strip('"') if os_name else None,
        }


HERE = Kernel()


def describe() -> dict[str, Any]:
    """This machine, and what runs on it."""
    return {
        **HERE.describe(platform.machine()),
        "android": _android_properties(),
        "affinity": affinity(),
        "emulated": roofline.is_emulated(),
        "isas": list(available_isas()),
        "python": platform.python_version(),
        "dcelite": dcelite.__version__,
        "core_library": {"version": core.version(), **(file_record(core.library_path()) or {})},
        "versions": {
            **{name: version_of(name) for name in ("numpy", "onnxruntime")},
            "mindspore_lite": _mindspore_lite(),
        },
    }


def described(found: Mapping[str, Any]) -> dict[str, Any]:
    """The same of another machine, from what ``dce_bench`` wrote down there."""
    kernel = Kernel(found["files"])
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
        **{name: Kernel(found[name]["files"]).state(found[name]["unix_time"]) for name in ("before", "after")},
    }


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


def _mindspore_lite() -> str | None:
    from dcelite.mindspore_lite.sdk import find_sdk

    try:
        return find_sdk().identity
    except (DceliteError, OSError):
        return None


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


def affinity() -> list[int] | None:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


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
        return "this system has no sched_setaffinity"
    try:
        os.sched_setaffinity(0, wanted)
    except OSError as error:
        return f"processors {wanted}: {error.strerror}"
    got = affinity()
    return None if got == wanted else f"processors {wanted}: only {got} may be used"


def state(clock: Callable[[], float] = time.time) -> dict[str, Any]:
    return HERE.state(clock())


def available_memory() -> int | None:
    return HERE.memory("MemAvailable")


def address_space() -> int | None:
    """Bytes that this process has reserved."""
    text = HERE.line("proc/self/statm")
    return int(text.split()[0]) * os.sysconf("SC_PAGE_SIZE") if text else None


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
        self._files = [path for path in found if HERE.number(path) is not None]
        folders = [path.rpartition("/")[0] for path in self._files]
        self._ranges = [HERE.number(f"{folder}/max_energy_range_uj") or _ENERGY_WRAPS for folder in folders]
        self._last = [HERE.number(path) or 0 for path in self._files]
        self._total = 0.0

    @property
    def source(self) -> str | None:
        return ", ".join(f"/{path}" for path in self._files) or None

    def read(self) -> float | None:
        if not self._files:
            return None
        for i, path in enumerate(self._files):
            value = HERE.number(path)
            if value is None:
                return None
            self._total += 1e-6 * ((value - self._last[i]) % self._ranges[i])
            self._last[i] = value
        return self._total
