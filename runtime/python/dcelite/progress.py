"""Progress of long work: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

_SECONDS_BETWEEN_LINES = 10.0


def progress(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yield the items and report on standard error how many of ``total`` have been done."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=description, leave=False)
        return
    last = time.monotonic()
    for done, item in enumerate(items):
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{description}: {done} of {total}", file=sys.stderr, flush=True)
        yield item
