"""What is taken from a folder, and what is left where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dcelite import ImageError, folders
from dcelite.files import atomic_output
from dcelite.folders import describe, look_through, pictures_below


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")


def taken(folder: Path, **options: object) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in look_through(folder, **options).pictures]  # type: ignore[arg-type]


def test_hidden_files_and_those_of_systems_are_left(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "deep/er/b.PNG", "._a.jpg", ".b.png", ".thumbnails/a.jpg", "deep/@eaDir/b.jpg")
    fill(tmp_path, "__MACOSX/._a.jpg", ".dcelite-01234567-89abcdef/a.jpg", ".a.dcelite-01234567-89abcdef/a.jpg")
    found = look_through(tmp_path)
    assert taken(tmp_path) == ["a.jpg", "deep/er/b.PNG"]
    assert found.left_out == {"hidden": 5}
    assert taken(tmp_path / ".thumbnails") == ["a.jpg"]  # it is asked for


def test_what_is_being_written_is_left(tmp_path: Path) -> None:
    with atomic_output(tmp_path / "a.jpg"):
        assert look_through(tmp_path) == folders.Contents()


@pytest.mark.usefixtures("without_heif")
def test_what_is_left_out_is_counted_by_kind(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "b.heic", "deep/c.HEIC", "d.heic", "e.mov", "deep/f.mov", "notes.txt", "Makefile")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert describe(look_through(tmp_path).left_out).split(", ", 2)[:2] == [
        "3 .heic (pillow-heif is not installed; run: pip install 'dcelite[heif]')",
        "2 .mov",
    ]
    assert look_through(tmp_path).left_out == {
        ".heic": 3,
        ".mov": 2,
        ".txt": 1,
        "without a suffix": 1,
        "broken link": 1,
        "linked folder": 1,
        "device or the like": 1,
    }


def test_links_that_go_round_in_circles(tmp_path: Path) -> None:
    fill(tmp_path, "deep/a.jpg")
    (tmp_path / "deep" / "again").symlink_to(tmp_path)
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    assert taken(tmp_path) == ["deep/a.jpg"]
    (tmp_path / "link").symlink_to(tmp_path / "deep")
    assert taken(tmp_path / "link") == ["a.jpg"]


def test_results_of_earlier_runs_are_left_where_that_is_asked_for(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "a_enhanced.jpg", "b_enhanced.jpg", "photos/c.jpg", "photos_enhanced/c.jpg", "out/d.jpg")
    everything = ["a.jpg", "a_enhanced.jpg", "b_enhanced.jpg", "out/d.jpg", "photos/c.jpg", "photos_enhanced/c.jpg"]
    assert taken(tmp_path) == everything
    assert taken(tmp_path, results={os.path.realpath(tmp_path / "out")}) == ["a.jpg", "b_enhanced.jpg", "photos/c.jpg"]


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose permissions do not bind root, so the system's answer is put in its place."""
    fill(tmp_path, "a.jpg", "closed/b.jpg")
    scan = os.scandir

    def refuse(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert taken(tmp_path) == ["a.jpg"]
    assert look_through(tmp_path).unreadable == [f"{tmp_path / 'closed'}: cannot be read: Permission denied"]
    with pytest.raises(ImageError, match="closed: cannot be read"):
        pictures_below(tmp_path)
