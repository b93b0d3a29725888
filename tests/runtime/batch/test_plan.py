"""Which file becomes which, and what is refused before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dcelite import ImageError, OutputError
from dcelite.batch.plan import Plan, plan


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def fill(*names: str, text: str = "x") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def becomes(*inputs: str, output: str | None = None, **options: bool) -> dict[str, str]:
    found = plan(inputs, None if output is None else Path(output), **options)
    assert found.problems == {}
    return {str(job.source): str(job.destination) for job in found.jobs}


def test_folders_by_any_name_get_their_results_beside_them() -> None:
    fill("photos/a.jpg", "photos/deep/b.jpg")
    Path("link").symlink_to("photos")
    assert becomes("photos/") == {
        "photos/a.jpg": "photos_enhanced/a.jpg",
        "photos/deep/b.jpg": "photos_enhanced/deep/b.jpg",
    }
    assert becomes("link/deep") == {"link/deep/b.jpg": "link/deep_enhanced/b.jpg"}
    assert becomes("link") == {
        "link/a.jpg": "link_enhanced/a.jpg",
        "link/deep/b.jpg": "link_enhanced/deep/b.jpg",
    }
    os.chdir("photos/deep")
    assert becomes(".") == {"b.jpg": "../deep_enhanced/b.jpg"}
    assert becomes("./") == {"b.jpg": "../deep_enhanced/b.jpg"}
    assert becomes("..") == {
        "../a.jpg": "../../photos_enhanced/a.jpg",
        "../deep/b.jpg": "../../photos_enhanced/deep/b.jpg",
    }


def test_nothing_stands_beside_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="/: nothing can stand beside it; -o"):
        plan(["/"], None)


def test_results_are_never_inputs() -> None:
    """Neither those of this run, nor by default those of an earlier one."""
    fill("photos/a.jpg", "photos/out/a.jpg", "photos_enhanced/a.jpg")
    Path("photos/out/a.jpg").rename("photos/out/old.jpg")
    assert becomes("photos", output="photos/out") == {"photos/a.jpg": "photos/out/a.jpg"}
    Path("link").symlink_to("photos/out")
    assert becomes("photos", output="link") == {"photos/a.jpg": "link/a.jpg"}
    Path("photos/out/old.jpg").unlink()
    assert becomes(".") == {"photos/a.jpg": "../work_enhanced/photos/a.jpg"}
    Path("photos_enhanced/a.jpg").unlink()
    assert sorted(becomes("photos", ".", output=None).values()) == ["photos_enhanced/a.jpg"]


def test_a_result_that_an_input_pattern_names_is_no_input_when_it_goes_on() -> None:
    fill("a.jpg", "a_enhanced.jpg", "b.jpg")
    with pytest.raises(OutputError, match=r"a_enhanced\.jpg: is an input itself"):
        plan(["a.jpg", "a_enhanced.jpg", "b.jpg"], None)
    found = plan(["a.jpg", "a_enhanced.jpg", "b.jpg"], None, skip_existing=True)
    assert [str(job.source) for job in found.jobs] == ["b.jpg"]
    assert found.skipped == 1
    assert found.notes == ["left out: 1 of the inputs, as results of others"]


def test_the_same_input_twice_is_taken_once() -> None:
    fill("photos/a.jpg", "photos/b.jpg")
    Path("photos/a link.jpg").symlink_to("a.jpg")
    Path("elsewhere").symlink_to("photos")
    found = plan(["photos/a.jpg", "./photos/../photos/a.jpg", "elsewhere/a.jpg", "photos/a link.jpg"], Path("out"))
    assert [str(job.source) for job in found.jobs] == ["photos/a.jpg"]
    assert len(found.notes) == 1
    assert "and 2 more are named more than once, and taken once: photos/a.jpg" in found.notes[0]
    assert sorted(becomes("photos")) == ["photos/a.jpg", "photos/b.jpg"]


def test_two_inputs_of_one_name_are_refused() -> None:
    fill("one/a.jpg", "two/a.jpg")
    with pytest.raises(OutputError, match=r"out/a\.jpg: would hold both one/a\.jpg and two/a\.jpg"):
        plan(["one/a.jpg", "two"], Path("out"))


@pytest.mark.parametrize("inputs", [["a.jpg", "b.jpg"], ["photos"]])
def test_the_name_of_a_picture_is_no_folder(inputs: list[str]) -> None:
    fill("a.jpg", "b.jpg", "photos/c.jpg")
    with pytest.raises(OutputError, match=r"two\.jpg: names one picture, a folder was wanted"):
        plan(inputs, Path("two.jpg"))
    Path("two.jpg").mkdir()
    assert len(plan(inputs, Path("two.jpg")).jobs) == len(inputs)
    fill("file")
    with pytest.raises(OutputError, match="file: is a file, a folder was wanted"):
        plan(inputs, Path("file"))


def test_names_too_long_are_shortened_and_stay_apart() -> None:
    moons = "\U0001f319" * 61  # 244 bytes
    fill(f"{moons}a.jpg", f"{moons}b.jpg", "a" * 251 + ".jpg", f"{moons}folder/c.jpg")
    results = becomes(f"{moons}a.jpg", f"{moons}b.jpg", "a" * 251 + ".jpg", f"{moons}folder")
    assert len(set(results.values())) == 4
    for result in results.values():
        name = Path(result).parts[0]
        assert 250 <= len(os.fsencode(name)) <= 255
        assert Path(name).stem.endswith("_enhanced")
        assert name.startswith(("\U0001f319" * 50, "a" * 200))
        fill(result)
    name = "a" * 300 + ".jpg"
    with pytest.raises(ImageError, match="no such file"):
        plan([name], None)
    assert list(plan([name, f"{moons}a.jpg"], Path("out")).problems) == [name]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.heic", "pillow-heif is not installed"),
        ("a.mp4", "is a video; dcelite video"),
        ("a.MOV", "is a video; dcelite video"),
        ("a.xyz", "suffix '.xyz'; one of .jpg"),
        ("a", "suffix ''; one of .jpg"),
    ],
)
@pytest.mark.usefixtures("without_heif")
def test_an_input_of_another_kind_is_named(name: str, text: str) -> None:
    fill(name, "b.jpg")
    for output in (None, Path("out")):
        with pytest.raises(ImageError) as failure:
            plan([name], output)
        assert str(failure.value).startswith(f"{name}: {text}")
        found = plan([name, "b.jpg"], output)
        assert len(found.jobs) == 1
        assert list(found.problems) == [name]


def test_an_output_of_another_kind_is_named() -> None:
    fill("a.jpg")
    with pytest.raises(OutputError, match=r"^b\.xyz: suffix '\.xyz'"):
        plan(["a.jpg"], Path("b.xyz"))


def counts(found: Plan) -> tuple[int, int, int]:
    return len(found.jobs), found.skipped, len(found.problems)


def test_outputs_that_exist() -> None:
    fill(*(f"photos/{name}.jpg" for name in "abcdefg"))
    fill("out/a.jpg", "out/b.jpg")
    fill("out/c.jpg", text="")  # of a process that was killed where there are no links
    Path("out/d.jpg").mkdir()
    Path("out/e.jpg").symlink_to("nowhere")
    with pytest.raises(OutputError) as failure:
        plan(["photos"], Path("out"))
    for text in ("out/a.jpg and 3 more of 7 outputs exist already", "--skip-existing", "--overwrite"):
        assert text in str(failure.value)
    with pytest.raises(OutputError, match=r"out/e\.jpg: exists already"):
        plan(["photos"], Path("out"), skip_existing=True)
    Path("out/e.jpg").unlink()
    found = plan(["photos"], Path("out"), skip_existing=True)
    assert counts(found) == (4, 2, 1)
    assert {job.destination.name: job.overwrite for job in found.jobs} == {
        "c.jpg": True,
        "e.jpg": False,
        "f.jpg": False,
        "g.jpg": False,
    }
    assert found.problems == {"photos/d.jpg": "out/d.jpg: is a folder, a file name was wanted"}
    assert counts(plan(["photos"], Path("out"), overwrite=True)) == (6, 0, 1)


def test_one_output_that_exists_names_every_way_out() -> None:
    fill("a.jpg", "a_enhanced.jpg")
    with pytest.raises(OutputError, match=r"a_enhanced\.jpg: exists already; another name, --skip-existing .*--over"):
        plan(["a.jpg"], None)
    assert counts(plan(["a.jpg"], None, skip_existing=True)) == (0, 1, 0)


def test_inputs_are_not_taken_for_their_results() -> None:
    fill("photos/a.jpg", "photos/b.jpg")
    for inputs, output in ((["photos"], "photos"), (["photos/a.jpg"], "photos/a.jpg")):
        with pytest.raises(OutputError, match=r"photos/a\.jpg: is the input itself"):
            plan(inputs, Path(output), skip_existing=True)
        with pytest.raises(OutputError, match="exist"):
            plan(inputs, Path(output))
        assert plan(inputs, Path(output), overwrite=True).jobs[0].overwrite


def test_missing_inputs_do_not_stop_the_others() -> None:
    fill("a.jpg", "empty/notes.txt")
    found = plan(["a.jpg", "absent.jpg", "empty"], Path("out"))
    assert counts(found) == (1, 0, 2)
    assert found.problems["absent.jpg"] == "absent.jpg: no such file or folder"
    assert "empty: holds no image" in found.problems["empty"]
    assert found.problems["empty"].endswith("; left out: 1 .txt")
    assert found.notes == ["left out: 1 .txt"]


@pytest.mark.parametrize(
    ("inputs", "output", "text"),
    [
        (["-", "a.jpg"], None, "-: goes with one input, not with 2"),
        (["a.jpg", "b.jpg"], "-", "-: goes with one input, not with 2"),
        (["photos"], "-", "-o -: goes with one picture, and photos is a folder"),
        (["-"], "photos", "photos: is a folder, a file name was wanted"),
        (["-"], "out", "out: suffix ''"),
        (["-"], "a.jpg", "a.jpg: exists already"),
    ],
)
def test_pipes_are_for_one_picture(inputs: list[str], output: str | None, text: str) -> None:
    fill("a.jpg", "b.jpg", "photos/c.jpg")
    with pytest.raises(OutputError) as failure:
        plan(inputs, None if output is None else Path(output))
    assert str(failure.value).startswith(text)
