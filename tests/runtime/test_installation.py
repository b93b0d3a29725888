"""A machine on which only ``pip install dcelite`` ran: no MindSpore, no ONNX, no MindSpore Lite."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from dcelite import Enhancer
from dcelite.denoising import AMOUNT

from support import REPOSITORY, skip

CHECKPOINT = REPOSITORY / "models" / "zerodcepp_scene.ckpt"


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel and what it depends on, and nothing else."""
    folder = tmp_path_factory.mktemp("board")
    venv.create(folder / "venv", with_pip=True)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", str(REPOSITORY)]
    separate = ["-w", str(folder), f"--config-settings=build-dir={folder / 'build'}"]
    result = subprocess.run([*wheel, *separate], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (path,) = folder.glob("*.whl")
    assert path.name.startswith("dcelite-")
    assert "-py3-none-" in path.name
    install = [str(folder / "venv" / "bin" / "python"), "-m", "pip", "install", "--quiet", str(path)]
    result = subprocess.run(install, capture_output=True, text=True, check=False)
    if "No matching distribution" in result.stderr:
        skip(f"numpy, pillow and tqdm cannot be downloaded: {result.stderr.strip().splitlines()[-1]}")
    assert result.returncode == 0, result.stderr
    return folder / "venv" / "bin"


def _run(board: Path, *arguments: object, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MSLITE"))}
    environment |= {"DCELITE_CACHE": str(cache)}
    command = [str(board / "dcelite"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_enhances_with_the_native_engine(board: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    pixels = (60 * rng.random((50, 70, 3))).astype(np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "photo.png")
    result = _run(board, "enhance", tmp_path / "photo.png", "-o", tmp_path / "out.png", cache=tmp_path)
    assert result.returncode == 0, result.stderr
    with PIL.Image.open(tmp_path / "out.png") as image:
        np.testing.assert_array_equal(np.asarray(image), Enhancer(denoise=AMOUNT)(pixels))


def test_absent_engines_say_what_to_install(board: Path, tmp_path: Path) -> None:
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "photo.png")
    for model, data, advice in (
        ("model.onnx", b"some model", "pip install 'dcelite[onnx]'"),
        ("model.ms", b"\x04\0\0\0MSL2 and more", "python -m dcelite.mindspore_lite install"),
    ):
        (tmp_path / model).write_bytes(data)
        result = _run(board, "enhance", tmp_path / "photo.png", "--model", tmp_path / model, cache=tmp_path / "empty")
        assert result.returncode == 2
        assert advice in result.stderr
        assert "Traceback" not in result.stderr
    assert not (tmp_path / "photo_enhanced.png").exists()


def test_commands_of_absent_parts_say_what_to_install(board: Path, tmp_path: Path) -> None:
    for extra, command in (
        ("train", ("train", "--data", tmp_path, "--output", tmp_path / "run")),
        ("export", ("export", "--checkpoint", CHECKPOINT, "--output", tmp_path / "models")),
        ("archive", ("archive", tmp_path, tmp_path / "out")),
    ):
        result = _run(board, *command, cache=tmp_path)
        assert result.returncode == 2
        assert f"pip install 'dcelite[{extra}]'" in result.stderr
        assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []
