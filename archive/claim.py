"""One run at a time: each leaves a claim below the output, and renews it as long as it lives.

Whether the run of a claim is gone can be known on its own machine. Of another machine's, the age tells, by the clock of
the file system or bucket that both write to. A run that loses its claim to another one ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from dcelite.archive.places import Entry, Place
from dcelite.errors import DceliteError, OutputError
from dcelite.files import reason, system_identity

if sys.platform != "win32":
    import fcntl

BEAT = 15.0
"""Seconds between signs of life."""
SILENCE = 90.0
"""Seconds without one, after which a run of another machine counts as dead."""
_CLAIM = re.compile(r"run-[0-9a-f]{16}\.json")


@dataclass(frozen=True)
class Run:
    """Who claims."""

    host: str
    process: int
    since: str
    system: str
    """The kernel that runs it."""
    processes: str
    """Which process numbers it sees: where both are ours, its own can be looked up."""
    begun: str
    """When the process was started, by its kernel: its number may have gone to another one."""

    @classmethod
    def this(cls) -> Run:
        """That of this process."""
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        return cls(socket.gethostname(), os.getpid(), since, system_identity(), _process_space(), _begun(os.getpid()))

    def lives(self, *, locked: bool) -> bool | None:
        """Whether it does; None where that cannot be known.

        Args:
            locked: this process holds the lock that every run of this kernel holds.
        """
        if self.system != system_identity():
            return None
        if locked:
            return False
        if not self.processes or self.processes != _process_space():
            return None
        return _begun(self.process) == self.begun

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, since {self.since}"


class Claim:
    """Of a run on an output place."""

    def __init__(self, output: Place, folder: str) -> None:
        self._output, self._folder = output, folder
        self._name = f"{folder}/run-{os.urandom(8).hex()}.json"
        self._data = json.dumps(asdict(Run.this())).encode()
        self._ended = threading.Event()
        self._lost = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raise OutputError where another run is at work, and else have the place alone for the block."""
        with _kernel_lock(self._output, self._folder) as locked:
            if locked is False:
                self._refuse(next((run for _, run in self._others()), None))
            self._output.write(self._name, self._data)
            beats = threading.Thread(target=self._beat, daemon=True)
            try:
                self._take_over(locked=bool(locked))
                beats.start()
                yield
            finally:
                self._ended.set()
                if beats.is_alive():
                    beats.join()
                with contextlib.suppress(OSError):  # it is known to be dead, or counts as that after a while
                    self._output.remove(self._name)

    def check(self) -> None:
        """Raise OutputError where another run has taken the place over."""
        if self._lost:
            raise OutputError(
                f"{self._output.url}: another run of dcelite archive has taken over, since this one gave no sign of "
                f"life for {SILENCE:.0f} s"
            )

    def _take_over(self, *, locked: bool) -> None:
        """Remove the claims of the dead; raises OutputError where one lives."""
        others = list(self._others())
        ours = self._stat()
        for entry, run in others:
            lives = run.lives(locked=locked)
            age = (ours.modified - entry.modified) / 1e6
            if lives or (lives is None and age <= SILENCE):
                self._refuse(run, None if lives else age)
        for entry, _ in others:
            self._output.remove(f"{self._folder}/{entry.name}")

    def _others(self) -> Iterator[tuple[Entry, Run]]:
        try:
            for entry in self._output.entries(self._folder):
                name = f"{self._folder}/{entry.name}"
                if _CLAIM.fullmatch(entry.name) and name != self._name:
                    with contextlib.suppress(FileNotFoundError):  # it has ended meanwhile
                        yield entry, _run_of(self._output.read(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise OutputError(f"{self._output.name_of(self._folder)}: cannot be read: {reason(error)}") from None

    def _refuse(self, run: Run | None, age: float | None = None) -> NoReturn:
        text = f"{self._output.url}: another run of dcelite archive is at work there"
        if run is not None:
            text += f": {run}"
        if age is not None:
            text += f"; its last sign of life is {max(0, age):.0f} s old, after {SILENCE:.0f} s it counts as dead"
        raise OutputError(text)

    def _stat(self) -> Entry:
        entry = self._output.stat(self._name)
        if entry is None:
            raise OutputError(
                f"{self._output.name_of(self._name)}: is gone; another run was started in the same moment"
            )
        return entry

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            # What cannot be written now may be later; if not, others take over, and that is seen here.
            with contextlib.suppress(OSError, DceliteError):
                if self._output.stat(self._name) is None:
                    self._lost = True
                    return
                self._output.write(self._name, self._data, overwrite=True)


@contextlib.contextmanager
def _kernel_lock(output: Place, folder: str) -> Iterator[bool | None]:
    """True while this process has the lock of a local folder, False where another has it; None: there are no locks."""
    if not output.local or sys.platform == "win32":
        yield None
        return
    path = Path(output.path, folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {reason(error)}") from None
    try:
        locked: bool | None = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            locked = False
        except OSError:  # a file system without locks
            locked = None
        yield locked
    finally:
        os.close(descriptor)


def _run_of(data: bytes) -> Run:
    """What a claim says; of one that says nothing, nothing is known."""
    try:
        return Run(**json.loads(data))
    except (ValueError, TypeError):
        return Run("a machine that left no name", 0, "an unknown time", "", "", "")


def _process_space() -> str:
    """Names the process numbers that this process sees, of those that its kernel knows; "" where that is not told."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 (its target is no path)
    except OSError:
        return ""


def _begun(process: int) -> str:
    """When a process was started, in the words of the kernel; "" where there is none."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
