"""Outputs that replace nothing unasked, and appear atomically: a reader sees the old file, none, or all of the new.

What is not finished stands in temporary folders beside the outputs. Each is known to this module before it is there,
and locked as long as it is in use. So none outlives a process that ends by itself or by a signal that can be caught,
and :func:`remove_leftovers` can tell those of a process that was killed.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

from dcelite.errors import OutputError

if sys.platform != "win32":
    import fcntl

TEMPORARY = ".dcelite-"
"""In the names of unfinished folders, so that nothing of the user's is taken for one."""
_TEMPORARY_NAME = re.compile(rf"(\..*)?{re.escape(TEMPORARY)}([0-9a-f]{{8}})-[0-9a-f]{{8}}", re.DOTALL)
_LONGEST_STEM = 64
"""Bytes of an output's name that its temporary folder has in its own."""
_ABANDONED_AFTER = 24 * 3600.0
"""Seconds without a change after which a temporary folder is taken for abandoned where no lock tells."""

_guard = threading.RLock()  # a signal handler may take it while the thread below it has it
_unfinished: set[Path] = set()
"""The absolute paths of this process's temporary folders."""
_ending = False


def reason(error: Exception) -> str:
    """What an error says; the operating system's words ("Permission denied") without the file name."""
    return getattr(error, "strerror", None) or str(error)


def prepare_output_directory(directory: Path) -> Path:
    """Create an output folder (and its parents) and prove that something can be created in it.

    Raises:
        OutputError: the path is a file, cannot be created, or is not writable.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _temporary_folder(directory):
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
    """Flush a finished file and give it its name; raises OutputError where that is taken, without ``overwrite``."""
    _flush(finished)
    _name(finished, path, overwrite)


def _flush(finished: Path) -> None:
    with finished.open("r+b" if sys.platform == "win32" else "rb") as file:  # Windows flushes what it may write to
        os.fsync(file.fileno())


def _name(finished: Path, path: Path, overwrite: bool) -> None:
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
        try:
            finished.replace(path)
        except BaseException:
            path.unlink()
            raise


def is_complete(path: Path) -> bool:
    """Whether an output is there. An empty file is none: it may be what a process was killed over (see _name)."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def _taken(path: Path) -> OutputError:
    return OutputError(f"{path}: exists already; give another name or --overwrite")


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: cannot be written: {reason(error)}")


def shortened(name: str, size: int) -> str:
    """The beginning of a name, at most ``size`` bytes of it in the file system, whole characters."""
    while len(os.fsencode(name)) > size:
        name = name[:-1]
    return name


@contextlib.contextmanager
def _temporary_folder(parent: Path, stem: str = "") -> Iterator[Path]:
    """A new hidden folder in ``parent``, for this process alone, which is gone after the block."""
    folder, lock = _make_temporary_folder(parent, f".{stem}" if stem else "")
    try:
        yield folder
    finally:
        _discard(folder.absolute())
        if lock is not None:
            os.close(lock)


def _make_temporary_folder(parent: Path, prefix: str) -> tuple[Path, int | None]:
    """The folder, and a descriptor that holds its lock; None where there are no locks."""
    for _ in range(100):
        folder = parent / f"{prefix}{TEMPORARY}{system_identity()}-{os.urandom(4).hex()}"
        with _guard:
            if _ending:
                raise OSError(errno.EINTR, "the command is being ended")
            _unfinished.add(folder.absolute())
            try:
                folder.mkdir(0o700)
            except OSError as error:
                _unfinished.discard(folder.absolute())
                if isinstance(error, FileExistsError):
                    continue
                raise
        lock = None
        with contextlib.suppress(BlockingIOError, FileNotFoundError):  # another process takes it for a leftover
            lock = _lock(folder)
            if folder.is_dir():
                return folder, lock
        _discard(folder.absolute())
        if lock is not None:
            os.close(lock)
    raise OSError(errno.EBUSY, "temporary folders do not stay")


def _lock(folder: Path) -> int | None:
    """A descriptor that locks a folder until it is closed; None where the file system or the system has no such locks.

    Raises BlockingIOError where another process holds the lock, FileNotFoundError where the folder is gone.
    """
    if sys.platform == "win32":
        return None
    descriptor = None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if descriptor is not None:
            os.close(descriptor)
        if isinstance(error, BlockingIOError | FileNotFoundError):
            raise
        return None
    return descriptor


def system_identity() -> str:
    """Eight digits that name the running system: only what one and the same kernel locks can be told from its locks.

    Containers on one machine share them, whatever process numbers they see; other hosts of a network share do not.
    """
    try:
        identity = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        identity = sys.platform.encode() + getattr(os, "uname", lambda: ("", ""))()[1].encode()
    return f"{zlib.crc32(identity):08x}"


def _discard(folder: Path) -> None:
    """Remove a temporary folder of this process; in a forked child, where none is known, nothing."""
    if folder in _unfinished:
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            _unfinished.discard(folder)


def remove_unfinished(*, for_good: bool = False) -> None:
    """Remove the temporary folders of this process; ``for_good``: other threads get no new ones, the process ends."""
    global _ending
    with _guard:
        _ending = _ending or for_good
        for _ in range(3):  # a thread may write into one of them
            for folder in list(_unfinished):
                _discard(folder)


