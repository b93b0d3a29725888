"""The newest row counts, and none is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from dcelite.archive import manifest
from dcelite.archive.manifest import FOLDER, PARTS, Manifest, row
from dcelite.archive.places import Place
from dcelite.errors import OutputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / PARTS).iterdir())


def outcomes(folder: Path) -> dict[str, str]:
    return {path: item.outcome for path, item in Manifest(Place.of(str(folder))).known().items()}


def rows(*paths: str, outcome: str = "done", **values: object) -> list[manifest.Row]:
    return [row(path, 5, 1_700_000_000_123_456, outcome, "settings", **values) for path in paths]


def test_the_newest_row_wins_within_a_run_and_over_runs(tmp_path: Path) -> None:
    record = Manifest(Place.of(str(tmp_path)))
    record.add(rows("a", "b", "c", outcome="begun"))
    record.add(rows("a", "b"))
    assert outcomes(tmp_path) == {"a": "done", "b": "done", "c": "begun"}
    Manifest(Place.of(str(tmp_path))).add([*rows("b", outcome="failed"), *rows("c"), *rows("c", outcome="damaged")])
    assert outcomes(tmp_path) == {"a": "done", "b": "failed", "c": "damaged"}


def test_rows_come_back_as_they_went(tmp_path: Path) -> None:
    record = Manifest(Place.of(str(tmp_path)))
    record.add(rows("ü/写真.jpg", width=3, noise=None, brightness_before=1.5, error="why", output_size=1 << 40))
    known = record.known()["ü/写真.jpg"]
    assert known == manifest.Known("done", 5, 1_700_000_000_123_456, 1 << 40, "settings")
    (table,) = record.newest()
    (item,) = table.to_pylist()
    assert (item["width"], item["noise"], item["brightness_before"], item["error"]) == (3, None, 1.5, "why")


def test_compaction_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "ROWS_OF_A_PART", 4)
    record = Manifest(Place.of(str(tmp_path)))
    record.add(rows(*(f"p{i}" for i in range(10)), outcome="begun"))
    record.add(rows(*(f"p{i}" for i in range(0, 10, 2))))
    before = outcomes(tmp_path)
    assert len(names(tmp_path)) == 5
    record.compact()
    assert outcomes(tmp_path) == before
    assert sum(table.num_rows for table in record.newest()) == 10
    assert len(names(tmp_path)) < 5
    record.compact(least=100)
    assert outcomes(tmp_path) == before


def test_a_compaction_that_is_ended_anywhere_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "ROWS_OF_A_PART", 3)

    def end_at(step: int, folder: Path) -> bool:
        """True where the compaction came to its end before that step."""
        left = [step]

        def counted(method: Callable[..., None]) -> Callable[..., None]:
            def call(*arguments: object, **options: object) -> None:
                left[0] -= 1
                if left[0] < 0:
                    raise KeyboardInterrupt
                method(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(Place, "write", counted(Place.write))
            patch.setattr(Place, "remove", counted(Place.remove))
            try:
                Manifest(Place.of(str(folder))).compact()
            except KeyboardInterrupt:
                return False
        return True

    for step in range(20):
        folder, wanted = tmp_path / str(step), {}
        for first, outcome in enumerate(("begun", "done", "failed")):
            paths = [f"p{i}" for i in range(2 * first, 5)]
            Manifest(Place.of(str(folder))).add(rows(*paths, outcome=outcome))
            wanted |= dict.fromkeys(paths, outcome)
        ended = end_at(step, folder)
        assert outcomes(folder) == wanted
        if ended:
            break
        Manifest(Place.of(str(folder))).compact()  # goes on from whatever is there
        assert outcomes(folder) == wanted
    assert ended
    assert step > 5


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    Manifest(Place.of(str(tmp_path))).add(rows("a"))
    (name,) = names(tmp_path)
    (tmp_path / PARTS / name).write_bytes(b"PAR1")
    with pytest.raises(OutputError, match=f"{name}: cannot be read: .*; without this file, "):
        Manifest(Place.of(str(tmp_path))).known()


def test_what_is_no_part_is_left_alone(tmp_path: Path) -> None:
    record = Manifest(Place.of(str(tmp_path)))
    record.add(rows("a"))
    (tmp_path / PARTS / "notes.parquet").write_text("mine")
    record.add(rows("a"))
    record.compact()
    assert outcomes(tmp_path) == {"a": "done"}
    assert (tmp_path / PARTS / "notes.parquet").read_text() == "mine"


def test_a_file_where_the_manifest_is_to_be(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("")
    with pytest.raises(OutputError, match="cannot be read: Not a directory"), Manifest(Place.of(str(tmp_path))).alone():
        pass
