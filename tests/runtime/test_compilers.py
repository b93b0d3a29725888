"""Compilers that lack options: what needs these is left out, the build says so, and the rest computes the same."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from native_builds import (
    EXAMPLES,
    HEIGHT,
    SYSROOT,
    WIDTH,
    assert_enhances,
    build,
    cross_settings,
    run,
    tool,
)
from support import REPOSITORY

OF_X86 = {"avx2", "avx512", "avxvnni", "avx512vnni"}
OF_ARM64 = {"neon", "neondot"}


def older_compiler(folder: Path, name: str, *refused: str) -> Path:
    """A compiler that behaves as if it did not know the options that begin with one of `refused`."""
    path = folder / name
    pattern = "|".join(f"{option}*" for option in refused)
    path.write_text(
        f"""#!/bin/sh
for option; do
    case "$option" in {pattern})
        echo "$0: error: unrecognized command-line option '$option'" >&2
        exit 1
    esac
done
exec {shutil.which(name)} "$@"
"""
    )
    path.chmod(0o755)
    return path


def left_out(folder: Path) -> dict[str, str]:
    """What the build says it does without, and for want of which option."""
    lines = run(tool("cmake"), folder).splitlines()
    found = (re.fullmatch(r"-- dcelite: without kernels for (\w+): \S+ \S+ has no (\S+)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def kernels_in(folder: Path, names: set[str]) -> set[str]:
    """Of which sets the library has kernels."""
    symbols = run("nm", "--defined-only", folder / "runtime" / "libdcelite.a")
    return {name for name in names if re.search(rf"\b_ZN3dce{len(name)}{name}\d+k\w+E$", symbols, re.MULTILINE)}


def example_with(folder: Path, compiler: str) -> Path:
    """examples/enhance.c with the static library of a build."""
    program = folder / "enhance"
    library = folder / "runtime" / "libdcelite.a"
    run(compiler, f"-I{REPOSITORY}/runtime/include", EXAMPLES / "enhance.c", library, "-o", program, "-lm")
    return program


def test_a_current_compiler_builds_every_instruction_set(tmp_path: Path) -> None:
    """Otherwise a probe that always fails would leave the scalar kernels alone, and no test would miss the others."""
    folder = build(REPOSITORY, tmp_path / "build", DCELITE_BENCH="OFF")
    assert left_out(folder) == {}
    assert kernels_in(folder, OF_X86) == OF_X86


def test_a_current_compiler_builds_every_instruction_set_of_arm64(tmp_path: Path) -> None:
    folder = build(REPOSITORY, tmp_path / "build", DCELITE_BENCH="OFF", **cross_settings())
    assert left_out(folder) == {}
    assert kernels_in(folder, OF_ARM64) == OF_ARM64


@pytest.mark.slow
@pytest.mark.parametrize(
    ("refused", "missing"),
    [
        (["-mavxvnni"], {"avxvnni": "-mavxvnni"}),
        (["-mtune=", "-mprefer-vector-width", "-fvect-cost-model"], {}),
        (["-mavx512", "-mavxvnni"], {"avx512": "-mavx512f", "avxvnni": "-mavxvnni", "avx512vnni": "-mavx512f"}),
        (["-m"], {"avx2": "-mavx2", "avxvnni": "-mavx2", "avx512": "-mavx512f", "avx512vnni": "-mavx512f"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_sets_that_the_compiler_lacks_are_left_out(tmp_path: Path, refused: list[str], missing: dict[str, str]) -> None:
    compiler = older_compiler(tmp_path, "c++", *refused)
    folder = build(REPOSITORY, tmp_path / "build", DCELITE_BENCH="OFF", CMAKE_CXX_COMPILER=compiler)
    assert left_out(folder) == missing
    assert kernels_in(folder, OF_X86) == OF_X86 - set(missing)
    program = tmp_path / "enhance"
    run(
        "cc",
        f"-I{REPOSITORY}/runtime/include",
        EXAMPLES / "enhance.c",
        folder / "runtime/libdcelite.a",
        "-o",
        program,
        "-lm",
    )
    assert_enhances(program)
    # The library does not offer what it has not.
    command = [program, str(WIDTH), str(HEIGHT)]
    environment = {**os.environ, "DCELITE_ISA": "abacus"}
    result = subprocess.run(command, input=bytes(3 * WIDTH * HEIGHT), capture_output=True, env=environment, check=False)
    assert b"DCELITE_ISA: 'abacus'" in result.stderr
    assert b"scalar" in result.stderr
    assert not [name for name in missing if name.encode() in result.stderr]


@pytest.mark.slow
def test_sets_of_arm64_that_the_compiler_lacks_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = cross_settings()
    older_compiler(tmp_path, "aarch64-linux-gnu-g++", "-march=", "-mno-outline-atomics")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    folder = build(REPOSITORY, tmp_path / "build", DCELITE_BENCH="OFF", **settings)
    assert left_out(folder) == {"neondot": "-march=armv8.2-a+dotprod"}
    assert kernels_in(folder, OF_ARM64) == {"neon"}
    program = tmp_path / "enhance"
    library = folder / "runtime/libdcelite.a"
    run(
        "aarch64-linux-gnu-gcc",
        f"-I{REPOSITORY}/runtime/include",
        EXAMPLES / "enhance.c",
        library,
        "-o",
        program,
        "-lm",
    )
    environment = {**os.environ, "LD_LIBRARY_PATH": str(SYSROOT / "lib")}
    assert_enhances(tool("qemu-aarch64-static"), "-L", SYSROOT, program, environment=environment)
