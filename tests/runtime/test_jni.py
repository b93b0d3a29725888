"""The Java API on the JVM of this machine: against the definition and the C interface, and under random calls."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jni_builds import (
    ANNOTATIONS,
    JAVA_SOURCES,
    TESTS,
    Frame,
    Java,
    Pixels,
    assert_equals_definition,
    compile_java,
    compile_library,
    host_java,
    make_all_planes,
    make_frame,
    make_frames,
    native_functions,
    run_c_interface,
    run_frames,
)

from dcelite import Enhancer
from dcelite.errors import EngineUnavailableError
from dcelite.mindspore_lite import sdk

from native_builds import EXAMPLES, HEIGHT, WIDTH, build, example, run, tool
from support import REPOSITORY, assert_equals_reference, load_weights, skip

README = REPOSITORY / "runtime" / "jni" / "README.md"
MODEL = REPOSITORY / "models" / "zerodcepp_scene.dce"
RANDOM_CALLS = 1_000_000
RANDOM_CALLS_WITH_SANITIZERS = 200_000
STRESS_SECONDS = 7
"""Of a run of Stress.java; the environment variable DCELITE_STRESS_SECONDS names more."""
FRAMES = [*make_frames(np.random.default_rng(5)), *make_all_planes(np.random.default_rng(6))]


@pytest.fixture(scope="session")
def weights() -> dict[str, np.ndarray]:
    return load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt")


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library's classes."""
    return compile_library(tmp_path_factory.mktemp("java"))


