"""Ray: one that is started for a run and stopped after it, or a cluster that is there."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

from dcelite import core, extras
from dcelite.errors import DceliteError
from dcelite.files import remove_leftovers, working_folder

OBJECT_STORE = 80 << 20
"""Bytes, near the least that Ray takes: no picture ever passes through it."""


def require() -> None:
    """Raise EngineUnavailableError, in one line, where what the command needs is absent."""
    extras.require("archive", "dcelite archive", "ray", "pyarrow")


@contextlib.contextmanager
def started(address: str | None, *, dashboard: bool = False) -> Iterator[str]:
    """Connect to the cluster at an address, or start Ray on this machine for the block; yields the dashboard's URL."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell of each run over the network
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if dashboard and address is None:
        extras.require("archive", "--dashboard", "aiohttp_cors")
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    with contextlib.ExitStack() as stack:
        if address is None:
            folder = stack.enter_context(working_folder())
            remove_leftovers(folder.parent)
            local = {"num_cpus": core.processors(), "object_store_memory": OBJECT_STORE, "_temp_dir": str(folder)}
            options = quiet | local | {"include_dashboard": dashboard, "_system_config": _SYSTEM}
        else:
            options = quiet | {"address": address}
        try:
            context = ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError, OSError) as error:
            where = "on this machine" if address is None else f"at {address}"
            raise DceliteError(f"Ray {where}: {' '.join(str(error).split()) or type(error).__name__}") from None
        try:
            url = getattr(context, "dashboard_url", None)
            yield f"http://{url}" if url else ""
        finally:
            ray.shutdown()


_SYSTEM = {"automatic_object_spilling_enabled": False}
"""Pictures are no objects: what would have to be spilled is a fault, and fails."""
