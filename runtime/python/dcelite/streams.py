"""Standard output and error of a command: they may go away, and can show every name."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

_DESCRIPTORS = {"stdout": 1, "stderr": 2}


class _Lenient(io.FileIO):
    """A file descriptor that takes all that is written to it, also when nobody reads it or the disk is full."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.failure: OSError | None = None
        """Why it takes nothing any more."""

    def write(self, data: Any) -> int:
        if self.failure is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failure = error
        return len(data)


class Streams:
    """Those that stand in for sys.stdout and sys.stderr."""

    def __init__(self) -> None:
        self._raw: dict[str, _Lenient] = {}

    def open(self, name: str) -> None:
        """Put one in the place of the interpreter's own; another one, of a test for instance, stays."""
        stream = getattr(sys, name)
        if stream is not getattr(sys, f"__{name}__"):
            return
        self._raw[name] = _Lenient(_DESCRIPTORS[name])
        settings = ("encoding", "line_buffering", "write_through")
        lenient = io.TextIOWrapper(
            io.BufferedWriter(self._raw[name]),
            errors="backslashreplace",
            **{setting: getattr(stream, setting) for setting in settings if stream is not None},  # None: closed
        )
        setattr(sys, name, lenient)

    def close(self) -> None:
        for name in self._raw:
            stream = getattr(sys, name)
            stream.flush()
            setattr(sys, name, getattr(sys, f"__{name}__"))

    def failure(self) -> str:
        """Why standard output could not be written to the end, in words; "" where it could, or its reader went away."""
        raw = self._raw.get("stdout")
        if raw is None:
            return ""
        sys.stdout.flush()
        error = raw.failure
        gone = (errno.EPIPE, errno.EIO) if raw.isatty() else (errno.EPIPE,)
        return "" if error is None or error.errno in gone else f"standard output: cannot be written: {error.strerror}"


@contextlib.contextmanager
def lenient_streams() -> Iterator[Streams]:
    """Let the block print without a failure, whoever reads it, in the characters that the encoding has.

    Descriptors that the process was started without are opened, on nothing: else the next file, an output for
    instance, would get the number, and what is printed.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    streams = Streams()
    try:
        for name in _DESCRIPTORS:
            streams.open(name)
        yield streams
    finally:
        streams.close()


def printable(text: object) -> str:
    """A text for one line of a terminal: what moves its cursor, or is no character at all, is written as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))


def write_standard_output(data: bytes) -> None:
    """Write all of ``data`` to the descriptor itself; raises OSError, BrokenPipeError where nobody reads it."""
    sys.stdout.flush()
    with open(sys.stdout.fileno(), "wb", closefd=False) as file:
        file.write(data)
