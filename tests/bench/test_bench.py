"""``dcelite bench`` as a whole: the rows, the reports, and what happens when something goes wrong."""

from __future__ import annotations

import csv
import functools
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.dom.minidom
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import PIL.Image
import pytest

from dcelite import Enhancer, core, reference
from dcelite.bench.compare import change
from dcelite.bench.fixtures import scene
from dcelite.bench.report import document as documents
from dcelite.bench.report import page
from dcelite.bench.run import memory, roofline, session, settings, variants
from dcelite.metrics import differences
from dcelite.model.architecture import ARCHITECTURES
from dcelite.model.dce_file import read_dce

import generated
from support import REPOSITORY, skip

SCHEMA = json.loads((REPOSITORY / "bench" / "schema.json").read_text(encoding="utf-8"))
MODEL = REPOSITORY / "models" / "zerodcepp_scene.dce"
BROKEN = "bro<k>en.dce"
"""A name that has to be escaped in HTML."""
SHORT = ("--runs", 2, "--seconds", 0, "--max-seconds", 0.2, "--warm-up", 0)


def dcelite_bench(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dcelite.cli", "bench", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environment}
    )


def validate(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of a run with a model that fails among the others, and of one with stages and memory."""
    folder = tmp_path_factory.mktemp("reports")
    broken = folder / BROKEN
    broken.write_bytes(MODEL.read_bytes()[:-4])
    done = dcelite_bench(
        *("--model", "shipped", "--model", broken, "--model", MODEL, "--baseline", "numpy", "--isa", "all"),
        *("--size", "120x90", "--size", "61x40", "--threads", 1, "--threads", 2, *SHORT),
        *("--json", folder / "run.json", "--csv", folder / "run.csv", "--html", folder / "run.html"),
    )
    assert done.returncode == 1, done.stderr  # a row has no times
    (folder / "stdout").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def document(reports: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((reports / "run.json").read_text())
    return found


def test_json_validates_against_the_schema(document: dict[str, Any]) -> None:
    validate(document)


def test_the_schema_refuses_other_documents(document: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(document))
    changed["results"][0]["latency_ms"] = None  # without a reason
    with pytest.raises(jsonschema.ValidationError):
        validate(changed)


def test_every_combination_has_its_row(document: dict[str, Any]) -> None:
    isas = variants.available_isas()
    rows = {(row["label"], row["width"], row["threads"]) for row in document["results"]}
    for width in (120, 61):
        for threads in (1, 2):
            for isa in isas:
                for model in ("shipped weights", BROKEN, "zerodcepp_scene.dce"):
                    assert (f"{model} {isa}", width, threads) in rows
        assert ("NumPy reference", width, 1) in rows
    assert len(document["results"]) == len(rows) == 2 * (2 * 3 * len(isas) + 1)


def test_a_model_that_fails_has_its_reason_and_the_others_their_times(document: dict[str, Any]) -> None:
    for row in document["results"]:
        if row["model"] == BROKEN:
            assert BROKEN in row["reason"]
            assert row["latency_ms"] is None
            assert not row["valid"]
        else:
            assert row["reason"] is None
            assert row["latency_ms"]["count"] >= 2
            assert sum(len(times) for times in row["blocks_ms"].values()) == row["latency_ms"]["count"]


def test_fidelity_stands_in_every_row(document: dict[str, Any]) -> None:
    for row in document["results"]:
        if row["reason"] is None:
            assert row["fidelity"]["equal"] >= 0.999
            assert row["fidelity"]["largest_difference"] <= 1
        if row["engine"] == "numpy":
            assert row["fidelity"]["equal"] == 1.0
            assert row["fidelity"]["psnr_db"] is None


def test_ratios_are_those_to_the_baseline(document: dict[str, Any]) -> None:
    baseline = {row["width"]: row for row in document["results"] if row["is_baseline"]}
    for row in document["results"]:
        if row["reason"] is None and not row["is_baseline"]:
            (ratio,) = row["ratios"]
            assert ratio["to"] == "NumPy reference"
            shortest = baseline[row["width"]]["latency_ms"]["min"] / row["latency_ms"]["min"]
            assert ratio["of_minima"] == pytest.approx(shortest)
            assert ratio["low"] <= ratio["median"] <= ratio["high"]


def test_stages_memory_and_limit(document: dict[str, Any]) -> None:
    for row in document["results"]:
        if row["reason"] is None and row["engine"] == "native":
            stages = row["stages_ms"]
            assert stages["convert"] == 0
            assert min(stages["downsample"], stages["network"], stages["curve"]) > 0
            parts = [time for name, time in stages.items() if name != "total"]
            assert sum(parts) == pytest.approx(stages["total"])
            assert row["network_ms"]["p50"] > 0
            assert math.isfinite(row["timing_cost"])
            assert 0 <= row["memory"]["extra_bytes"] < 16e6, row["memory_reason"]
            h, w = reference.low_resolution_size(row["height"], row["width"], 12)
            work = 10075 * h * w + 17 * 3 * row["width"] * row["height"]
            assert row["limit"]["multiply_adds"] == work
            rate = document["roofline"]["multiply_adds_a_second"][row["isa"]]
            assert row["limit"]["ms"] == pytest.approx(1e3 * work / rate / row["threads"])
            assert row["limit"]["times_limit_min"] == pytest.approx(row["latency_ms"]["min"] / row["limit"]["ms"])


def test_csv_has_a_line_for_each_row(reports: Path, document: dict[str, Any]) -> None:
    with (reports / "run.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [row["label"] for row in document["results"]]
    for row, result in zip(rows, document["results"], strict=True):
        if result["reason"] is None:
            assert float(row["latency_ms.p50"]) == result["latency_ms"]["p50"]
            assert float(row["fidelity.equal"]) == result["fidelity"]["equal"]
        else:
            assert row["reason"] == result["reason"]
            assert row["latency_ms.p50"] == ""


def test_html_is_one_page_with_charts(reports: Path) -> None:
    text = (reports / "run.html").read_text(encoding="utf-8")
    parsed = xml.dom.minidom.parseString(
        text.replace("<!DOCTYPE html>", "")
    )  # well-formed: every tag closed and escaped
    charts = parsed.getElementsByTagName("svg")
    titles = [chart.getAttribute("aria-label") for chart in charts]
    for wanted in ("Latency at 120 x 90", "Frames a second by threads at 61 x 40", "Time a pixel by size"):
        assert wanted in titles
    assert any(title.startswith("Stages at") for title in titles)
    for chart in charts:
        assert chart.getElementsByTagName("text")
        for node in chart.getElementsByTagName("*"):
            for name, value in node.attributes.items():
                assert "nan" not in value, (name, value)
    assert not parsed.getElementsByTagName("script")
    links = re.findall(r"""(?:src|href)=["']([^"']*)|url\(([^)]*)""", text)
    assert {link for pair in links for link in pair if link} == {"data:,"}
    assert "120 x 90: use shipped weights" in text or "120 x 90: use zerodcepp_scene.dce" in text


def test_the_page_in_a_browser(reports: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        skip("there is no chromium")
    picture = reports / "page.png"
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    command += [f"--screenshot={picture}", "--window-size=1200,9000", (reports / "run.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr
    with PIL.Image.open(picture) as image:
        colours = {tuple(colour[:3]) for _, colour in image.convert("RGB").getcolors(1 << 24) or []}
    assert (0x2A, 0x6F, 0xBB) in colours  # the first series of the charts


def test_the_table_is_readable(reports: Path) -> None:
    text = (reports / "stdout").read_text()
    assert re.search(r"^shipped weights \w+ +120x90 +1 ", text, re.MULTILINE)
    assert BROKEN in text
    assert "no result:" in text


def test_compare_with_itself_is_no_change(reports: Path) -> None:
    done = dcelite_bench("compare", reports / "run.json", reports / "run.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 slower, 0 faster" in done.stdout


def test_compare_finds_what_became_slower_or_broke(tmp_path: Path, document: dict[str, Any]) -> None:
    rng = np.random.default_rng(11)
    before, after = json.loads(json.dumps(document)), json.loads(json.dumps(document))
    for row in before["results"] + after["results"]:
        if row["reason"] is None:
            row["blocks_ms"] = {str(number): rng.lognormal(0.0, 0.01, 3).tolist() for number in range(200)}
            row["probes_ms"] = {str(number): 0.5 for number in range(200)}
            row["parallel_probes_ms"] = {}
    slow, gone = [row for row in after["results"] if row["model"] == "zerodcepp_scene.dce" and row["width"] == 120][:2]
    slow["blocks_ms"] = {number: [1.05 * time for time in times] for number, times in slow["blocks_ms"].items()}
    gone |= {"reason": "it broke", "latency_ms": None, "blocks_ms": {}, "probes_ms": {}, "parallel_probes_ms": {}}
    (tmp_path / "a.json").write_text(json.dumps(before))
    (tmp_path / "b.json").write_text(json.dumps(after))
    done = dcelite_bench("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert done.returncode == 1
    assert "1 slower, 0 faster" in done.stdout
    assert "no times any more: it broke" in done.stdout


def slow_build(folder: Path, per_cent: int) -> Path:
    """A library that stands before the core and spends so much of its time once more, as the injected slowdown."""
    library = core.library_path().resolve()
    compiler = shutil.which("cc")
    if compiler is None:
        skip("there is no C compiler")
    slow = folder / "libdcelite.so"
    command = [str(compiler), "-O2", "-shared", "-fPIC", f"-DSLOWER_BY={per_cent}", "-o", str(slow)]
    command += [str(Path(__file__).with_name("slow_library.c")), "-I", str(REPOSITORY / "runtime" / "include")]
    command += ["-Wl,--no-as-needed", str(library), f"-Wl,-rpath,{library.parent}", "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    (folder / "libdcelite_bench.so").symlink_to(library.with_name("libdcelite_bench.so"))
    return slow


def test_a_build_that_is_twice_as_slow_is_found(tmp_path: Path) -> None:
    slow = slow_build(tmp_path, 100)
    options = ("--threads", 1, "--no-stages", "--no-memory", "--size", "600x450")
    for name, library in (("a", core.library_path()), ("b", slow)):
        done = dcelite_bench(*options, "--json", tmp_path / f"{name}.json", DCELITE_LIBRARY=str(library))
        assert done.returncode == 0, done.stderr
    done = dcelite_bench("compare", tmp_path / "a.json", tmp_path / "b.json")
    assert done.returncode == 1
    assert "1 slower, 0 faster" in done.stdout


def test_builds_that_take_turns(tmp_path: Path) -> None:
    """The same core twice, and one that is 30 % slower: even on a busy machine neighbouring blocks tell."""
    original, slow = core.library_path(), slow_build(tmp_path, 30)
    twin = tmp_path / "twin.so"
    shutil.copyfile(original, twin)
    done = dcelite_bench(
        *("--library", original, "--library", twin, "--library", slow, "--threads", 1, "--size", "600x450"),
        *("--no-stages", "--json", tmp_path / "run.json"),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "run.json").read_text())
    validate(found)
    first, second, third = found["results"]
    assert first["slowdown"] is None
    assert third["library"]["file"] == "libdcelite.so"
    assert second["slowdown"]["to"] == first["label"]
    assert second["slowdown"]["verdict"] not in ("slower", "faster")
    assert third["slowdown"]["verdict"] == "slower"
    assert 1.2 < third["slowdown"]["median"] < 1.4
    assert all(row["memory"] for row in found["results"])


def test_other_engines_have_stages_too_and_int8_its_advice(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("dcelite.training.backend")
    from dcelite.cli import main

    dark = tmp_path / "dark"
    dark.mkdir()
    for number in range(8):
        PIL.Image.fromarray(scene.dark_scene(200 + 12 * number, 180)).save(dark / f"{number}.png")
    checkpoint = MODEL.with_suffix(".ckpt")
    models = tmp_path / "models"
    assert main(["export", "--checkpoint", str(checkpoint), "--output", str(models), "--formats", "onnx"]) == 0
    arguments = [
        "--checkpoint",
        checkpoint,
        "--calibration",
        dark,
        "--output",
        models / "int8",
        "--formats",
        "onnx,dce",
    ]
    assert main(["quantize", *map(str, arguments)]) == 0
    names = ["zerodcepp_scene.onnx", "int8/zerodcepp_scene_int8.onnx", "int8/zerodcepp_scene_int8.dce"]
    done = dcelite_bench(
        *(part for name in names for part in ("--model", models / name)),
        *("--model", "shipped", "--baseline", models / "int8" / "zerodcepp_scene_int8_full.onnx"),
        *(
            "--size",
            "240x180",
            "--threads",
            1,
            *SHORT,
            "--json",
            tmp_path / "run.json",
            "--html",
            tmp_path / "run.html",
        ),
    )
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads((tmp_path / "run.json").read_text())
    validate(found)
    rows = {row["model"]: row for row in found["results"]}
    precisions = {name: row["precision"] for name, row in rows.items()}
    assert precisions == {
        "zerodcepp_scene.onnx": None,
        "zerodcepp_scene_int8.onnx": "int8",
        "zerodcepp_scene_int8.dce": "int8",
        "shipped weights": "float32",
        "zerodcepp_scene_int8_full.onnx": None,
    }
    for name, row in rows.items():
        if name == "zerodcepp_scene_int8_full.onnx":
            assert row["stages_ms"] is None  # one graph from picture to picture
        else:
            assert 0 < row["stages_ms"]["network"] < row["stages_ms"]["total"]
    assert rows["zerodcepp_scene_int8.dce"]["fidelity"]["equal"] < 0.999 < rows["shipped weights"]["fidelity"]["equal"]
    assert "zerodcepp_scene_int8.onnx takes" in (tmp_path / "run.html").read_text()


def advice(document: dict[str, Any], int8_ms: float, psnr: float) -> list[str]:
    """What is recommended where an int8 model stands beside the same in float32, which takes 2 ms."""
    fp32 = json.loads(json.dumps(next(row for row in document["results"] if row["engine"] == "native")))
    fp32 |= {"precision": "float32", "label": "a.dce", "doubts": []}
    fp32["latency_ms"] = dict.fromkeys(fp32["latency_ms"], 2.0)
    int8 = json.loads(json.dumps(fp32)) | {"precision": "int8", "label": "a_int8.dce"}
    int8["latency_ms"] = dict.fromkeys(int8["latency_ms"], int8_ms)
    int8["fidelity"] |= {"equal": 0.8, "psnr_db": psnr}
    return page.advice([fp32, int8])


def test_what_is_said_of_int8(document: dict[str, Any]) -> None:
    use, about = advice(document, 1.5, 55.0)
    assert "use a_int8.dce with" in use
    assert "55.0 dB from the reference" in use
    assert about.startswith("int8 is faster: a_int8.dce takes 0.75 times the time of a.dce")
    use, about = advice(document, 3.0, 55.0)
    assert "use a.dce with" in use
    assert about.startswith("Not int8 here: a_int8.dce takes 1.50 times the time of a.dce, 55.0 dB")
    use, about = advice(document, 1.5, 30.0)
    assert "use a.dce with" in use
    assert about.startswith("Not int8 here, though it is faster: ")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "dcelite-bench", "version": 99}'])
def test_compare_refuses_other_files(reports: Path, tmp_path: Path, text: str) -> None:
    other = tmp_path / "other.json"
    other.write_text(text)
    done = dcelite_bench("compare", reports / "run.json", other)
    assert done.returncode == 2
    assert done.stderr.startswith(f"dcelite: error: {other}: ")
    assert len(done.stderr.strip().split("\n")) == 1


def test_a_report_is_made_again_from_its_file(reports: Path, document: dict[str, Any], tmp_path: Path) -> None:
    paths = {name: tmp_path / f"again.{name}" for name in ("json", "csv", "html")}
    outputs = [part for name, path in paths.items() for part in (f"--{name}", path)]
    done = dcelite_bench("--from", reports / "run.json", *outputs)
    assert done.returncode == 1, done.stderr  # a row has no times
    assert json.loads(paths["json"].read_text()) == document
    for name in ("csv", "html"):
        assert paths[name].read_text() == (reports / f"run.{name}").read_text()
    assert done.stdout == (reports / "stdout").read_text()


def test_without_scipy_a_run_is_reported_and_its_intervals_come_later(
    reports: Path, document: dict[str, Any], tmp_path: Path
) -> None:
    """As on a board with the wheel alone; the note says what to do, and on a machine with SciPy nothing is missing."""
    samples = json.loads(json.dumps(document)) | {"notes": [documents.WITHOUT_SCIPY]}
    for row in samples["results"]:
        row["smallest_change"] = None
        for interval in [*row["ratios"], *filter(None, [row["slowdown"]])]:
            interval |= {"low": None, "high": None} | ({"verdict": None} if "verdict" in interval else {})
    validate(samples)
    (tmp_path / "board.json").write_text(json.dumps(samples))
    done = dcelite_bench("--from", tmp_path / "board.json", "--json", tmp_path / "full.json")
    assert done.returncode == 1, done.stderr
    assert json.loads((tmp_path / "full.json").read_text()) == document
    hide = "import sys; sys.modules['scipy'] = None; from dcelite.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", hide, "bench", "--quick", "--size", "60x40", "--isa", "all", "--threads", "1"]
    command += ["--json", str(tmp_path / "own.json"), "--html", str(tmp_path / "own.html")]
    hidden = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert hidden.returncode == 0, hidden.stderr
    own = json.loads((tmp_path / "own.json").read_text())
    validate(own)
    assert own["notes"] == [documents.WITHOUT_SCIPY]
    assert own["results"][1]["slowdown"] | {"median": 1.0} == {
        "to": own["results"][0]["label"],
        "median": 1.0,
        **dict.fromkeys(("low", "high", "verdict")),
    }
    assert "note: SciPy is not installed" in hidden.stdout
    compared = subprocess.run(
        [sys.executable, "-c", hide, "bench", "compare", *[str(reports / "run.json")] * 2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert compared.returncode == 2
    assert compared.stderr == (
        "dcelite: error: dcelite bench compare: SciPy is not installed; run: pip install 'dcelite[bench]'\n"
    )


def test_nothing_is_measured_with_from(reports: Path) -> None:
    done = dcelite_bench("--from", reports / "run.json", "--max-seconds", 1)
    assert done.returncode == 2
    assert "--max-seconds: nothing is measured with --from" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--size", "1200"),
        ("--size", "0x5"),
        ("--size", "70000x5"),
        ("--threads", "0"),
        ("--threads", "65"),
        ("--isa", "sse9"),
        ("--runs", "0"),
        ("--seconds", "-1"),
        ("--seconds", "nan"),
        ("--max-seconds", "0"),
        ("--model", "model.txt"),
        ("--baseline", "other"),
        ("--reference", "absent.dce"),
        ("--image", "absent.png"),
        ("--cpu", "all"),
        ("--cpu", "9-"),
    ],
)
def test_bad_arguments(arguments: tuple[str, str]) -> None:
    done = dcelite_bench(*arguments, "--quick")
    assert done.returncode == 2, done.stdout
    lines = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(lines) == 1
    assert "Traceback" not in done.stderr


def test_a_report_that_exists_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("mine")
    done = dcelite_bench("--quick", "--json", path)
    assert done.returncode == 2
    assert path.read_text() == "mine"


def test_the_option_names_of_mindspore_lite(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    done = dcelite_bench(
        *("--modelFile", MODEL, "--numThreads", 1, "--loopCount", 3, "--warmUpLoopCount", 1, "--cpuBindMode", 0),
        *("--size", "60x40", "--seconds", 0, "--max-seconds", 0.5, "--json", path),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    validate(found)
    assert (found["settings"]["runs"], found["settings"]["warm_up"]) == (3, 1)
    assert [(row["model"], row["threads"]) for row in found["results"]] == [("zerodcepp_scene.dce", 1)]
    time = r"[\d.]+ ms"
    times = f"MinRunTime = {time}, MaxRuntime = {time}, AvgRunTime = {time}"
    pattern = rf"^Model = zerodcepp_scene\.dce, NumThreads = 1, {times}$"
    assert re.search(pattern, done.stdout, re.MULTILINE)


def test_bound_to_a_processor(tmp_path: Path) -> None:
    processor = min(os.sched_getaffinity(0))
    path = tmp_path / "run.json"
    done = dcelite_bench("--quick", "--size", "60x40", "--threads", 2, "--cpu", processor, "--json", path)
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    assert found["system"]["affinity"] == [processor]
    assert "2 threads on 1 processors" in found["results"][0]["doubts"]
    assert not found["results"][0]["valid"]


def test_a_processor_that_is_not_there_is_a_note(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    done = dcelite_bench("--quick", "--size", "60x40", "--threads", 1, "--cpu", "1000", "--json", path)
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    assert "not bound to processors: processors [1000]: Invalid argument" in found["notes"]
    assert found["results"][0]["latency_ms"]


def test_ctrl_c_reports_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    command = [sys.executable, "-m", "dcelite.cli", "bench", "--size", "60x40", "--threads", "1", "--json", str(path)]
    command += ["--seconds", "300", "--max-seconds", "300"]
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job in the background has it ignored
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=heed) as process:
        assert process.stderr is not None
        while not process.stderr.readline().startswith("round 0"):
            assert process.poll() is None
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "Traceback" not in error
    found = json.loads(path.read_text())
    validate(found)
    assert found["interrupted"]
    assert found["results"][0]["latency_ms"]["count"] > 0
    assert any(doubt.startswith("too short") for doubt in found["results"][0]["doubts"])
    assert "interrupted" in out


def test_a_size_too_big_for_memory(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    script = (
        "import sys\n"
        "from dcelite.bench.run import host\n"
        "from dcelite.cli import main\n"
        "host.available_memory = lambda: 150 << 20\n"
        "sys.exit(main(['bench', *sys.argv[1:]]))"
    )
    command = [sys.executable, "-c", script, "--quick", "--threads", "1", "--json", str(path)]
    command += ["--size", "12000x10000", "--size", "60x40"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, done.stderr
    found = json.loads(path.read_text())
    validate(found)
    big, small = found["results"]
    assert big["reason"].startswith("not enough memory")
    assert small["latency_ms"]


def test_a_run_under_an_emulator_completes_and_is_marked(tmp_path: Path) -> None:
    """As where the library finds the emulator; ``test_dce_bench.py`` runs the C program under one."""
    path = tmp_path / "run.json"
    script = (
        "import sys\n"
        "from dcelite.bench.run import roofline\n"
        "from dcelite.cli import main\n"
        "roofline.is_emulated = lambda: True\n"
        "sys.exit(main(['bench', *sys.argv[1:]]))"
    )
    command = [sys.executable, "-c", script, "--size", "60x40", "--threads", "1", *map(str, SHORT), "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    validate(found)
    assert found["system"]["emulated"]
    assert not found["results"][0]["valid"]
    assert found["results"][0]["doubts"][0].startswith("emulated")
    assert "emulated" in done.stdout


def test_without_permission_for_sensors_and_affinity(tmp_path: Path) -> None:
    """Unreadable files of the kernel and a refused affinity: nulls and a note, and all the times."""
    path = tmp_path / "run.json"
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from dcelite.cli import main\n"
        "read = Path.read_text\n"
        "def refuse(*_):\n"
        "    raise PermissionError(1, 'Operation not permitted')\n"
        "def read_text(path, *a, **k):\n"
        "    return refuse() if str(path).startswith(('/sys', '/proc/self')) else read(path, *a, **k)\n"
        "Path.read_text = read_text\n"
        "os.sched_setaffinity = refuse\n"
        "sys.exit(main(['bench', *sys.argv[1:]]))"
    )
    command = [sys.executable, "-c", script, "--size", "60x40", "--threads", "1", "--cpu", "0", *map(str, SHORT)]
    command += ["--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(path.read_text())
    validate(found)
    assert "not bound to processors: processors [0]: Operation not permitted" in found["notes"]
    assert found["system"]["before"]["temperatures_celsius"] is None
    assert all(core["max_khz"] is None for core in found["system"]["cores"])
    assert found["results"][0]["latency_ms"]


def test_without_an_instruction_set_of_this_processor(tmp_path: Path) -> None:
    foreign = "neon" if "neon" not in variants.available_isas() else "avx2"
    path = tmp_path / "run.json"
    done = dcelite_bench("--quick", "--size", "60x40", "--threads", 1, "--isa", f"{foreign},scalar", "--json", path)
    assert done.returncode == 1
    first, second = json.loads(path.read_text())["results"]
    assert foreign in first["reason"]
    assert second["latency_ms"]


def test_the_environment_variable_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCELITE_ISA", "mine")
    with variants.environment(DCELITE_ISA="scalar", DCELITE_LIBRARY=None):
        assert os.environ["DCELITE_ISA"] == "scalar"
    assert os.environ["DCELITE_ISA"] == "mine"


def test_the_engine_equals_the_reference_on_the_scene() -> None:
    model = roofline.shipped_model()
    image = scene.dark_scene(301, 257)
    wanted = reference.enhance(image, model.arrays, model.scale)
    found = fidelity_of(Enhancer()(image), wanted)
    assert found["equal"] >= 0.999
    assert found["largest_difference"] <= 1


def fidelity_of(result: np.ndarray, wanted: np.ndarray) -> dict[str, Any]:
    counts = differences(wanted, result).tolist()
    return documents.fidelity_of({"reference": "reference", "differences": counts, "mean_brightness": 1.0})


def test_fidelity_of_known_differences() -> None:
    wanted = np.full((10, 10, 3), 100, np.uint8)
    result = wanted.copy()
    result[0, 0] = (101, 98, 100)
    found = fidelity_of(result, wanted)
    assert found["equal"] == pytest.approx(298 / 300)
    assert found["largest_difference"] == 2
    assert found["psnr_db"] == pytest.approx(10 * np.log10(255**2 / (5 / 300)))
    assert fidelity_of(wanted, wanted)["psnr_db"] is None


def test_shipped_weights_are_those_of_the_repository() -> None:
    shipped, file = roofline.shipped_model(), read_dce(MODEL)
    assert shipped.multiply_adds == file.multiply_adds == 10_075
    for name, array in file.arrays.items():
        np.testing.assert_array_equal(shipped.arrays[name], array)


def test_a_model_with_a_scene_head(tmp_path: Path) -> None:
    """Its head counts for nothing a pixel; its network alone is timed as well, and it equals the reference."""
    model = generated.model_file("zerodcepp_scene", tmp_path).path
    options = ("--model", model, "--model", MODEL, "--size", "240x180", "--threads", 2, *SHORT)
    done = dcelite_bench(*options, "--json", tmp_path / "run.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "run.json").read_text())
    validate(found)
    for row in found["results"]:
        assert row["network_ms"]["p50"] > 0
        assert row["fidelity"]["equal"] >= 0.999
        assert row["limit"]["multiply_adds"] == 10_075 * 20 * 15 + 17 * 3 * 240 * 180
    assert found["results"][0]["model"] == "zerodcepp_scene.dce"


def test_parameters_of_zero_dce() -> None:
    shapes = ARCHITECTURES["zerodce"].parameter_shapes
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 79_416


def test_the_peak_grows_with_the_width_of_the_instructions() -> None:
    rates = {isa: roofline.multiply_adds_a_second(isa, 0.05) for isa in variants.available_isas()}
    assert all(rate is not None and rate > 1e8 for rate in rates.values())
    assert roofline.multiply_adds_a_second("sse9", 0.01) is None


def mixed(values: np.ndarray) -> np.ndarray:
    """The bits of 32-bit integers, mixed (the finaliser of MurmurHash3 with Wellons' constants)."""
    values = values ^ (values >> np.uint32(16))
    values = values * np.uint32(0x7FEB352D)
    values = values ^ (values >> np.uint32(15))
    values = values * np.uint32(0x846CA68B)
    return values ^ (values >> np.uint32(16))


def drawn(width: int, height: int) -> np.ndarray:
    """The scene by its definition: levels of 8 to 95 at 9 x 9 nodes, linear between, with 16 levels of noise."""
    levels = 8 + (mixed(np.arange(9 * 9 * 3, dtype=np.uint32)) % np.uint32(88)).astype(np.int64).reshape(9, 9, 3)
    x, y = (np.arange(size) * 8 * 256 // size for size in (width, height))
    part_x, part_y = x[:, None] % 256, y[:, None, None] % 256
    column = levels[y // 256] * (256 - part_y) + levels[y // 256 + 1] * part_y
    smooth = (column[:, x // 256] * (256 - part_x) + column[:, x // 256 + 1] * part_x) >> 16
    noise = mixed(np.arange(smooth.size, dtype=np.uint32)) % np.uint32(16)
    return np.clip(smooth + noise.astype(np.int64).reshape(smooth.shape) - 8, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("width", "height"), [(97, 61), (5, 600), (1, 1), (640, 3)])
def test_the_scene_is_dark_and_the_same_everywhere(width: int, height: int) -> None:
    image = scene.dark_scene(width, height)
    assert image.shape == (height, width, 3)
    assert image.mean() < 64
    np.testing.assert_array_equal(image, drawn(width, height))


def test_a_photograph_is_resized(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    PIL.Image.fromarray(np.full((20, 30, 3), (10, 20, 30), np.uint8)).save(path)
    image = scene.bench_image(45, 33, path)
    assert image.shape == (33, 45, 3)
    assert (image == (10, 20, 30)).all()


def test_memory_is_that_beyond_the_pictures() -> None:
    variant = variants.Variant(None, "native", variants.available_isas()[0])
    found, reason = memory.measure(variant, 1, 2000, 1500)
    assert found is not None, reason
    assert found["extra_bytes"] < 4e6  # a picture alone has 9 MB
    missing, reason = memory.measure(variants.Variant(Path("absent.dce"), "native", None), 1, 10, 10)
    assert missing is None
    assert reason is not None
    assert "absent.dce" in reason


def test_every_series_has_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from dcelite import cli

    places: list[tuple[int, int, int]] = []
    task = variants.OpenVariant.task

    def recorded(opened: variants.OpenVariant, name: str, image: np.ndarray, out: np.ndarray) -> variants.Task:
        made = task(opened, name, image, out)
        if name == variants.ENHANCE:
            places.append((id(opened.enhancer(name)), image.ctypes.data, out.ctypes.data))
        return made

    monkeypatch.setattr(variants.OpenVariant, "task", recorded)
    monkeypatch.setattr(change, "ROUNDS_IN_A_PLACE", 2)
    arguments = ["bench", "--size", "64x48", "--threads", "1", "--seconds", "0.3", "--runs", "1", "--no-memory"]
    measured = session.Session(settings.settings_of(cli.build_parser().parse_args(arguments)))
    measured.run([])
    (row,) = measured.rows
    numbers = {name: {number for _, number, *_ in cell.samples} for name, cell in row.cells.items()}
    rounds = len(numbers[variants.ENHANCE])
    assert rounds >= 3
    assert len(places) == -(-rounds // 2)
    assert len(set(places)) > 1
    assert row.cells.keys() == {variants.ENHANCE, variants.STAGES, variants.NETWORK}
    assert all(cell.failure is None and len(numbers[name]) == rounds for name, cell in row.cells.items())
    assert all(
        len(sample) == 3 + len(variants.STAGE_NAMES) and sample[-1] > 0 for sample in row.cells[variants.STAGES].samples
    )


def test_settings_default_to_one_thread_and_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from dcelite import cli

    monkeypatch.setattr(settings.host, "affinity", lambda: [0, 1, 2, 3])
    found = settings.settings_of(cli.build_parser().parse_args(["bench"]))
    assert found.threads == (1, 4)
    assert found.sizes == ((1200, 900),)
    assert [variant.label for variant in found.variants] == [f"shipped weights {variants.available_isas()[0]}"]
