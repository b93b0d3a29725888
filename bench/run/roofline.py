"""What a core can do at most, measured, and the work that a frame takes, counted."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from dcelite import core, reference
from dcelite.errors import DceliteError
from dcelite.model.dce_file import DceModel, parse_dce

CURVE_MULTIPLY_ADDS = 2 * reference.ITERATIONS + 1
"""For one value: x (x - 1) and x + a (x (x - 1)), eight times, and the conversion to 8 bits."""

COPIED_BYTES = 64 << 20
"""Copied at once to measure the memory: more than the caches of an edge processor hold."""

PROBE_BYTES = 6 << 20
"""Memory of the probe, as ``native/roofline.h`` has it."""
PROBE_SECONDS = 0.004

SIGNATURES: dict[str, list[Any]] = {
    "multiply_adds": [ctypes.c_double, ctypes.c_char_p, ctypes.c_double],
    "copied_bytes": [ctypes.c_double, ctypes.c_size_t, ctypes.c_double],
    "probe": [ctypes.c_double, ctypes.c_char_p, ctypes.c_int32, ctypes.c_double, ctypes.c_void_p],
    "is_emulated": [ctypes.c_int32],
    "default_model": [ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)],
    "scene": [None, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32],
}
"""Result and arguments of what ``native/roofline.h`` declares."""


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded library of ``native/``, which stands beside the core library; raises DceliteError."""
    path = core.library_path().with_name("libdcelite_bench.so")
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
    """The weights that are compiled into the core library."""
    size = ctypes.c_size_t()
    address = library().dce_bench_default_model(size)
    return parse_dce(ctypes.string_at(address, size.value), "shipped weights")


def is_emulated() -> bool:
    """True under an emulator of user programs, such as qemu-aarch64."""
    return bool(library().dce_bench_is_emulated())


def multiply_adds_a_second(isa: str, seconds: float) -> float | None:
    """Of one core, in 32-bit floats; None where the processor has no such instructions."""
    rate: float = library().dce_bench_multiply_adds(isa.encode(), seconds)
    return rate if rate > 0 else None


def copied_bytes_a_second(seconds: float) -> float | None:
    """Read and written by one core; None where there is no memory for it."""
    rate: float = library().dce_bench_copied_bytes(COPIED_BYTES, seconds)
    return rate if rate > 0 else None


@functools.cache
def probe_of(isa: str, threads: int) -> Callable[[], list[float]]:
    """A fixed piece of work of the kinds that a frame takes; its time says how fast the machine is just now.

    The function returns milliseconds, on one core and, with more threads, shared by them; nothing where the processor
    has no such instructions, or threads cannot be started.
    """
    memory = np.ones(PROBE_BYTES, np.uint8)  # written to, so that it is there
    numbers = (1,) if threads == 1 else (1, threads)

    def probe() -> list[float]:
        run = functools.partial(library().dce_bench_probe, isa.encode())
        ms = [1e3 * run(number, PROBE_SECONDS, memory.ctypes.data) for number in numbers]
        return ms if min(ms) > 0 else []

    return probe


def frame_multiply_adds(width: int, height: int, scale: int, of_network: int) -> int:
    """Of the network at low resolution, ``of_network`` for each pixel, and of the curve on every value of RGB."""
    h, w = reference.low_resolution_size(height, width, scale)
    return h * w * of_network + width * height * 3 * CURVE_MULTIPLY_ADDS
