"""What the kernel tells of a machine: processor, frequencies, temperatures, memory.

Everything is what it exposes (Linux on x86-64, aarch64 and armv7, Android with Termux); what it does not expose is
None, never a guess.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

PROCESSOR_NAMES = ("model name", "Model", "Hardware", "cpu model")
"""Fields of /proc/cpuinfo, the most telling first: x86, arm64 boards, Android, MIPS."""


class Machine:
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

    @property
    def processor(self) -> str | None:
        """What the processor is called."""
        return self.field("proc/cpuinfo", *PROCESSOR_NAMES)

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
        """The processors of the highest capacity ("big") and of the lowest ("little"); empty where all are alike."""
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

    def available_memory(self) -> int | None:
        """Bytes that can be had without swapping, within the limit of the control group where there is one."""
        found = [self.memory("MemAvailable")]
        for limit, used in (
            ("memory.max", "memory.current"),
            ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
        ):
            most, now = (self.number(f"sys/fs/cgroup/{name}") for name in (limit, used))
            if most is not None and now is not None:
                found.append(max(0, most - now))
        return min((value for value in found if value is not None), default=None)

    def state(self, unix_time: float) -> dict[str, Any]:
        """What changes while it runs."""
        load = self.line("proc/loadavg")
        return {
            "unix_time": unix_time,
            "frequencies_khz": self.frequencies_khz(),
            "temperatures_celsius": self.temperatures_celsius(),
            "available_memory_bytes": self.memory("MemAvailable"),
            "load_average": float(load.split()[0]) if load else None,
        }

    def describe(self, machine: str) -> dict[str, Any]:
        """What does not change while it runs; ``machine`` as platform.machine() has it."""
        flags = self.field("proc/cpuinfo", "flags", "Features")
        os_name = self.field("etc/os-release", "PRETTY_NAME")
        return {
            "cpu": self.processor,
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
