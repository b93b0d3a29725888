"""One run at a time on a folder or bucket; the place of a dead one is free."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

from archives import Bucket

from dcelite.archive import claim
from dcelite.archive.claim import Claim, Run
from dcelite.archive.manifest import FOLDER, Manifest, row
from dcelite.archive.places import Place
from dcelite.errors import OutputError


@pytest.fixture(params=["folder", "bucket", "google_bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        return Place.of(str(tmp_path / "out"))
    bucket: Bucket = request.getfixturevalue(request.param)
    made: Place = bucket.place(tmp_path.name)
    return made


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket tells whole seconds."""
    monkeypatch.setattr(claim, "BEAT", 0.3)
    monkeypatch.setattr(claim, "SILENCE", 3.0)


def claims(place: Place) -> list[str]:
    try:
        return sorted(entry.name for entry in place.entries(FOLDER) if entry.name.startswith("run-"))
    except FileNotFoundError:
        return []


def leave(place: Place, **changes: Any) -> None:
    """The claim of a run of this process that was never taken back."""
    run = dataclasses.replace(Run.this(), **changes)
    place.write(f"{FOLDER}/run-{os.urandom(8).hex()}.json", json.dumps(dataclasses.asdict(run)).encode())


def held_after(place: Place, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OutputError), Claim(place, FOLDER).held():
            return True
        time.sleep(0.2)
    return False


def test_a_second_run_is_refused_by_name(place: Place) -> None:
    first, second = Manifest(place), Manifest(place)
    text = f"another run of dcelite archive is at work there: process {os.getpid()} on {socket.gethostname()}, since 20"
    with first.alone():
        with pytest.raises(OutputError, match=text), second.alone():
            pass
        assert len(claims(place)) == 1
    with second.alone():
        pass
    assert claims(place) == []


@pytest.fixture
def killed(place: Place) -> Iterator[subprocess.Popen[str]]:
    """A run in another process, which is at work."""
    code = (
        "import sys; from dcelite.archive.claim import Claim; from dcelite.archive.places import Place\n"
        "with Claim(Place(*sys.argv[1:4]), '_dcelite').held(): print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", code, place.url, place.path, place.system]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_place_of_a_killed_run_is_free_at_once(place: Place, killed: subprocess.Popen[str]) -> None:
    with pytest.raises(OutputError, match=f"at work there: process {killed.pid} on "), Claim(place, FOLDER).held():
        pass
    killed.kill()
    killed.wait()
    assert len(claims(place)) == 1
    with Claim(place, FOLDER).held():
        assert len(claims(place)) == 1  # its own
    assert claims(place) == []


def test_a_process_number_that_went_to_another(place: Place) -> None:
    leave(place, begun="1")
    with Claim(place, FOLDER).held():
        pass


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("changes", [{"system": "0" * 8}, {"host": "elsewhere", "system": "1" * 8, "process": 1}])
def test_of_another_machine_the_age_tells(place: Place, changes: dict[str, Any]) -> None:
    leave(place, **changes)
    begin = time.monotonic()
    host = changes.get("host", socket.gethostname())
    with pytest.raises(OutputError, match=rf" on {host}, since .*; its last sign of life is \d s old, after 3 s it"):
        Claim(place, FOLDER).held().__enter__()
    assert held_after(place, 60)
    assert time.monotonic() - begin > 1.5
    assert claims(place) == []


@pytest.mark.usefixtures("short")
def test_a_run_of_another_machine_that_lives(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it does not, and then it is told."""
    record = Manifest(place)
    with monkeypatch.context() as patch:
        here = Run.this()
        patch.setattr(Run, "this", lambda: dataclasses.replace(here, system="0" * 8))
        patch.setattr(claim, "_kernel_lock", unlocked)
        with record.alone():
            record.add([row("a.jpg", 1, 1, "begun", "settings")])
            assert not held_after(place, 5)
            for name in claims(place):  # as one does that takes over
                place.remove(f"{FOLDER}/{name}")
            deadline = time.monotonic() + 60
            while record._claim is not None and not record._claim._lost and time.monotonic() < deadline:
                time.sleep(0.1)
            with pytest.raises(OutputError, match="another run of dcelite archive has taken over"):
                record.add([row("a.jpg", 1, 1, "done", "settings")])


@contextlib.contextmanager
def unlocked(*_arguments: object) -> Iterator[None]:
    yield None


def test_a_claim_that_says_nothing(tmp_path: Path) -> None:
    place = Place.of(str(tmp_path))
    place.write(f"{FOLDER}/run-{'0' * 16}.json", b"{}")
    with pytest.raises(OutputError, match="process 0 on a machine that left no name"), Claim(place, FOLDER).held():
        pass
