"""No command replaces or removes a file that it was not offered: each is run with one of its outputs there already."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from dcelite.errors import EngineUnavailableError
from dcelite.mindspore_lite.sdk import find_sdk

from support import REPOSITORY, skip

CHECKPOINT = REPOSITORY / "models" / "zerodcepp_scene.ckpt"


@dataclass(frozen=True)
class Command:
    """A command line that reads what is in the working folder and writes into ``out``; and what it writes there."""

    line: str
    outputs: tuple[str, ...]
    needs: tuple[str, ...] = ()
    """Python modules; "lite" is MindSpore Lite."""
    program: str = "dcelite.cli"
    """A module, or a script of the repository."""


QUANTIZED = tuple(
    f"zerodcepp_scene_{ending}"
    for ending in (
        *("int8.dce", "quantization.json", "quantization.html"),
        *("int8.onnx", "int8_full.onnx", "fp16.onnx"),
        *("int8.ms", "int8.cfg", "int8_source.onnx", "int8_calibration/000.bin"),
        *("weight8.ms", "weight8.cfg", "weight8_source.onnx", "fp16.ms"),
    )
)
RUN = ("run.json", "state.ckpt", "history.csv", "losses.png", "zerodcepp_scene.ckpt", "samples/000001.png")
BENCH = "bench --quick --size 8x8 --threads 1"

COMMANDS = {
    "enhance": Command("enhance night.png -o out/a.png", ("a.png",)),
    "enhance-folder": Command("enhance photos -o out", ("deep/b.png", "b.png")),
    "video": Command("video night.mp4 -o out/a.mp4", ("a.mp4",), ("av",)),
    "train": Command("train --data photos --output out --steps 1 --batch-size 1", RUN, ("mindspore",)),
    "evaluate": Command(
        "evaluate --images photos --json out/a.json --sheet out/a.png", ("a.json", "a.png"), ("skimage", "matplotlib")
    ),
    "figure": Command("figure night.png -o out/a.png", ("a.png",), ("skimage", "matplotlib")),
    "export": Command(
        f"export --checkpoint {CHECKPOINT} --output out --formats mindir,onnx,dce",
        ("zerodcepp_scene.mindir", "zerodcepp_scene.onnx", "zerodcepp_scene.dce", "manifest.json"),
        ("mindspore", "onnx", "onnxruntime"),
    ),
    "quantize": Command(
        f"quantize --checkpoint {CHECKPOINT} --calibration photos --output out --formats onnx,ms,dce --pictures 8",
        QUANTIZED,
        ("onnx", "onnxruntime", "lite"),
    ),
    "bench": Command(f"{BENCH} --json out/a.json --csv out/a.csv --html out/a.html", ("a.json", "a.csv", "a.html")),
    "clips": Command("out", ("pan.mp4", "still.mp4"), ("av", "skimage"), "dcelite.bench.fixtures.clips"),
    "dark_pictures": Command(
        "out", ("astronaut_64.png", "rocket_3.png"), ("skimage",), "dcelite.bench.fixtures.dark_pictures"
    ),
    "literal_curve": Command("model.onnx out/a.onnx", ("a.onnx",), ("onnx",), "dcelite.bench.fixtures.literal_curve"),
    "demo": Command(
        "--output out",
        ("dark.png", "enhanced.png", "comparison.png", "models/zerodcepp_scene.onnx", "models/manifest.json"),
        ("mindspore", "onnx", "onnxruntime", "skimage"),
        "demo/demo.py",
    ),
    "strength": Command("out/a.jpg", ("a.jpg",), ("skimage",), "demo/strength.py"),
}


@pytest.fixture(autouse=True)
def _inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with what the commands read. What is no such file is looked at after the outputs."""
    monkeypatch.chdir(tmp_path)
    Path("photos", "deep").mkdir(parents=True)
    pixels = (60 * np.random.default_rng(1).random((60, 80, 3))).astype(np.uint8)
    for name in ("night.png", "photos/b.png", "photos/deep/b.png"):
        PIL.Image.fromarray(pixels).save(name)
    for name in ("night.mp4", "model.onnx"):
        Path(name).write_text("no such file")


def require(module: str) -> None:
    if module == "lite":
        try:
            find_sdk()
        except EngineUnavailableError as error:
            skip(str(error))
    elif importlib.util.find_spec(module) is None:
        skip(f"{module} is absent")


def run(command: Command, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of the command, run in this process."""
    arguments = command.line.split()
    if not command.program.endswith(".py"):
        return int(importlib.import_module(command.program).main(arguments))
    script = REPOSITORY / command.program
    monkeypatch.setattr(sys, "argv", [str(script), *arguments])
    monkeypatch.syspath_prepend(script.parent)
    return int(runpy.run_path(str(script))["main"]())


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "output"), [(name, output) for name, command in COMMANDS.items() for output in command.outputs]
)
def test_an_output_that_exists_is_refused_and_kept(
    name: str, output: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in COMMANDS[name].needs:
        require(module)
    path = Path("out", output)
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    assert run(COMMANDS[name], monkeypatch) == 2
    (message,) = capsys.readouterr().err.strip().splitlines()
    assert "--overwrite" in message
    assert contents(Path("out")) == {output: "precious"}


def test_a_folder_of_calibration_inputs_is_refused_and_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is in it."""
    for module in COMMANDS["quantize"].needs:
        require(module)
    path = Path("out", "zerodcepp_scene_int8_calibration", "notes.txt")
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    assert run(COMMANDS["quantize"], monkeypatch) == 2
    assert "zerodcepp_scene_int8_calibration: exists already" in capsys.readouterr().err
    assert path.read_text() == "precious"
