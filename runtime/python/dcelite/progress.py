"""Progress of long work on stderr: a bar on a terminal, a plain line now and then elsewhere (logs, pipes)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TextIO, TypeVar

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 10.0

Item = TypeVar("Item")


class Progress:
    """Counts steps; use as a context manager so that the bar is closed before other output."""

    def __init__(self, label: str, total: int | None, initial: int = 0) -> None:
        self._label = label
        self._total = total
        self._count = initial
        self._printed = time.monotonic()
        self._bar = tqdm(desc=label, total=total, initial=initial, dynamic_ncols=True) if sys.stderr.isatty() else None

    def advance(self, note: str = "") -> None:
        """Count one step; the note (for instance the loss) is shown beside the count."""
        self._count += 1
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update()
        elif time.monotonic() - self._printed >= SECONDS_BETWEEN_LINES or self._count == self._total:
            self._printed = time.monotonic()
            of_total = f" of {self._total}" if self._total is not None else ""
            print(f"{self._label}: {self._count}{of_total}  {note}".rstrip(), file=sys.stderr, flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._bar is not None:
            self._bar.close()


def say(text: str, file: TextIO) -> None:
    """Print a line above the bar."""
    tqdm.write(text, file=file)


def track(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """Yield the items, showing how many of the total are done."""
    with Progress(label, total) as progress:
        for item in items:
            yield item
            progress.advance()
