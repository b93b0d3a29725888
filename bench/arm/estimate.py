"""``python -m dcelite.bench.arm.estimate``: what the counted blocks would take, as LLVM's schedulers see Arm's cores.

Estimates, not measurements. A frame is taken apart into blocks of instructions with the number of times that each is
executed; llvm-mca says how many cycles each block takes when it follows itself, all data being in the first-level
cache and every branch being foreseen. LLVM has a scheduling model of its own for few of the cores: the table names the
one that is used. The same is done on this x86-64 machine, where the clock is at hand, and the ratio of both is printed
beside the estimates.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dcelite.bench.arm import counting
from dcelite.bench.arm.__main__ import WORK
from dcelite.bench.arm.cases import HEIGHT, WIDTH, int8_model
from dcelite.bench.arm.counting import REPOSITORY, CountingError
from dcelite.errors import DceliteError
from dcelite.report.tables import text_table

CORES = {
    "cortex-a53": 1.4,
    "cortex-a55": 1.8,
    "cortex-a72": 1.8,
    "cortex-a76": 2.4,
    "cortex-a78": 2.4,
    "cortex-x2": 3.0,
}
"""The cores, as LLVM names them, and a frequency in GHz that phones and boards run them at."""
COVERED = 0.97
"""Of the executed instructions; the blocks that make up the rest are taken to be like these."""
PIXELS = WIDTH * HEIGHT


@dataclass(frozen=True)
class Block:
    """Instructions that are executed one after the other, with nothing between them."""

    begin: int
    end: int
    instructions: int
    executions: float
    """In a frame."""


@dataclass(frozen=True)
class Variant:
    """What is estimated."""

    name: str
    kernels: str
    """DCELITE_ISA."""
    arguments: tuple[str, ...]
    """Of frames.c, from the model on."""


def variants_of(exact: str, fast: str, int8: Path) -> list[Variant]:
    """By two sets of kernels, which may be the same, and a model."""
    return [
        Variant(f"{exact} fp32", exact, ("-",)),
        Variant(f"{fast} fp32 fast", fast, ("-", "fast")),
        Variant(f"{fast} int8", fast, (str(int8),)),
        Variant(f"{fast} int8 fast", fast, (str(int8), "fast")),
    ]


def blocks_of(emulator: Sequence[str], program: Path, variant: Variant, plugin: Path) -> list[Block]:
    """Those of a frame that is not the first one, the most instructions first."""
    runs = []
    for frames in (1, 3):
        command = [str(program), "rgb", "0", str(frames), f"{WIDTH}x{HEIGHT}", *variant.arguments]
        found = counting.count(emulator, plugin, command, {"DCELITE_ISA": variant.kernels}, blocks=True)
        executions: dict[tuple[int, int, int], int] = {}
        for address, instructions, times, size in found["blocks"]:
            key = (address, address + size, instructions)
            executions[key] = executions.get(key, 0) + times
        runs.append(executions)
    few, many = runs
    parts = sorted((key, (times - few.get(key, 0)) / 2) for key, times in many.items())
    merged: list[Block] = []
    for (begin, end, instructions), times in parts:
        if times <= 0:
            continue
        last = merged[-1] if merged else None
        if (
            last and last.end == begin and last.executions == times
        ):  # QEMU ends its blocks at a number of instructions, too
            merged[-1] = Block(last.begin, end, last.instructions + instructions, times)
        else:
            merged.append(Block(begin, end, instructions, times))
    return sorted(merged, key=lambda block: -block.instructions * block.executions)


def assembly(program: Path, block: Block) -> str:
    """A block as llvm-mca reads it: branches lead nowhere, for only what they cost matters."""
    listing = counting.run(
        [
            counting.tool("llvm-objdump", "llvm"),
            *("-d", "--no-show-raw-insn", "--no-leading-addr", "--mattr=+all", "--no-print-imm-hex"),
            *(f"--start-address={block.begin:#x}", f"--stop-address={block.end:#x}", str(program)),
        ]
    )
    lines = []
    for line in listing.splitlines():
        if not line.startswith("\t") and not line.startswith("  "):
            continue
        text = re.sub(r"\s*(<[^>]*>|//.*|#\s.*)\s*$", "", line.strip())
        lines.append(re.sub(r"^((?:b|bl|b\.\w+|cbn?z|tbn?z|adrp?)\s.*?)(?:#|0x)[0-9a-f]+$", r"\1#8", text))
    return "\n".join(lines) + "\n"


def cycles_of(code: str, triple: str, cpu: str) -> tuple[float, str]:
    """Of a turn of the block, and the name of the scheduling model."""
    turns = 64
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block.s"
        path.write_text(code)
        attributes = ["-mattr=+dotprod,+fullfp16"] if triple == "aarch64" else []
        command = [counting.tool("llvm-mca", "llvm"), f"-mtriple={triple}", f"-mcpu={cpu}", *attributes]
        text = counting.run([*command, f"-iterations={turns}", str(path)])
    cycles = re.search(r"Total Cycles:\s+(\d+)", text)
    model = re.search(r"^\[0(?:\.0)?\]\s+- (\w+?)(?:Unit|Divider|AGU|$)", text, re.MULTILINE)
    if not cycles or not model:
        raise CountingError(f"llvm-mca -mcpu={cpu}: said nothing of cycles")
    return int(cycles[1]) / turns, model[1]


def cycles_of_frame(program: Path, blocks: Sequence[Block], triple: str, cpu: str) -> tuple[float, str]:
    """Cycles a pixel, and the scheduling model."""
    everything = sum(block.instructions * block.executions for block in blocks)
    cycles, covered, model = 0.0, 0.0, ""
    for block in blocks:
        of_block, model = cycles_of(assembly(program, block), triple, cpu)
        cycles += of_block * block.executions
        covered += block.instructions * block.executions
        if covered >= COVERED * everything:
            break
    return cycles * everything / covered / PIXELS, model


CLOCK = """
#include <stdint.h>
#include <stdio.h>
#include <time.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + 1e-9 * t.tv_nsec; }
int main(void) {
    double best = 1e9;
    for (int turn = 0; turn < 20; ++turn) {
        uint64_t x = 1;
        const double begin = now();
        for (int i = 0; i < 1000000; ++i)
            __asm__ volatile("add %0, %0\\n add %0, %0\\n add %0, %0\\n add %0, %0\\n add %0, %0\\n"
                             "add %0, %0\\n add %0, %0\\n add %0, %0\\n add %0, %0\\n add %0, %0" : "+r"(x));
        const double taken = now() - begin;
        if (taken < best) best = taken;
    }
    printf("%.6f\\n", 10.0 * 1e6 / best / 1e9);
    return 0;
}
"""
"""Additions that wait for each other take a cycle each: the frequency in GHz."""


def frequency(folder: Path) -> float:
    source, program = folder / "clock.c", folder / "clock"
    source.write_text(CLOCK)
    counting.run([counting.tool("cc", "gcc"), "-O2", "-o", str(program), str(source)])
    return float(counting.run([str(program)]))


def measured_cycles(program: Path, variant: Variant, gigahertz: float) -> float:
    """Of a pixel, by the clock: the difference between more and fewer frames, of the shortest times of each.

    The times are those that the process had the processor, which others on the machine change least.
    """
    few, many = 10, 110
    shortest = {few: float("inf"), many: float("inf")}
    environment = {**os.environ, "DCELITE_ISA": variant.kernels}
    for _ in range(10):
        for frames in (few, many):
            command = [str(program), "rgb", "0", str(frames), f"{WIDTH}x{HEIGHT}", *variant.arguments]
            begin = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run(command, check=True, env=environment)
            taken = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begin
            shortest[frames] = min(shortest[frames], taken)
    return (shortest[many] - shortest[few]) / (many - few) * gigahertz * 1e9 / PIXELS


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m dcelite.bench.arm.estimate", description=__doc__)
    parser.add_argument("--x86-core", default="znver3", help="LLVM's name for this machine's core (default: znver3)")
    args = parser.parse_args(arguments)
    try:
        run(args.x86_core)
    except (DceliteError, OSError, subprocess.CalledProcessError) as error:
        print(f"estimate: {error}", file=sys.stderr)
        return 2
    return 0


def run(x86_core: str) -> None:
    plugin = counting.build_plugin(WORK)
    int8 = int8_model(WORK / "int8.dce")
    rows = [["ESTIMATES, RGB, one thread", "kernels", "model of LLVM", "cycles a pixel", "ms/megapixel", "at GHz"]]
    program = REPOSITORY / "build" / "arm64" / "dce_frames"
    emulator = [counting.tool("qemu-aarch64", "qemu-user"), "-cpu", "max"]
    variants = {"neon": variants_of("neon", "neon", int8), "neondot": variants_of("neon", "neondot", int8)}
    blocks = {
        variant: blocks_of(emulator, program, variant, plugin)
        for variant in {variant for several in variants.values() for variant in several}
    }
    for core, gigahertz in CORES.items():
        for variant in variants["neon" if core in ("cortex-a53", "cortex-a72") else "neondot"]:
            cycles, model = cycles_of_frame(program, blocks[variant], "aarch64", core)
            rows.append([core, variant.name, model, f"{cycles:.1f}", f"{cycles / gigahertz:.1f}", f"{gigahertz:.1f}"])
    print(text_table(rows, left=(0, 1, 2)))

    program = REPOSITORY / "build" / "native" / "dce_frames"
    emulator = [counting.tool("qemu-x86_64", "qemu-user"), "-cpu", "max"]
    clock = frequency(WORK)
    rows = [["the same method on this machine", "model of LLVM", "estimated", "by the clock", "ratio"]]
    for variant in variants_of("avx2", "avx2", int8):
        found = blocks_of(emulator, program, variant, plugin)
        cycles, scheduling = cycles_of_frame(program, found, "x86_64", x86_core)
        measured = measured_cycles(program, variant, clock)
        rows.append([variant.name, scheduling, f"{cycles:.2f}", f"{measured:.2f}", f"{cycles / measured:.2f}"])
    print(text_table(rows, left=(0, 1)))
    print(f"cycles a pixel; this machine runs at {clock:.2f} GHz")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
