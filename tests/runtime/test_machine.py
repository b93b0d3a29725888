"""What the kernel tells of a machine, from folders made up for the test and from texts; the rest is None."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dcelite.machine import Machine

Make = Callable[[dict[str, str]], Machine]


@pytest.fixture(params=["folder", "texts"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """A machine from the texts of files: in a folder, as here, or as dce_bench writes them down elsewhere."""

    def machine(files: dict[str, str]) -> Machine:
        if request.param == "texts":
            return Machine({f"/{path}": text for path, text in files.items()})
        for path, text in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return Machine(root=tmp_path)

    return machine


def test_a_kernel_that_shows_nothing(make: Make) -> None:
    machine = make({})
    assert machine.cores() == []
    assert machine.cores_by_power() == {}
    assert machine.processor is None
    assert machine.state(5.0) == {
        "unix_time": 5.0,
        "frequencies_khz": None,
        "temperatures_celsius": None,
        "available_memory_bytes": None,
        "load_average": None,
    }
    described = machine.describe("riscv64")
    assert described.pop("machine") == "riscv64"
    assert described.pop("cores") == []
    assert set(described.values()) == {None}


def test_big_and_little_cores(make: Make) -> None:
    files = {"sys/devices/system/cpu/cpu3/online": "0"}
    for number in range(12):
        folder = f"sys/devices/system/cpu/cpu{number}"
        files[f"{folder}/cpufreq/cpuinfo_max_freq"] = "2400000" if number >= 10 else "1800000\n"
        files[f"{folder}/cpufreq/scaling_cur_freq"] = "1000000"
        files[f"{folder}/cpufreq/scaling_governor"] = "schedutil\n"
    machine = make(files)
    cores = machine.cores()
    assert [core["number"] for core in cores] == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]
    assert cores[0] == {"number": 0, "capacity": None, "max_khz": 1800000, "governor": "schedutil"}
    assert machine.cores_by_power() == {"big": {10, 11}, "little": {0, 1, 2, 4, 5, 6, 7, 8, 9}}
    assert machine.frequencies_khz() == {str(number): 1000000 for number in range(12)}


def test_equal_cores_have_no_big_ones(make: Make) -> None:
    assert make({f"sys/devices/system/cpu/cpu{i}/cpu_capacity": "1024" for i in range(2)}).cores_by_power() == {}


def test_temperatures(make: Make) -> None:
    machine = make(
        {
            "sys/class/thermal/thermal_zone0/temp": "45500\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone1/temp": "no number",
            "sys/class/hwmon/hwmon2/temp1_input": "61000",
            "sys/class/hwmon/hwmon2/name": "k10temp",
        }
    )
    assert machine.temperatures_celsius() == {"cpu-thermal": 45.5, "k10temp temp1": 61.0}


def test_processor_of_arm(make: Make) -> None:
    machine = make({"proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 108.00\nHardware\t: Qualcomm SM8550\n"})
    assert machine.processor == "Qualcomm SM8550"
    assert machine.field("proc/cpuinfo", "model name") is None


def test_memory_load_and_system(make: Make) -> None:
    machine = make(
        {
            "proc/meminfo": "MemTotal:        2000 kB\nMemAvailable:    1000 kB\n",
            "proc/loadavg": "0.50 0.40 0.30 1/200 77\n",
            "proc/cpuinfo": "model name\t: A\nflags\t\t: fpu hypervisor avx2\n",
            "proc/device-tree/model": "A Board\0",
            "etc/os-release": 'NAME=X\nPRETTY_NAME="An OS 12"\n',
            "proc/sys/kernel/osrelease": "6.1.0\n",
        }
    )
    assert machine.state(1.0)["available_memory_bytes"] == 1024000
    assert machine.state(1.0)["load_average"] == 0.5
    described = machine.describe("x86_64")
    assert (described["cpu"], described["board"], described["memory_bytes"]) == ("A", "A Board", 2048000)
    assert (described["os"], described["kernel"], described["virtual"]) == ("An OS 12", "6.1.0", True)
    assert machine.describe("aarch64")["virtual"] is None
