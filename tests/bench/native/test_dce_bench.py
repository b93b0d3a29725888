"""The C program ``dce_bench``, on this machine and emulated: of its samples becomes the report of ``dcelite bench``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dcelite import Enhancer
from dcelite.bench.compare import command
from dcelite.bench.fixtures import scene
from dcelite.bench.report.document import read

import generated
from support import REPOSITORY, skip

SCHEMA = json.loads((REPOSITORY / "bench" / "schema.json").read_text(encoding="utf-8"))
BUILDS = Path(os.environ.get("DCELITE_TEST_BUILDS", REPOSITORY / "build"))
SYSROOT = Path("/usr/aarch64-linux-gnu")


@pytest.fixture(scope="session")
def program() -> list[str]:
    path = BUILDS / "native" / "dce_bench"
    if not path.exists():
        skip("the native build is absent: make test-native makes it")
    return [str(path)]


@pytest.fixture(scope="session")
def emulated_program() -> list[str]:
    path = BUILDS / "arm64" / "dce_bench"
    emulator = shutil.which("qemu-aarch64-static")
    if not path.exists() or emulator is None:
        skip("the arm64 build is absent: make test-arm64 makes it, with g++-aarch64-linux-gnu and qemu-user-static")
    return [str(emulator), "-L", str(SYSROOT), str(path)]


def run(program: list[str], *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LD_LIBRARY_PATH": str(SYSROOT / "lib")} if len(program) > 1 else dict(os.environ)
    command = [*program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def document(path: Path) -> dict[str, Any]:
    """The report that follows from the samples; both are as the schema describes them."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.evolve(schema=SCHEMA["$defs"]["samples"]).validate(json.loads(path.read_text()))
    found = read(path)
    validator.validate(found)
    return found


def test_a_matrix(program: list[str], tmp_path: Path) -> None:
    broken = tmp_path / 'bro"ken.dce'
    broken.write_bytes(b"no model")
    done = run(
        program,
        *(
            "--model",
            "shipped",
            "--model",
            broken,
            "--size",
            "121x91",
            "--size",
            "60x40",
            "--threads",
            1,
            "--threads",
            2,
        ),
        *("--isa", "all", "--runs", 5, "--seconds", 0.05, "--json", tmp_path / "run.json"),
    )
    assert done.returncode == 1, done.stderr  # a row has no times
    found = document(tmp_path / "run.json")
    assert len(found["results"]) == 2 * 2 * 2 * len(found["system"]["isas"])
    assert not found["system"]["emulated"]
    for row in found["results"]:
        if row["model"] != "shipped weights":
            assert "bro" in row["reason"]
            continue
        assert row["fidelity"]["equal"] >= 0.999
        assert row["fidelity"]["largest_difference"] <= 1
        assert row["latency_ms"]["count"] == sum(map(len, row["blocks_ms"].values())) >= 5
        assert 0 <= row["memory"]["extra_bytes"] < 16e6
        assert row["precision"] == "float32"
        assert row["probes_ms"].keys() == row["blocks_ms"].keys()
        assert row["parallel_probes_ms"].keys() == (row["blocks_ms"].keys() if row["threads"] > 1 else set())
        stages = row["stages_ms"]
        assert min(stages["downsample"], stages["network"], stages["curve"]) > 0
        assert sum(time for name, time in stages.items() if name != "total") == pytest.approx(stages["total"], abs=1e-4)
        low = -(-row["width"] // 12) * -(-row["height"] // 12)
        assert row["limit"]["multiply_adds"] == 10075 * low + 17 * 3 * row["width"] * row["height"]
        with_enhancer = Enhancer(threads=1)(scene.dark_scene(row["width"], row["height"]))
        assert row["fidelity"]["mean_brightness"] == pytest.approx(with_enhancer.mean(), abs=0.01)  # the same scene
    assert "Model = shipped weights, NumThreads = 2, MinRunTime = " in done.stdout


def test_a_model_with_a_scene_head(program: list[str], tmp_path: Path) -> None:
    model = generated.model_file("zerodcepp_scene", tmp_path).path
    options = ("--model", model, "--size", "60x40", "--runs", 2, "--seconds", 0, "--json", tmp_path / "run.json")
    done = run(program, *options)
    assert done.returncode == 0, done.stderr
    samples = json.loads((tmp_path / "run.json").read_text())["results"]
    assert {row["architecture"] for row in samples} == {"zerodcepp_scene"}
    (row,) = document(tmp_path / "run.json")["results"]
    assert row["fidelity"]["equal"] >= 0.999
    assert row["limit"]["multiply_adds"] == 10_075 * 5 * 4 + 17 * 3 * 60 * 40


def test_its_document_can_be_compared(program: list[str], tmp_path: Path) -> None:
    assert run(program, "--size", "60x40", "--seconds", 0.5, "--json", tmp_path / "run.json").returncode == 0
    found = read(tmp_path / "run.json")
    text, is_worse = command.compare(found, found)
    assert not is_worse
    assert "0 slower, 0 faster" in text


def test_emulated(emulated_program: list[str], tmp_path: Path) -> None:
    arguments = ("--size", "60x40", "--runs", 2, "--seconds", 0, "--isa", "all", "--json", tmp_path / "run.json")
    done = run(emulated_program, *arguments)
    assert done.returncode == 0, done.stderr
    found = document(tmp_path / "run.json")
    assert found["system"]["emulated"]
    assert {row["isa"] for row in found["results"]} == {"neondot", "neon", "scalar"}
    for row in found["results"]:
        assert not row["valid"]
        assert row["doubts"][0].startswith("emulated")


def test_ctrl_c_reports_what_there_is(program: list[str], tmp_path: Path) -> None:
    command = [
        *program,
        "--size",
        "60x40",
        "--seconds",
        "300",
        "--max-seconds",
        "300",
        "--json",
        str(tmp_path / "run.json"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        time.sleep(2.0)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    found = document(tmp_path / "run.json")
    assert found["interrupted"]
    assert found["results"][0]["latency_ms"]["count"] > 0
    assert any(doubt.startswith("too short") for doubt in found["results"][0]["doubts"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--size", "60"),
        ("--size", "0x1"),
        ("--threads", "0"),
        ("--runs", "x"),
        ("--isa", "sse"),
        ("--seconds", "nan"),
        ("-x", "1"),
    ],
)
def test_bad_arguments(program: list[str], arguments: tuple[str, str]) -> None:
    done = run(program, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("dce_bench: error: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_report_replaces_nothing_unasked(program: list[str], tmp_path: Path) -> None:
    arguments = ("--size", "60x40", "--seconds", 0, "--runs", 1, "--json", tmp_path / "run.json")
    (tmp_path / "run.json").write_text("precious")
    done = run(program, *arguments)
    assert done.returncode == 2
    assert "run.json: exists already; give another name or --overwrite" in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]
    assert run(program, *arguments, "--overwrite").returncode == 0
    assert document(tmp_path / "run.json")["results"]
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    done = run(program, *arguments[:-1], tmp_path, "--overwrite")
    assert done.returncode == 2
    assert "is no file, a file name was wanted" in done.stderr


def test_an_unwritable_report(program: list[str], tmp_path: Path) -> None:
    done = run(program, "--size", "60x40", "--seconds", 0, "--runs", 1, "--json", tmp_path / "absent" / "run.json")
    assert done.returncode == 2
    assert "No such file or directory" in done.stderr
