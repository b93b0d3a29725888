"""``dcelite enhance`` of many files: failures, pipes, threads, interruptions, and runs that are killed and go on."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from dcelite import Enhancer, cli
from dcelite.batch import work
from dcelite.batch.plan import Job
from dcelite.denoising import AMOUNT
from dcelite.errors import EngineUnavailableError
from dcelite.images import Photograph, read_photograph

COMMAND = [sys.executable, "-m", "dcelite.cli", "enhance"]
FILES = int(os.environ.get("DCELITE_BATCH_FILES", "150"))
KILLS = 10 if FILES > 1000 else 4
"""DCELITE_BATCH_FILES=10000 is the long run: some minutes."""


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, check=False, timeout=3600, **({"capture_output": True} | options))


def picture(number: int, width: int = 40, height: int = 30) -> PIL.Image.Image:
    noise = np.random.default_rng(number).random((height, width, 3))
    return PIL.Image.fromarray((60 * noise + number % 60).astype(np.uint8))


def fill(folder: Path, count: int, **size: int) -> Path:
    """Pictures in folders of a hundred."""
    suffixes = (".jpg", ".png", ".webp")
    for number in range(count):
        path = folder / str(number // 100) / f"{number}{suffixes[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number, **size).save(path)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """All files, also hidden ones, and as nothing the folders."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }


def test_no_file_ends_a_run(tmp_path: Path) -> None:
    photos, out = fill(tmp_path / "photos", 6), tmp_path / "out"
    transparent = picture(1).convert("RGBA")
    transparent.putalpha(99)
    transparent.save(photos / "transparent.jpg", "PNG")
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (photos / "taken.png").write_bytes((photos / "0" / "1.png").read_bytes())
    (out / "taken.png").mkdir(parents=True)
    (out / "0").mkdir()
    large = photos / "larger than a file may be.png"
    PIL.Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)).save(large)

    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    result = run(photos, photos / "absent.jpg", "-o", out, preexec_fn=limit_files, text=True)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    for text in ("/broken.png: ", "out/taken.png: is a folder", "File too large", "absent.jpg: no such"):
        assert text in result.stderr
    last = result.stderr.splitlines()[-1]
    # Where formats cannot hold it, transparency is left out, or the picture is.
    assert last.startswith(("dcelite: error: 4 of 11 images failed", "dcelite: error: 5 of 11 images failed"))
    for name in ("broken.png", "taken.png", "larger than a file may be.png", "absent.jpg"):
        assert name in last
    assert {name for name in contents(out) if "/" in name} == {
        f"0/{number}{suffix}" for number, suffix in enumerate((".jpg", ".png", ".webp") * 2)
    }
    assert result.stdout.splitlines()[-1].startswith(("6 images enhanced", "7 images enhanced"))
    assert not [name for name in contents(out) if "/." in f"/{name}"]


class Odd(BaseException):
    """What no decoder should throw, but some do."""


@pytest.mark.parametrize("error", [Odd("odd"), RuntimeError("odd"), SystemExit("odd"), MemoryError()])
def test_whatever_a_decoder_throws(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(path: Path, data: bytes | None = None) -> Photograph:
        if path.name == "1.png":
            raise error
        return read_photograph(path, data)

    monkeypatch.setattr(work, "read_photograph", read)
    photos = fill(tmp_path / "photos", 5)
    assert cli.main(["enhance", str(photos), "-o", str(tmp_path / "out"), "--jobs", "2"]) == 2
    errors = capsys.readouterr().err
    text = "needs more memory than there is" if isinstance(error, MemoryError) else f"{type(error).__name__}: odd"
    assert f"dcelite: error: {photos / '0' / '1.png'}: {text}" in errors
    assert "1 of 5 images failed" in errors.splitlines()[-1]
    assert len(list((tmp_path / "out" / "0").iterdir())) == 4


def test_what_has_no_room_beside_others_is_tried_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path, data: bytes | None = None) -> Photograph:
        if len([t for t in threading.enumerate() if t is not threading.main_thread() and t.daemon]) > 1:
            raise MemoryError
        return read_photograph(path, data)

    monkeypatch.setattr(work, "read_photograph", read)
    photos = fill(tmp_path / "photos", 6)
    assert cli.main(["enhance", str(photos), "-o", str(tmp_path / "out"), "--jobs", "3"]) == 0
    assert len(list((tmp_path / "out" / "0").iterdir())) == 6


