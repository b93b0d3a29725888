"""Outputs that appear atomically: a reader sees the old file, no file, or the whole new file."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dcelite.errors import OutputError


def reason(error: OSError) -> str:
    """The operating system's words for an error ("Permission denied"), without the file name."""
    return error.strerror or str(error)


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


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raise OutputError where writing ``path`` would replace something that the user did not offer for replacement."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder, a file name was wanted")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; give another name or --overwrite")


@contextlib.contextmanager
def atomic_output(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it onto ``path`` if the block succeeds, delete it otherwise.

    The temporary file keeps the suffix of ``path``, because many writers choose their format by it.

    Raises:
        OutputError: the file cannot be created, written or renamed.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.stem[:64]}.", suffix=path.suffix, dir=path.parent)
        os.close(descriptor)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason(error)}") from None
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason(error)}") from None
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A temporary folder inside the output folder, so that finished files are renamed, not copied.

    An output folder that did not exist before is removed again if nothing was put into it. An OSError within becomes
    OutputError.
    """
    existed = output.exists()
    prepare_output_directory(output)
    try:
        with tempfile.TemporaryDirectory(prefix=".dcelite-", dir=output) as scratch:
            yield Path(scratch)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written: {reason(error)}") from None
    finally:
        if not existed and output.is_dir() and not any(output.iterdir()):
            output.rmdir()


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` atomically; raises OutputError."""
    with atomic_output(path) as temporary:
        temporary.write_bytes(data)


def write_text_atomically(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, atomically; raises OutputError."""
    write_bytes_atomically(path, text.encode())
