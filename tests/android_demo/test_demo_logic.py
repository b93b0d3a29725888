"""The part of the Android app that needs no Android, on the JVM of this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import REPOSITORY, skip

CORE = REPOSITORY / "android_demo" / "app" / "src" / "core" / "java"
JNI = REPOSITORY / "runtime" / "jni"
TESTS = Path(__file__).parent / "java"
MODEL = REPOSITORY / "models" / "zerodcepp_scene.dce"


def run(*command: str | Path) -> str:
    """Run a program; its standard output. A failure shows what it printed."""
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=600)
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}"
    return result.stdout


def tool(name: str, package: str) -> str:
    """The path of a program, beside the interpreter or on the path; skips the test where it is absent."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        skip(f"the program {name} is absent: {package}")
    return str(found)


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything compiled without a class of Android at hand: the core uses none."""
    folder = tmp_path_factory.mktemp("demo-classes")
    roots = (CORE, JNI / "java", JNI / "annotations", TESTS)
    sources = [path for root in roots for path in sorted(root.rglob("*.java"))]
    strict = ("--release", "8", "-encoding", "UTF-8", "-Xlint:all,-options", "-Werror")
    run(tool("javac", "apt-get install openjdk-17-jdk-headless"), *strict, "-d", folder, *sources)
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libdcelite_jni.so of this machine."""
    tool("javac", "apt-get install openjdk-17-jdk-headless")
    folder = tmp_path_factory.mktemp("demo-library")
    cmake, ninja = tool("cmake", "pip install cmake"), tool("ninja", "pip install ninja")
    options = ("-DDCELITE_JNI=ON", "-DDCELITE_BENCH=OFF", "-DDCELITE_INSTALL=OFF", f"-DCMAKE_MAKE_PROGRAM={ninja}")
    run(cmake, "-S", REPOSITORY, "-B", folder, "-G", "Ninja", *options)
    run(cmake, "--build", folder, "--target", "dcelite_jni")
    return folder / "runtime" / "jni" / "libdcelite_jni.so"


def run_tests(name: str, classes: Path, *options: str) -> None:
    """Run a test class; it prints the name of each of its tests that passes."""
    java = tool("java", "apt-get install openjdk-17-jdk-headless")
    output = run(java, "-Xmx512m", *options, "-cp", classes, "Run", name)
    assert "passed: " in output
    assert "FATAL ERROR" not in output
    assert "WARNING" not in output


@pytest.mark.parametrize("name", sorted(path.stem for path in TESTS.glob("*Test.java") if path.stem != "NativeTest"))
def test_logic(name: str, classes: Path) -> None:
    run_tests(name, classes)


def test_of_the_samples_of_the_benchmark_becomes_the_report(classes: Path, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    from dcelite.bench.report.document import read

    java = tool("java", "apt-get install openjdk-17-jdk-headless")
    output = run(java, "-cp", classes, "Run", "BenchmarkTest")
    samples = next(line.removeprefix("samples: ") for line in output.splitlines() if line.startswith("samples: "))
    schema = json.loads((REPOSITORY / "bench" / "schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.evolve(schema=schema["$defs"]["samples"]).validate(json.loads(samples))
    path = tmp_path / "phone.json"
    path.write_text(samples)
    found = read(path)
    validator.validate(found)
    camera, photograph, absent = found["results"]
    assert (camera["label"], camera["threads"], camera["latency_ms"]["p50"]) == ("camera, shipped weights", 2, 10.0)
    assert (photograph["model"], photograph["threads"]) == ("int8.dce", 8)
    assert camera["stages_ms"]["network"] == 4.0
    assert absent["reason"] == "absent: is not there"
    assert found["system"]["android"] == {"ro.product.model": 'a "phone"'}
    assert found["system"]["memory_bytes"] == 2048


def test_logic_on_the_native_library(classes: Path, library: Path) -> None:
    run_tests("NativeTest", classes, "-Xcheck:jni", f"-Dorg.dcelite.library={library}", f"-Dmodel={MODEL}")
