"""Outputs: whole or not at all, and never in place of something that was not offered for replacement."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dcelite import OutputError
from dcelite.files import atomic_output, publish, refuse_existing, remove_leftovers, write_text_atomically


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


def test_leftovers_are_those_of_dcelite_alone(tmp_path: Path) -> None:
    for name in (".state.backup.ckpt", ".state-1.ckpt", "state.ckpt", ".other.dcelite-x.ckpt"):
        (tmp_path / name).write_text("precious")
    before = contents(tmp_path)
    with atomic_output(tmp_path / "state.ckpt", overwrite=True) as temporary:
        temporary.write_text("precious")
        left = temporary.with_name(f"{temporary.stem}x{temporary.suffix}")
        left.write_text("of a process that was killed")
    assert left.exists()
    remove_leftovers(tmp_path / "state.ckpt")
    assert contents(tmp_path) == before
