"""Folders on file systems and in buckets, as one thing: what is in them, and whole files in and out."""

from __future__ import annotations

import functools
import os
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcelite.errors import DceliteError, OutputError
from dcelite.files import Outputs, prepare_output_directory, reason, remove_leftovers, write_bytes_atomically

SCHEMES = ("s3", "gs", "gcs")
"""Of buckets."""
_MICROSECOND = 1000


@dataclass(frozen=True)
class Entry:
    """What is in a folder."""

    name: str
    folder: bool = False
    link: bool = False
    size: int = 0
    modified: int = 0
    """Microseconds since 1970."""
    odd: str = ""
    """Why it is no file that could be read."""


@dataclass(frozen=True)
class Place:
    """A folder; ``url`` is what messages call it, without the credentials that one may hold."""

    url: str
    path: str
    """Within the file system, without a slash at the end."""
    system: str = ""
    """From which pyarrow makes the file system of a bucket; empty for the local one."""

    @classmethod
    def of(cls, text: str) -> Place:
        """The place of a path or URL; raises DceliteError for one of another kind."""
        scheme, separator, rest = text.partition("://")
        if not separator:
            return cls(text, text.rstrip("/") or "/")
        if scheme == "file":
            path = urllib.parse.unquote(rest)
            if not path.startswith("/"):
                raise DceliteError(f"{text}: file:///FOLDER was wanted, the whole path from the root")
            return cls(text, path.rstrip("/") or "/")
        if scheme not in SCHEMES:
            schemes = ", ".join(f"{name}://" for name in ("file", *SCHEMES))
            raise DceliteError(f"{text}: scheme {scheme!r}; a path or one of {schemes} was wanted")
        rest, _, query = rest.partition("?")
        netloc, _, path = rest.rstrip("/").partition("/")
        bucket = netloc.rpartition("@")[2]
        if not bucket:
            raise DceliteError(f"{text}: names no bucket; {scheme}://BUCKET/FOLDER was wanted")
        path = f"{bucket}/{path}".rstrip("/")
        return cls(f"{scheme}://{path}", path, f"{scheme}://{netloc}{'?' if query else ''}{query}")

    def joined(self, relative: str) -> Place:
        """A folder below."""
        return Place(f"{self.url.rstrip('/')}/{relative}", self._path(relative), self.system) if relative else self

    @property
    def local(self) -> bool:
        return not self.system

    @functools.cached_property
    def _files(self) -> Any:
        from pyarrow import fs

        scheme = self.system.partition("://")[0]
        system = self.system
        if scheme == "s3":  # small files as one request: nothing is sent before they are whole
            system += f"{'&' if '?' in system else '?'}allow_delayed_open=true"
        try:
            return fs.FileSystem.from_uri(system)[0]
        except (OSError, ValueError) as error:
            raise DceliteError(f"{self.url}: cannot be opened: {_words(error)}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return Place, (self.url, self.path, self.system)

    def _path(self, relative: str) -> str:
        return f"{self.path.rstrip('/')}/{relative}" if relative else self.path

    def name_of(self, relative: str) -> str:
        """What messages call a file of it."""
        return f"{self.url.rstrip('/')}/{relative}"

    def entries(self, relative: str = "") -> Iterator[Entry]:
        """What is in a folder, in any order, but for the folders of gs://, which ``lister`` finds; raises OSError."""
        if self.local:
            with os.scandir(self._path(relative)) as found:
                yield from map(_local_entry, found)
            return
        from pyarrow import fs

        for info in self._files.get_file_info(fs.FileSelector(self._path(relative), allow_not_found=True)):
            if info.type == fs.FileType.Directory:
                yield Entry(info.base_name, folder=True)
            elif info.base_name:  # a key that ends in a slash stands for the folder
                yield Entry(info.base_name, size=info.size, modified=_modified(info))

    def lister(self) -> Callable[[str], Iterable[Entry]]:
        """``entries`` for one who looks into many folders, and with all folders.

        Those of gs:// are nothing but a part of the names of files, and pyarrow tells of none: all files are listed at
        once, by the first call.
        """
        if not self.system.startswith(("gs://", "gcs://")):
            return self.entries
        tree = functools.cache(self._tree)
        return lambda relative: tree().get(relative, [])

    def _tree(self) -> dict[str, list[Entry]]:
        """What is in each folder."""
        from pyarrow import fs

        tree: dict[str, list[Entry]] = {"": []}

        def add(path: str, **values: Any) -> None:
            folder, _, name = path.rpartition("/")
            if folder not in tree:
                tree[folder] = []
                add(folder, folder=True)
            tree[folder].append(Entry(name, **values))

        for info in self._files.get_file_info(fs.FileSelector(self.path, recursive=True, allow_not_found=True)):
            if info.type == fs.FileType.File and info.base_name:
                add(info.path[len(self.path) + 1 :], size=info.size, modified=_modified(info))
        return tree

    def stat(self, relative: str = "") -> Entry | None:
        """A file or folder; None where there is none; raises OSError."""
        path = self._path(relative)
        name = path.rpartition("/")[2]
        if self.local:
            try:
                status = os.stat(path)  # noqa: PTH116 (a Path takes longer)
            except (FileNotFoundError, NotADirectoryError):
                return None
            folder = os.path.isdir(path)  # noqa: PTH112
            return Entry(name, folder, size=status.st_size, modified=status.st_mtime_ns // _MICROSECOND)
        from pyarrow import fs

        info = self._files.get_file_info(path)
        if info.type == fs.FileType.NotFound:
            return None
        folder = info.type == fs.FileType.Directory
        return Entry(name, folder, size=info.size or 0, modified=_modified(info))

    def read(self, relative: str) -> bytes:
        """A whole file; raises OSError."""
        if self.local:
            return Path(self._path(relative)).read_bytes()
        with self._files.open_input_file(self._path(relative)) as file:
            data: bytes = file.read()
            return data

    def write(self, relative: str, data: bytes, *, overwrite: bool = False) -> None:
        """A whole file, atomically; raises OutputError. ``overwrite`` is for local files: a bucket has no other way."""
        if self.local:
            write_bytes_atomically(self.prepared(relative), data, overwrite=overwrite)
            return
        try:
            with self._files.open_output_stream(self._path(relative)) as file:
                file.write(data)
        except OSError as error:
            raise OutputError(f"{self.name_of(relative)}: cannot be written: {_words(error)}") from None

    def prepared(self, relative: str) -> Path:
        """The path of a local file, in a folder that is there; raises OutputError."""
        path = Path(self._path(relative))
        if not path.parent.is_dir():
            prepare_output_directory(path.parent)
        return path

    def remove(self, relative: str) -> None:
        """A file that may be gone already; raises OSError."""
        if self.local:
            Path(self._path(relative)).unlink(missing_ok=True)
        elif self.stat(relative) is not None:
            self._files.delete_file(self._path(relative))

    def remove_leftovers(self, relative: str) -> None:
        """What killed processes left of files that were never whole; a bucket knows none."""
        if self.local:
            remove_leftovers(Path(self._path(relative)))

    def _server(self) -> tuple[str, list[str]]:
        scheme, _, rest = self.system.partition("://")
        query = urllib.parse.parse_qs(rest.partition("?")[2])
        return scheme.replace("gcs", "gs"), query.get("endpoint_override", [])

    def holds(self, other: Place) -> bool:
        """Whether the other one is this one, or below it."""
        if self._server() != other._server():
            return False
        ours, others = (os.path.realpath(place.path) if place.local else place.path for place in (self, other))
        return f"{others}/".startswith(f"{ours.rstrip('/')}/")


class Batch:
    """Files of a place that are there for certain once they are published; local ones are flushed together."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._files = Outputs()
        self._names: dict[Path, str] = {}

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._files.__exit__()

    def write(self, relative: str, data: bytes, *, overwrite: bool = False) -> None:
        """A whole file; raises OutputError. In a bucket it is there at once, in a folder when it is published."""
        if not self._place.local:
            self._place.write(relative, data, overwrite=overwrite)
            return
        path = self._place.prepared(relative)
        self._files.write(path, data, overwrite=overwrite)
        self._names[path] = relative

    def publish(self) -> dict[str, OutputError]:
        """Give all files their names; what failed for those that have none."""
        return {self._names[path]: error for path, error in self._files.publish().items()}


def _local_entry(entry: os.DirEntry[str]) -> Entry:
    link = entry.is_symlink()
    try:
        if entry.is_dir():
            return Entry(entry.name, folder=True, link=link)
        status = entry.stat()
    except OSError:
        return Entry(entry.name, link=link, odd="broken link" if link else "unreadable")
    odd = "" if entry.is_file() else "device or the like"
    return Entry(entry.name, link=link, size=status.st_size, modified=status.st_mtime_ns // _MICROSECOND, odd=odd)


def _modified(info: Any) -> int:
    """As an Entry has it; 0 where the bucket does not say."""
    return (info.mtime_ns or 0) // _MICROSECOND


def _words(error: Exception) -> str:
    return " ".join(reason(error).split())
