"""The plugin counts what it says it counts, and the check of counts fails when it should."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dcelite.bench.arm import __main__ as command
from dcelite.bench.arm import counting, estimate

from support import skip

LOOPS = 1_000_000
A64 = """
.globl _start
_start: mov x0, #0x4240
        movk x0, #0xf, lsl #16
        adr x1, values
1:      ldr q0, [x1]
        ldp q1, q2, [x1]
        ldr x2, [x1]
        ldrb w3, [x1]
        str q0, [x1]
        fmla v3.4s, v0.4s, v1.s[1]
        sshll v4.8h, v0.8b, #0
        uqxtn v4.4h, v3.4s
        fadd s0, s1, s2
        dup v4.4s, w2
        zip1 v5.4s, v1.4s, v2.4s
        ext v5.16b, v1.16b, v2.16b, #4
        mov v6.16b, v5.16b
        movi v7.4s, #0
        tbl v6.16b, {v5.16b}, v1.16b
        subs x0, x0, #1
        b.ne 1b
        mov x8, #93
        mov x0, #0
        svc #0
.data
.balign 16
values: .space 32
"""
A32 = """
.syntax unified
.fpu neon-vfpv4
.THUMB
.globl _start
_start: movw r0, #0x4240
        movt r0, #0xf
        ldr r1, =values
1:      vld1.32 {d0, d1}, [r1]
        vldr d2, [r1]
        ldr r2, [r1]
        vst1.32 {d0, d1}, [r1]
        vfma.f32 q2, q0, q1
        vmovl.u8 q3, d0
        vdup.32 q3, r2
        vext.8 q3, q0, q1, #4
        bic r3, r2, #1
        subs r0, r0, #1
        bne 1b
        mov r7, #1
        mov r0, #0
        svc #0
.data
.balign 16
values: .space 32
"""
CASES = {
    "a64": ("aarch64-linux-gnu", "qemu-aarch64", A64, [4, 6, 2, 1, 3, 1]),
    "arm": ("arm-linux-gnueabihf", "qemu-arm", A32.replace("THUMB", "arm"), [2, 2, 2, 1, 3, 1]),
    "thumb": ("arm-linux-gnueabihf", "qemu-arm", A32.replace("THUMB", "thumb\n.thumb_func"), [2, 2, 2, 1, 3, 1]),
}
"""Compiler, emulator, program, and what of a turn of its loop falls into each class."""


@pytest.mark.parametrize("name", CASES)
def test_counts_each_class(name: str, tmp_path: Path) -> None:
    triplet, emulator, source, wanted = CASES[name]
    for program in (f"{triplet}-gcc", emulator, "cc"):
        if shutil.which(program) is None:
            skip(f"{program} is absent: apt-get install gcc-{triplet} qemu-user gcc")
    (tmp_path / "loop.s").write_text(source)
    command = [f"{triplet}-gcc", "-nostdlib", "-static", "-o", tmp_path / "loop", tmp_path / "loop.s"]
    subprocess.run(command, check=True)
    plugin = counting.build_plugin(tmp_path / "plugin")
    found = counting.count([emulator], plugin, [str(tmp_path / "loop")], {}, blocks=True)
    assert [round(found[kind] / LOOPS) for kind in counting.CLASSES] == wanted
    assert 0 <= counting.total(found) - LOOPS * sum(wanted) < 20
    assert sum(instructions * executions for _, instructions, executions, _ in found["blocks"]) == counting.total(found)


def test_says_what_failed(tmp_path: Path) -> None:
    for program in ("qemu-aarch64", "cc"):
        if shutil.which(program) is None:
            skip(f"{program} is absent: apt-get install qemu-user gcc")
    plugin = counting.build_plugin(tmp_path)
    with pytest.raises(counting.CountingError, match="status"):
        counting.count(["qemu-aarch64"], plugin, [str(tmp_path / "absent")], {})


def counts(scalar: int) -> counting.Counts:
    return {**dict.fromkeys(counting.CLASSES, 0), "scalar": scalar}


@pytest.mark.parametrize(("found", "status"), [(900, 0), (1030, 0), (1031, 1)])
def test_fails_where_a_count_rises(found: int, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    kept: dict[str, Any] = {"compilers": {"arm64": "g++ 12"}, "counts": {"a": counts(1000)}}
    assert command.check({"a": counts(found)}, kept, {"arm64": "g++ 12"}) == status
    assert ("3.1% more" in capsys.readouterr().err) == bool(status)


def test_fails_where_no_count_is_kept_and_skips_another_compiler() -> None:
    kept: dict[str, Any] = {"compilers": {"arm64": "g++ 12"}, "counts": {}}
    assert command.check({"a": counts(1)}, kept, {"arm64": "g++ 12"}) == 1
    assert command.check({"a": counts(1)}, kept, {"arm64": "g++ 13"}) == 3


def test_estimates_name_the_model_that_llvm_has() -> None:
    if shutil.which("llvm-mca") is None:
        skip("llvm-mca is absent: apt-get install llvm")
    chain = "fadd v0.4s, v0.4s, v1.4s\n" * 8
    cycles, model = estimate.cycles_of(chain, "aarch64", "cortex-a53")
    assert model == "A53"
    assert cycles > 8 * 3.9  # additions that wait for each other, of four cycles or more
    assert estimate.cycles_of(chain, "aarch64", "cortex-a55")[1] == "CortexA55"
