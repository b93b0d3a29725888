"""The core library that the package runs on: which file it is, its version, its instruction sets, its processors."""

from __future__ import annotations

import ctypes

from dcelite._native import library, library_path, packaged_libraries

__all__ = ["kernels", "library_path", "packaged_libraries", "processors", "version"]


def kernels() -> tuple[str, ...]:
    """The instruction sets that the environment variable DCELITE_ISA may name on this processor, best first."""
    lib = library()
    names = ctypes.create_string_buffer(lib.dce_list_kernels(None, 0) + 1)
    lib.dce_list_kernels(names, len(names))
    return tuple(names.value.decode().split())


def processors() -> int:
    """How many this process may use, 1 to 64: what affinity and the quota of a container allow."""
    return int(library().dce_processors())


def version() -> str:
    """Of the library; that of the package is ``dcelite.__version__``."""
    text: bytes = library().dce_version()
    return text.decode()
