"""``dcelite archive`` on one machine: the same bytes as ``dcelite enhance``, and nothing twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from archives import (
    COMMAND,
    Bucket,
    assert_manifest_agrees,
    contents,
    enhanced,
    fill,
    picture,
    processes_of,
    rows_of,
    run,
)

from dcelite import cli, extras
from dcelite.archive import cluster
from dcelite.archive.manifest import PARTS
from dcelite.files import TEMPORARY, system_identity

from support import REPOSITORY, skip


def outcomes(output: Path) -> dict[str, str]:
    return {path: item["outcome"] for path, item in rows_of(output).items()}


def test_as_enhance_does_it_and_only_what_is_missing(tmp_path: Path, photos: Path) -> None:
    """All that a first run, a second one, and one after changes do: a start of Ray takes seconds."""
    out = tmp_path / "out"
    shutil.copy(photos / "0" / "0.jpg", photos / "the same.jpg")
    shutil.copy(photos / "0" / "0.jpg", photos / "ü ñ 写真.jpg")
    (photos / "read only.png").write_bytes((photos / "0" / "1.png").read_bytes())
    (photos / "read only.png").chmod(0o400)
    (photos / "empty.png").write_bytes(b"")
    (photos / "corrupt.jpg").write_bytes(b"\xff\xd8\xff\xe0corrupt")
    (photos / "film.mp4").write_bytes(b"film")
    (photos / "notes.txt").write_text("left out")
    (out / "0").mkdir(parents=True)
    (out / "0" / "3.jpg").write_bytes(b"precious")

    first = run("archive", photos, out)
    assert first.returncode == 2
    assert first.stdout == ""
    assert "Traceback" not in first.stderr
    assert "left out: 1 .txt" in first.stderr
    assert "32 enhanced, 3 failed, 1 not made since another file has the name in " in first.stderr
    last = first.stderr.splitlines()[-1]
    assert last.startswith("dcelite: error: 4 of 36 photographs failed: ")
    assert all(name in last for name in ("empty.png", "corrupt.jpg", "film.mp4", "0/3.jpg"))
    made = contents(out)
    assert made.pop("0/3.jpg") == b"precious"
    wanted = enhanced(photos, tmp_path / "whole")
    del wanted["0/3.jpg"]
    assert made == wanted
    rows = rows_of(out)
    assert rows["film.mp4"]["error"] == "film.mp4: is a video; dcelite video brightens it"
    assert_manifest_agrees(rows, made)
    assert len(list((out / PARTS).iterdir())) == 1

    leftover = out / "0" / f"{TEMPORARY}{system_identity()}-00000000"  # of a run that was killed before another one
    leftover.mkdir()
    (leftover / "6.jpg").write_bytes(b"half of it")
    second = run("archive", photos, out)
    assert not leftover.exists()
    assert "workers" not in second.stderr
    assert "32 were done already, 3 had failed before (--retry-failed tries them again)" in second.stderr
    assert {path: item["finished"] for path, item in rows.items() if path != "0/3.jpg"} == {
        path: item["finished"] for path, item in rows_of(out).items() if path != "0/3.jpg"
    }

    # A changed input, a new one, one that is mended, an output that is gone, a file that made room.
    picture(77).save(photos / "0" / "6.jpg")
    picture(78).save(photos / "new.png")
    picture(79).save(photos / "empty.png")
    (out / "0" / "9.jpg").unlink()
    (out / "0" / "3.jpg").unlink()
    third = run("archive", photos, out)
    assert "5 enhanced" in third.stderr, third.stderr
    later = rows_of(out)
    assert {path for path in later if path not in rows or later[path]["finished"] != rows[path]["finished"]} == {
        *("0/6.jpg", "new.png", "empty.png", "0/9.jpg", "0/3.jpg")
    }
    assert contents(out) == enhanced(photos, tmp_path / "whole again")
    assert_manifest_agrees(later, contents(out))

    # Other settings are another picture; what the user has changed is the user's.
    (out / "new.png").write_bytes(b"edited")
    fourth = run("archive", photos, out, "--strength", "0.5", "--quality", "80", "--retry-failed")
    assert "another file has the name of the output" in fourth.stderr
    wanted = enhanced(photos, tmp_path / "weaker", "--strength", "0.5", "--quality", "80")
    assert contents(out) == wanted | {"new.png": b"edited"}


def test_a_bucket_of_google(tmp_path: Path, photos: Path, google_bucket: Bucket) -> None:
    """Whose folders are nothing but names, and which pyarrow lists no other way than all of them at once."""
    (photos / "1" / "deep" / "er").mkdir(parents=True)
    picture(55).save(photos / "1" / "deep" / "er" / "ü 写真.jpg")
    picture(56).save(photos / "top.png")
    google_bucket.upload(photos, "in")
    first = run("archive", google_bucket.url("in"), google_bucket.url("out"))
    assert first.returncode == 0, first.stderr
    assert "32 enhanced" in first.stderr
    made = google_bucket.contents("out")
    assert made == enhanced(photos, tmp_path / "whole")
    record = google_bucket.contents("out/_dcelite")
    assert [name.partition("/")[0] for name in sorted(record)] == ["archive.html", "manifest"]
    for name, data in record.items():
        (tmp_path / "copy" / "_dcelite" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "copy" / "_dcelite" / name).write_bytes(data)
    assert_manifest_agrees(rows_of(tmp_path / "copy"), made)

    second = run("archive", google_bucket.url("in"), google_bucket.url("out"))
    assert "32 were done already" in second.stderr
    picture(57).save(photos / "0" / "6.jpg")
    google_bucket.upload(photos / "0", "in/0")
    google_bucket.place("out").remove("top.png")
    again = run("archive", google_bucket.url("in"), google_bucket.url("out"))
    assert "enhanced" in again.stderr
    assert "were done already" in again.stderr
    assert google_bucket.contents("out") == enhanced(photos, tmp_path / "again")
    nothing = run("archive", google_bucket.url("else"), google_bucket.url("out"))
    assert nothing.returncode == 2
    assert nothing.stderr == "dcelite: error: gs://photographs/else: holds no photograph\n"


def test_nothing_of_ray_is_left(tmp_path: Path, photos: Path) -> None:
    environment = os.environ | {"DCELITE_TEST_MARK": str(tmp_path), "TMPDIR": str(tmp_path / "t")}
    (tmp_path / "t").mkdir()
    result = run("archive", photos, tmp_path / "out", env=environment)
    assert result.returncode == 0, result.stderr
    assert processes_of(str(tmp_path), "ray") == []
    assert list((tmp_path / "t").iterdir()) == []


def test_a_ray_of_one_machine_has_no_servants(tmp_path: Path) -> None:
    """Such as an autoscaler: they would take half of the time of its start, and nearly all of its end."""
    code = "from dcelite.archive import cluster\nwith cluster.started(None): print('there', flush=True); input()"
    environment = os.environ | {"DCELITE_TEST_MARK": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        assert processes_of(str(tmp_path), "/raylet")
        assert processes_of(str(tmp_path), r"/(monitor|log_monitor|dashboard)\.py") == []
        process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert processes_of(str(tmp_path), "ray") == []


def test_where_the_dashboard_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the token of a Ray of its own, without which it shows nothing; that of a cluster is its owner's to know."""
    import ray

    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    tokens = []

    def init(**_options: object) -> SimpleNamespace:
        tokens.append(os.environ.get("RAY_AUTH_TOKEN"))
        return SimpleNamespace(dashboard_url="127.0.0.1:8265")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(cluster, "_reach", lambda address: None)
    monkeypatch.setattr(extras, "require", lambda *names: None)
    with cluster.started(None, dashboard=True) as own:
        assert own == f"http://127.0.0.1:8265, which asks for the token {tokens[0]}"
    with cluster.started("127.0.0.1:6379") as other:
        assert other == "http://127.0.0.1:8265"
    assert len(tokens[0] or "") == 64
    assert tokens[1] is None