def test_a_picture_that_is_damaged_in_part_is_written_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(path: Path, data: bytes | None = None) -> Photograph:
        photograph = read_photograph(path, data)
        photograph.damage = ["the last 10 rows cannot be decoded"] if path.name == "1.png" else []
        return photograph

    monkeypatch.setattr(work, "read_photograph", read)
    photos, out = fill(tmp_path / "photos", 3), tmp_path / "out"
    assert cli.main(["enhance", str(photos), "-o", str(out)]) == 2
    captured = capsys.readouterr()
    assert "3 images enhanced, 1 failed" in captured.out
    assert f"1.png: the last 10 rows cannot be decoded; {out / '0' / '1.png'} holds what could be read" in captured.err
    assert "1 of 3 images failed, of which 1 in part, see above" in captured.err
    assert cli.main(["enhance", str(photos / "0" / "1.png")]) == 2
    assert "1_enhanced.png holds what could be read" in capsys.readouterr().err


def test_the_same_bytes_with_any_number_of_jobs_and_threads(tmp_path: Path) -> None:
    photos = fill(tmp_path / "photos", 12, width=130, height=90)
    results = []
    for options in (["--jobs", 1], ["--jobs", 2], ["--jobs", 5, "--threads", 7], ["--threads", 1]):
        out = tmp_path / f"out{len(results)}"
        result = run(photos, "-o", out, *options)
        assert result.returncode == 0, result.stderr
        assert b"12 images enhanced in " in result.stdout
        for stage in (b"decode ", b"enhancement ", b"encode ", b"write "):
            assert stage in result.stdout.splitlines()[-1]
        results.append(contents(out))
    assert len(results[0]) == 13
    assert all(result == results[0] for result in results)


def test_no_more_pictures_in_memory_and_enhancers_than_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos = fill(tmp_path / "photos", 9)
    at_work, most, opened = 0, 0, []
    lock = threading.Lock()

    def read(path: Path, data: bytes | None = None) -> Photograph:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.02)
        return read_photograph(path, data)

    def write(*arguments: Any, **options: Any) -> None:
        nonlocal at_work
        with lock:
            at_work -= 1

    def open_counted(options: Any, *_: Any, **__: Any) -> Enhancer:
        opened.append(options.threads)
        return Enhancer(threads=options.threads)

    monkeypatch.setattr(work, "read_photograph", read)
    monkeypatch.setattr(work, "write_bytes_atomically", write)
    monkeypatch.setattr("dcelite.commands.enhance.open_enhancer", open_counted)
    assert cli.main(["enhance", str(photos), "-o", str(tmp_path / "a"), "--jobs", "3", "--threads", "8"]) == 0
    assert (most, opened) == (3, [2, 2, 2])
    opened.clear()
    assert cli.main(["enhance", str(photos / "0" / "0.jpg"), "-o", str(tmp_path / "b.jpg"), "--threads", "8"]) == 0
    assert opened == [8]


