"""The folders of the core library know each other in one direction alone, as docs/architecture.md has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support import REPOSITORY

SOURCES = REPOSITORY / "runtime" / "src"
FLOORS = ["frame", "network", "model", "dsp", ""]
"""A folder includes its own files and those behind it; the headers of the root, but for the ABI's, come last."""
LARGEST = 350
ABI = {"api.cpp", "handle.cpp", "handle.h"}
SYSTEMS = re.compile(r"^#\s*(?:el)?if.*\b(?:__linux__|__APPLE__|__ANDROID__|_WIN32)\b", re.MULTILINE)


def files() -> list[Path]:
    return sorted(path for path in SOURCES.rglob("*") if path.suffix in (".h", ".cpp"))


def folder_of(name: str) -> str:
    return name.rpartition("/")[0]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(SOURCES)))
def test_a_file_looks_down(path: Path) -> None:
    name = str(path.relative_to(SOURCES))
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LARGEST
    included = re.findall(r'^#\s*include "(.*)"$', text, re.MULTILINE)
    for other in included:
        assert other in ("dcelite.h", "instruction_sets.inc") or (SOURCES / other).is_file(), other
        if name not in ABI:
            assert other not in ABI
            assert FLOORS.index(folder_of(other)) >= FLOORS.index(folder_of(name)), other
    if name not in ("platform.h", "platform.cpp"):
        assert not SYSTEMS.search(text)


def test_no_header_includes_itself_in_the_end() -> None:
    includes = {
        str(path.relative_to(SOURCES)): set(re.findall(r'^#\s*include "(.*)"$', path.read_text("utf-8"), re.MULTILINE))
        for path in files()
    }
    while includes:
        free = [name for name, others in includes.items() if not others & includes.keys()]
        assert free, f"a circle among {sorted(includes)}"
        for name in free:
            del includes[name]
