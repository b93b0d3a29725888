"""The parts of pip's extras: what to say where one is absent."""

from __future__ import annotations

import importlib.util
import sys

from dcelite.errors import EngineUnavailableError

MINDSPORE_PYTHONS = ((3, 10), (3, 12))
"""The first and the last version of Python that MindSpore exists for; pyproject.toml and the Makefile have them too."""

_NAMES = {"av": "PyAV", "pillow_heif": "pillow-heif", "scipy": "SciPy", "skimage": "scikit-image"}
"""Of modules that are called otherwise than their packages."""


def absent(extra: str, *modules: str) -> str:
    """What to install, in one line, where one of the modules is absent; empty where all are there."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            return advice(extra, module)
    return ""


def require(extra: str, purpose: str, *modules: str) -> None:
    """Raise EngineUnavailableError, in one line, where one of the modules is absent."""
    if text := absent(extra, *modules):
        raise EngineUnavailableError(f"{purpose}: {text}")


def advice(extra: str, module: str) -> str:
    """What to install where a module is absent, in one line."""
    text = f"{_NAMES.get(module, module)} is not installed"
    command = f"pip install 'dcelite[{extra}]'"
    first, last = (".".join(map(str, version)) for version in MINDSPORE_PYTHONS)
    if module != "mindspore" or sys.version_info[:2] <= MINDSPORE_PYTHONS[1]:
        return f"{text}; run: {command}"
    here = ".".join(map(str, sys.version_info[:2]))
    return f"{text}: it exists for Python {first} to {last}, this is {here}; in an environment of those run: {command}"