def test_the_page_and_only_dark(tmp_path: Path) -> None:
    import PIL.Image

    from photographs import dark, well_lit

    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    PIL.Image.fromarray(well_lit("coffee")).save(photos / "bright.jpg")
    PIL.Image.fromarray(dark("coffee")).save(photos / "dark.jpg")
    (photos / "<bad>.jpg").write_bytes(b"bad")
    assert run("archive", photos, out, "--only-dark").returncode == 2
    assert outcomes(out) == {"bright.jpg": "copied", "dark.jpg": "done", "<bad>.jpg": "failed"}
    assert (out / "bright.jpg").read_bytes() == (photos / "bright.jpg").read_bytes()
    page = (out / "_dcelite" / "archive.html").read_text()
    for text in ("bright already: copied", "Brightness before and after", "&lt;bad&gt;.jpg", "1 enhanced, 1 bright"):
        assert text in page
    assert page.count("<figure>") == 2
    assert "<bad>" not in page
    assert run("archive", photos, out, "--leave-bright").returncode == 2
    assert outcomes(out)["bright.jpg"] == "left"
    assert contents(out).keys() == {"dark.jpg"}  # of what it made before nothing stays that is not in the manifest


def test_patterns_and_lists(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "list.txt").write_text("0/1.png\n0/4.png\nabsent.jpg\n")
    result = run("archive", photos, tmp_path / "out", "--list", tmp_path / "list.txt")
    assert result.returncode == 2
    assert "1 of 3 photographs failed: absent.jpg" in result.stderr
    assert contents(tmp_path / "out").keys() == {"0/1.png", "0/4.png"}
    result = run("archive", photos / "*" / "1?.webp", tmp_path / "out")  # below another root
    assert result.returncode == 0, result.stderr
    assert contents(tmp_path / "out").keys() == {"0/1.png", "0/4.png", "0/11.webp", "0/14.webp", "0/17.webp"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    photos, out = fill(tmp_path / "photos", 150, 300, 200), tmp_path / "out"
    environment = os.environ | {"DCELITE_TEST_MARK": str(tmp_path)}

    def heed() -> None:  # a job in the background has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(
        [*COMMAND, "archive", photos, out], stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed
    )
    while len(contents(out)) < 10:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert "photographs are not done; the same command goes on" in errors
    assert errors.splitlines()[-1] == "dcelite: interrupted"
    assert processes_of(str(tmp_path), "ray") == []
    rows, before = rows_of(out), contents(out)
    assert not [name for name in before if "/." in f"/{name}"]
    done = {path for path, item in rows.items() if item["outcome"] == "done"}
    assert done == before.keys()  # the rows of all that was at work came home
    result = run("archive", photos, out)
    assert f"{len(done)} were done already" in result.stderr
    assert contents(out) == enhanced(photos, tmp_path / "whole")
    assert_manifest_agrees(rows_of(out), contents(out))


