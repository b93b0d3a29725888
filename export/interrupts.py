"""Ctrl-C at places where it does no harm."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from dcelite.errors import DceliteError


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[Callable[[], None]]:
    """Hold back SIGINT and SIGTERM in the block; yields a function that raises KeyboardInterrupt if one came.

    Interrupted while it is imported, MindSpore crashes the process; while it compiles or runs a graph it puts its own
    handler of SIGINT in place, which sends SIGTERM and so leaves temporary files behind. A second signal acts at once.
    """
    if threading.current_thread() is not threading.main_thread():  # Python handles signals in the main thread alone
        yield lambda: None
        return
    at_once: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    pending: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        pending.append(number)
        for other, handler in at_once.items():
            signal.signal(other, handler)

    def interrupt_if_asked() -> None:
        if pending:
            raise KeyboardInterrupt

    previous = {number: signal.signal(number, note) for number in at_once}
    try:
        yield interrupt_if_asked
    except DceliteError:
        interrupt_if_asked()  # a child process that the terminal's Ctrl-C ended is not an error to report
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
