"""What is said where a part is absent, on Pythons that it exists for and on newer ones."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dcelite import cli
from dcelite.extras import MINDSPORE_PYTHONS, absent

from support import REPOSITORY

CHECKPOINT = REPOSITORY / "models" / "zerodcepp_scene.ckpt"


@pytest.fixture(autouse=True)
def _without_mindspore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mindspore", None)


def pretend(monkeypatch: pytest.MonkeyPatch, *version: int) -> None:
    monkeypatch.setattr("dcelite.extras.sys", SimpleNamespace(version_info=(*version, 0, "final", 0)))


@pytest.fixture(params=[(3, 13), (3, 15)])
def newer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A version of Python without MindSpore."""
    pretend(monkeypatch, *request.param)
    return "{}.{}".format(*request.param)


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ("train", "train --data . --output out"),
        ("export", f"export --checkpoint {CHECKPOINT} --output out"),
        ("export", f"export --checkpoint {CHECKPOINT} --output out --formats dce"),
    ],
)
def test_on_a_newer_python_the_line_says_which_has_it(
    newer: str,
    extra: str,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(line.split()) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith("dcelite: error: ")
    for text in ("mindspore is not installed", "exists for Python 3.10 to 3.12", f"this is {newer}"):
        assert text in message
    assert message.endswith(f"pip install 'dcelite[{extra}]'")
    assert list(tmp_path.iterdir()) == []


def test_on_others_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, 3, 12)
    assert absent("train", "mindspore") == "mindspore is not installed; run: pip install 'dcelite[train]'"
    assert absent("train", "sys", "json") == ""


def test_quantisation_needs_no_mindspore(
    newer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what it lacks by name, on a newer Python as on others."""
    for module in ("onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, module, None)
    line = f"quantize --checkpoint {CHECKPOINT} --calibration {tmp_path} --output {tmp_path / 'out'} --formats"
    assert cli.main([*line.split(), "onnx"]) == 2
    assert "--formats onnx: onnx is not installed; run: pip install 'dcelite[export]'" in capsys.readouterr().err
    assert cli.main([*line.split(), "dce"]) == 2
    assert "holds no image" in capsys.readouterr().err


def test_the_package_itself_takes_any_newer_python() -> None:
    """And what it says of MindSpore is what pip is told."""
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    (wanted,) = re.findall(r'^requires-python = "(.*)"$', project, re.MULTILINE)
    first, (major, last) = MINDSPORE_PYTHONS
    assert wanted == ">={}.{}".format(*first)
    markers = re.findall(r"\"mindspore==[0-9.]+; python_version < '([0-9.]+)'\"", project)
    assert markers == [f"{major}.{last + 1}"] * 2
    assert project.count("mindspore==") == len(markers)
