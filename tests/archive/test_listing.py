"""Which files are taken: of folders, patterns and lists; and what places are called."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa
import pyarrow.parquet as pq
from archives import Bucket

from dcelite.archive.listing import list_inputs, listed_inputs, split_pattern
from dcelite.archive.places import Place
from dcelite.errors import DceliteError


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def taken(pattern: Path | str, output: Path | str = "/nowhere") -> list[str]:
    place, expression = split_pattern(str(pattern))
    return [item.path for item in list_inputs(place, Place.of(str(output)), expression).inputs]


def test_the_rules_of_enhance(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "deep/er/b.PNG", "._a.jpg", ".thumbnails/a.jpg", "deep/@eaDir/b.jpg", "notes.txt")
    fill(tmp_path, "film.mp4", "a_enhanced.jpg", "out/a.jpg", ".a.dcelite-01234567-89abcdef/a.jpg", "gone.txt")
    (tmp_path / "up").symlink_to("..")
    (tmp_path / "lost.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    found = list_inputs(Place.of(str(tmp_path)), Place.of(str(tmp_path / "out")))
    assert [item.path for item in found.inputs] == ["a.jpg", "film.mp4", "deep/er/b.PNG"]
    assert [item.problem for item in found.inputs] == ["", "film.mp4: is a video; dcelite video brightens it", ""]
    assert found.left_out == {
        "hidden": 3,
        ".txt": 2,
        "earlier result": 1,
        "linked folder": 1,
        "broken link": 1,
        "device or the like": 1,
    }
    first = found.inputs[0]
    assert (first.size, first.modified) == (5, (tmp_path / "a.jpg").stat().st_mtime_ns // 1000)


def test_names_that_are_no_utf8_are_told(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_text("")
    (item,) = list_inputs(Place.of(str(tmp_path)), Place.of("/nowhere")).inputs
    assert item.path == r"\xff.jpg"
    assert "is not UTF-8" in item.problem


def test_patterns(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "b.png", "1/a.jpg", "1/2/a.jpg", "1/2/night_1.jpg", "3/2/night_2.jpg", "[x]/a.jpg")
    assert taken(tmp_path / "*.jpg") == ["a.jpg"]
    assert taken(tmp_path / "**" / "a.jpg") == ["a.jpg", "1/a.jpg", "1/2/a.jpg", "[x]/a.jpg"]
    assert taken(tmp_path / "?" / "**" / "night_[!1].*") == ["3/2/night_2.jpg"]
    assert taken(tmp_path / "1" / "**") == ["a.jpg", "2/a.jpg", "2/night_1.jpg"]
    assert taken(tmp_path / "[x]") == ["a.jpg"]  # it is there under this very name
    assert split_pattern("s3://bucket/2024/*/x?region=r")[0] == Place.of("s3://bucket/2024?region=r")


def test_relative_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "1/a.jpg", "2/a.png")
    monkeypatch.chdir(tmp_path)
    assert taken("*/a.*") == ["1/a.jpg", "2/a.png"]
    assert taken("1/*") == ["a.jpg"]


def test_lists(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    fill(photos, "a.jpg", "1/b.png", "c.txt", "unlisted.jpg")
    text, table = tmp_path / "list.txt", tmp_path / "list.parquet"
    paths = ["a.jpg", str(photos / "1/b.png"), "a.jpg", "absent.jpg", "c.txt", "1"]
    text.write_text("\n".join(paths) + "\n\n")
    pq.write_table(pa.table({"path": paths, "other": range(6)}), table)
    for path in (text, table):
        found = listed_inputs(Place.of(str(photos)), str(path)).inputs
        assert [item.path for item in found] == ["a.jpg", "1/b.png", "absent.jpg", "c.txt", "1"]
        assert [item.problem.partition(": ")[2] for item in found] == [
            *("", "", "no such file"),
            *("the suffix is that of no picture", "is a folder"),
        ]


@pytest.mark.parametrize("path", ["/etc/a.jpg", "../a.jpg", "a/../../b.jpg", "s3://other/a.jpg", "a//b.jpg"])
def test_lists_stay_below_the_input(tmp_path: Path, path: str) -> None:
    (tmp_path / "list.txt").write_text(path)
    with pytest.raises(DceliteError, match="is not below"):
        listed_inputs(Place.of(str(tmp_path)), str(tmp_path / "list.txt"))


def test_lists_that_are_none(tmp_path: Path) -> None:
    pq.write_table(pa.table({"name": ["a.jpg"]}), tmp_path / "list.parquet")
    (tmp_path / "list.bin").write_bytes(b"\xff\xfe")
    for name, text in (("list.parquet", "path"), ("list.bin", "UTF-8"), ("absent.txt", "No such file")):
        with pytest.raises(DceliteError, match=text):
            listed_inputs(Place.of(str(tmp_path)), str(tmp_path / name))


def test_credentials_of_a_list_are_not_told(tmp_path: Path, bucket: Bucket) -> None:
    for name, data, text in (("absent.txt", None, "cannot be read"), ("up.txt", b"../a.jpg", "is not below")):
        if data is not None:
            bucket.place("").write(name, data)
        with pytest.raises(DceliteError, match=text) as error:
            listed_inputs(Place.of(str(tmp_path)), f"s3://test:secret@photographs/{name}?{bucket.query}")
        assert str(error.value).startswith(f"s3://photographs/{name}: ")
        assert "secret" not in str(error.value)


def test_places() -> None:
    assert Place.of("file:///a%20b/") == Place("file:///a%20b/", "/a b")
    bucket = Place.of("s3://key:secret@bucket/2024/?region=r")
    assert (bucket.url, bucket.path, bucket.local) == ("s3://bucket/2024", "bucket/2024", False)
    assert bucket.name_of("a.jpg") == "s3://bucket/2024/a.jpg"
    assert pickle.loads(pickle.dumps(bucket)) == bucket
    assert bucket.holds(Place.of("s3://bucket/2024/05"))
    assert not bucket.holds(Place.of("s3://bucket/20245"))
    assert not bucket.holds(Place.of("s3://other/2024"))
    for text, message in (("ftp://a/b", "scheme 'ftp'"), ("s3:///a", "names no bucket"), ("file://a/b", "whole path")):
        with pytest.raises(DceliteError, match=message):
            Place.of(text)