@pytest.fixture(scope="session")
def test_classes(classes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_java([*TESTS.glob("*.java")], tmp_path_factory.mktemp("java-tests") / "classes", classes)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libdcelite_jni.so of this machine."""
    tool("javac")
    folder = build(REPOSITORY, tmp_path_factory.mktemp("jni") / "build", DCELITE_JNI="ON", DCELITE_BENCH="OFF")
    return folder / "runtime" / "jni" / "libdcelite_jni.so"


@pytest.fixture(scope="session")
def java(library: Path, classes: Path, test_classes: Path) -> Java:
    return host_java(library, classes, test_classes)


@pytest.fixture(scope="session")
def sanitized_java(tmp_path_factory: pytest.TempPathFactory, classes: Path, test_classes: Path) -> Java:
    """The same with AddressSanitizer and UndefinedBehaviorSanitizer in the library."""
    settings = {"DCELITE_SANITIZE": "address,undefined", "CMAKE_BUILD_TYPE": "RelWithDebInfo"}
    folder = tmp_path_factory.mktemp("jni-sanitized") / "build"
    build(REPOSITORY, folder, DCELITE_JNI="ON", DCELITE_BENCH="OFF", **settings)
    runtime = Path(run("gcc", "-print-file-name=libasan.so").strip())
    if not runtime.is_absolute():
        skip("libasan is absent: it comes with the compiler")
    # The JVM raises and handles SIGSEGV itself; and memory that was freed is not kept, so that growth is what is lost.
    options = "handle_segv=0:detect_leaks=0:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
    library = folder / "runtime" / "jni" / "libdcelite_jni.so"
    return host_java(library, classes, test_classes, LD_PRELOAD=str(runtime), ASAN_OPTIONS=options)


@pytest.fixture(scope="session", params=["java", "sanitized_java"])
def any_java(request: pytest.FixtureRequest) -> Java:
    java: Java = request.getfixturevalue(request.param)
    return java


# Frames ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def enhanced(java: Java, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Pixels]]:
    """By name of the frame: its memory after Java has enhanced it."""
    results = run_frames(java, FRAMES, tmp_path_factory.mktemp("frames"))
    return {frame.name: regions for frame, regions in zip(FRAMES, results, strict=True)}


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)
def test_frame(frame: Frame, enhanced: dict[str, list[Pixels]], weights: dict[str, np.ndarray]) -> None:
    assert_equals_definition(frame, enhanced[frame.name], weights)
    for java_region, c_region in zip(enhanced[frame.name], run_c_interface(frame), strict=True):
        np.testing.assert_array_equal(java_region, c_region)


def test_frames_with_sanitizers(sanitized_java: Java, tmp_path: Path, weights: dict[str, np.ndarray]) -> None:
    for frame, regions in zip(FRAMES, run_frames(sanitized_java, FRAMES, tmp_path), strict=True):
        assert_equals_definition(frame, regions, weights)


def test_denoising(java: Java, tmp_path: Path, rng: np.random.Generator) -> None:
    """Options and setters give the bytes of the C interface, and each of them has bytes of its own."""
    scene = np.kron(rng.uniform(8, 60, (3, 4, 3)), np.ones((16, 16, 1)))
    frames = np.clip(scene + rng.normal(0, 4, (3, *scene.shape)), 0, 255).astype(np.uint8)
    frames.tofile(tmp_path / "frames")
    _, height, width, _ = frames.shape
    results = set()
    for denoise, temporal_denoise, noise_level in [
        (0, 0, 0),
        (1, 0, 0),
        (0.5, 0, 0),
        (0, 1, 0),
        (1, 0.5, 0),
        (1, 0, 9),
    ]:
        settings = map(str, (width, height, denoise, temporal_denoise, noise_level))
        java.start("Video", tmp_path / "frames", tmp_path / "results", *settings)
        with Enhancer(denoise=denoise, temporal_denoise=temporal_denoise, noise_level=noise_level) as enhancer:
            wanted = np.stack([enhancer(frame) for frame in frames])
        by_options, by_setters = np.fromfile(tmp_path / "results", np.uint8).reshape(2, *frames.shape)
        np.testing.assert_array_equal(by_options, wanted)
        np.testing.assert_array_equal(by_setters, wanted)
        results.add(wanted.tobytes())
    assert len(results) == 6


# Behaviour ------------------------------------------------------------------------------------------------------------


def test_contract(any_java: Java) -> None:
    checks = len(re.findall(r"^ +run\(\"", (TESTS / "Contract.java").read_text(), re.MULTILINE))
    output = any_java.start("Contract", MODEL)
    assert len(re.findall("^held: ", output, re.MULTILINE)) == checks >= 18


@pytest.mark.parametrize("which", ["java", "sanitized_java"])
def test_random_calls(which: str, request: pytest.FixtureRequest) -> None:
    calls = RANDOM_CALLS if which == "java" else RANDOM_CALLS_WITH_SANITIZERS
    output = request.getfixturevalue(which).start("Fuzz", "20240607", str(calls), timeout=600)
    outcomes = {name: int(count) for count, name in (line.split(" ", 1) for line in output.splitlines())}
    assert sum(outcomes.values()) == calls
    refusals = [
        "is no direct",
        "is read-only",
        "from position to limit",
        "stride",
        "uvPixelStride",
        "elements",
    ]
    wanted = {
        **dict.fromkeys(["enhanced", "enhanced in place", "enhanced planes", "NullPointerException"], calls // 200),
        **dict.fromkeys(["IllegalStateException", "DceliteException -1", "DceliteException -1 overlaps"], calls // 200),
        **dict.fromkeys([f"IllegalArgumentException {reason}" for reason in refusals], calls // 1000),
        **dict.fromkeys(["set strength", "set smoothing", "timings", "reset", "described"], calls // 1000),
        **dict.fromkeys(["set denoise", "set temporal denoise"], calls // 2000),
        **dict.fromkeys(["opened", "closed", "DceliteException -3", "DceliteException -4"], calls // 10000),
        "DceliteException -6": 1,  # how often two threads meet depends on the machine
    }
    missing = {name: outcomes.get(name, 0) for name, count in wanted.items() if outcomes.get(name, 0) < count}
    assert not missing, f"too seldom: {missing}\n{output}"
    assert set(outcomes) - set(wanted) <= {"IllegalArgumentException for another reason"}


def test_close_while_in_use(any_java: Java) -> None:
    """Nobody hangs, no picture is wrong, and -Xcheck:jni and the sanitizers have nothing to say, see Java.start."""
    seconds = float(os.environ.get("DCELITE_STRESS_SECONDS", STRESS_SECONDS))
    output = any_java.start("Stress", "20240607", str(seconds), timeout=120 + 2 * seconds)
    outcomes = {name: int(count) for count, name in (line.split(" ", 1) for line in output.splitlines())}
    wanted = {f"{kind}: {outcome}" for kind in ("enhance", "set") for outcome in ("right", "busy", "closed")}
    assert set(outcomes) - {"close: at rest"} == {*wanted, "close: while in use"}, output
    assert outcomes["enhance: right"] >= 10, output  # as many as a machine manages that is busy with other things


def test_missing_library_is_explained(classes: Path, test_classes: Path) -> None:
    for option, sentence in (
        ((), "no dcelite_jni in java.library.path"),
        (("-Dorg.dcelite.library=/absent.so",), "/absent.so"),
    ):
        command = [tool("java"), *option, "-cp", f"{classes}:{test_classes}", "Contract", str(MODEL)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 1
        assert "UnsatisfiedLinkError" in result.stderr
        assert sentence in result.stderr


# MindSpore Lite -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def lite_java(tmp_path_factory: pytest.TempPathFactory, classes: Path, test_classes: Path) -> Java:
    """Java with the library that also opens .ms files."""
    try:
        sdk.cached_sdk(sdk.host_architecture())
    except EngineUnavailableError as error:
        skip(str(error))
    settings = {"DCELITE_JNI": "ON", "DCELITE_BENCH": "OFF", "DCELITE_MINDSPORE_LITE": "ON"}
    folder = build(REPOSITORY, tmp_path_factory.mktemp("jni-lite") / "build", **settings)
    library = folder / "runtime" / "jni" / "libdcelite_jni.so"
    return host_java(library, classes, test_classes, GLOG_v="4")


def test_mindspore_lite(
    lite_java: Java, weights: dict[str, np.ndarray], tmp_path: Path, rng: np.random.Generator
) -> None:
    if importlib.util.find_spec("onnx") is None:
        skip("the package onnx is absent")
    from dcelite.export.lite import write_ms
    from dcelite.export.spec import ExportSpec

    model = tmp_path / "zerodcepp.ms"
    write_ms(weights, ExportSpec("zerodcepp", 12), {}, model)
    frames = [
        make_frame(rng, 0, 3, 61, 50, scale=0, model=str(model)),
        make_frame(rng, 2, 2, 61, 50, scale=0, model=str(model), in_memory=True, threads=2),
        make_frame(rng, 2, 2, 32, 20, scale=3, model=str(MODEL)),
    ]
    for frame, regions in zip(frames, run_frames(lite_java, frames, tmp_path), strict=True):
        assert_equals_definition(replace(frame, scale=frame.scale or 12), regions, weights)


def test_refused_models_of_mindspore_lite(lite_java: Java, tmp_path: Path, rng: np.random.Generator) -> None:
    damaged = tmp_path / "damaged.ms"
    damaged.write_bytes(b"\0\0\0\0MSL2" + bytes(100))
    for path, in_memory, sentence in [
        (tmp_path / "absent.ms", False, "absent.ms: cannot be opened: No such file or directory"),
        (damaged, False, "damaged.ms: "),
        (damaged, True, "DceliteException: "),
    ]:
        frame = make_frame(rng, 0, 0, 8, 8, model=str(path), in_memory=in_memory)
        with pytest.raises(AssertionError, match="status 1") as failure:
            run_frames(lite_java, [frame], tmp_path)
        assert "org.dcelite.DceliteException: " in str(failure.value)
        assert sentence in str(failure.value)


# What is in the library -----------------------------------------------------------------------------------------------


def test_library_exports_the_native_methods_and_needs_libc_and_libm(library: Path) -> None:
    exported = [line.split()[-1] for line in run("nm", "--dynamic", "--defined-only", library).splitlines()]
    assert sorted(exported) == sorted(native_functions())
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", "--wide", library)))
    assert needed == {"libc.so.6", "libm.so.6"}


def test_native_methods_have_the_types_of_their_functions(tmp_path: Path) -> None:
    """A JVM finds them by name and believes the rest; a compiler refuses declarations that differ."""
    sources = [*JAVA_SOURCES.rglob("*.java"), *ANNOTATIONS.rglob("*.java")]
    run(tool("javac"), "-d", tmp_path, "-h", tmp_path, *sources)
    header = tmp_path / "org_dcelite_Enhancer.h"
    declared = re.findall(r"^JNIEXPORT .* JNICALL (\w+)$", header.read_text(), re.MULTILINE)
    assert set(declared) == native_functions()
    jdk = Path(tool("javac")).resolve().parents[1]
    includes = (jdk / "include", jdk / "include" / "linux", REPOSITORY / "runtime" / "include")
    folders = [f"-I{folder}" for folder in includes]
    source = REPOSITORY / "runtime" / "jni" / "dcelite_jni.cpp"
    run("g++", "-std=c++17", "-fsyntax-only", *folders, "-include", header, source)


def test_classes_do_not_need_the_annotations(classes: Path) -> None:
    names = {path.relative_to(classes).as_posix() for path in classes.rglob("*.class")}
    assert names == {f"org/dcelite/{name}.class" for name in ("Enhancer", "Enhancer$Options", "DceliteException")}


# Programs that use it -------------------------------------------------------------------------------------------------


def test_java_example(java: Java, classes: Path, tmp_path: Path) -> None:
    example_classes = compile_java([EXAMPLES / "Enhance.java"], tmp_path / "classes", classes)
    image, wanted = example()
    result = subprocess.run(
        [*java.command, "-cp", f"{classes}:{example_classes}", "Enhance", str(WIDTH), str(HEIGHT)],
        input=image.tobytes(),
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    assert_equals_reference(np.frombuffer(result.stdout, np.uint8).reshape(image.shape), wanted)


def samples(language: str) -> list[str]:
    """The code of a language in the documentation."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found


def test_java_in_the_documentation(classes: Path, tmp_path: Path) -> None:
    for i, sample in enumerate(samples("java")):
        imports = "".join(re.findall(r"^import .*\n", sample, re.MULTILINE))
        body = re.sub(r"^import .*\n", "", sample, flags=re.MULTILINE)
        source = tmp_path / f"Sample{i}.java"
        source.write_text(f"import java.nio.ByteBuffer;\n{imports}class Sample{i} {{\n{body}}}\n")
        compile_java([source], tmp_path / f"classes{i}", classes)


Kotlin = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def kotlin(classes: Path, tmp_path_factory: pytest.TempPathFactory) -> Kotlin:
    """Compiles Kotlin code, each argument a file, against the library's classes."""
    if shutil.which("kotlinc") is None:
        skip("the compiler of Kotlin is absent: apt-get install kotlin")

    def compile_kotlin(*code: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path_factory.mktemp("kotlin")
        files = [folder / f"{i}.kt" for i in range(len(code))]
        for path, text in zip(files, code, strict=True):
            path.write_text(text)
        command = [tool("kotlinc"), "-cp", classes, *files, "-d", folder / "classes"]
        return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)

    return compile_kotlin


NULLABLE = "import org.dcelite.Enhancer\nimport java.nio.ByteBuffer\n"
NULLABLE += "fun f(e: Enhancer, b: ByteBuffer, n: ByteBuffer?) { "


def test_kotlin_accepts_the_documentation(kotlin: Kotlin) -> None:
    """And knows of results that they are never null."""
    accepted = [
        "e.enhance(b, b, 0, 1, 1, 3, 3)",
        "Enhancer.open(null as String?, null).close()",
        "Enhancer.open(b, Enhancer.Options().threads(2).scale(3)).close()",
        "val v: String = Enhancer.version(); v.length",
        "Enhancer.open()?.close(); Enhancer.version()?.length",
    ]
    (sample,) = samples("kotlin")
    result = kotlin(NULLABLE + "\n".join(accepted) + " }\n", sample)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("unnecessary safe call on a non-null receiver") == 2, result.stderr


def test_kotlin_refuses_what_may_be_null(kotlin: Kotlin) -> None:
    refused = [
        "e.enhance(n, b, 0, 1, 1, 3, 3)",
        "e.enhance(b, n, 0, 1, 1, 3, 3)",
        "e.enhance(n, 0, 3, b, 0, 3, 1, 1)",
        "e.enhance(b, 0, 3, n, 0, 3, 1, 1, 0)",
        "e.enhanceYuv420(b, 1, n, 1, b, 1, 1, 1, b, 0, 3, 1, 1)",
        "e.timings(null)",
        "Enhancer.open(n, null)",
    ]
    result = kotlin(NULLABLE + "\n".join(refused) + " }\n")
    assert result.returncode == 1
    lines = {int(line) for line in re.findall(r"0\.kt:(\d+):\d+: error:", result.stderr)}
    assert lines == set(range(3, 3 + len(refused))), result.stderr


def test_every_reference_in_the_interface_is_annotated() -> None:
    for source in JAVA_SOURCES.rglob("*.java"):
        for signature in re.findall(r"^ +public [^=;{]*\([^)]*\)", source.read_text(), re.MULTILINE):
            for reference_type in re.findall(
                r"(@\w+ )?\b(?:ByteBuffer|String|Options|long\[\]|Enhancer) \w+\(?", signature
            ):
                assert reference_type in ("@NotNull ", "@Nullable "), signature
    assert len([*ANNOTATIONS.rglob("*.java")]) == 2
