"""What is in a folder of pictures: the pictures, and what is left where it is."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from dcelite.errors import ImageError
from dcelite.files import is_temporary, reason
from dcelite.images import is_image_path, missing_support

RESULT = "_enhanced"
"""Added to a name where no other name is given for an output."""
SYSTEM_FOLDERS = ("@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN")
"""Of network drives, archives and waste baskets: what is in them stands elsewhere too, or is thrown away."""


@dataclass
class Contents:
    """Of a folder and its subfolders."""

    pictures: list[Path] = field(default_factory=list)
    """In the order of their names."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many files of each suffix, and of what else, are no pictures to be taken."""
    unreadable: list[str] = field(default_factory=list)
    """What could not be looked at, in words."""


def look_through(root: Path, *, results: Collection[str] | None = None) -> Contents:
    """Find the pictures below a folder; links to folders are not followed.

    Args:
        results: leave out the results of earlier runs, NAME_enhanced beside NAME, and these folders (real paths). None
            takes all pictures.
    """
    found = Contents()
    waiting = [(root, os.path.realpath(root))]
    while waiting:
        folder, real = waiting.pop()
        try:
            with os.scandir(folder) as iterator:
                entries = list(iterator)
        except OSError as error:
            found.unreadable.append(f"{folder}: cannot be read: {reason(error)}")
            continue
        names = {entry.name for entry in entries}
        for entry in entries:
            path = folder / entry.name
            if entry.is_symlink() and path.is_dir():
                found.left_out["linked folder"] += 1
            elif path.is_dir():
                inside = os.path.join(real, entry.name)  # noqa: PTH118 (a Path takes longer)
                if is_temporary(entry.name) or (results is not None and inside in results):
                    continue
                if is_hidden(entry.name):
                    found.left_out["hidden"] += 1
                elif results is not None and is_result(entry.name, names):
                    found.left_out["earlier result"] += 1
                else:
                    waiting.append((path, inside))
            elif is_hidden(entry.name):
                found.left_out["hidden"] += 1
            elif not is_image_path(path):
                found.left_out[path.suffix.lower() or "without a suffix"] += 1
            elif not path.is_file():
                found.left_out["broken link" if entry.is_symlink() else "device or the like"] += 1
            elif results is not None and is_result(entry.name, names):
                found.left_out["earlier result"] += 1
            else:
                found.pictures.append(path)
    found.pictures.sort()
    return found


def is_hidden(name: str) -> bool:
    """Whether a file or folder is left where it is, by its name alone."""
    return name.startswith(".") or name in SYSTEM_FOLDERS


def is_result(name: str, names: Collection[str]) -> bool:
    """Whether it is named as the result of what stands beside it."""
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix) if stem else (name, "")
    return stem.endswith(RESULT) and stem.removesuffix(RESULT) + suffix in names


def describe(left_out: Counter[str]) -> str:
    """What was left out, in words, with how to get those pictures in that only need something installed."""
    texts = []
    for kind, count in left_out.most_common():
        missing = missing_support(kind) if kind.startswith(".") else None
        texts.append(f"{count} {kind}{f' ({missing})' if missing else ''}")
    return ", ".join(texts)


def pictures_below(folder: Path) -> list[Path]:
    """The pictures in a folder and its subfolders, in the order of their names; raises ImageError."""
    found = look_through(folder)
    if found.unreadable:
        raise ImageError("; ".join(found.unreadable))
    return found.pictures
