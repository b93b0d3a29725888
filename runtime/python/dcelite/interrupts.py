"""Ctrl-C at places where it does no harm."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from dcelite.errors import DceliteError


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[threading.Event]:
    """Hold back SIGINT and SIGTERM in the block; yields an event that the first of them sets. A second acts at once.

    Interrupted while it is imported, MindSpore crashes the process; while it compiles or runs a graph it puts its own
    handler of SIGINT in place, which sends SIGTERM and so leaves temporary files behind. Code that uses it therefore
    asks the event between its steps. A DceliteError that ends the block after a signal becomes a KeyboardInterrupt: a
    child process that the terminal's Ctrl-C ended is not an error to report.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # Python handles signals in the main thread alone
        yield interrupted
        return
    at_once: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}

    def note(_signal: int, _frame: FrameType | None) -> None:
        interrupted.set()
        for number, handler in at_once.items():
            signal.signal(number, handler)

    previous = {number: signal.signal(number, note) for number in at_once}
    try:
        yield interrupted
    except DceliteError:
        if interrupted.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
