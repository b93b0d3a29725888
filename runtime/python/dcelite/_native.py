"""The C ABI of the core library (``dcelite.h``) through ctypes. Nothing here is public."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from pathlib import Path
from typing import Any

import dcelite
from dcelite.errors import DceliteError, ModelError

ABI_VERSION = 1

OK = 0
INVALID_ARGUMENT = -1
OUT_OF_MEMORY = -2
FILE = -3
MODEL = -4
ENGINE = -5
BUSY = -6

RGB8 = 0
BGR8 = 1
RGBA8 = 2
BGRA8 = 3
RGB16 = 4
NV12 = 5
NV21 = 6
I420 = 7
RGBA16 = 8
P010 = 9
I010 = 10
MATRICES = {  # of (name, full range)
    (name, full_range): 2 * i + full_range
    for i, name in enumerate(("bt601", "bt709", "bt2020"))
    for full_range in (False, True)
}
PRECISIONS = {"exact": 0, "fast": 1}

_EXCEPTIONS: dict[int, type[Exception]] = {
    INVALID_ARGUMENT: ValueError,
    OUT_OF_MEMORY: MemoryError,
    FILE: ModelError,
    MODEL: ModelError,
    BUSY: RuntimeError,
}

RunFunction = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,  # context
    ctypes.POINTER(ctypes.c_float),  # image (3, height, width)
    ctypes.c_int32,  # height
    ctypes.c_int32,  # width
    ctypes.POINTER(ctypes.c_float),  # map (map_channels, height, width)
    ctypes.POINTER(ctypes.c_char),  # message
    ctypes.c_size_t,  # message_size
)
DestroyFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Image(ctypes.Structure):
    """``dce_image``."""

    _fields_ = (
        ("format", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("plane", ctypes.c_void_p * 3),
        ("stride", ctypes.c_ssize_t * 3),
        ("matrix", ctypes.c_int32),
        ("chroma_step", ctypes.c_int32),
    )


class Engine(ctypes.Structure):
    """``dce_engine``."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("context", ctypes.c_void_p),
        ("map_channels", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("run", RunFunction),
        ("destroy", DestroyFunction),
    )


class Options(ctypes.Structure):
    """``dce_options``."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("model_path", ctypes.c_char_p),
        ("model_data", ctypes.c_void_p),
        ("model_data_size", ctypes.c_size_t),
        ("engine", ctypes.POINTER(Engine)),
        ("threads", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("strength", ctypes.c_float),
        ("smoothing", ctypes.c_float),
        ("map_interval", ctypes.c_int32),
        ("timings", ctypes.c_int32),
        ("denoise", ctypes.c_float),
        ("temporal_denoise", ctypes.c_float),
        ("noise_level", ctypes.c_float),
        ("reserved", ctypes.c_int32),
        ("white", ctypes.c_float),
        ("reserved2", ctypes.c_int32),
        ("precision", ctypes.c_int32),
    )


class ModelInfo(ctypes.Structure):
    """``dce_model_info``."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("architecture", ctypes.c_int32),
        ("map_channels", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("iterations", ctypes.c_int32),
        ("parameters", ctypes.c_int32),
    )


