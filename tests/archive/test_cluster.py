"""A cluster of two nodes on loopback, a bucket of an S3 server there, and workers, nodes and drivers that are killed.

DCELITE_ARCHIVE_KILLS=20 and DCELITE_ARCHIVE_FILES=10000 are the long runs.
"""

from __future__ import annotations

import http.server
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archives import (
    COMMAND,
    Bucket,
    assert_manifest_agrees,
    contents,
    enhanced,
    fill,
    kill,
    processes_of,
    rows_of,
    run,
)

FILES = int(os.environ.get("DCELITE_ARCHIVE_FILES", "300"))
KILLS = int(os.environ.get("DCELITE_ARCHIVE_KILLS", "4"))
OBJECTS = int(os.environ.get("DCELITE_ARCHIVE_OBJECTS", "500"))


class Cluster:
    """Two nodes, each a ``ray start`` with a mark in its environment by which its processes are found."""

    def __init__(self, folder: Path) -> None:
        self.mark = f"dcelite-test-{os.getpid()}-{folder.name}"
        self._folder = Path("/tmp", self.mark)  # short: sockets have names of at most 107 bytes
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        # Ray asks who comes: by a token of this test alone, which the command finds in its environment too.
        self.environment = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        try:
            self._join()
        except BaseException:
            self.stop()
            raise

    def _join(self) -> None:
        port = self.address.rpartition(":")[2]
        self._start(1, "--head", f"--port={port}", f"--temp-dir={self._folder}", "--include-dashboard=false")
        self.add_node()

    def _start(self, node: int, *arguments: str) -> None:
        ray = Path(sys.executable).with_name("ray")
        command = [ray, "start", "--node-ip-address=127.0.0.1", "--num-cpus=1", "--disable-usage-stats", *arguments]
        marks = {"DCELITE_TEST_MARK": self.mark, "DCELITE_TEST_NODE": f"{self.mark}-node-{node}"}
        environment = os.environ | self.environment | marks
        store = f"--object-store-memory={80 << 20}"
        result = subprocess.run([*command, store], capture_output=True, text=True, check=False, env=environment)
        assert result.returncode == 0, result.stdout + result.stderr

    def add_node(self) -> None:
        self._start(2, f"--address={self.address}")

    def workers(self) -> list[int]:
        return processes_of(self.mark, "^ray::Worker")

    def kill_worker(self, chosen: random.Random) -> None:
        if found := sorted(self.workers()):
            kill(chosen.choice(found))

    def kill_node(self) -> None:
        """The second one, as if its machine had lost its power."""
        for number in processes_of(f"{self.mark}-node-2", ""):
            kill(number)

    def stop(self) -> None:
        for number in processes_of(self.mark, ""):
            kill(number)
        deadline = time.monotonic() + 10
        while processes_of(self.mark, "") and time.monotonic() < deadline:
            time.sleep(0.1)
        subprocess.run(["rm", "-rf", self._folder], check=True)


