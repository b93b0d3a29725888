"""Every wheel of `make wheels`: what is in it, and that it runs, where its platform can be had or emulated."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from dcelite.bench.fixtures.scene import dark_scene

from packaging_targets import (
    BUILD,
    BY_NAME,
    DIST,
    EMULATED,
    PACKAGING,
    PLATFORMS,
    Platform,
    Python,
    debian_packages,
    emulated_python,
    install,
    native_python,
    wheel_of,
)
from runtime.compare_libraries import int8_model
from runtime.native_builds import tool
from support import REPOSITORY, skip

WIDTH, HEIGHT = 301, 211
EXAMPLE = REPOSITORY / "runtime/examples/enhance.c"
LONGEST_IMPORT = 0.150
"""Seconds, beyond what NumPy and Pillow take."""


@pytest.fixture(params=PLATFORMS, ids=lambda platform: platform.name)
def any_platform(request: pytest.FixtureRequest) -> Platform:
    platform: Platform = request.param
    return platform


# What is in them ------------------------------------------------------------------------------------------------------


def test_wheel_says_what_it_holds(any_platform: Platform) -> None:
    wheel = wheel_of(any_platform)
    assert wheel.stat().st_size <= 500_000
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    (information,) = {name.partition("/")[0] for name in files if ".dist-info/" in name}
    rows = list(csv.reader(io.StringIO(files[f"{information}/RECORD"].decode())))
    assert {row[0] for row in rows} == set(files)
    for name, digest, size in rows:
        if name != f"{information}/RECORD":
            assert (
                digest
                == f"sha256={base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest()).decode().rstrip('=')}"
            )
            assert int(size) == len(files[name])
    tags = {
        line.partition(": ")[2]
        for line in files[f"{information}/WHEEL"].decode().splitlines()
        if line.startswith("Tag:")
    }
    assert tags == {f"py3-none-{tag}" for tag in any_platform.tag.split(".")}
    native = {name for name in files if name.startswith("dcelite/native/")}
    prefix = "" if any_platform.format == "pe" else "lib"
    libraries = {f"dcelite/native/{prefix}{name}{any_platform.suffix}" for name in ("dcelite", "dcelite_bench")}
    assert native == {"dcelite/native/dcelite.h", *libraries}
    assert "dcelite/py.typed" in files
    assert not [name for name in files if name.endswith((".pyc", ".md"))]


def test_pip_takes_the_wheel_for_its_platform(any_platform: Platform, tmp_path: Path) -> None:
    packages = install(wheel_of(any_platform), any_platform, tmp_path / "packages")
    assert (packages / "dcelite/native").is_dir()


def test_checksums_are_those_of_the_files() -> None:
    if not (DIST / "SHA256SUMS").exists():
        skip("there is no dist/SHA256SUMS: make wheels")
    for line in (DIST / "SHA256SUMS").read_text().splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((DIST / name).read_bytes()).hexdigest() == digest


def test_a_clean_clone_makes_the_same_bytes(tmp_path: Path) -> None:
    """The wheel of one platform, from the committed sources in another folder, made by the same tools."""
    changed = subprocess.run(
        [tool("git"), "status", "--porcelain"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    if changed:
        skip("the sources differ from the commit")
    wheel = wheel_of(BY_NAME["linux-riscv64"])
    subprocess.run([tool("git"), "clone", "--quiet", REPOSITORY, tmp_path / "clone"], check=True)
    command = [sys.executable, tmp_path / "clone/packaging/wheels.py", "--output", tmp_path / "dist", "linux-riscv64"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "dist" / wheel.name).read_bytes() == wheel.read_bytes()


def test_sources_build(tmp_path: Path) -> None:
    """What pip does where there is no wheel."""
    found = list(DIST.glob("dcelite-*[0-9].tar.gz"))
    if len(found) != 1:
        skip(f"dist has {len(found)} archives of the sources: make wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", str(found[0])]
    result = subprocess.run([*command, "-w", str(tmp_path)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert {"dcelite/native/libdcelite.so", "dcelite/native/libdcelite_bench.so"} <= set(archive.namelist())


def test_tools_stand_beside_the_library(tmp_path: Path) -> None:
    """dcelite-tools holds what a board does without, its folders beside the others' in one package."""
    wheel = wheel_of(BY_NAME["linux-x86_64"])
    found = list(DIST.glob("dcelite_tools-*-py3-none-any.whl"))
    if len(found) != 1:
        skip(f"dist has {len(found)} wheels of the tools: make wheels")
    with zipfile.ZipFile(wheel) as platform, zipfile.ZipFile(found[0]) as tools:
        assert not set(platform.namelist()) & set(tools.namelist())
        (metadata,) = (name for name in platform.namelist() if name.endswith(".dist-info/METADATA"))
        requirements = [line for line in platform.read(metadata).decode().splitlines() if "dcelite-tools" in line]
    assert len(requirements) == 3
    others = Path(np.__file__).parents[1]

    def dcelite(packages: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command, from these packages alone, not from the environment's links to the sources."""
        program = (
            f"import sys; sys.path += {[str(packages), str(others)]}; from dcelite.cli import main; sys.exit(main())"
        )
        command = [sys.executable, "-I", "-S", "-c", program, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*pip, tmp_path / "board", wheel], check=True)
    without = dcelite(tmp_path / "board", "train", "--data", "photos")
    assert without.returncode == 2
    assert "pip install 'dcelite[train]'" in without.stderr
    subprocess.run([*pip, tmp_path / "both", wheel, found[0]], check=True)
    for command in ("train", "evaluate", "export", "quantize", "archive"):
        result = dcelite(tmp_path / "both", command, "--help")
        assert result.returncode == 0, result.stderr
        assert f"usage: dcelite {command}" in result.stdout