FULL = """
set -e
mount -t tmpfs -o size=3m tmpfs "$1"
status=0
shift
"$@" || status=$?
ls -A "$OUT" > "$LEFT"
cp -r "$OUT"/. "$KEPT"
exit $status
"""


def test_a_full_disk_ends_the_run_and_it_goes_on(tmp_path: Path) -> None:
    photos, out, kept = fill(tmp_path / "photos", 120, 300, 200), tmp_path / "out", tmp_path / "kept"
    out.mkdir()
    kept.mkdir()
    unshare = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    try:
        probe = subprocess.run([*unshare, f"mount -t tmpfs tmpfs {out}"], capture_output=True, check=False)
    except FileNotFoundError:
        probe = None
    if probe is None or probe.returncode:
        skip("file systems cannot be mounted here")
    environment = os.environ | {"OUT": str(out), "LEFT": str(tmp_path / "left"), "KEPT": str(kept)}
    result = subprocess.run(
        [*unshare, FULL, "sh", out, *COMMAND, "archive", photos, out],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=300,
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "No space left on device" in result.stderr.splitlines()[-1]
    made = contents(kept)
    whole = enhanced(photos, tmp_path / "whole")
    assert 0 < len(made) < len(whole)
    assert all(data in (whole[name], b"") for name, data in made.items())
    result = run("archive", photos, kept)  # of which there is more room
    assert result.returncode == 0, result.stderr
    assert contents(kept) == whole


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["absent", "out"], "absent: no such folder"),
        (["photos", "photos"], "photos: holds the input photos"),
        (["photos/0", "photos"], "photos: holds the input photos/0"),
        (["photos/0/1.png", "out"], "is a file, a folder was wanted"),
        (["photos", "ftp://host/out"], "scheme 'ftp'; a path or one of file://, s3://"),
        (["photos/*.gif", "out"], "holds no photograph"),
        (["photos", "out", "--threads", "65"], "--threads: 65, 0 to 64 was wanted"),
        (["photos", "out", "--quality", "0"], "--quality: 0, 1 to 100 was wanted"),
        (["photos", "out", "--strength", "2"], "strength"),
        (["photos", "out", "--model", "absent.dce"], "absent.dce"),
        (["photos", "out", "--only-dark", "--leave-bright"], "one was wanted"),
        (["photos", "out", "--address", "127.0.0.1:1"], "Ray at 127.0.0.1:1: "),
        (["photos", "out", "--address", "auto", "--dashboard"], "--dashboard: is of a Ray that is started here"),
        (["photos", "out", "--list", "absent.txt"], "absent.txt: cannot be read"),
        (["photos", "file"], "file"),
    ],
)
def test_what_is_refused(
    tmp_path: Path,
    photos: Path,
    arguments: list[str],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("precious")
    assert cli.main(["archive", *arguments]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[-1].startswith("dcelite: error: ")
    assert text in errors[-1]
    assert (tmp_path / "file").read_text() == "precious"
    assert not contents(tmp_path / "out")


@pytest.mark.parametrize("module", ["ray", "pyarrow"])
def test_without_ray_it_says_what_to_install(
    module: str, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert cli.main(["archive", str(photos), str(photos.with_name("out"))]) == 2
    message = f"dcelite: error: dcelite archive: {module} is not installed; run: pip install 'dcelite[archive]'\n"
    assert capsys.readouterr().err == message
    assert not photos.with_name("out").exists()


def test_the_runtime_knows_nothing_of_it() -> None:
    """But for the name of the command's module; and no folder but its own imports Ray."""
    for path in (REPOSITORY / "runtime" / "python").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "dcelite.archive" not in text.replace('"dcelite.archive.cli"', ""), path
        assert "import ray" not in text
        assert "pyarrow" not in text


def test_a_second_run_beside_it_is_refused(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dcelite.archive.manifest import Manifest
    from dcelite.archive.places import Place

    def never(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(cluster, "started", never)
    with Manifest(Place.of(str(tmp_path / "out"))).alone():
        assert cli.main(["archive", str(photos), str(tmp_path / "out")]) == 2
    assert "another run of dcelite archive is at work there" in capsys.readouterr().err
