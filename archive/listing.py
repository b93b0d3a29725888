"""Which photographs there are: in a folder or bucket, by a pattern, or of a list."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dcelite.archive.places import Entry, Place
from dcelite.errors import DceliteError
from dcelite.files import is_temporary, reason
from dcelite.folders import is_hidden, is_result
from dcelite.images import VIDEO_SUFFIXES, is_image_path

_WILD = re.compile(r"[*?\[]")
_PATH_COLUMN = "path"


class Input(NamedTuple):
    """A file to look at."""

    path: str
    """Below the place, with slashes; in UTF-8 where ``problem`` says nothing else."""
    size: int
    modified: int
    """Microseconds since 1970."""
    problem: str = ""
    """Why it cannot be enhanced, as far as its name tells."""


@dataclass
class Listing:
    """What was found."""

    inputs: list[Input] = field(default_factory=list)
    """In the order of folders and names."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many files of each suffix, and of what else, are no pictures to be taken."""
    unreadable: list[str] = field(default_factory=list)
    """Folders that could not be looked at, in words."""


def split_pattern(text: str) -> tuple[Place, re.Pattern[str] | None]:
    """The place below which a pattern is, and what relative paths match; None for a place without pattern.

    ``*`` and ``?`` stay within a name, ``**`` stands for any folders. In a bucket's URL ``?`` begins the options.
    """
    scheme, separator, rest = text.rpartition("://")
    rest, mark, query = rest.partition("?") if scheme in ("s3", "gs", "gcs") else (rest, "", "")
    place = Place.of(text)
    if not _WILD.search(rest) or (place.local and place.stat() is not None):
        return place, None
    parts = rest.split("/")
    first = next(i for i, part in enumerate(parts) if _WILD.search(part))
    base = "/".join(parts[:first]) or ("/" if rest.startswith("/") else ".")
    return Place.of(f"{scheme}{separator}{base}{mark}{query}"), _expression(parts[first:])


def _expression(parts: list[str]) -> re.Pattern[str]:
    text = ""
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if part == "**":
            text += ".*" if last else "(?:[^/]+/)*"
            continue
        for piece in re.findall(r"\[!?\]?[^\]]*\]|.", part, re.DOTALL):
            if piece == "*":
                text += "[^/]*"
            elif piece == "?":
                text += "[^/]"
            elif len(piece) > 2:
                text += "[" + piece[1:-1].replace("\\", r"\\").replace("!", "^", piece[1] == "!") + "]"
            else:
                text += re.escape(piece)
        text += "" if last else "/"
    return re.compile(text, re.DOTALL)


def list_inputs(source: Place, output: Place, pattern: re.Pattern[str] | None = None) -> Listing:
    """The photographs and videos below a place, without what is below ``output``; raises DceliteError.

    The rules are those of ``dcelite enhance``: what is hidden, of other kinds or a result beside its input is left.
    """
    found = Listing()
    entries_of = source.lister()
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(entries_of(folder), key=lambda entry: entry.name)
        except OSError as error:
            text = f"{source.joined(folder).url}: cannot be read: {' '.join(reason(error).split())}"
            if not folder:
                raise DceliteError(text) from None
            found.unreadable.append(text)
            continue
        names = {entry.name for entry in entries}
        below = []
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if not entry.folder:
                _take_file(found, entry, path, names, pattern)
            elif entry.link:
                found.left_out["linked folder"] += 1
            elif is_temporary(entry.name) or output.holds(source.joined(path)):
                continue
            elif is_hidden(entry.name):
                found.left_out["hidden"] += 1
            elif is_result(entry.name, names):
                found.left_out["earlier result"] += 1
            else:
                below.append(path)
        waiting += reversed(below)
    return found


def _take_file(found: Listing, entry: Entry, path: str, names: set[str], pattern: re.Pattern[str] | None) -> None:
    if pattern is not None and not pattern.fullmatch(path):
        return
    suffix = PurePosixPath(entry.name).suffix.lower()
    if is_hidden(entry.name):
        found.left_out["hidden"] += 1
    elif not is_image_path(Path(entry.name)) and suffix not in VIDEO_SUFFIXES:
        found.left_out[suffix or "without a suffix"] += 1
    elif entry.odd:
        found.left_out[entry.odd] += 1
    elif is_result(entry.name, names):
        found.left_out["earlier result"] += 1
    else:
        found.inputs.append(_input(path, entry))


def _input(path: str, entry: Entry) -> Input:
    shown, problem = path, ""
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        problem = "its name is not UTF-8, which a manifest could hold; another name was wanted"
    if PurePosixPath(path).suffix.lower() in VIDEO_SUFFIXES:
        problem = "is a video; dcelite video brightens it"
    return Input(shown, entry.size, entry.modified, problem and f"{shown}: {problem}")


def listed_inputs(source: Place, list_place: str) -> Listing:
    """The files that a list names: a text with a path on each line, or Parquet with a column ``path``.

    Paths are those below ``source``, or begin with it. What does not exist is an input with a problem.
    """
    found = Listing()
    seen: set[str] = set()
    shown = Place.of(list_place).url
    for text in _paths_of(list_place, shown):
        path = text
        for root in (source.url, source.path):
            path = path.removeprefix(f"{root.rstrip('/')}/")
        parts = path.split("/")
        if "://" in path or path.startswith("/") or ".." in parts or "" in parts:
            raise DceliteError(f"{shown}: {text!r} is not below {source.url}; paths relative to it were wanted")
        if path in seen:
            continue
        seen.add(path)
        try:
            entry = source.stat(path)
        except OSError as error:
            found.inputs.append(Input(path, 0, 0, f"{path}: cannot be read: {reason(error)}"))
            continue
        if entry is None or entry.folder:
            found.inputs.append(Input(path, 0, 0, f"{path}: {'no such file' if entry is None else 'is a folder'}"))
        elif not is_image_path(Path(path)) and PurePosixPath(path).suffix.lower() not in VIDEO_SUFFIXES:
            found.inputs.append(Input(path, entry.size, entry.modified, f"{path}: the suffix is that of no picture"))
        else:
            found.inputs.append(_input(path, entry))
    return found


def _paths_of(list_place: str, shown: str) -> Iterator[str]:
    folder, _, name = list_place.partition("?")[0].rpartition("/")
    query = list_place.partition("?")[2] if "://" in list_place else ""
    place = Place.of(f"{folder or ('/' if list_place.startswith('/') else '.')}{'?' if query else ''}{query}")
    try:
        data = place.read(name)
    except OSError as error:
        raise DceliteError(f"{shown}: cannot be read: {' '.join(reason(error).split())}") from None
    if not data.startswith(b"PAR1"):
        try:
            lines = data.decode().splitlines()
        except UnicodeDecodeError:
            raise DceliteError(f"{shown}: neither UTF-8 text nor Parquet; one of them was wanted") from None
        yield from (line for line in lines if line.strip())
        return
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(io.BytesIO(data), columns=[_PATH_COLUMN])
    except (pyarrow.ArrowException, OSError) as error:
        raise DceliteError(f"{shown}: cannot be read as Parquet: {' '.join(str(error).split())}") from None
    if table.num_columns != 1:
        raise DceliteError(f"{shown}: has no column {_PATH_COLUMN!r}")
    yield from (str(path) for path in table[_PATH_COLUMN].to_pylist())