# How they run ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dark photograph and an int8 model, and a name that is not ASCII."""
    folder = tmp_path_factory.mktemp("Düsternis")
    PIL.Image.fromarray(dark_scene(WIDTH, HEIGHT)).save(folder / "dark.png")
    (folder / "int8.dce").write_bytes(int8_model())
    return folder


def enhanced(python: Python, pictures: Path, folder: Path) -> dict[str, NDArray[np.uint8]]:
    """What `dcelite enhance` makes of the photograph, by model."""
    results = {}
    for name, options in {
        "float": ["--denoise", "0"],
        "denoised": [],
        "int8": ["--denoise", "0", "--model", pictures / "int8.dce"],
    }.items():
        output = folder / f"{name}.png"
        python.run("-m", "dcelite.cli", "enhance", pictures / "dark.png", "-o", output, *options)
        with PIL.Image.open(output) as image:
            results[name] = np.asarray(image.convert("RGB"))
    return results


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Python:
    """This machine's Python with the wheel for it."""
    return native_python(wheel_of(BY_NAME["linux-x86_64"]), tmp_path_factory.mktemp("native") / "environment")


@pytest.fixture(scope="module")
def wanted(native: Python, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.uint8]]:
    """What the wheel for x86-64 computes: others must agree."""
    return enhanced(native, pictures, tmp_path_factory.mktemp("native_results"))


def test_x86_64_computes_what_the_built_library_does(wanted: dict[str, NDArray[np.uint8]], pictures: Path) -> None:
    from dcelite import Enhancer

    dark = dark_scene(WIDTH, HEIGHT)
    np.testing.assert_array_equal(wanted["int8"], Enhancer((pictures / "int8.dce").read_bytes())(dark))
    assert_near(wanted["float"], Enhancer()(dark))
    assert not np.array_equal(wanted["float"], dark)


