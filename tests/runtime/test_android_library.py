"""The libraries built for Android on arm64 without the NDK: what they hold and need, and what they compute."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from jni_builds import (
    RGB8,
    TESTS,
    Frame,
    Java,
    View,
    arm64_java,
    assert_equals_definition,
    compile_java,
    compile_library,
    emulator,
    make_all_planes,
    make_frames,
    native_functions,
    run_frames,
)

from dcelite.model.architecture import MAX_CHROMA_STEP
from dcelite.model.checkpoint import load_weights as load_checkpoint
from dcelite.model.dce_file import DceModel, write_dce

from native_builds import SYSROOT, assert_enhances, build, run, tool
from support import REPOSITORY, assert_equals_reference, load_weights, shared_directory, skip

ANDROID = REPOSITORY / "runtime" / "android"
LIBRARIES = ["libdcelite.so", "libdcelite_jni.so"]
PAGE = 16384  # bytes, the largest page of Android's devices
SMALL_PAGE = 4096
FRAMES = [*make_frames(np.random.default_rng(7)), *make_all_planes(np.random.default_rng(8))[::7]]


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that build_arm64.sh fills."""
    folder = tmp_path_factory.mktemp("android") / "arm64-v8a"
    environment = {"CMAKE": tool("cmake"), "NINJA": tool("ninja")}
    command = ["env", *(f"{name}={value}" for name, value in environment.items()), ANDROID / "build_arm64.sh", folder]
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if result.returncode == 2:
        skip(result.stderr.strip())
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest, libraries: Path) -> Path:
    return libraries / str(request.param)


# What is in them ------------------------------------------------------------------------------------------------------


def listed_symbols() -> dict[str, set[str]]:
    """The written list: what each library of the system is asked for."""
    symbols: dict[str, set[str]] = {}
    for name, line in re.findall(r"^(lib\w+\.so): (.*)$", (ANDROID / "symbols.txt").read_text(), re.MULTILINE):
        symbols.setdefault(name, set()).update(line.split())
    return symbols


def exported(library: Path) -> set[str]:
    return {line.split()[-1] for line in run("nm", "--dynamic", "--defined-only", library).splitlines()}


def test_is_for_arm64_and_stripped(library: Path) -> None:
    assert re.search(r"Machine:\s+AArch64", run("readelf", "--file-header", library))
    assert ".symtab" not in run("readelf", "--sections", "--wide", library)
    assert 42_000 < library.stat().st_size < 260_000


def test_names(library: Path) -> None:
    dynamic = run("readelf", "--dynamic", "--wide", library)
    assert set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)) == {"libc.so", "libm.so"}
    assert re.findall(r"\(SONAME\).*\[(.*)\]", dynamic) == [library.name]
    assert not re.findall(r"RPATH|RUNPATH|TEXTREL", dynamic)
    assert re.search(r"FLAGS_1.*\bNOW\b", dynamic)
    assert "(HASH)" in dynamic
    assert "(GNU_HASH)" in dynamic


