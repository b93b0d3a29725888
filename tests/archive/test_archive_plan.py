"""What is done again, what is left, and whose files are replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from dcelite.archive import manifest
from dcelite.archive.listing import Input
from dcelite.archive.manifest import Known
from dcelite.archive.places import Place
from dcelite.archive.plan import Job, batches, existing_outputs, plan

NIGHT = Input("a/night.jpg", 100, 7)


def known(outcome: str, output_size: int | None = None, *, settings: str = "s", modified: int = 7) -> dict[str, Known]:
    return {NIGHT.path: Known(outcome, 100, modified, output_size, settings)}


@pytest.mark.parametrize(
    ("before", "there", "options", "wanted"),
    [
        ({}, None, {}, Job(*NIGHT[:3])),
        ({}, 50, {}, manifest.EXISTS),
        ({}, 50, {"overwrite": True}, Job(*NIGHT[:3], replace=True)),
        ({}, -1, {}, manifest.EXISTS),
        ({}, -1, {"overwrite": True}, manifest.EXISTS),
        (known("begun"), None, {}, Job(*NIGHT[:3])),
        (known("begun"), 50, {}, Job(*NIGHT[:3], replace=True, stale=True)),
        (known("unwritten"), 0, {}, Job(*NIGHT[:3], replace=True, stale=True)),
        (known("done", 50), 50, {}, None),
        (known("done", 50), 51, {}, None),
        (known("done", 50), None, {}, Job(*NIGHT[:3])),
        (known("done", 50, modified=6), 50, {}, Job(*NIGHT[:3], replace=True, stale=True)),
        (known("done", 50, settings="t"), 50, {}, Job(*NIGHT[:3], replace=True, stale=True)),
        (known("done", 50, modified=6), 51, {}, manifest.EXISTS),
        (known("done", 50, modified=6), 51, {"overwrite": True}, Job(*NIGHT[:3], replace=True)),
        (known("damaged", 50), 50, {}, None),
        (known("copied", 50), 50, {}, None),
        (known("left"), None, {}, None),
        (known("left", settings="t"), 50, {}, manifest.EXISTS),
        (known("failed"), None, {}, None),
        (known("failed"), None, {"retry_failed": True}, Job(*NIGHT[:3])),
        (known("failed", modified=6), None, {}, Job(*NIGHT[:3])),
        (known("exists"), 50, {}, manifest.EXISTS),
        (known("exists"), None, {}, Job(*NIGHT[:3])),
    ],
)
def test_what_becomes_of_an_input(
    before: dict[str, Known], there: int | None, options: dict[str, bool], wanted: Job | str | None
) -> None:
    existing = {} if there is None else {NIGHT.path: there}
    result = plan([NIGHT], before, existing, "s", **options)
    assert result.total == 1
    assert result.jobs == ([wanted] if isinstance(wanted, Job) else [])
    assert [row["outcome"] for row in result.rows] == ([wanted] if isinstance(wanted, str) else [])
    if wanted is None:
        assert result.settled.total() == 1
        assert result.altered == (there == 51)
    if isinstance(wanted, Job):  # what is about to be made is said before, once
        assert len(result.begin) == (before.get(NIGHT.path, ("",))[0] != "begun")


def test_a_problem_is_a_row_once() -> None:
    film = Input("film.mp4", 9, 7, "film.mp4: is a video")
    (row,) = plan([film], {}, {}, "s").rows
    assert (row["outcome"], row["error"]) == ("failed", "film.mp4: is a video")
    again = plan([film], {"film.mp4": Known("failed", 9, 7, None, "s")}, {}, "s")
    assert (again.rows, again.settled) == ([], {"failed": 1})


def test_batches_keep_order_and_bounds() -> None:
    jobs = [Job(f"{i}", 1000 if i % 10 else 30 << 20, 0) for i in range(1000)]
    made = list(batches(jobs, 2))
    assert [job for batch in made for job in batch] == jobs
    assert max(map(len, made)) <= 63
    assert all(len(batch) == 1 or sum(job.size for job in batch) <= 24 << 20 for batch in made)
    assert list(batches(jobs[:3], 8)) == [[job] for job in jobs[:3]]
    assert list(batches([], 2)) == []
    assert [len(batch) for batch in batches([Job("", 0, 0)] * 5, 1)] == [1] * 5
    sizes = [len(batch) for batch in batches([Job("", 1000, 0)] * 3000, 2)]
    assert sizes[:30] == [64] * 30
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-16:] == [1] * 16  # what is left when the first worker has nothing more to do is little


def test_outputs_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "a" / "folder.jpg").mkdir(parents=True)
    (tmp_path / "a" / "b.jpg").write_bytes(b"123")
    (tmp_path / "c.jpg").write_bytes(b"")
    found = existing_outputs(Place.of(str(tmp_path)), ["", "a", "absent"])
    assert found == {"a": -1, "a/folder.jpg": -1, "a/b.jpg": 3, "c.jpg": 0}