def assert_near(result: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> None:
    """99.9 % of the values are equal, none is off by more than 1."""
    difference = np.abs(result.astype(np.int16) - wanted)
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= difference.size / 1000


def test_import_is_quick(native: Python) -> None:
    code = "import time, numpy, PIL.Image; t = time.perf_counter(); import dcelite; print(time.perf_counter() - t)"
    assert min(float(native.run("-c", code)) for _ in range(5)) < LONGEST_IMPORT


def test_commands_of_a_board_need_the_wheel_alone(native: Python, tmp_path: Path) -> None:
    assert "native" in native.run("-m", "dcelite.cli", "info")
    arguments = ["--size", "320x240", "--seconds", "0.05", "--max-seconds", "0.1", "--no-memory"]
    text = native.run("-m", "dcelite.cli", "bench", "--model", "shipped", *arguments, "--json", tmp_path / "bench.json")
    assert "320" in text
    assert (tmp_path / "bench.json").stat().st_size > 1000
    modules = native.run("-c", "import sys, dcelite.bench.run.session; print(*sys.modules)").split()
    assert not {"scipy", "onnxruntime", "mindspore", "skimage", "av", "matplotlib"} & set(modules)


@pytest.mark.parametrize("name", EMULATED)
def test_runs_in_an_emulator(name: str, wanted: dict[str, NDArray[np.uint8]], pictures: Path, tmp_path: Path) -> None:
    packages = install(wheel_of(BY_NAME[name]), BY_NAME[name], tmp_path / "packages")
    python = emulated_python(name, packages)
    results = enhanced(python, pictures, tmp_path)
    np.testing.assert_array_equal(results["int8"], wanted["int8"])
    assert_near(results["float"], wanted["float"])
    assert_near(results["denoised"], wanted["denoised"])


# Without Python: the library of the wheel in a C program of its platform ---------------------------------------------


def c_program(name: str, packages: Path, folder: Path, source: Path = EXAMPLE) -> Path:
    """A program, compiled for a platform and linked with the library of its wheel, which lies beside it."""
    sys.path.insert(0, str(PACKAGING))
    from native import PackagingError, zig

    platform = BY_NAME[name]
    try:
        compiler = zig()
    except PackagingError as error:
        skip(str(error))
    program = folder / (source.stem + (".exe" if platform.format == "pe" else ""))
    library = packages / "dcelite/native" / ("dcelite.dll" if platform.format == "pe" else "libdcelite.so")
    command: list[str | Path] = [compiler, "cc", "-target", platform.target, "-fno-sanitize=undefined", "-O1"]
    command += [f"-I{packages / 'dcelite/native'}", source, "-o", program]
    if platform.format == "pe":
        # MinGW's import library is in the archive for C; the DLL itself says as much.
        definitions = folder / "dcelite.def"
        exports = [line.split()[1] for line in _exports(library)]
        definitions.write_text("LIBRARY dcelite.dll\nEXPORTS\n" + "\n".join(exports) + "\n")
        machine = {"x86_64": "i386:x86-64", "aarch64": "arm64"}[platform.target.split("-")[0]]
        subprocess.run(
            [compiler, "dlltool", "-m", machine, "-d", definitions, "-l", folder / "dcelite.lib"], check=True
        )
        command.append(folder / "dcelite.lib")
        (folder / "dcelite.dll").write_bytes(library.read_bytes())
    else:
        command += [library, "-dynamic"]
        (folder / "libdcelite.so.1").symlink_to(library)  # the name that it has for the loader
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    cache = {f"ZIG_{kind}_CACHE_DIR": str(BUILD / "zig-cache") for kind in ("GLOBAL", "LOCAL")}
    result = subprocess.run(command, capture_output=True, text=True, env=environment | cache, check=False)
    assert result.returncode == 0, result.stderr
    return program


def _exports(library: Path) -> list[str]:
    output = subprocess.run(
        [tool("llvm-readobj"), "--coff-exports", library], capture_output=True, text=True, check=True
    ).stdout
    return [line.strip() for line in output.splitlines() if line.strip().startswith("Name: dce_")]


def run_example(command: list[str | Path], environment: dict[str, str]) -> NDArray[np.uint8]:
    """What the program makes of the photograph."""
    result = subprocess.run(
        [*command, str(WIDTH), str(HEIGHT)],
        input=dark_scene(WIDTH, HEIGHT).tobytes(),
        capture_output=True,
        env=environment,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    return np.frombuffer(result.stdout, np.uint8).reshape(HEIGHT, WIDTH, 3)


def test_runs_with_musl(wanted: dict[str, NDArray[np.uint8]], tmp_path: Path) -> None:
    """By the loader of Debian's musl, which is Alpine's C library."""
    loader = Path("/lib/ld-musl-x86_64.so.1")
    if not loader.exists():
        skip("musl is absent: apt-get install musl")
    name = "linux-musl-x86_64"
    packages = install(wheel_of(BY_NAME[name]), BY_NAME[name], tmp_path / "packages")
    program = c_program(name, packages, tmp_path)
    result = run_example([loader, program], {"LD_LIBRARY_PATH": str(tmp_path)})
    assert_near(result, wanted["float"])


def test_runs_with_musl_on_aarch64(wanted: dict[str, NDArray[np.uint8]], tmp_path: Path) -> None:
    name = "linux-musl-aarch64"
    emulator = tool("qemu-aarch64-static")
    packages = install(wheel_of(BY_NAME[name]), BY_NAME[name], tmp_path / "packages")
    (loader,) = debian_packages("arm64", "musl").glob("usr/lib/aarch64-linux-musl/libc.so")
    program = c_program(name, packages, tmp_path)
    result = run_example([emulator, loader, program], {"LD_LIBRARY_PATH": str(tmp_path)})
    assert_near(result, wanted["float"])


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """wine, and the environment that it wants; skips where it is absent."""
    program = Path("/usr/lib/wine/wine64")
    if not program.exists():
        skip("wine is absent: apt-get install wine64")
    folder = tmp_path_factory.mktemp("wine")
    environment = {
        "HOME": str(folder),
        "WINEPREFIX": str(folder / "prefix"),
        "WINEDEBUG": "-all",
        "LC_ALL": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
    }
    subprocess.run([program, "wineboot", "--init"], env=environment, capture_output=True, timeout=300, check=True)
    return program, environment


def test_runs_on_windows(
    wine: tuple[Path, dict[str, str]], wanted: dict[str, NDArray[np.uint8]], tmp_path: Path
) -> None:
    """By wine, which is not Windows: the library's calls of the system and its C library are answered, no more."""
    program, environment = wine
    name = "windows-x86_64"
    packages = install(wheel_of(BY_NAME[name]), BY_NAME[name], tmp_path / "packages")
    example = c_program(name, packages, tmp_path)
    result = run_example([program, example], environment)
    assert_near(result, wanted["float"])
    # A path is UTF-8, whatever the code page of the system.
    opens = c_program(name, packages, tmp_path, Path(__file__).with_name("open_model.c"))
    (tmp_path / "Dämmerung.dce").write_bytes(int8_model())
    opened = subprocess.run(
        [program, opens], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert (opened.returncode, opened.stdout.split()) == (0, ["12", "3"]), opened.stderr
