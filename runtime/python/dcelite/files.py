"""Outputs that replace nothing unasked, and appear atomically: a reader sees the old file, none, or all of the new."""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dcelite.errors import OutputError

TEMPORARY = ".dcelite-"
"""In the names of unfinished files and folders, so that nothing of the user's is taken for one."""


def reason(error: Exception) -> str:
    """What an error says; the operating system's words ("Permission denied") without the file name."""
    return getattr(error, "strerror", None) or str(error)


def prepare_output_directory(directory: Path) -> Path:
    """Create an output folder (and its parents) and prove that files can be created in it.

    Raises:
        OutputError: the path is a file, cannot be created, or is not writable.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except FileExistsError:
        raise OutputError(f"{directory}: is a file, a folder was wanted for the outputs") from None
    except OSError as error:
        raise OutputError(f"{directory}: cannot write to this folder: {reason(error)}") from None
    return directory


def refuse_existing(path: Path, overwrite: bool, *, folder: bool = False) -> None:
    """Raise OutputError where writing ``path`` would replace something that the user did not offer for replacement.

    Args:
        folder: what is to be written is a folder, not a file.
    """
    if not os.path.lexists(path):
        return
    if path.is_dir() and not folder:
        raise OutputError(f"{path}: is a folder, a file name was wanted")
    if folder and not path.is_dir():
        raise OutputError(f"{path}: is a file, a folder was wanted")
    if path.exists() and not folder and not path.is_file():
        raise OutputError(f"{path}: is a device or the like, a file name was wanted")
    if not overwrite:
        raise _taken(path)


def _place(finished: Path, path: Path, overwrite: bool) -> None:
    """Give a finished file its name; raises OutputError where that is taken by now, without ``overwrite``."""
    with finished.open("rb") as file:
        os.fsync(file.fileno())
    if overwrite:
        finished.replace(path)
        return
    try:
        os.link(finished, path)  # unlike a rename, it replaces nothing
    except FileExistsError:
        raise _taken(path) from None
    except OSError:  # of a file system without links
        try:
            path.open("xb").close()  # takes the name, or fails because it is taken
        except FileExistsError:
            raise _taken(path) from None
        finished.replace(path)


def _taken(path: Path) -> OutputError:
    return OutputError(f"{path}: exists already; give another name or --overwrite")


@contextlib.contextmanager
def atomic_output(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it onto ``path`` if the block succeeds, delete it otherwise.

    The temporary file keeps the suffix of ``path``, because many writers choose their format by it.

    Raises:
        OutputError: the file exists, without ``overwrite``; or it cannot be created, written or renamed.
    """
    refuse_existing(path, overwrite)
    try:
        descriptor, name = tempfile.mkstemp(prefix=_temporary_prefix(path), suffix=path.suffix, dir=path.parent)
        os.close(descriptor)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason(error)}") from None
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        _place(temporary, path, overwrite)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason(error)}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _temporary_prefix(path: Path) -> str:
    return f".{path.stem[:64]}{TEMPORARY}"


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of ``path`` that processes left behind which were killed while they wrote it."""
    for leftover in path.parent.glob(f"{glob.escape(_temporary_prefix(path))}*{glob.escape(path.suffix)}"):
        leftover.unlink(missing_ok=True)


def publish(folder: Path, output: Path, *, overwrite: bool = False) -> list[Path]:
    """Move all files below ``folder`` to the same places below ``output``; returns these places.

    Both are on one file system. Other files in ``output`` stay as they are. Without ``overwrite``, either all files are
    moved or none.

    Raises:
        OutputError: a file exists, without ``overwrite``; or it cannot be moved.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    targets = [output / file.relative_to(folder) for file in files]
    for target in targets:
        refuse_existing(target, overwrite)
    published: list[Path] = []
    try:
        for file, target in zip(files, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            _place(file, target, overwrite)
            published.append(target)
    except (OSError, OutputError) as error:
        for target in [] if overwrite else published:
            target.unlink()
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{output}: cannot be written: {reason(error)}") from None
    return published


@contextlib.contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A temporary folder inside the output folder, so that finished files are renamed, not copied.

    An output folder that did not exist before is removed again if nothing was put into it. An OSError within becomes
    OutputError.
    """
    existed = output.exists()
    prepare_output_directory(output)
    try:
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=output) as scratch:
            yield Path(scratch)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written: {reason(error)}") from None
    finally:
        if not existed and output.is_dir() and not any(output.iterdir()):
            output.rmdir()


def write_bytes_atomically(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write ``data`` to ``path`` as :func:`atomic_output` does."""
    with atomic_output(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def write_text_atomically(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write ``text`` to ``path`` as UTF-8, as :func:`atomic_output` does."""
    write_bytes_atomically(path, text.encode(), overwrite=overwrite)
