"""Signals that end a command: in order, at places where it does no harm, and nothing unfinished is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from dcelite import files
from dcelite.errors import DceliteError

_ENDING = tuple(
    getattr(signal, f"SIG{name}")
    for name in ("INT", "TERM", "HUP", "QUIT", "XCPU", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO")
    if hasattr(signal, f"SIG{name}")
)
"""What ends a process, comes from outside, and can be caught. (Python ignores SIGPIPE and SIGXFSZ: the write fails.)"""

_Handler = Callable[[int, FrameType | None], None]

_received: int | None = None
"""The signal that ends the running command."""
_process = 0
_threads_left = False


def received() -> int:
    """The number of the signal that ended the command, for its exit code; SIGINT where something else did."""
    return _received or signal.SIGINT


def leave_threads() -> None:
    """End the process without its other threads, which take too long; what they have not finished is removed."""
    global _threads_left
    _threads_left = True
    files.remove_unfinished(for_good=True)


def threads_left() -> bool:
    """Whether the process must end without waiting for its threads."""
    return _threads_left


@contextlib.contextmanager
def orderly_end() -> Iterator[None]:
    """Turn the first signal that would end the process into a KeyboardInterrupt in the main thread.

    A second one ends the process at once. Either way no temporary folder of :mod:`dcelite.files` is left. What the
    process was started to ignore, such as SIGHUP under nohup, it ignores.
    """
    if threading.current_thread() is not threading.main_thread():  # Python handles signals in the main thread alone
        yield
        return

    def interrupt(_number: int) -> None:
        raise KeyboardInterrupt

    with _handling(interrupt):
        try:
            yield
        finally:
            files.remove_unfinished()


@contextlib.contextmanager
def deferred_interrupts(*, ctrl_c_is_sigterm: bool = False) -> Iterator[threading.Event]:
    """Hold back these signals in the block; yields an event that the first of them sets. A second acts at once.

    Interrupted while it is imported, MindSpore crashes the process; while it compiles or runs a graph it puts its own
    handler of SIGINT in place, which sends SIGTERM. Code that uses it therefore asks the event between its steps, and
    says ``ctrl_c_is_sigterm``: that signal then counts as Ctrl-C in the exit code. A DceliteError that ends the block
    after a signal becomes a KeyboardInterrupt: a child process that the terminal's Ctrl-C ended is not an error to
    report.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(number: int) -> None:
        global _received
        if ctrl_c_is_sigterm and number == signal.SIGTERM:
            _received = signal.SIGINT
        interrupted.set()

    with _handling(note):
        try:
            yield interrupted
        except DceliteError:
            if interrupted.is_set():
                raise KeyboardInterrupt from None
            raise


@contextlib.contextmanager
def _handling(first: Callable[[int], None]) -> Iterator[None]:
    """Call ``first`` with the first of the signals; restores the handlers that were there."""
    global _process, _received
    previous = {number: signal.getsignal(number) for number in _ENDING}
    if not any(map(_is_ours, previous.values())):  # a command begins
        _process, _received = os.getpid(), None

    def handle(number: int, frame: FrameType | None) -> None:
        global _received
        if os.getpid() != _process:  # a forked child
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif _received is not None:
            files.remove_unfinished(for_good=True)
            os._exit(128 + number)
        else:
            _received = number
            first(number)

    taken = [number for number, handler in previous.items() if _may_replace(number, handler)]
    try:
        for number in taken:
            signal.signal(number, handle)
        yield
    finally:
        for number in taken:
            signal.signal(number, previous[number])


def _is_ours(handler: object) -> bool:
    return getattr(handler, "__module__", None) == __name__


def _may_replace(number: int, handler: object) -> bool:
    """Not what is ignored or not Python's; of a program's own handlers only those that MindSpore must not see."""
    if handler is None or handler is signal.SIG_IGN:
        return False
    return number in (signal.SIGINT, signal.SIGTERM) or handler is signal.SIG_DFL or _is_ours(handler)
