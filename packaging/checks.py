"""What a library may need of a system, export to it, and use of newer versions than its tag promises."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from native import REPOSITORY, PackagingError, tool
from platforms import Platform

NEEDED = {
    "elf": r"lib(c|m|pthread)\.so\.[06]|ld-linux[\w-]*\.so\.[123]|libc\.so",
    "macho": r"/usr/lib/libSystem\.B\.dylib",
    "pe": r"(?i:kernel32|ntdll|ucrtbase|api-ms-win-crt-[\w-]+)\.dll",
}
"""The libraries of the system itself, by format."""

MACHINES = {
    "x86_64": {"EM_X86_64", "X86-64", "IMAGE_FILE_MACHINE_AMD64"},
    "aarch64": {"EM_AARCH64", "Arm64", "IMAGE_FILE_MACHINE_ARM64"},
    "arm": {"EM_ARM"},
    "riscv64": {"EM_RISCV"},
}
"""What LLVM calls the processors of zig."""


OF_MACHO_LINKER = {"_mh_dylib_header", "__dso_handle"}
"""What zig exports of every library for macOS."""


def declared(header: Path, macro: str) -> set[str]:
    """The functions that a header declares."""
    return set(re.findall(rf"^{macro} [^;]*?\b(dce_\w+)\(", header.read_text(), re.MULTILINE))


def wanted_exports(name: str) -> set[str]:
    """Of ``dcelite`` or ``dcelite_bench``."""
    if name == "dcelite":
        return declared(REPOSITORY / "runtime/include/dcelite.h", "DCE_API")
    return declared(REPOSITORY / "bench/native/roofline.h", "DCE_BENCH_API")


def output_of(*command: str | Path) -> str:
    """What a program prints; raises PackagingError."""
    result = subprocess.run([tool(str(command[0])), *command[1:]], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PackagingError(f"{' '.join(map(str, command))}: {result.stderr.strip()}")
    return result.stdout


def inspect_elf(path: Path) -> tuple[str, set[str], set[str], set[str]]:
    """Processor, libraries that are needed, names that are exported, versions of glibc."""
    header = output_of("llvm-readobj", "--file-headers", "--needed-libs", "--version-info", path)
    machine = re.search(r"Machine: (\S+)", header)
    needed = re.search(r"NeededLibraries \[\n(.*?)\]", header, re.DOTALL)
    symbols = output_of("llvm-nm", "--dynamic", "--defined-only", path)
    return (
        machine[1] if machine else "",
        set(needed[1].split()) if needed else set(),
        {line.split()[-1].partition("@")[0] for line in symbols.splitlines()},
        set(re.findall(r"Name: GLIBC_(\S+)", header)),
    )


def inspect_macho(path: Path) -> tuple[str, set[str], set[str], set[str]]:
    """Processor, libraries that are needed, names that are exported, the oldest macOS."""
    header = output_of("llvm-objdump", "--macho", "--private-headers", path)
    machine = re.search(r"CpuType: (\S+)", output_of("llvm-readobj", "--file-headers", path))
    exports = output_of("llvm-objdump", "--macho", "--exports-trie", path)
    return (
        machine[1] if machine else "",
        set(re.findall(r"cmd LC_LOAD_DYLIB\n.*?name (\S+)", header, re.DOTALL)),
        set(re.findall(r"^0x\w+ +_(\w+)", exports, re.MULTILINE)) - OF_MACHO_LINKER,
        set(re.findall(r"(?:minos|LC_VERSION_MIN_MACOSX\n.*\n +version) ([0-9.]+)", header)),
    )


def inspect_pe(path: Path) -> tuple[str, set[str], set[str], set[str]]:
    """Processor, libraries that are needed, names that are exported; no versions."""
    text = output_of("llvm-readobj", "--file-headers", "--coff-imports", "--coff-exports", path)
    machine = re.search(r"Machine: (\S+)", text)
    imports, exports = (
        re.findall(rf"^{kind} {{\n.*?Name: (\S+)", text, re.MULTILINE | re.DOTALL) for kind in ("Import", "Export")
    )
    return machine[1] if machine else "", set(imports), set(exports), set()


INSPECT = {"elf": inspect_elf, "macho": inspect_macho, "pe": inspect_pe}


def check_library(path: Path, platform: Platform, name: str) -> str:
    """What there is to say of a library, in one line; raises PackagingError where it breaks the promise of the tag."""
    machine, needed, exported, versions = INSPECT[platform.format](path)
    processor = platform.target.split("-")[0]
    if machine not in MACHINES[processor]:
        raise PackagingError(f"{path}: is for {machine or 'no processor'}, {processor} was wanted")
    others = sorted(library for library in needed if not re.fullmatch(NEEDED[platform.format], library))
    if others:
        raise PackagingError(f"{path}: needs {', '.join(others)}, the system's own libraries alone were wanted")
    wanted = wanted_exports(name)
    if exported != wanted:
        difference = ", ".join(sorted(exported ^ wanted))
        raise PackagingError(f"{path}: exports and the header differ by {difference}")
    newest = max((tuple(map(int, version.split("."))) for version in versions), default=())
    if platform.oldest and newest[:2] > platform.oldest:
        raise PackagingError(f"{path}: needs version {newest} of the system, {platform.oldest} at most was promised")
    if platform.format == "elf" and bool(versions) != bool(platform.oldest):
        raise PackagingError(f"{path}: is for another C library than {platform.target}")
    system = f", versions {' '.join(sorted(versions))}" if versions else ""
    needs = " ".join(sorted(needed))
    return f"{path.name}: {path.stat().st_size} bytes, {machine}, needs {needs}{system}, exports {len(exported)}"
