"""What a core can do at most, measured; and what else ``native/roofline.h`` declares."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import re
from typing import Any

from dcelite import core
from dcelite._native import library_name
from dcelite.errors import DceliteError, ModelError
from dcelite.model.dce_file import MAGIC, DceModel, parse_dce, stated_size

SIGNATURES: dict[str, list[Any]] = {
    "multiply_adds": [ctypes.c_double, ctypes.c_char_p, ctypes.c_double],
    "copied_bytes": [ctypes.c_double, ctypes.c_double],
    "probe": [ctypes.c_double, ctypes.c_char_p, ctypes.c_int32],
    "is_emulated": [ctypes.c_int32],
    "scene": [None, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32],
}
"""Result and arguments of what ``native/roofline.h`` declares."""


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded library of ``native/``, which stands beside the core library; raises DceliteError."""
    path = core.library_path().with_name(library_name("dcelite_bench"))
    try:
        lib = ctypes.CDLL(str(path))
    except OSError as error:
        raise DceliteError(f"{path}: the library of 'dcelite bench' cannot be loaded: {error}") from None
    for name, (result, *arguments) in SIGNATURES.items():
        function = getattr(lib, f"dce_bench_{name}")
        function.restype, function.argtypes = result, arguments
    return lib


@functools.cache
def shipped_model() -> DceModel:
    """The weights that are compiled into the core library, from its file, where their signature and checksum tell them
    from all else; those of the package for a library that has none in its file. Raises ModelError."""
    for path in (core.library_path(), *core.packaged_libraries()):
        data = path.read_bytes() if path.is_file() else b""
        for match in re.finditer(re.escape(MAGIC), data):
            with contextlib.suppress(ModelError):
                model = data[match.start() : match.start() + stated_size(data, match.start())]
                return parse_dce(model, "shipped weights")
    raise ModelError(f"{core.library_path()}: holds no weights")


def is_emulated() -> bool:
    """True under an emulator of user programs, such as qemu-aarch64."""
    return bool(library().dce_bench_is_emulated())


def multiply_adds_a_second(isa: str, seconds: float) -> float | None:
    """Of one core, in 32-bit floats; None where the processor has no such instructions."""
    rate: float = library().dce_bench_multiply_adds(isa.encode(), seconds)
    return rate if rate > 0 else None


def copied_bytes_a_second(seconds: float) -> float | None:
    """Read and written by one core; None where there is no memory for it."""
    rate: float = library().dce_bench_copied_bytes(seconds)
    return rate if rate > 0 else None


def probe(isa: str, threads: int) -> list[float]:
    """Times, in ms, of a fixed piece of work of the kinds that a frame takes: how fast the machine is just now.

    The first is that on one core, the second, with more threads, that shared by them; none where the processor has no
    such instructions, or threads cannot be started.
    """
    ms = [1e3 * library().dce_bench_probe(isa.encode(), number) for number in sorted({1, threads})]
    return ms if min(ms) > 0 else []
