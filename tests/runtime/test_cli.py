"""The command line: ``dcelite enhance`` and ``dcelite info``, in a process of their own where the exit code matters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from dcelite import Enhancer, cli
from dcelite.denoising import AMOUNT

from support import REPOSITORY


def dcelite(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dcelite.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)


def assert_refused(result: subprocess.CompletedProcess[str], *texts: str) -> None:
    """Exit code 2 and one line that names the cause; no traceback."""
    assert result.returncode == 2, result
    lines = result.stderr.strip().split("\n")
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("dcelite: error: ")
    for text in texts:
        assert str(text) in lines[0]


@pytest.fixture
def photo(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "night.png"
    PIL.Image.fromarray((60 * rng.random((50, 70, 3))).astype(np.uint8)).save(path)
    return path


def pixels(path: Path) -> np.ndarray:
    with PIL.Image.open(path) as image:
        return np.asarray(image)


def test_one_file(tmp_path: Path, photo: Path) -> None:
    result = dcelite("enhance", photo, "-o", tmp_path / "new" / "bright.png", "--threads", 2)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == f"{photo} -> {tmp_path / 'new' / 'bright.png'} (70 x 50)"
    np.testing.assert_array_equal(pixels(tmp_path / "new" / "bright.png"), Enhancer(denoise=AMOUNT)(pixels(photo)))


def test_without_output_the_result_stands_beside_the_input(photo: Path) -> None:
    assert dcelite("enhance", photo.name, cwd=photo.parent).returncode == 0
    np.testing.assert_array_equal(
        pixels(photo.with_name("night_enhanced.png")), Enhancer(denoise=AMOUNT)(pixels(photo))
    )


def test_options_reach_the_engine(tmp_path: Path, photo: Path) -> None:
    out = tmp_path / "out.png"
    model = REPOSITORY / "models" / "zerodcepp_scene.dce"
    settings = ["--strength", 0.5, "--denoise", 0.3, "--noise-level", 4]
    assert dcelite("enhance", photo, "-o", out, "--model", model, "--scale", 3, *settings).returncode == 0
    np.testing.assert_array_equal(
        pixels(out), Enhancer(model, scale=3, strength=0.5, denoise=0.3, noise_level=4)(pixels(photo))
    )


def test_denoising_that_is_turned_off_gives_the_bytes_of_the_library(tmp_path: Path, photo: Path) -> None:
    assert dcelite("enhance", photo, "-o", tmp_path / "out.png", "--denoise", 0).returncode == 0
    np.testing.assert_array_equal(pixels(tmp_path / "out.png"), Enhancer()(pixels(photo)))


@pytest.mark.parametrize("option", ["--denoise", "--noise-level"])
def test_an_amount_of_denoising_out_of_range_is_refused(photo: Path, option: str) -> None:
    result = dcelite("enhance", photo, option, -1)
    assert result.returncode == 2
    assert f"{option[2:].replace('-', '_')}: -1, 0" in result.stderr


def test_folders_keep_their_structure_and_bad_files_do_not_stop_the_rest(tmp_path: Path, photo: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "holiday").mkdir(parents=True)
    photo.rename(folder / "holiday" / "a.png")
    (folder / "b.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("not a picture")
    PIL.Image.open(folder / "holiday" / "a.png").save(folder / "c.webp")
    out = tmp_path / "out"
    result = dcelite("enhance", folder, "-o", out)
    assert result.returncode == 2
    assert "b.jpg: is not an image" in result.stderr
    assert result.stderr.splitlines()[-1] == (f"dcelite: error: 1 of 3 images failed, see above: {folder / 'b.jpg'}")
    assert "dcelite: left out: 1 .txt" in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == ["c.webp", "holiday/a.png"]


def test_several_files_go_to_a_folder(tmp_path: Path, photo: Path) -> None:
    second = tmp_path / "second.jpg"
    PIL.Image.open(photo).save(second)
    assert dcelite("enhance", photo, second, "-o", tmp_path / "out").returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["night.png", "second.jpg"]


def test_no_user_data_is_overwritten_unasked(tmp_path: Path, photo: Path) -> None:
    out = tmp_path / "out.png"
    out.write_text("precious")
    assert_refused(dcelite("enhance", photo, "-o", out), out, "exists already", "--overwrite")
    assert out.read_text() == "precious"
    assert_refused(dcelite("enhance", photo, "-o", photo), photo, "exists already")
    assert dcelite("enhance", photo, "-o", out, "--overwrite").returncode == 0
    assert pixels(out).shape == (50, 70, 3)


def test_two_inputs_of_one_name_are_refused(tmp_path: Path, photo: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    PIL.Image.open(photo).save(other / "night.png")
    assert_refused(dcelite("enhance", photo, other / "night.png", "-o", tmp_path / "out"), "would hold both")
    assert not (tmp_path / "out").exists()


def test_no_input_is_replaced_by_another(tmp_path: Path, photo: Path) -> None:
    """Not even with --overwrite: it would be gone before its own turn."""
    enhanced = photo.with_name("night_enhanced.png")
    photo.rename(enhanced)
    PIL.Image.open(enhanced).save(photo)
    before = enhanced.read_bytes()
    result = dcelite("enhance", photo, enhanced, "--overwrite")
    assert_refused(result, "night_enhanced.png: is an input itself, and would hold", photo)
    assert enhanced.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        (["missing.png"], ["missing.png: no such file"]),
        (["empty_folder"], ["empty_folder: holds no image"]),
        (["night.png", "-o", "out.gif"], ["out.gif", "suffix '.gif'"]),
        (["broken.jpg", "-o", "out.jpg"], ["broken.jpg: is not an image"]),
        (["night.png", "-o", "night.png/out.png"], ["night.png"]),
        (["night.png", "-o", "out.png", "--model", "missing.dce"], ["missing.dce: no such file"]),
        (["night.png", "-o", "out.png", "--model", "empty_folder"], ["empty_folder", "suffix"]),
        (["night.png", "-o", "out.png", "--model", "broken.dce"], ["broken.dce", "signature"]),
        (["night.png", "-o", "out.png", "--model", "empty.dce"], ["empty.dce", "0 bytes"]),
        (["night.png", "-o", "out.png", "--model", "empty.onnx"], ["empty.onnx", "is empty"]),
        (["night.png", "-o", "out.png", "--threads", "100"], ["threads: 100"]),
        (["night.png", "-o", "out.png", "--strength", "2"], ["strength: 2"]),
        (["night.png", "-o", "out.png", "--scale", "0"], ["scale: 0"]),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    tmp_path: Path, photo: Path, arguments: list[str], texts: list[str]
) -> None:
    if "empty.onnx" in arguments:
        pytest.importorskip("onnxruntime")
    (tmp_path / "empty_folder").mkdir()
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no jpeg")
    (tmp_path / "broken.dce").write_bytes(b"x" * 42308)
    (tmp_path / "empty.dce").write_bytes(b"")
    (tmp_path / "empty.onnx").write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    assert_refused(dcelite("enhance", *arguments, cwd=tmp_path), *texts)
    assert sorted(tmp_path.rglob("*")) == before


def test_folder_that_cannot_hold_files(photo: Path) -> None:
    """/proc refuses new files to everyone, root included."""
    assert_refused(dcelite("enhance", photo, "-o", "/proc/out.png"), "/proc", "cannot write to this folder")
    assert_refused(dcelite("enhance", photo, "-o", "/proc/new/out.png"), "/proc/new", "cannot write to this folder")


def test_info(tmp_path: Path) -> None:
    result = dcelite("info", REPOSITORY / "models" / "zerodcepp_scene.dce")
    assert result.returncode == 0, result.stderr
    for text in ("Zero-DCE++ with a scene head", "12,225", "1/12", "3 channels", "native", "48,964 bytes"):
        assert text in result.stdout
    shipped = dcelite("info")
    assert shipped.returncode == 0, shipped.stderr
    assert "shipped weights" in shipped.stdout
    assert "core library 0." in shipped.stdout
    assert_refused(dcelite("info", tmp_path / "missing.ms"), "missing.ms: no such file")


def test_wrong_usage_exits_with_2() -> None:
    assert dcelite("enhance").returncode == 2
    assert dcelite("enlarge").returncode == 2
    assert dcelite("--version").stdout.startswith("dcelite 0.")


def test_interruption_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], photo: Path
) -> None:
    def interrupt(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dcelite.commands.enhance.plan", interrupt)
    assert cli.main(["enhance", str(photo), "-o", str(photo.with_name("out.png"))]) == 130
    assert capsys.readouterr().err == "dcelite: interrupted\n"


HEAVY = {"av", "mindspore", "matplotlib", "onnx", "onnxruntime", "pyarrow", "ray", "scipy", "skimage"}

RUN_AND_TELL = """
import json, os, sys
before = dict(os.environ)
from dcelite import cli
cli.build_parser().format_help()
code = cli.main(sys.argv[1:])
changed = {name for name in {*before, *os.environ} if before.get(name) != os.environ.get(name)}
print(json.dumps([code, sorted(changed), sorted(name for name in sys.modules if "." not in name)]))
"""


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("info", set()),
        ("enhance night.png", set()),
        ("enhance night.png --model MODELS/zerodcepp_scene.dce", set()),
        ("enhance absent.png", set()),
        ("video absent.mp4", {"av"}),
        ("train --data absent --output run", {"matplotlib", "mindspore", "scipy"}),
        ("evaluate --images . --model MODELS/zerodcepp_scene.ckpt", set()),
        ("evaluate --pairs pairs", {"skimage", "scipy"}),
        ("figure night.png -o figure.png", {"matplotlib"}),
        ("export --checkpoint absent.ckpt --output models", set()),
        ("quantize --checkpoint MODELS/zerodcepp_scene.ckpt --calibration dark --output models --formats dce", set()),
        ("bench --quick --size 16x16 --threads 1", set()),
        ("archive absent out", {"pyarrow", "ray"}),
    ],
)
def test_a_command_imports_what_it_needs_and_leaves_the_environment_as_it_is(
    photo: Path, line: str, needed: set[str]
) -> None:
    """``train`` alone, of these, runs MindSpore, which sets variables and brings SciPy."""
    for module in needed:
        pytest.importorskip(module)
    for part in ("low", "high"):
        photo.with_name("pairs").joinpath(part).mkdir(parents=True)
        PIL.Image.open(photo).save(photo.with_name("pairs") / part / "a.png")
    photo.with_name("dark").mkdir()
    for number in range(9):  # the fewest that calibrate and judge
        PIL.Image.open(photo).save(photo.with_name("dark") / f"{number}.png")
    arguments = line.replace("MODELS", str(REPOSITORY / "models")).split()
    set_for_mindspore = ("DNNL_MAX_CPU_ISA", "GLOG_v")
    environment = {name: value for name, value in os.environ.items() if name not in set_for_mindspore}
    done = subprocess.run(
        [sys.executable, "-c", RUN_AND_TELL, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        cwd=photo.parent,
        env=environment,
    )
    code, changed, modules = json.loads(done.stdout.splitlines()[-1])
    assert code in (0, 2), done.stderr
    assert HEAVY & {*modules} <= needed
    assert ("GLOG_v" in changed) == ("mindspore" in modules) == ("mindspore" in needed)
    assert "mindspore" in needed or changed == []
