"""Outputs: whole or not at all, and never in place of something that was not offered for replacement."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dcelite import OutputError, files
from dcelite.files import Outputs, atomic_output, publish, refuse_existing, remove_leftovers, write_text_atomically


@pytest.fixture(params=["links", "no links"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With hard links, and as on FAT without them."""

    def refuse(*_paths: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("file_system")
def test_an_output_appears_whole_with_the_usual_mode(tmp_path: Path) -> None:
    with atomic_output(tmp_path / "new.txt") as temporary:
        temporary.write_text("half")
        assert not (tmp_path / "new.txt").exists()
        temporary.write_text("whole")
    (tmp_path / "usual").touch()
    assert (tmp_path / "new.txt").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert contents(tmp_path) == {"new.txt": "whole", "usual": ""}


@pytest.mark.usefixtures("file_system")
def test_what_appears_while_an_output_is_made_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"

    def write() -> None:
        with atomic_output(path) as temporary:
            temporary.write_text("ours")
            path.write_text("precious")

    with pytest.raises(OutputError, match=r"out\.txt: exists already"):
        write()
    assert contents(tmp_path) == {"out.txt": "precious"}
    with atomic_output(path, overwrite=True) as temporary:
        temporary.write_text("ours")
    assert contents(tmp_path) == {"out.txt": "ours"}


def test_what_is_no_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to nothing").symlink_to("absent")
    with pytest.raises(OutputError, match="folder: is a folder"):
        write_text_atomically(tmp_path / "folder", "", overwrite=True)
    with pytest.raises(OutputError, match="pipe: is a device or the like"):
        write_text_atomically(tmp_path / "pipe", "", overwrite=True)
    with pytest.raises(OutputError, match="to nothing: exists already"):
        write_text_atomically(tmp_path / "to nothing", "")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: is a file, a folder was wanted"):
        refuse_existing(tmp_path / "file", True, folder=True)


@pytest.mark.usefixtures("file_system")
@pytest.mark.parametrize("late", [False, True], ids=["before", "in the meantime"])
def test_a_set_of_files_is_published_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    made, output = tmp_path / "made", tmp_path / "output"

    def make() -> None:
        for name in ("a", "folder/b", "folder/c"):
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_text("new")

    make()
    (output / "folder").mkdir(parents=True)
    (output / "folder" / "mine").write_text("precious")
    (output / "folder" / "c").write_text("precious")
    if late:
        monkeypatch.setattr("dcelite.files.refuse_existing", lambda *_: None)
    with pytest.raises(OutputError, match="folder/c: exists already"):
        publish(made, output)
    assert contents(output) == {"folder/mine": "precious", "folder/c": "precious"}
    make()
    published = publish(made, output, overwrite=True)
    assert published == [output / "a", output / "folder/b", output / "folder/c"]
    assert contents(output) == {"a": "new", "folder/b": "new", "folder/c": "new", "folder/mine": "precious"}


MADE_AND_HELD = """
import sys, time
from pathlib import Path
from dcelite.files import Outputs, atomic_output
with atomic_output(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(temporary.parent, flush=True)
    time.sleep(60)
"""


def test_leftovers_are_those_of_killed_processes_alone(tmp_path: Path) -> None:
    names = (".state.backup.ckpt", "state.ckpt", ".other.dcelite-x.ckpt", ".dcelite-notes", ".x.dcelite-01234567")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine").write_text("precious")
    before = contents(tmp_path)
    command = [sys.executable, "-c", MADE_AND_HELD, tmp_path / "out.txt"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        held = Path(process.stdout.readline().strip())
        assert held.parent == tmp_path
        remove_leftovers(tmp_path)
        assert (held / "out.txt").read_text() == "half"
        process.kill()
    with atomic_output(tmp_path / "own.txt") as own:
        assert held.exists()
        remove_leftovers(tmp_path)
        assert not held.exists()
        assert own.exists()
        own.write_text("ours")
    assert contents(tmp_path) == before | {"own.txt": "ours"}


@pytest.mark.parametrize("why", ["another system", "no locks"])
def test_where_no_lock_tells_what_has_not_changed_for_a_day_is_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """A network share, or a file system without locks: another machine may be at work."""
    system = files.system_identity() if why == "no locks" else "0" * 8
    left = tmp_path / f".a.dcelite-{system}-89abcdef"
    left.mkdir()
    (left / "a.mp4").write_text("half")
    if why == "no locks":

        def refuse(*_arguments: object) -> None:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

        monkeypatch.setattr("fcntl.flock", refuse)
    old = time.time() - 25 * 3600
    os.utime(left, (old, old))
    remove_leftovers(tmp_path)
    assert (left / "a.mp4").exists()  # it was written just now
    os.utime(left / "a.mp4", (old, old))
    os.utime(left, (old, old))
    remove_leftovers(tmp_path)
    assert not left.exists()
    write_text_atomically(tmp_path / "out.txt", "whole")
    assert contents(tmp_path) == {"out.txt": "whole"}


@pytest.mark.parametrize("when", ["before it is opened", "before it is locked"])
def test_a_folder_that_is_taken_for_a_leftover_while_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Between its making and its lock another process may remove it."""
    lock, left = files._lock, [2]

    def lose(folder: Path) -> int | None:
        descriptor = lock(folder) if when == "before it is locked" else None
        if left[0]:
            left[0] -= 1
            folder.rmdir()
        return lock(folder) if descriptor is None else descriptor

    monkeypatch.setattr(files, "_lock", lose)
    write_text_atomically(tmp_path / "out.txt", "whole")
    assert contents(tmp_path) == {"out.txt": "whole"}
    assert left == [0]
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_an_interruption_between_making_and_using_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the worst moment: the folder is there, and nobody has its name yet."""
    make = Path.mkdir

    def interrupted(path: Path, *arguments: object, **options: object) -> None:
        make(path, *arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text_atomically(tmp_path / "out.txt", "whole")
    assert list(tmp_path.iterdir()) != []
    files.remove_unfinished()
    assert list(tmp_path.iterdir()) == []


def test_a_forked_child_leaves_what_is_its_parents(tmp_path: Path) -> None:
    with atomic_output(tmp_path / "out.txt") as temporary:
        temporary.write_text("whole")
        child = os.fork()
        if child == 0:
            try:
                files.remove_unfinished()
                files._discard(temporary.parent)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert temporary.exists()
    assert contents(tmp_path) == {"out.txt": "whole"}


@pytest.mark.usefixtures("file_system")
def test_names_as_long_as_the_file_system_takes(tmp_path: Path) -> None:
    for name in ("a" * 251 + ".txt", "\U0001f319" * 62 + ".txt"):  # four bytes each
        write_text_atomically(tmp_path / name, "whole")
    assert len(contents(tmp_path)) == 2
    with pytest.raises(OutputError, match="File name too long"):
        write_text_atomically(tmp_path / ("a" * 256), "")


def test_threads_leave_the_usual_mode(tmp_path: Path) -> None:
    """The mask of modes belongs to the process: it is not to be touched."""
    before = os.umask(0o027)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: write_text_atomically(tmp_path / str(i), ""), range(400)))
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}
    finally:
        after = os.umask(before)
    assert after == 0o027


