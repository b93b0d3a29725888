"""The C ABI of the core library (``dcelite.h``) through ctypes. Nothing here is public."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

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
MATRICES = {("bt601", False): 0, ("bt601", True): 1, ("bt709", False): 2, ("bt709", True): 3}  # of (name, full range)

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
    )


def library_path() -> Path:
    """The core library inside the installed package (in an editable install the package has two folders)."""
    candidates = [Path(folder) / "native" / "libdcelite.so" for folder in dcelite.__path__]
    override = os.environ.get("DCELITE_LIBRARY")
    if override:
        candidates = [Path(override)]
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
    try:
        _declare(lib)
    except AttributeError as error:
        raise DceliteError(f"{path}: not this version of the core library: {error}") from None
    if lib.dce_abi_version() != ABI_VERSION:
        raise DceliteError(f"{path}: ABI version {lib.dce_abi_version()}, {ABI_VERSION} was wanted")
    return lib


def keep_forever(value: object) -> None:
    """Never free an object, not even when the interpreter ends."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


def _declare(lib: ctypes.CDLL) -> None:
    handle = ctypes.c_void_p
    int32_pointer = ctypes.POINTER(ctypes.c_int32)
    lib.dce_abi_version.restype = ctypes.c_int32
    lib.dce_version.restype = ctypes.c_char_p
    lib.dce_options_init_size.argtypes = [ctypes.POINTER(Options), ctypes.c_size_t]
    lib.dce_options_init_size.restype = None
    lib.dce_open.argtypes = [ctypes.POINTER(Options), ctypes.POINTER(handle)]
    lib.dce_close.argtypes = [handle]
    lib.dce_close.restype = None
    lib.dce_error_message.argtypes = [handle]
    lib.dce_error_message.restype = ctypes.c_char_p
    lib.dce_kernels.argtypes = [handle]
    lib.dce_kernels.restype = ctypes.c_char_p
    lib.dce_list_kernels.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    lib.dce_list_kernels.restype = ctypes.c_size_t
    lib.dce_get_model_info.argtypes = [handle, ctypes.POINTER(ModelInfo)]
    lib.dce_enhance.argtypes = [handle, ctypes.POINTER(Image), ctypes.POINTER(Image)]
    lib.dce_reset.argtypes = [handle]
    lib.dce_set_strength.argtypes = [handle, ctypes.c_float]
    lib.dce_set_smoothing.argtypes = [handle, ctypes.c_float]
    lib.dce_get_timings.argtypes = [handle, ctypes.POINTER(Timings)]
    size = [int32_pointer, int32_pointer, int32_pointer]
    lib.dce_curve_map_size.argtypes = [handle, ctypes.c_int32, ctypes.c_int32, *size]
    lib.dce_curve_map.argtypes = [handle, ctypes.POINTER(Image), ctypes.c_void_p, ctypes.c_size_t]


def exception_for(status: int, message: str) -> Exception:
    """The Python exception for a negative ``dce_status``."""
    if status == INVALID_ARGUMENT:
        return ValueError(message)
    if status == OUT_OF_MEMORY:
        return MemoryError(message)
    if status in (FILE, MODEL):
        return ModelError(message)
    if status == BUSY:
        return RuntimeError("this Enhancer is in use by another thread; give each thread its own")
    return DceliteError(message)
