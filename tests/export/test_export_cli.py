"""``dcelite export``: one clear line and exit code 2 for what a user may get wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from dcelite.cli import main
from dcelite.errors import ModelError
from dcelite.export.cli import parse_size
from dcelite.model.checkpoint import save_weights

from generated import ARCHITECTURES, weights_of
from support import REPOSITORY, skip


@pytest.fixture(scope="module")
def checkpoint_of(tmp_path_factory):
    """Architecture -> checkpoint file with the generated weights."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for architecture in ARCHITECTURES:
        save_weights(weights_of(architecture), folder / f"{architecture}.ckpt")
    return lambda architecture: folder / f"{architecture}.ckpt"


def fails(capsys, *arguments: object) -> str:
    """Run ``dcelite export``; returns the one line on standard error of a run that ends with exit code 2."""
    assert main(["export", *map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("dcelite: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def test_a_checkpoint_that_is_missing_empty_foreign_or_damaged(capsys, checkpoint_of, tmp_path):
    out = tmp_path / "out"
    good = checkpoint_of("zerodcepp").read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 0x10
    contents = {"empty": b"", "foreign": b"\x89PNG\r\n\x1a\n" + bytes(500), "truncated": good[:-50], "flipped": flipped}
    for name, content in contents.items():
        path = tmp_path / f"{name}.ckpt"
        path.write_bytes(content)
        assert f"{path}: " in fails(capsys, "--checkpoint", path, "--output", out)
    assert "absent.ckpt: " in fails(capsys, "--checkpoint", tmp_path / "absent.ckpt", "--output", out)
    assert "is a folder" in fails(capsys, "--checkpoint", tmp_path, "--output", out)
    assert not out.exists()


@pytest.mark.parametrize("size", ["900", "900x", "900*1200", "-1x5", "x", "900x1200x3", "1e3x5", ""])
def test_a_size_that_is_none(capsys, checkpoint_of, tmp_path, size):
    checkpoint = checkpoint_of("zerodcepp")
    line = fails(capsys, "--checkpoint", checkpoint, "--output", tmp_path, "--resize-in-graph", f"--size={size}")
    assert f"--size {size}: HEIGHTxWIDTH was wanted" in line


def test_size_is_height_first():
    assert parse_size("900x1200") == (900, 1200)
    assert parse_size(None) is None


def test_an_output_that_is_a_file(capsys, checkpoint_of, tmp_path):
    pytest.importorskip("dcelite.training.backend")
    path = tmp_path / "file"
    path.write_text("precious")
    line = fails(capsys, "--checkpoint", checkpoint_of("zerodcepp"), "--output", path, "--formats", "dce")
    assert f"{path}: " in line
    assert path.read_text() == "precious"


def test_an_output_folder_that_is_not_writable(capsys, checkpoint_of, tmp_path):
    pytest.importorskip("dcelite.training.backend")
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):  # root may write anywhere, except where the kernel refuses
        folder = "/proc/dcelite"
    line = fails(capsys, "--checkpoint", checkpoint_of("zerodcepp"), "--output", folder, "--formats", "dce")
    assert f"{folder}: cannot write to this folder" in line


def test_unknown_format(capsys, checkpoint_of, tmp_path):
    line = fails(capsys, "--checkpoint", checkpoint_of("zerodcepp"), "--output", tmp_path, "--formats", "onnx,tflite")
    assert "--formats tflite: is not a format; a list of mindir, onnx, ms, dce was wanted" in line


def test_the_command_writes_the_files(capsys, checkpoint_of, tmp_path):
    pytest.importorskip("dcelite.training.backend")
    code = main(
        ["export", "--checkpoint", str(checkpoint_of("zerodcepp")), "--output", str(tmp_path), "--formats", "dce"]
    )
    assert code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"zerodcepp.dce", "manifest.json"}
    assert "zerodcepp.dce" in capsys.readouterr().out


def test_the_script_is_the_command(checkpoint_of, tmp_path):
    script = REPOSITORY / "export" / "export.py"
    if not script.is_file():
        skip(f"{script} is absent")
    missing = tmp_path / "absent.ckpt"
    result = subprocess.run(
        [sys.executable, script, "--checkpoint", missing, "--output", tmp_path], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert result.stderr.startswith(f"dcelite: error: {missing}: ")


def test_the_help_needs_no_heavy_package():
    code = (
        "import sys\n"
        "from dcelite.cli import build_parser\n"
        "build_parser()\n"
        "heavy = {'mindspore', 'onnx', 'onnxruntime'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("child_dies", [False, True])
def test_ctrl_c_between_two_steps(capfd, checkpoint_of, tmp_path, child_dies, monkeypatch):
    """The first Ctrl-C waits for the step under way, in which MindSpore would crash; nothing is left behind."""
    pytest.importorskip("dcelite.training.backend")
    from dcelite.export import export as export_module

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        if child_dies:
            raise ModelError("the converter crashed (SIGINT)")
        return verify(*arguments)

    verify = export_module.verify
    monkeypatch.setattr(export_module, "verify", interrupted)
    before = signal.getsignal(signal.SIGINT)
    out = tmp_path / "out"
    arguments = ["export", "--checkpoint", str(checkpoint_of("zerodcepp")), "--output", str(out), "--formats", "dce"]
    assert main(arguments) == 130
    assert capfd.readouterr().err == "dcelite: interrupted\n"
    assert not out.exists()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("moment", ["importing MindSpore", "running a graph"])
def test_ctrl_c_in_a_real_process(checkpoint_of, tmp_path, moment):
    pytest.importorskip("dcelite.training.backend")
    out = tmp_path / "out"
    arguments = ["export", "--checkpoint", str(checkpoint_of("zerodcepp")), "--output", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "dcelite.cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    if moment == "running a graph":
        assert process.stdout.readline() == "writing zerodcepp.mindir\n"
        time.sleep(0.2)
    else:
        while not out.exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    assert error == "dcelite: interrupted\n"
    assert not out.exists()