def test_segments_are_for_pages_of_16_kib(library: Path) -> None:
    headers = run("readelf", "--segments", "--wide", library)
    number = r"0x([0-9a-f]+)"
    loads = re.findall(rf"^ +LOAD +{number} {number} {number} {number} {number} .* {number}$", headers, re.MULTILINE)
    assert len(loads) >= 2
    end = 0
    for offset, address, _, _, size, alignment in ((int(field, 16) for field in load) for load in loads):
        assert alignment == PAGE
        assert offset % PAGE == address % PAGE
        assert address // PAGE * PAGE >= end // PAGE * PAGE + (PAGE if end else 0), "two segments share a page"
        end = address + size - 1
    assert not re.search(r"^ +LOAD .*\bRWE\b", headers, re.MULTILINE)
    assert re.search(r"^ +GNU_STACK .* RW +", headers, re.MULTILINE)
    # What is to be protected after relocation ends within the last page that is mapped, also where pages are small.
    start, length = re.search(rf"^ +GNU_RELRO +{number} {number} {number} {number} {number} ", headers, re.M).group(
        2, 5
    )  # type: ignore[union-attr]
    assert int(start, 16) + int(length, 16) <= -(-(end + 1) // SMALL_PAGE) * SMALL_PAGE


def test_exports(libraries: Path) -> None:
    header = (REPOSITORY / "runtime" / "include" / "dcelite.h").read_text()
    declared = set(re.findall(r"^DCE_API [^;]*?\b(dce_\w+)\(", header, re.MULTILINE))
    assert len(declared) >= 13
    assert exported(libraries / "libdcelite.so") == declared
    assert exported(libraries / "libdcelite_jni.so") == native_functions()


def test_asks_the_system_for_what_is_listed(library: Path) -> None:
    undefined = {line.split()[-1] for line in run("nm", "--dynamic", "--undefined-only", library).splitlines()}
    assert {"malloc", "pthread_create", "tanhf"} <= undefined
    assert undefined <= set.union(*listed_symbols().values())


def test_no_constructors_and_no_writable_variables(library: Path) -> None:
    sections = run("readelf", "--sections", "--wide", library)
    names = set(re.findall(r"^ +\[ *\d+\] (\.\S+)", sections, re.MULTILINE))
    assert {".text", ".rodata", ".data.rel.ro"} <= names
    assert not names & {".data", ".bss", ".tdata", ".tbss", ".init_array", ".fini_array", ".ctors", ".gcc_except_table"}


# What they compute ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Golden:
    model: Path
    image: np.ndarray
    output: np.ndarray


def write_model(checkpoint: Path, scale: int, path: Path) -> Path:
    weights = load_checkpoint(checkpoint)
    write_dce(DceModel(weights.architecture, scale, weights.arrays), path)
    return path


@pytest.fixture(scope="session")
def golden(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Golden]:
    """By name: inputs, and what the authors' code made of them with their weights."""
    folder = tmp_path_factory.mktemp("golden")
    checkpoints = {
        "dcepp_ms": "upstream_zerodcepp_mindspore.ckpt",
        "dcepp_torch": "upstream_zerodcepp_torch.pth",
        "dce_ms": "upstream_zerodce_mindspore.ckpt",
        "dce_torch": "upstream_zerodce_torch.pth",
    }
    frames = {}
    with np.load(shared_directory() / "reference" / "golden.npz") as arrays:
        for name in (key.removesuffix("__input") for key in arrays.files if key.endswith("__input")):
            checkpoint = shared / "reference" / checkpoints[name.split("__")[0]]
            model = write_model(checkpoint, int(name.rsplit("s", 1)[1]), folder / f"{name}.dce")
            frames[name] = Golden(model, arrays[f"{name}__input"], arrays[f"{name}__output"])
    assert len(frames) >= 8
    return frames


@pytest.fixture(scope="session")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Android's names of the C library's two files, for those of Linux."""
    folder = tmp_path_factory.mktemp("mapping")
    for name in ("libc", "libm"):
        (folder / f"{name}.so").symlink_to(SYSROOT / "lib" / f"{name}.so.6")
    return folder


@pytest.fixture(scope="session")
def program(libraries: Path, mapping: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """enhance_raw.c with the library built for Android, under the emulator."""
    compiler = shutil.which("aarch64-linux-gnu-gcc")
    if compiler is None:
        skip("the cross compiler is absent: apt-get install g++-aarch64-linux-gnu")
    path = tmp_path_factory.mktemp("program") / "enhance_raw"
    source = REPOSITORY / "tests" / "runtime" / "native" / "enhance_raw.c"
    library = libraries / "libdcelite.so"
    include = REPOSITORY / "runtime" / "include"
    run(str(compiler), source, f"-I{include}", library, "-Wl,--unresolved-symbols=ignore-in-shared-libs", "-o", path)
    search = f"{mapping}:{libraries}:{SYSROOT / 'lib'}"
    return ["env", f"LD_LIBRARY_PATH={search}", emulator(), "-L", str(SYSROOT), str(path)]


@pytest.mark.parametrize("threads", [1, 3])
def test_shipped_weights_natively(program: list[str], threads: int) -> None:
    assert_enhances(*program, "-", str(threads))


def assert_passes(program: list[str], frame: Golden, threads: int) -> None:
    height, width, _ = frame.image.shape
    result = subprocess.run(
        [*program, str(frame.model), str(threads), str(width), str(height)],
        input=frame.image.tobytes(),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert_equals_reference(np.frombuffer(result.stdout, np.uint8).reshape(frame.image.shape), frame.output)


def test_golden_frames_natively(program: list[str], golden: dict[str, Golden]) -> None:
    for i, frame in enumerate(golden.values()):
        assert_passes(program, frame, 1 + i % 2)


@pytest.fixture(scope="session")
def program_for_32_bits(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The sources for armeabi-v7a, built for Linux on the same processors."""
    if shutil.which("arm-linux-gnueabihf-g++") is None or shutil.which("qemu-arm-static") is None:
        skip("no compiler or emulator for 32-bit Arm: apt-get install g++-arm-linux-gnueabihf qemu-user-static")
    settings = {"CMAKE_SYSTEM_NAME": "Linux", "CMAKE_SYSTEM_PROCESSOR": "armv7-a", "CMAKE_CXX_FLAGS": "-Werror"}
    settings |= {"CMAKE_C_COMPILER": "arm-linux-gnueabihf-gcc", "CMAKE_CXX_COMPILER": "arm-linux-gnueabihf-g++"}
    folder = build(
        REPOSITORY, tmp_path_factory.mktemp("arm32") / "build", DCELITE_JNI="ON", DCELITE_BENCH="OFF", **settings
    )
    path, source = folder / "enhance_raw", REPOSITORY / "tests" / "runtime" / "native" / "enhance_raw.c"
    library = [folder / "runtime" / "libdcelite.a", "-lm", "-static"]
    run("arm-linux-gnueabihf-gcc", source, f"-I{REPOSITORY / 'runtime' / 'include'}", *library, "-o", path)
    return [tool("qemu-arm-static"), str(path)]


def test_shipped_weights_on_32_bits(program_for_32_bits: list[str]) -> None:
    assert_enhances(*program_for_32_bits, "-", "3")


def test_golden_frames_on_32_bits(program_for_32_bits: list[str], golden: dict[str, Golden]) -> None:
    at_low_resolution = [frame for name, frame in golden.items() if name.endswith("__s12")]
    assert len(at_low_resolution) >= 4
    for frame in at_low_resolution:
        assert_passes(program_for_32_bits, frame, 2)


@pytest.fixture(scope="session")
def java(libraries: Path, mapping: Path, tmp_path_factory: pytest.TempPathFactory) -> Java:
    """The JVM for arm64 with the library built for Android."""
    classes = compile_library(tmp_path_factory.mktemp("java"))
    tests = compile_java([*TESTS.glob("*.java")], tmp_path_factory.mktemp("java-tests") / "classes", classes)
    return arm64_java(libraries / "libdcelite_jni.so", mapping, classes, tests)


def test_golden_frames_in_java(java: Java, golden: dict[str, Golden], tmp_path: Path) -> None:
    frames = []
    for name, case in golden.items():
        height, width, _ = case.image.shape
        view = View(0, 0, case.image.size, 3 * width)
        pixels = (np.ascontiguousarray(case.image).reshape(-1),)
        settings = {"scale": 0, "threads": 2, "model": str(case.model), "in_memory": "torch" in name}
        frames.append(Frame(name, RGB8, RGB8, width, height, pixels, (view, view), **settings))  # type: ignore[arg-type]
    for frame, regions, case in zip(frames, run_frames(java, frames, tmp_path), golden.values(), strict=True):
        assert_equals_reference(frame.destination(regions)[0], case.output)


def test_frames_in_java(java: Java, tmp_path: Path) -> None:
    """Every pair of formats, planes with every pixel stride."""
    weights = load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt")
    assert {frame.format for frame in FRAMES} == set(range(11))
    assert {frame.pixel_stride for frame in FRAMES} == set(range(1, MAX_CHROMA_STEP + 1))
    for frame, regions in zip(FRAMES, run_frames(java, FRAMES, tmp_path), strict=True):
        assert_equals_definition(frame, regions, weights)


def test_random_calls_in_java(java: Java) -> None:
    calls = 10_000
    output = java.start("Fuzz", "7", str(calls), timeout=600)
    outcomes = {name: int(count) for count, name in (line.split(" ", 1) for line in output.splitlines())}
    assert sum(outcomes.values()) == calls
    assert min(outcomes[name] for name in ("enhanced", "enhanced planes", "DceliteException -1")) > 50
