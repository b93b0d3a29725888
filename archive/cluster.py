"""Ray: one that is started for a run and stopped after it, or a cluster that is there."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dcelite import core, extras
from dcelite.errors import DceliteError
from dcelite.files import reason, remove_leftovers, working_folder

OBJECT_STORE = 80 << 20
"""Bytes, near the least that Ray takes: no picture ever passes through it."""
_LONGEST_PLACE = 25
"""Of 107 bytes; the rest is Ray's."""
_PATIENCE = 10.0
"""Seconds to wait for a connection."""


def require() -> None:
    """Raise EngineUnavailableError, in one line, where what the command needs is absent."""
    extras.require("archive", "dcelite archive", "ray", "pyarrow")


@contextlib.contextmanager
def started(address: str | None, *, dashboard: bool = False) -> Iterator[str]:
    """Connect to the cluster at an address, or start Ray on this machine for the block.

    Yields where the dashboard is, with the token that it asks for if it is this Ray's own; "" where there is none.
    """
    with contextlib.ExitStack() as stack:
        own = {} if address or "RAY_AUTH_MODE" in os.environ else _token()
        stack.enter_context(
            _environment(own | {name: value for name, value in _QUIET.items() if name not in os.environ})
        )
        import ray  # which reads them

        if dashboard and address is None:
            extras.require("archive", "--dashboard", "aiohttp_cors")
        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if address is None:
            parent = _temporary_place()
            folder = stack.enter_context(working_folder(parent))
            remove_leftovers(parent)
            local = {"num_cpus": core.processors(), "object_store_memory": OBJECT_STORE, "_temp_dir": str(folder)}
            options = quiet | local | {"include_dashboard": dashboard, "_system_config": _SYSTEM}
            if not dashboard:
                stack.enter_context(_without_servants())
        else:
            _reach(address)
            options = quiet | {"address": address}
        main = threading.current_thread() is threading.main_thread()
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if main}
        try:
            context = ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError, OSError) as error:
            where = "on this machine" if address is None else f"at {address}"
            raise DceliteError(f"Ray {where}: {' '.join(str(error).split()) or type(error).__name__}") from None
        try:
            for number, handler in handlers.items():  # Ray has put its own in their place
                signal.signal(number, handler)
            url = getattr(context, "dashboard_url", None)
            token = f", which asks for the token {own[_TOKEN]}" if own else ""
            yield f"http://{url}{token}" if url else ""
        finally:
            ray.shutdown()


_SYSTEM = {"automatic_object_spilling_enabled": False}
"""Pictures are no objects: what would have to be spilled is a fault, and fails."""


_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""It would tell of each run over the network, and warn of changes to come."""


_SERVANTS = ("start_monitor", "start_log_monitor", "start_api_server")
"""Of ray._private.node.Node: processes that add machines, hand on what is printed, answer to the dashboard."""


@contextlib.contextmanager
def _without_servants() -> Iterator[None]:
    """Let a Ray that is started within the block do without processes that a single machine has no use for.

    They take half of the time that Ray takes to start, and nearly all that it takes to stop. No option leaves them out;
    a Ray that knows these methods by other names starts them.
    """
    from ray._private.node import Node

    before = {name: vars(Node)[name] for name in _SERVANTS if name in vars(Node)}
    for name in before:
        setattr(Node, name, lambda *_arguments, **_options: None)
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(Node, name, method)


_TOKEN = "RAY_AUTH_TOKEN"


@functools.cache  # Ray reads it once
def _token() -> dict[str, str]:
    """A Ray of this process alone lets in nobody else of the machine; by default it would put a token into the home."""
    return {"RAY_AUTH_MODE": "token", _TOKEN: secrets.token_hex(32)}


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Variables for the block, and for the processes that it starts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _temporary_place() -> Path:
    """Where the system has temporary folders, unless Ray's sockets would have names too long for the system there."""
    usual, short = Path(tempfile.gettempdir()), Path("/tmp")
    return short if len(str(usual)) > _LONGEST_PLACE and os.access(short, os.W_OK) else usual


def _reach(address: str) -> None:
    """Raise DceliteError where nobody answers at HOST:PORT, for which Ray waits several minutes."""
    host, separator, port = address.rpartition("://")[2].rpartition(":")
    if not separator or not port.isdecimal():
        return  # a name such as auto, which Ray knows
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise DceliteError(f"Ray at {address}: {reason(error)}") from None
