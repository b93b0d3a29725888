"""A new instruction set is one file and one line: a copy of one, under another name, passes the tests of every set."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from native_builds import run, tool
from support import REPOSITORY, skip

FILES = ["CMakeLists.txt", "models/zerodcepp_scene.dce", "runtime/CMakeLists.txt", "runtime/cmake", "runtime/include"]
FILES += ["runtime/src", "runtime/python/dcelite/__init__.py", "tests/runtime/native"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a build of the native tests needs of the repository."""
    for name in FILES:
        target = tmp_path / "tree" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, target)
    return tmp_path / "tree"


def test_a_new_instruction_set_is_one_file_and_one_line(tree: Path, tmp_path: Path) -> None:
    original = {"x86_64": "avx2", "AMD64": "avx2", "aarch64": "neon", "arm64": "neon"}.get(platform.machine())
    if original is None:
        skip(f"{platform.machine()} has no instruction set to copy")
    shutil.copy(tree / f"runtime/src/dsp/isa_{original}.h", tree / "runtime/src/dsp/isa_copy.h")
    lists = tree / "runtime/CMakeLists.txt"
    line = re.search(rf"^ *dcelite_instruction_set\({original} [^)]*\)\n", lists.read_text(), re.MULTILINE)
    assert line
    text = lists.read_text()
    lists.write_text(text[: line.end()] + line[0].replace(original, "copy", 1) + text[line.end() :])

    build = tmp_path / "build"
    ninja = f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}"
    options = ["-DDCELITE_BUILD_TESTS=ON", "-DDCELITE_BENCH=OFF", "-DCMAKE_BUILD_TYPE=Release"]
    run(tool("cmake"), "-S", tree, "-B", build, "-G", "Ninja", ninja, *options)
    programs = ["kernels_test", "network_test", "enhance_raw"]
    run(tool("cmake"), "--build", build, "--target", *programs)
    folder = build / "tests/runtime/native"
    for program in programs[:2]:
        result = subprocess.run([folder / program, "copy"], capture_output=True, text=True, check=False)
        if result.returncode == 77:
            skip(result.stdout.strip())
        assert result.returncode == 0, result.stdout + result.stderr

    # It is better than the one that it was copied from, since its line comes later, and chosen by name.
    pixels = bytes(range(256)) * 3
    outputs = {}
    for name in ("copy", original, "abacus"):
        command = [folder / "enhance_raw", "-", "1", "16", "16"]
        environment = {**os.environ, "DCELITE_ISA": name}
        outputs[name] = subprocess.run(command, input=pixels, capture_output=True, check=False, env=environment)
    assert re.search(rf"\bcopy {original}\b".encode(), outputs["abacus"].stderr)
    assert outputs["copy"].returncode == 0
    assert outputs["copy"].stdout == outputs[original].stdout != pixels