atexit.register(remove_unfinished)


def _after_fork() -> None:
    """In a forked child: what is unfinished is the parent's."""
    global _guard
    _guard = threading.RLock()
    _unfinished.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def is_temporary(name: str) -> bool:
    """Whether a folder is named as dcelite's unfinished ones are."""
    return _TEMPORARY_NAME.fullmatch(name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary folders in ``folder`` that were left behind by processes which were killed.

    A folder that was made on this machine since it was started is abandoned once nobody holds its lock. Of others, on
    network shares and after a crash of the machine, one cannot know: they are when they have not changed for a day.
    """
    try:
        names = [path.name for path in folder.iterdir() if is_temporary(path.name)]
    except OSError:  # nothing is there, or nothing that may be seen
        return
    for name in names:
        with contextlib.suppress(OSError):  # it is in use, another's, or gone by now
            lock = _lock(folder / name)
            try:
                match = _TEMPORARY_NAME.fullmatch(name)
                known = lock is not None and match is not None and match[2] == system_identity()
                if known or time.time() - _last_change(folder / name) > _ABANDONED_AFTER:
                    shutil.rmtree(folder / name, ignore_errors=True)
            finally:
                if lock is not None:
                    os.close(lock)


def _last_change(folder: Path) -> float:
    return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))


@contextlib.contextmanager
def atomic_output(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path; rename it onto ``path`` if the block succeeds, delete it otherwise.

    The temporary file has the name of ``path``, because many writers choose their format by it, in a folder beside it.

    Raises:
        OutputError: the file exists, without ``overwrite``; or it cannot be created, written or renamed.
    """
    refuse_existing(path, overwrite)
    try:
        with _temporary_folder(path.parent, shortened(path.stem, _LONGEST_STEM)) as folder:
            temporary = folder / path.name
            temporary.touch()
            yield temporary
            _place(temporary, path, overwrite)
    except OSError as error:
        raise _unwritable(path, error) from None


class Outputs:
    """Several outputs, each as of :func:`atomic_output`, that are flushed together and have their names after that.

    A journaling file system writes its journal once for all of them, not once for each.
    """

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._folders: dict[Path, Path] = {}
        self._waiting: list[tuple[Path, Path, bool]] = []

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def write(self, path: Path, data: bytes, *, overwrite: bool = False) -> None:
        """Write what is to be at ``path`` later; raises OutputError as :func:`atomic_output` does."""
        refuse_existing(path, overwrite)
        try:
            if path.parent not in self._folders:
                self._folders[path.parent] = self._stack.enter_context(_temporary_folder(path.parent))
            temporary = self._folders[path.parent] / path.name
            try:
                file = temporary.open("xb")
            except FileExistsError:  # names that differ in what the file system does not tell apart
                raise _taken(path) from None
            try:
                with file:
                    file.write(data)
            except BaseException:
                temporary.unlink()  # its room is wanted by others
                raise
        except OSError as error:
            raise _unwritable(path, error) from None
        self._waiting.append((temporary, path, overwrite))

    def publish(self) -> dict[Path, OutputError]:
        """Flush all that were written, and give those their names that this succeeds for; what failed of the others."""
        waiting, self._waiting = self._waiting, []
        failures: dict[Path, OutputError] = {}
        for step in (lambda temporary, *_: _flush(temporary), _name):
            for temporary, path, overwrite in waiting:
                if path in failures:
                    continue
                try:
                    step(temporary, path, overwrite)
                except OutputError as error:
                    failures[path] = error
                except OSError as error:
                    failures[path] = _unwritable(path, error)
        return failures


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
    except BaseException as error:  # an interruption too
        for target in [] if overwrite else published:
            target.unlink()
        if isinstance(error, OSError):
            raise OutputError(f"{output}: cannot be written: {reason(error)}") from None
        raise
    return published


@contextlib.contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A temporary folder inside the output folder, so that finished files are renamed, not copied.

    Those that killed processes left there are removed first.

    An output folder that did not exist before is removed again if nothing was put into it. An OSError within becomes
    OutputError.
    """
    existed = output.exists()
    prepare_output_directory(output)
    remove_leftovers(output)
    try:
        with _temporary_folder(output) as scratch:
            yield scratch
    except OSError as error:
        raise OutputError(f"{output}: cannot be written: {reason(error)}") from None
    finally:
        if not existed and output.is_dir() and not any(output.iterdir()):
            output.rmdir()


@contextlib.contextmanager
def working_folder(parent: Path | None = None) -> Iterator[Path]:
    """A temporary folder where the system has them, or in ``parent``, for what programs pass on as files."""
    with _temporary_folder(parent or Path(tempfile.gettempdir())) as folder:
        yield folder


def write_bytes_atomically(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write ``data`` to ``path`` as :func:`atomic_output` does."""
    with atomic_output(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def write_text_atomically(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write ``text`` to ``path`` as UTF-8, as :func:`atomic_output` does."""
    write_bytes_atomically(path, text.encode(), overwrite=overwrite)