def test_an_enhancer_that_cannot_be_opened_leaves_the_work_to_the_others(tmp_path: Path) -> None:
    photos, left = fill(tmp_path / "photos", 4), [True]

    def open_one() -> Enhancer:
        if left:
            left.pop()
            return Enhancer(threads=1)
        raise EngineUnavailableError("no more of them")

    jobs = [Job(path, tmp_path / path.name) for path in sorted((photos / "0").iterdir())]
    outcomes = list(work.Batch(jobs, 3, open_one, threading.Event()))
    assert sorted(outcome.job.source for outcome in outcomes if outcome.size) == sorted(job.source for job in jobs)
    with pytest.raises(EngineUnavailableError):
        list(work.Batch(jobs, 3, open_one, threading.Event()))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--skip-existing", "--overwrite"], "--skip-existing: leaves outputs that exist, --overwrite replaces them"),
        (["--jobs", "-1"], "--jobs: -1, 0 or more was wanted"),
        (["--quality", "0"], "--quality: 0, 1 to 100 was wanted"),
        (["--quality", "101"], "--quality: 101, 1 to 100 was wanted"),
        (["--threads", "65", "--jobs", "2"], "--threads: 65, 0 to 64 was wanted"),
    ],
)
def test_options_out_of_range(
    options: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = fill(tmp_path / "photos", 2)
    assert cli.main(["enhance", str(photos), *options]) == 2
    assert capsys.readouterr().err.startswith(f"dcelite: error: {text}")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_quality(tmp_path: Path) -> None:
    picture(1, 200, 150).save(tmp_path / "in.jpg")
    sizes = []
    for quality in (5, 50, 100):
        out = tmp_path / f"{quality}.jpg"
        assert cli.main(["enhance", str(tmp_path / "in.jpg"), "-o", str(out), "--quality", str(quality)]) == 0
        sizes.append(out.stat().st_size)
    assert sizes[0] < sizes[1] / 2 < sizes[2] / 4


# ------------------------------------------------------------------------------------------------ pipes


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_pipes(tmp_path: Path, image_format: str) -> None:
    source = tmp_path / "night"
    picture(3).save(source, image_format)
    data = source.read_bytes()
    piped = run("-", input=data)
    assert piped.returncode == 0, piped.stderr
    assert piped.stderr.decode() == "standard input -> standard output (40 x 30)\n"
    assert run(source, "-o", "-").stdout == piped.stdout
    assert run("-", "-o", "-", input=data).stdout == piped.stdout
    result = run("-", "-o", tmp_path / "out.png", input=data)
    assert result.stdout.decode() == f"standard input -> {tmp_path / 'out.png'} (40 x 30)\n"
    (tmp_path / "piped").write_bytes(piped.stdout)
    with PIL.Image.open(tmp_path / "piped") as image, PIL.Image.open(source) as before:
        assert image.format == image_format
        if image_format == "PNG":
            wanted = Enhancer(denoise=AMOUNT)(np.asarray(before))
            np.testing.assert_array_equal(np.asarray(image), wanted)


def test_pipes_that_hold_no_picture_or_lead_nowhere(tmp_path: Path) -> None:
    for data in (b"", b"no picture"):
        result = run("-", input=data, text=False)
        assert (result.returncode, result.stdout) == (2, b"")
        assert result.stderr.startswith(b"dcelite: error: standard input: ")
        assert len(result.stderr.splitlines()) == 1
    source = tmp_path / "night.png"
    picture(3, 300, 300).save(source)
    reading, writing = os.pipe()
    os.close(reading)
    result = run(source, "-o", "-", stdout=writing, stderr=subprocess.PIPE, capture_output=False)
    os.close(writing)
    assert result.returncode == 2
    assert result.stderr == b"dcelite: error: standard output: cannot be written: Broken pipe\n"


def test_no_picture_goes_to_a_terminal_or_comes_from_one(tmp_path: Path) -> None:
    picture(3).save(tmp_path / "night.png")
    ours, terminal = os.openpty()
    try:
        result = run(tmp_path / "night.png", "-o", "-", stdout=terminal, stderr=subprocess.PIPE, capture_output=False)
        assert result.returncode == 2
        assert b"standard output: is a terminal" in result.stderr
        result = run("-", stdin=terminal)
        assert result.returncode == 2
        assert b"standard input: is a terminal" in result.stderr
    finally:
        os.close(ours)
        os.close(terminal)


# ------------------------------------------------------------------------------------------------ interruptions


def start(*arguments: object) -> subprocess.Popen[bytes]:
    def heed() -> None:  # a job in the background has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=heed)


def wait_until(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> bool:
    """False where the process ended before."""
    deadline = time.monotonic() + 600
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return True


def count(folder: Path) -> int:
    """The outputs that are there."""
    return sum(len(files) for path, _, files in os.walk(folder) if not Path(path).name.startswith("."))


SLOW = """
import sys, time
from dcelite import cli
from dcelite.batch import work
def encode(*_arguments):
    print("ready", flush=True)
    time.sleep(60)
def write(path, data, **_options):
    with atomic_output(path) as temporary:
        print("ready", flush=True)
        time.sleep(60)
from dcelite.files import atomic_output
if sys.argv[1] == "encode":
    work.encode_photograph = encode
else:
    work.write_bytes_atomically = write
sys.exit(cli.main(["enhance", *sys.argv[2:]]))
"""


@pytest.mark.parametrize("stage", ["encode", "write"])
def test_what_takes_long_is_not_waited_for(tmp_path: Path, stage: str) -> None:
    photos = fill(tmp_path / "photos", 3)
    command = [sys.executable, "-c", SLOW, stage, photos, "-o", tmp_path / "out", "--jobs", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        begin = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=50)
    assert time.monotonic() - begin < 20
    assert process.returncode == 128 + signal.SIGTERM
    assert errors.splitlines()[-2:] == [
        b"dcelite: 3 of 3 images are not done; --skip-existing goes on",
        b"dcelite: interrupted",
    ]
    assert not list((tmp_path / "out").rglob("*.*"))


def test_waiting_for_standard_input_can_be_interrupted() -> None:
    with subprocess.Popen([*COMMAND, "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert process.stderr.read() == b"dcelite: interrupted\n"
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_run_leaves_whole_outputs_alone(tmp_path: Path, number: signal.Signals) -> None:
    photos, out = fill(tmp_path / "photos", 60, width=400, height=300), tmp_path / "out"
    moment = random.Random(number)
    wanted: dict[str, bytes] = {}
    for _ in range(4):
        done = count(out)
        process = start(photos, "-o", out, "--skip-existing", "--jobs", 2)
        # The first moments are those of temporary folders that hold nothing yet.
        assert wait_until(process, lambda: count(out) > done)  # noqa: B023
        time.sleep(moment.uniform(0, 0.01))
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 128 + number, errors
        assert errors.splitlines()[-1] == b"dcelite: interrupted"
        assert b"of 60 images are not done; --skip-existing goes on" in errors
        assert not [name for name in contents(out) if "/." in f"/{name}"]
        for name, data in contents(out).items():
            assert wanted.setdefault(name, data) == data
    assert run(photos, "-o", out, "--skip-existing").returncode == 0
    assert run(photos, "-o", tmp_path / "whole").returncode == 0
    assert contents(out) == contents(tmp_path / "whole")


def test_killed_runs_that_go_on_make_what_one_run_makes(tmp_path: Path) -> None:
    """DCELITE_BATCH_FILES says how many files."""
    photos, out = fill(tmp_path / "photos", FILES), tmp_path / "out"
    assert run(photos, "-o", tmp_path / "whole").returncode == 0
    wanted = contents(tmp_path / "whole")
    moment = random.Random(1)
    goals = sorted(moment.sample(range(1, FILES - FILES // 10), KILLS))
    for goal in goals:
        process = start(photos, "-o", out, "--skip-existing", "--jobs", 3)
        assert wait_until(process, lambda: count(out) >= goal)  # noqa: B023
        time.sleep(moment.uniform(0, 0.02))
        process.kill()
        process.communicate()
        assert count(out) >= goal
        for name, data in contents(out).items():
            if "/." not in f"/{name}":
                assert data == wanted[name], name
    result = run(photos, "-o", out, "--skip-existing", text=True)
    assert result.returncode == 0, result.stderr
    assert "exist already" in result.stdout.splitlines()[-1]
    assert contents(out) == wanted
    (out / "1" / ".a.dcelite-01234567-89abcdef").mkdir()  # of one that was killed when its output was in place
    os.utime(out / "1" / ".a.dcelite-01234567-89abcdef", (0, 0))
    result = run(photos, "-o", out, "--skip-existing", text=True)
    assert (result.returncode, result.stdout) == (0, f"0 images enhanced, {FILES} exist already\n")
    result = run(photos, "-o", out, text=True)
    assert result.returncode == 2
    assert f"and {FILES - 1} more of {FILES} outputs exist already" in result.stderr
    assert contents(out) == wanted


def test_one_picture_that_is_done_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(1).save(tmp_path / "a.png")
    for line in (f"{tmp_path / 'a.png'} -> {tmp_path / 'b.png'} (40 x 30)", "0 images enhanced, 1 exist already"):
        assert cli.main(["enhance", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png"), "--skip-existing"]) == 0
        assert capsys.readouterr().out == f"{line}\n"


def test_two_runs_that_go_on_at_once_share_the_work(tmp_path: Path) -> None:
    photos, out = fill(tmp_path / "photos", 60), tmp_path / "out"
    processes = [start(photos, "-o", out, "--skip-existing", "--jobs", 2) for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert run(photos, "-o", tmp_path / "whole").returncode == 0
    assert contents(out) == contents(tmp_path / "whole")
