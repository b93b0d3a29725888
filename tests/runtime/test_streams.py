"""Standard output and error that nobody reads, that are full, closed, or without the characters of a name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from dcelite.streams import printable

COMMAND = [sys.executable, "-m", "dcelite.cli"]


@pytest.fixture
def photos(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Enough of them for the report to be more than a pipe's buffer."""
    folder = tmp_path / "photos"
    folder.mkdir()
    picture = PIL.Image.fromarray((60 * rng.random((20, 30, 3))).astype(np.uint8))
    for number in range(60):
        picture.save(folder / f"{'a long name ' * 12}{number}.png")
    return folder


def run_without_reader(*arguments: object, stream: str = "stdout") -> subprocess.CompletedProcess[str]:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: writing}
        return subprocess.run([*COMMAND, *map(str, arguments)], **streams, text=True, timeout=120, check=False)
    finally:
        os.close(writing)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_work_goes_on_when_nobody_reads_any_more(photos: Path, tmp_path: Path, stream: str) -> None:
    (photos / "broken.jpg").write_bytes(b"no image")
    result = run_without_reader("enhance", photos, "-o", tmp_path / "out", stream=stream)
    assert result.returncode == 2
    assert len(list((tmp_path / "out").iterdir())) == 60
    errors = (result.stderr or "") + (result.stdout or "")
    assert "Traceback" not in errors
    assert "Broken pipe" not in errors
    assert "BrokenPipeError" not in errors


@pytest.mark.parametrize("line", ["info", "--help", "--version", "enhance --help"])
def test_a_reader_that_has_seen_enough_is_no_failure(line: str) -> None:
    result = run_without_reader(*line.split())
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("line", ["info", "enhance photos -o out"])
def test_a_report_that_cannot_be_written_is_a_failure_at_the_end(photos: Path, line: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:  # noqa: PTH123 (a device)
        result = subprocess.run(
            [*COMMAND, *line.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=photos.parent
        )
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        "dcelite: error: standard output: cannot be written: No space left on device"
    )
    if "enhance" in line:
        assert len(list((photos.parent / "out").iterdir())) == 60


def test_streams_that_are_closed_are_not_those_of_the_output(photos: Path, tmp_path: Path) -> None:
    """A file gets the lowest number that is free: that of a closed standard error, and all that is printed there."""
    command = [*COMMAND, "enhance", photos, "-o", tmp_path / "out"]
    result = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command], check=False, timeout=120)
    assert result.returncode == 0
    results = list((tmp_path / "out").iterdir())
    assert len(results) == 60
    for path in results:
        with PIL.Image.open(path) as image:
            image.load()


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_names_that_cannot_be_printed(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    picture = PIL.Image.new("RGB", (20, 10))
    names = [b"caf\xe9.png", "Nächte 🌙.png".encode(), b"two\nlines\x1b[31m.png"]
    for name in names:
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:  # noqa: PTH118, PTH123 (bytes)
            picture.save(file, "PNG")
    (folder / "broken é\udcff.jpg").write_bytes(b"no image")
    result = subprocess.run(
        [*COMMAND, "enhance", folder, "-o", tmp_path / "out"],
        capture_output=True,
        check=False,
        timeout=120,
        env=os.environ | {"PYTHONIOENCODING": encoding},
    )
    assert result.returncode == 2
    assert b"Traceback" not in result.stderr
    assert sorted(os.fsencode(path.name) for path in (tmp_path / "out").iterdir()) == sorted(names)
    assert len(result.stdout.splitlines()) == 4
    assert b"caf\\udce9.png" in result.stdout
    assert rb"two\nlines\x1b[31m.png" in result.stdout
    assert ("Nächte 🌙.png" if encoding == "utf-8" else r"N\xe4chte \U0001f319.png").encode() in result.stdout
    assert b"\\udcff.jpg: is not an image" in result.stderr


def test_printable() -> None:
    assert printable("a ä 🌙 \x1b\n\udcff\\") == "a ä 🌙 \\x1b\\n\\udcff\\"
