"""Photographs, buckets and command lines for the tests of archives."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

pytest.importorskip("ray")
pytest.importorskip("pyarrow")

COMMAND = [sys.executable, "-m", "dcelite.cli"]
SUFFIXES = (".jpg", ".png", ".webp")


def picture(number: int, width: int = 40, height: int = 30) -> PIL.Image.Image:
    noise = np.random.default_rng(number).random((height, width, 3))
    return PIL.Image.fromarray((60 * noise + number % 60).astype(np.uint8))


def fill(folder: Path, count: int, width: int = 40, height: int = 30) -> Path:
    """Pictures in folders of a hundred."""
    for number in range(count):
        path = folder / str(number // 100) / f"{number}{SUFFIXES[number % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number, width + number % 7, height).save(path)
    return folder


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """A command line, with what it says."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, check=False, timeout=1800, text=True, **({"capture_output": True} | options))


def enhanced(folder: Path, output: Path, *options: object) -> dict[str, bytes]:
    """What ``dcelite enhance`` makes of a folder, on one machine."""
    run("enhance", folder, "-o", output, *options)
    return contents(output)


def contents(folder: Path) -> dict[str, bytes]:
    """All files, also hidden ones, but for what the archive says of itself."""
    return {
        name: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not (name := path.relative_to(folder).as_posix()).startswith("_dcelite/")
    }


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The newest row of every path."""
    from dcelite.archive.manifest import Manifest
    from dcelite.archive.places import Place

    found: dict[str, dict[str, Any]] = {}
    for table in Manifest(Place.of(str(folder))).newest():
        for item in table.to_pylist():
            assert item["path"] not in found
            found[item["path"]] = item
    return found


def assert_manifest_agrees(rows: dict[str, dict[str, Any]], files: dict[str, bytes]) -> None:
    """Each output has its row, each row with an output its file, and the checksum is of that."""
    made = {path: item for path, item in rows.items() if item["outcome"] in ("done", "damaged", "copied")}
    assert made.keys() == files.keys()
    for path, data in files.items():
        assert made[path]["output_sha256"] == hashlib.sha256(data).hexdigest(), path
        assert made[path]["output_size"] == len(data)


def wait_until(process: subprocess.Popen[Any], condition: Callable[[], bool]) -> bool:
    """False where the process ended before."""
    deadline = time.monotonic() + 600
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return True


def processes_of(mark: str, title: str) -> list[int]:
    """The processes of this title that were started with a mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            matches = re.search(title.encode(), (folder / "cmdline").read_bytes())
            if matches and mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has ended
            continue
    return found


def kill(number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)


class Bucket:
    """Of a server on loopback."""

    def __init__(self, root: str, port: int, query: str) -> None:
        self.root = root
        self.query = f"endpoint_override=127.0.0.1:{port}&scheme=http&{query}"

    def url(self, path: str) -> str:
        return f"{self.root}/{path}?{self.query}"

    def place(self, path: str) -> Any:
        from dcelite.archive.places import Place

        return Place.of(self.url(path))

    def contents(self, path: str) -> dict[str, bytes]:
        place, found, waiting = self.place(path), {}, [""]
        entries_of = place.lister()
        while waiting:
            folder = waiting.pop()
            for entry in entries_of(folder):
                name = f"{folder}/{entry.name}" if folder else entry.name
                if not entry.folder:
                    found[name] = place.read(name)
                elif name != "_dcelite":
                    waiting.append(name)
        return found

    def upload(self, folder: Path, path: str) -> None:
        place = self.place(path)
        for file in folder.rglob("*"):
            if file.is_file():
                place.write(file.relative_to(folder).as_posix(), file.read_bytes())


def serve_google() -> Iterator[Bucket]:
    """An emulator of Google's storage, with an empty bucket."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = "import sys; from gcp_storage_emulator.__main__ import main; main(sys.argv[1:])"
    options = ["start", "--host", "127.0.0.1", "--port", str(port), "--in-memory", "--default-bucket", "photographs"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        assert wait_until(process, answers)
        yield Bucket("gs://anonymous@photographs", port, "retry_limit_seconds=10")
    finally:
        process.kill()
        process.wait()


def serve_bucket(folder: Path) -> Iterator[Bucket]:
    """moto's server, with an empty bucket."""
    from pyarrow import fs

    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    port = next(int(m[1]) for line in process.stdout if (m := re.search(r"http://127\.0\.0\.1:(\d+)", line)))
    log = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
    try:
        bucket = Bucket("s3://photographs", port, "region=us-east-1")
        server = fs.FileSystem.from_uri(f"s3://photographs?{bucket.query}&allow_bucket_creation=true")[0]
        server.create_dir("photographs")
        yield bucket
    finally:
        process.kill()
        process.wait()
        log.wait()
