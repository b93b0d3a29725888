"""The files by which an emulated program learns what it runs on; QEMU looks for a file below its root first.

Without them runtimes read those of the host, which is no Arm: LiteRT ends with a segmentation fault, and what depends
on the sizes of caches would depend on the machine that counts.
"""

from __future__ import annotations

from pathlib import Path

PROCESSOR = """\
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1

"""
"""A Cortex-A76, as Linux describes it."""
CACHES = (("1", "Data", "64K"), ("1", "Instruction", "64K"), ("2", "Unified", "512K"), ("3", "Unified", "2048K"))
CPUS = "sys/devices/system/cpu"


def write_board(root: Path) -> None:
    """Write them below a root: one core, with caches as the Raspberry Pi 5 has them."""
    files = {"proc/cpuinfo": PROCESSOR}
    files |= {f"{CPUS}/{name}": "0\n" for name in ("possible", "present", "online", "kernel_max")}
    lists = ("physical_package_id", "core_siblings_list", "thread_siblings_list", "cluster_cpus_list")
    files |= {f"{CPUS}/cpu0/topology/{name}": "0\n" for name in lists}
    frequencies = {"min": 1500000, "max": 2400000}  # kHz
    files |= {f"{CPUS}/cpu0/cpufreq/cpuinfo_{end}_freq": f"{value}\n" for end, value in frequencies.items()}
    for index, (level, kind, size) in enumerate(CACHES):
        cache = {"level": level, "type": kind, "size": size, "shared_cpu_list": "0"}
        files |= {f"{CPUS}/cpu0/cache/index{index}/{name}": f"{value}\n" for name, value in cache.items()}
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="ascii")