@pytest.fixture(scope="module")
def cluster(_credentials: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("c"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in found.environment.items():
            patch.setenv(name, value)
        try:
            yield found
        finally:
            found.stop()


def start(*arguments: object, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen([*COMMAND, "archive", *map(str, arguments)], stdout=file, stderr=file)


def test_a_bucket_on_two_nodes(tmp_path: Path, cluster: Cluster, bucket: Bucket) -> None:
    photos = fill(tmp_path / "photos", OBJECTS)
    (photos / "ü ñ 写真.jpg").write_bytes((photos / "0" / "0.jpg").read_bytes())
    (photos / "empty.jpg").write_bytes(b"")
    bucket.upload(photos, "in")
    result = run("archive", bucket.url("in"), bucket.url("out"), "--address", cluster.address)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert f"{OBJECTS + 2} photographs, 2 workers" in result.stderr
    assert f"{OBJECTS + 1} enhanced, 1 failed" in result.stderr
    wanted = enhanced(photos, tmp_path / "whole")
    made = bucket.contents("out")
    assert made == wanted
    record = bucket.contents("out/_dcelite")
    for name, data in record.items():
        path = tmp_path / "record" / "_dcelite" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert_manifest_agrees(rows_of(tmp_path / "record"), made)
    again = run("archive", bucket.url("in"), bucket.url("out"), "--address", cluster.address)
    assert f"{OBJECTS + 1} were done already, 1 had failed before" in again.stderr
    # From a bucket into a folder, by a pattern.
    result = run("archive", bucket.url("in/0/1[0-9].*"), tmp_path / "some", "--address", cluster.address)
    assert result.returncode == 0, result.stderr
    some = contents(tmp_path / "some")
    assert len(some) == 10
    assert all(data == wanted[f"0/{name}"] for name, data in some.items())


def test_whatever_is_killed(tmp_path: Path, cluster: Cluster) -> None:
    """Workers, a node, the driver, at random moments: nothing is lost, doubled or half-written."""
    photos, out = fill(tmp_path / "photos", FILES, 300, 200), tmp_path / "out"
    wanted = enhanced(photos, tmp_path / "whole")
    chosen, log = random.Random(KILLS), tmp_path / "log"
    arguments = (photos, out, "--address", cluster.address)
    goals = sorted(chosen.sample(range(1, FILES - FILES // 10), KILLS))
    process = start(*arguments, log=log)
    killed: dict[str, int] = {}
    try:
        for number, goal in enumerate(goals):
            deadline = time.monotonic() + 600
            while sum(len(files) for _, _, files in os.walk(out)) < goal:
                assert time.monotonic() < deadline, log.read_text()
                if process.poll() is not None:
                    assert process.returncode == 0, log.read_text()
                    break
                time.sleep(0.01)
            time.sleep(chosen.uniform(0, 0.05))
            what = ("worker", "driver", "node")[number % 3]
            killed[what] = killed.get(what, 0) + 1
            if what == "worker":
                cluster.kill_worker(chosen)
            elif what == "node":
                cluster.kill_node()
                cluster.add_node()
            else:
                rows_before = rows_of(out)
                process.kill()
                process.wait()
                for name, data in contents(out).items():
                    if "/." not in f"/{name}":
                        assert data == wanted[name], name
                process = start(*arguments, log=log)
        process.wait(timeout=900)
    finally:
        process.kill()
    assert process.returncode == 0, log.read_text()
    print(f"killed: {killed}")
    assert contents(out) == wanted  # and no temporary file of those that were killed
    rows = rows_of(out)
    assert rows.keys() == wanted.keys()
    assert_manifest_agrees(rows, wanted)
    done = {path for path, item in rows_before.items() if item["outcome"] == "done"}
    assert all(rows[path]["finished"] == rows_before[path]["finished"] for path in done)  # nothing twice
    assert "Traceback" not in log.read_text()


def test_a_picture_that_kills_its_worker_is_a_row(tmp_path: Path) -> None:
    """A decoder that ends the process; those beside it are made all the same."""
    photos = fill(tmp_path / "photos", 20)
    (photos / "0" / "3.jpg").rename(photos / "0" / "deadly.jpg")
    patch = tmp_path / "site"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(
        "import os, signal\n"
        "import dcelite.batch.work as work\n"
        "real = work.read_photograph\n"
        "def read(path, data=None):\n"
        "    if path.name == 'deadly.jpg':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(path, data)\n"
        "work.read_photograph = read\n"
    )
    environment = os.environ | {"PYTHONPATH": str(patch)}
    result = run("archive", photos, tmp_path / "out", env=environment)
    assert result.returncode == 2
    assert "1 of 20 photographs failed: 0/deadly.jpg" in result.stderr
    assert "0/deadly.jpg: the worker died over it 4 times" in result.stderr
    assert "19 enhanced, 1 failed" in result.stderr
    assert len(contents(tmp_path / "out")) == 19


class Refusing(http.server.BaseHTTPRequestHandler):
    """A bucket that holds nothing and takes nothing."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")

    do_POST = do_PUT  # noqa: N815

    def do_GET(self) -> None:
        self._answer(
            200, b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
        )

    def do_HEAD(self) -> None:
        self._answer(404, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.mark.usefixtures("_credentials")
def test_a_bucket_that_refuses_writes(tmp_path: Path, photos: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = Bucket("s3://photographs", server.server_address[1], "region=us-east-1").url("out")
        result = run("archive", photos, url)
        server.shutdown()
    assert result.returncode == 2
    last = result.stderr.splitlines()[-1]
    assert last.startswith("dcelite: error: s3://photographs/out/_dcelite/")
    assert "cannot be written" in last
    assert "ACCESS_DENIED" in last.upper().replace(" ", "_") or "AccessDenied" in last
    assert "Traceback" not in result.stderr


def test_a_driver_that_is_killed_takes_its_ray_with_it(tmp_path: Path) -> None:
    """All of it that works; an agent of Ray's, which watches, may take minutes to see that it is alone."""
    photos = fill(tmp_path / "photos", 200, 300, 200)
    environment = os.environ | {"DCELITE_TEST_MARK": str(tmp_path)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "archive", photos, tmp_path / "out"], env=environment, stdout=log, stderr=log
        )
        while not contents(tmp_path / "out"):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 60
    while left := processes_of(str(tmp_path), "^ray::Worker|/raylet|/gcs_server"):
        assert time.monotonic() < deadline, [Path(f"/proc/{number}/cmdline").read_bytes()[:300] for number in left]
        time.sleep(0.2)
