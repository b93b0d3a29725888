"""MindSpore Lite as an engine of a C program: built by CMake, for every layout of the SDK, on both architectures."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dcelite.errors import EngineUnavailableError
from dcelite.mindspore_lite import sdk

from native_builds import EXAMPLES, SYSROOT, assert_enhances, build, cross_settings, install, run, tool
from support import REPOSITORY, load_weights, skip

ARCHITECTURES = ["x86_64", "aarch64"]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped weights as a curve network for MindSpore Lite."""
    if importlib.util.find_spec("onnx") is None:
        skip("the package onnx is absent")
    from dcelite.export.lite import write_ms
    from dcelite.export.spec import ExportSpec

    sdk_folder(sdk.host_architecture())
    path = tmp_path_factory.mktemp("model") / "zerodcepp.ms"
    write_ms(load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt"), ExportSpec("zerodcepp", 12), {}, path)
    return path


def sdk_folder(architecture: str) -> Path:
    """Root of the SDK in the cache; skips the test where it is absent."""
    try:
        return sdk.cached_sdk(architecture).library.parent.parent
    except EngineUnavailableError as error:
        skip(str(error))
        raise


def official_layout(root: Path, home: Path) -> Path:
    """The folders of an official package, made of links into the SDK of the cache."""
    libraries, third_party = home / "runtime/lib", home / "runtime/third_party/glog"
    libraries.mkdir(parents=True)
    third_party.mkdir(parents=True)
    (home / "runtime/include").symlink_to(root / "include")
    (libraries / "libmindspore-lite.so").symlink_to(root / "lib" / sdk.MAIN_LIBRARY)
    for name in sdk.LIBRARIES:
        ((third_party if "glog" in name else libraries) / name).symlink_to(root / "lib" / name)
    return home


def settings(architecture: str) -> tuple[dict[str, str | Path], list[str | Path], dict[str, str]]:
    """How to build for an architecture, the command before the name of a program, and its environment."""
    if architecture == sdk.host_architecture():
        return {}, [], dict(os.environ)
    emulator = shutil.which("qemu-aarch64-static")
    if emulator is None:
        skip("the emulator is absent: apt-get install qemu-user-static")
    return cross_settings(), [str(emulator), "-L", SYSROOT], {**os.environ, "LD_LIBRARY_PATH": str(SYSROOT / "lib")}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a build for each architecture, in which only the engine is made anew for another SDK."""
    return tmp_path_factory.mktemp("workshop")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("layout", ["wheel in the cache", "official package"])
def test_example(model: Path, workshop: Path, tmp_path: Path, architecture: str, layout: str) -> None:
    root = sdk_folder(architecture)
    variables, runner, environment = settings(architecture)
    variables |= {"CMAKE_INSTALL_LIBDIR": "lib", "DCELITE_MINDSPORE_LITE": "ON", "MSLITE_HOME": ""}
    if layout == "official package":
        variables["MSLITE_HOME"] = official_layout(root, tmp_path / "home")
    prefix = install(workshop / architecture, **variables)
    del variables["CMAKE_INSTALL_LIBDIR"], variables["DCELITE_MINDSPORE_LITE"], variables["MSLITE_HOME"]
    folder = build(EXAMPLES, tmp_path / "build", dcelite_DIR=prefix / "lib/cmake/dcelite", **variables)
    program = folder / "enhance_mindspore_lite"
    assert_enhances(*runner, program, model, environment=environment)
    assert "libdcelite_mslite.so" in run("readelf", "--dynamic", program)

    result = subprocess.run(
        [*map(str, runner), str(program), "absent.ms", "1", "1"],
        input=b"abc",
        capture_output=True,
        env=environment,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.decode() == "absent.ms: cannot be opened: No such file or directory\n"


@pytest.fixture
def engine_build(workshop: Path) -> Path:
    root = sdk_folder(sdk.host_architecture())
    folder = workshop / f"{sdk.host_architecture()}-build"
    return build(REPOSITORY, folder, DCELITE_MINDSPORE_LITE="ON", MSLITE_HOME=root)


def test_exports_its_own_functions_alone(engine_build: Path) -> None:
    library = engine_build / "runtime/engines/mindspore_lite/libdcelite_mslite.so"
    names = [line.split()[-1] for line in run("nm", "--dynamic", "--defined-only", library).splitlines()]
    header = (REPOSITORY / "runtime/engines/mindspore_lite/dcelite_mslite.h").read_text()
    assert len(names) == header.count("\nDCE_API ") >= 6
    assert all(name.startswith("dce_mslite_") and f" {name}(" in header.replace("*", " ") for name in names)


def test_core_does_not_need_it(engine_build: Path) -> None:
    assert "mindspore" not in run("readelf", "--dynamic", engine_build / "runtime/libdcelite.so")


@pytest.mark.parametrize("home", ["absent", "empty"])
def test_wrong_home_is_explained(tmp_path: Path, home: str) -> None:
    (tmp_path / "empty").mkdir()
    command = [tool("cmake"), "-S", REPOSITORY, "-B", tmp_path / "build", "-G", "Ninja", "-DDCELITE_MINDSPORE_LITE=ON"]
    command += [f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", f"-DMSLITE_HOME={tmp_path / home}"]
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    message = " ".join(result.stderr.split())
    assert f"MSLITE_HOME='{tmp_path / home}' is not the root of a MindSpore Lite SDK" in message
    assert "python -m dcelite.mindspore_lite install" in message
