"""What a worker makes of single files, without a cluster."""

from __future__ import annotations

import errno
import hashlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

pytest.importorskip("pyarrow")

from archives import contents, picture

from dcelite import Enhancer, cli, files
from dcelite.archive import manifest, worker
from dcelite.archive.places import Place
from dcelite.archive.plan import Job
from dcelite.archive.worker import BRIGHT_LIFT, Task, Worker, _Precedence, brightness, lift, noise
from dcelite.batch import work
from dcelite.commands.model_options import DEFAULTS
from dcelite.images import Photograph, read_photograph
from dcelite.images.reading import admission

import photographs


def opened(folder: Path, **changes: Any) -> Worker:
    """A worker from ``in`` to ``out``."""
    for name in ("in", "out"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "out" / "token").write_text("run 1")
    places = Place.of(str(folder / "in")), Place.of(str(folder / "out"))
    arguments = {"threads": 1, "denoise": None}
    task = Task(*places, None, arguments, DEFAULTS, None, manifest.DONE, "settings", "run 1", "token")
    made = Worker(Task(**(vars(task) | changes)))
    assert made.problem() == ""
    return made


def source(folder: Path, name: str, image: PIL.Image.Image | bytes) -> Job:
    path = folder / "in" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(image, bytes):
        path.write_bytes(image)
    else:
        image.save(path)
    return Job(name, path.stat().st_size, path.stat().st_mtime_ns // 1000)


def outputs(folder: Path) -> dict[str, bytes]:
    (folder / "out" / "token").unlink(missing_ok=True)
    return contents(folder / "out")


def test_rows_and_files_are_those_of_enhance(tmp_path: Path) -> None:
    transparent = picture(3).convert("RGBA")
    transparent.putalpha(99)
    sixteen = PIL.Image.fromarray(np.asarray(picture(4).convert("L")).astype(np.uint16) * 200)
    files = {"a.jpg": picture(1, 200, 300), "deep/ü 写真.png": picture(2), "t.webp": transparent, "d/16.png": sixteen}
    jobs = [source(tmp_path, name, image) for name, image in files.items()]
    jobs.append(source(tmp_path, "bad.jpg", b"\xff\xd8\xff\xe0"))
    rows = opened(tmp_path).work(jobs)
    assert [row["outcome"] for row in rows] == ["done"] * 4 + ["failed"]
    assert cli.main(["enhance", str(tmp_path / "in"), "-o", str(tmp_path / "whole")]) == 2
    made = outputs(tmp_path)
    assert made == contents(tmp_path / "whole")
    for row, job in zip(rows, jobs, strict=True):
        assert (row["path"], row["size"], row["modified"], row["settings"]) == (*job[:3], "settings")
        assert row["source_sha256"] == hashlib.sha256((tmp_path / "in" / job.path).read_bytes()).hexdigest()
        assert row.keys() <= set(manifest.SCHEMA.names)
        if row["outcome"] == "done":
            assert row["output_sha256"] == hashlib.sha256(made[job.path]).hexdigest()
            assert row["brightness_after"] > row["brightness_before"]
    assert (rows[0]["width"], rows[0]["height"]) == (200, 300)
    assert "bad.jpg: cannot be read: " in rows[4]["error"]


def test_a_damaged_picture_is_written_and_told(tmp_path: Path) -> None:
    job = source(tmp_path, "a.jpg", picture(1, 300, 300))
    data = (tmp_path / "in" / "a.jpg").read_bytes()
    (row,) = opened(tmp_path).work([source(tmp_path, "a.jpg", data[: len(data) // 2])])
    assert (row["outcome"], list(outputs(tmp_path))) == ("damaged", ["a.jpg"])
    assert "the output holds what could be read" in row["error"]
    assert row["size"] < job.size


@pytest.mark.parametrize("error", [RuntimeError("odd"), SystemExit("odd"), BaseException("odd"), MemoryError()])
def test_whatever_a_decoder_throws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def read(path: Path, data: bytes | None = None) -> Photograph:
        if path.name == "1.png":
            raise error
        return read_photograph(path, data)

    monkeypatch.setattr(work, "read_photograph", read)
    rows = opened(tmp_path).work([source(tmp_path, f"{i}.png", picture(i)) for i in range(3)])
    assert [row["outcome"] for row in rows] == ["done", "failed", "done"]
    text = "needs more memory than there is" if isinstance(error, MemoryError) else f"{type(error).__name__}: odd"
    assert rows[1]["error"] == f"1.png: {text}"


def test_what_has_no_room_is_tried_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def read(path: Path, data: bytes | None = None) -> Photograph:
        tries.append(path)
        if len(tries) == 1:
            raise MemoryError
        return read_photograph(path, data)

    monkeypatch.setattr(work, "read_photograph", read)
    (row,) = opened(tmp_path).work([source(tmp_path, "a.png", picture(1))])
    assert (row["outcome"], len(tries)) == ("done", 2)


@pytest.mark.parametrize("bright", [manifest.COPIED, manifest.LEFT])
def test_what_is_bright_is_copied_or_left(tmp_path: Path, bright: str) -> None:
    well_lit = PIL.Image.fromarray(photographs.well_lit("coffee"))
    jobs = [
        source(tmp_path, "bright.jpg", well_lit),
        source(tmp_path, "dark.png", PIL.Image.fromarray(photographs.dark("coffee"))),
    ]
    rows = opened(tmp_path, bright=bright).work(jobs)
    assert [row["outcome"] for row in rows] == [bright, "done"]
    assert rows[0]["lift"] < BRIGHT_LIFT < rows[1]["lift"]
    made = outputs(tmp_path)
    assert made.keys() == ({"bright.jpg", "dark.png"} if bright == manifest.COPIED else {"dark.png"})
    if bright == manifest.COPIED:
        assert made["bright.jpg"] == (tmp_path / "in" / "bright.jpg").read_bytes()
        assert rows[0]["output_size"] == jobs[0].size


def test_an_earlier_output_goes_where_no_new_one_comes(tmp_path: Path) -> None:
    well_lit = PIL.Image.fromarray(photographs.well_lit("coffee"))
    jobs = [source(tmp_path, "bright.png", well_lit), source(tmp_path, "bad.jpg", b"\xff\xd8\xff\xe0")]
    jobs.append(source(tmp_path, "theirs.jpg", b""))
    made = opened(tmp_path, bright=manifest.LEFT)
    for job in jobs:
        (tmp_path / "out" / job.path).write_bytes(b"earlier")
    stale = [job._replace(replace=True, stale=job.path != "theirs.jpg") for job in jobs]
    rows = made.work(stale)
    assert [row["outcome"] for row in rows] == ["left", "failed", "failed"]
    assert outputs(tmp_path) == {"theirs.jpg": b"earlier"}  # the user offered it for an output, and there is none


def test_a_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    job = source(tmp_path, "a.png", picture(1))
    made = opened(tmp_path)
    (tmp_path / "out" / "a.png").write_bytes(b"precious")
    (row,) = made.work([job])
    assert row["outcome"] == "exists"
    assert outputs(tmp_path) == {"a.png": b"precious"}
    assert made.work([job._replace(replace=True)])[0]["outcome"] == "done"


def test_what_cannot_be_written_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    made = opened(tmp_path)
    (tmp_path / "out" / "a").write_bytes(b"a file, where a folder is wanted")
    (row,) = made.work([source(tmp_path, "a/b.png", picture(1))])
    assert row["outcome"] == "unwritten"
    assert "is a file, a folder was wanted" in row["error"]


def test_rows_come_after_the_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch, all outputs are flushed before one has its name, and a row is of an output that has it."""
    jobs = [source(tmp_path, f"{folder}/{i}.png", picture(i)) for i in range(3) for folder in "ab"]
    made = opened(tmp_path)
    full = [OSError(errno.ENOSPC, "No space left on device")]
    flush = files._flush

    def noted(path: Path) -> None:
        assert not [name for name in outputs(tmp_path) if "/." not in f"/{name}"]
        if path.name == "1.png" and full:
            raise full.pop()
        flush(path)

    monkeypatch.setattr(files, "_flush", noted)
    rows = made.work(jobs)
    assert [row["outcome"] for row in rows] == ["done", "done", "unwritten", "done", "done", "done"]
    assert rows[2]["error"] == f"{tmp_path / 'out/a/1.png'}: cannot be written: No space left on device"
    assert "output_sha256" not in rows[2]
    assert outputs(tmp_path).keys() == {job.path for job in jobs if job.path != "a/1.png"}


def test_a_file_that_comes_before_the_name_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, flush = source(tmp_path, "a.png", picture(1)), files._flush
    made = opened(tmp_path)

    def late(path: Path) -> None:
        flush(path)
        (tmp_path / "out" / "a.png").write_bytes(b"precious")

    monkeypatch.setattr(files, "_flush", late)
    (row,) = made.work([job])
    assert (row["outcome"], "exists already" in row["error"]) == ("exists", True)
    assert outputs(tmp_path) == {"a.png": b"precious"}


def test_the_call_that_came_first_computes_first() -> None:
    lock, order = _Precedence(), list[int]()

    def take(number: int) -> None:
        with lock.of(number):
            order.append(number)

    with lock.of(9):
        threads = []
        for waiting, number in enumerate((3, 1, 2), start=1):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            while len(lock._waiting) < waiting:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == [1, 2, 3]


def test_another_machine_is_found_out(tmp_path: Path) -> None:
    source(tmp_path, "a.png", picture(1))
    opened(tmp_path)
    task = vars(opened(tmp_path)._task)
    assert "is another folder there" in Worker(Task(**task | {"token": "run 2"})).problem()
    assert "is not there" in Worker(Task(**task | {"token_name": "absent"})).problem()
    assert "is not there" in Worker(Task(**task | {"source": Place.of(str(tmp_path / "absent"))})).problem()
    assert "strength" in Worker(Task(**task | {"arguments": {"strength": 7.0}})).problem()


def test_a_stopped_worker_begins_nothing(tmp_path: Path) -> None:
    made = opened(tmp_path)
    made.stop()
    assert made.work([source(tmp_path, "a.png", picture(1))]) == []


def test_large_pictures_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of another process too; small ones do not wait."""
    monkeypatch.setattr(worker, "LARGE", 200 * 200 * 9 - 1)
    holder = (
        "import fcntl, os, sys, dcelite; from pathlib import Path\n"
        "fcntl.flock(os.open(Path(dcelite.__file__).parent, os.O_RDONLY), fcntl.LOCK_EX)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    jobs = [source(tmp_path, "small.png", picture(1, 199, 200)), source(tmp_path, "large.png", picture(1, 200, 200))]
    done: list[str] = []
    large, made = threading.Event(), opened(tmp_path)

    def note(self: Worker, *arguments: Any) -> None:
        done.append(arguments[0].path)
        large.set()

    monkeypatch.setattr(Worker, "_write", note)
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        assert made.work(jobs[:1])[0]["outcome"] == "done"
        large.clear()
        thread = threading.Thread(target=made.work, args=(jobs[1:],))
        thread.start()
        assert not large.wait(1.0)
        process.stdin.close()
        assert large.wait(60)
        thread.join()
    assert done == ["small.png", "large.png"]
    assert admission.get() is None


def test_statistics(rng: np.random.Generator) -> None:
    assert brightness(np.full((1000, 3, 3), 77, np.uint8)) == pytest.approx(77, abs=1e-3)
    assert brightness(np.full((5, 700, 4), 77 * 257, np.uint16)) == pytest.approx(77, abs=1e-3)
    half = np.zeros((600, 800, 3), np.uint8)
    half[:300] = 200
    assert brightness(half) == pytest.approx(100, abs=1)
    noisy = np.clip(np.round(rng.normal(60, 5, (300, 400, 3))), 0, 255).astype(np.uint8)
    assert noise(noisy) == pytest.approx(5, rel=0.1)
    assert noise(noisy.astype(np.uint16) * 257) == noise(noisy)
    assert noise(noisy[:2]) is None


@pytest.mark.parametrize("name", photographs.NAMES)
def test_lift_is_what_the_model_does(name: str) -> None:
    dark = photographs.dark(name)
    with Enhancer(threads=1) as enhance:
        wanted = float(enhance(dark).mean()) - float(dark.mean())
        assert lift(enhance, dark) == pytest.approx(wanted, abs=2)
        assert lift(enhance, dark.astype(np.uint16) * 257) == pytest.approx(wanted, abs=2)
        assert lift(enhance, dark[:5, :3]) == pytest.approx(
            float(enhance(dark[:5, :3]).mean() - dark[:5, :3].mean()), abs=25
        )