class Timings(ctypes.Structure):
    """``dce_timings``."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("total_ns", ctypes.c_int64),
        ("convert_ns", ctypes.c_int64),
        ("downsample_ns", ctypes.c_int64),
        ("network_ns", ctypes.c_int64),
        ("curve_ns", ctypes.c_int64),
        ("denoise_ns", ctypes.c_int64),
    )


_HANDLE = ctypes.c_void_p
_STATUS = ctypes.c_int32
_SIZE = [ctypes.POINTER(ctypes.c_int32)] * 3
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {  # result and arguments
    "dce_abi_version": (ctypes.c_int32, []),
    "dce_version": (ctypes.c_char_p, []),
    "dce_options_init_size": (None, [ctypes.POINTER(Options), ctypes.c_size_t]),
    "dce_open": (_STATUS, [ctypes.POINTER(Options), ctypes.POINTER(_HANDLE)]),
    "dce_close": (None, [_HANDLE]),
    "dce_error_message": (ctypes.c_char_p, [_HANDLE]),
    "dce_kernels": (ctypes.c_char_p, [_HANDLE]),
    "dce_list_kernels": (ctypes.c_size_t, [ctypes.c_char_p, ctypes.c_size_t]),
    "dce_processors": (ctypes.c_int32, []),
    "dce_get_model_info": (_STATUS, [_HANDLE, ctypes.POINTER(ModelInfo)]),
    "dce_enhance": (_STATUS, [_HANDLE, ctypes.POINTER(Image), ctypes.POINTER(Image)]),
    "dce_reset": (_STATUS, [_HANDLE]),
    "dce_set_strength": (_STATUS, [_HANDLE, ctypes.c_float]),
    "dce_set_smoothing": (_STATUS, [_HANDLE, ctypes.c_float]),
    "dce_set_denoise": (_STATUS, [_HANDLE, ctypes.c_float]),
    "dce_set_temporal_denoise": (_STATUS, [_HANDLE, ctypes.c_float]),
    "dce_set_white": (_STATUS, [_HANDLE, ctypes.c_float]),
    "dce_get_timings": (_STATUS, [_HANDLE, ctypes.POINTER(Timings)]),
    "dce_curve_map_size": (_STATUS, [_HANDLE, ctypes.c_int32, ctypes.c_int32, *_SIZE]),
    "dce_curve_map": (_STATUS, [_HANDLE, ctypes.POINTER(Image), ctypes.c_void_p, ctypes.c_size_t]),
}


def library_name(name: str) -> str:
    """The file name of a native library of the package on this system, ``dcelite`` or ``dcelite_bench``."""
    if sys.platform == "win32":
        return f"{name}.dll"
    return f"lib{name}{'.dylib' if sys.platform == 'darwin' else '.so'}"


def packaged_libraries() -> list[Path]:
    """Where the installed package may have the core library (an editable install has two folders)."""
    return [Path(folder, "native", library_name("dcelite")) for folder in dcelite.__path__]


def library_path() -> Path:
    """The core library: that of DCELITE_LIBRARY, else that of the installed package."""
    override = os.environ.get("DCELITE_LIBRARY")
    candidates = [Path(override)] if override else packaged_libraries()
    for path in candidates:
        if path.is_file():
            return path
    raise DceliteError(f"{candidates[0]}: the core library is missing; install dcelite again")


def library() -> ctypes.CDLL:
    """The loaded core library, with the types of its functions declared."""
    return _load(library_path())


@functools.cache
def _load(path: Path) -> ctypes.CDLL:
    try:
        lib = ctypes.CDLL(str(path))
    except OSError as error:
        raise DceliteError(f"{path}: the core library cannot be loaded: {error}") from None
    for name, (result, arguments) in _FUNCTIONS.items():
        try:
            function = getattr(lib, name)
        except AttributeError as error:
            missing = DceliteError(f"{path}: not this version of the core library: {error}")
            if name == "dce_abi_version":
                raise missing from None
            setattr(lib, name, functools.partial(_refuse, missing))  # an older build does all else
            continue
        function.restype, function.argtypes = result, arguments
    if lib.dce_abi_version() != ABI_VERSION:
        raise DceliteError(f"{path}: ABI version {lib.dce_abi_version()}, {ABI_VERSION} was wanted")
    return lib


def _refuse(failure: DceliteError, *_arguments: object) -> int:
    """Stands for a function that the library lacks."""
    raise failure


def keep_forever(value: object) -> None:
    """Never free an object, not even when the interpreter ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


def exception_for(status: int, message: str) -> Exception:
    """The Python exception for a negative ``dce_status``."""
    if status == BUSY:
        message = "this Enhancer is in use by another thread; give each thread its own"
    return _EXCEPTIONS.get(status, DceliteError)(message)