def test_without_links_a_name_that_was_taken_for_nothing_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="Input/output error"):
        write_text_atomically(tmp_path / "out.txt", "whole")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_publication_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made").mkdir()
    for name in "ab":
        (tmp_path / "made" / name).write_text("new")
    link = os.link

    def interrupt(source: Path, target: Path) -> None:
        if target.name == "b":
            raise KeyboardInterrupt
        link(source, target)

    monkeypatch.setattr(os, "link", interrupt)
    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path / "made", tmp_path / "output")
    assert contents(tmp_path / "output") == {}


@pytest.mark.usefixtures("file_system")
def test_outputs_that_are_published_together(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "old.txt").write_text("old")
    (tmp_path / "usual").touch()
    with Outputs() as outputs:
        outputs.write(tmp_path / "a.txt", b"a")
        outputs.write(tmp_path / "b" / "a.txt", b"b/a")
        outputs.write(tmp_path / "old.txt", b"new", overwrite=True)
        outputs.write(tmp_path / "late.txt", b"ours")
        with pytest.raises(OutputError, match=r"old\.txt: exists already"):
            outputs.write(tmp_path / "old.txt", b"never")
        with pytest.raises(OutputError, match=r"a\.txt: exists already"):  # as A.TXT may be the same name
            outputs.write(tmp_path / "a.txt", b"never")
        with pytest.raises(OutputError, match=r"absent/a\.txt: cannot be written: No such file"):
            outputs.write(tmp_path / "absent" / "a.txt", b"never")
        assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {"b", "old.txt", "usual"}
        (tmp_path / "late.txt").write_text("precious")
        failures = outputs.publish()
        assert failures.keys() == {tmp_path / "late.txt"}
        assert "exists already" in str(failures[tmp_path / "late.txt"])
        assert outputs.publish() == {}
    assert contents(tmp_path) == {"a.txt": "a", "b/a.txt": "b/a", "old.txt": "new", "late.txt": "precious", "usual": ""}
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_outputs_that_are_not_published(tmp_path: Path) -> None:
    with Outputs() as outputs:
        outputs.write(tmp_path / "a.txt", b"a")
    assert list(tmp_path.iterdir()) == []
