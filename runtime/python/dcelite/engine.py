"""Engines other than the core library: a curve network that the core calls, or one graph from picture to picture."""

from __future__ import annotations

import ctypes
import os
import weakref
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import _native
from dcelite.errors import ModelError

SUFFIXES = (".dce", ".onnx", ".ms")
"""Of model files."""


class CurveEngine(ABC):
    """A model that maps the downsampled image to the curve map, as an engine of the core library."""

    def __init__(self, map_channels: int, scale: int) -> None:
        self.failure: BaseException | None = None
        """What ended the last run of the engine, which the core library knows as a sentence only."""
        self.dce_engine = _native.Engine(
            size=ctypes.sizeof(_native.Engine), map_channels=map_channels, scale=scale, run=_run_function(self)
        )
        """The engine as the core library calls it; valid until close()."""

    @abstractmethod
    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """(3, h, w) in 0 … 1 -> curve map (3 | 24, h, w)."""

    def run_pointers(self, image: Any, height: int, width: int, curve_map: Any) -> None:
        """``run`` on ctypes pointers."""
        shape = (self.dce_engine.map_channels, height, width)
        np.ctypeslib.as_array(curve_map, shape)[...] = self.run(np.ctypeslib.as_array(image, (3, height, width)))

    @abstractmethod
    def close(self) -> None: ...


def _run_function(engine: CurveEngine) -> Any:
    """The ``run`` of a dce_engine; it does not keep the engine alive."""
    reference = weakref.ref(engine)

    def run(_context: Any, image: Any, height: int, width: int, curve_map: Any, message: Any, message_size: int) -> int:
        target = reference()
        if target is None:
            return 1
        try:
            target.run_pointers(image, height, width, curve_map)
        except BaseException as error:  # nothing may pass through the C caller
            target.failure = error
            if message and message_size > 0:
                text = (first_line(error) or type(error).__name__).encode()[: message_size - 1] + b"\0"
                ctypes.memmove(message, text, len(text))
            return 1
        return 0

    return _native.RunFunction(run)


class GraphEngine(ABC):
    """A model with downsampling, upsampling and curve inside its graph."""

    takes_8_bit: bool
    """Its graph has uint8 (H, W, 3) at both ends, not float32 (3, H, W) in 0 … 1."""

    @abstractmethod
    def run(self, image: NDArray[Any]) -> NDArray[Any]:
        """The graph, on such an image; raises ValueError for a size that the model does not take."""

    def enhance(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB (H, W, 3) -> the same; raises ValueError for a size that the model does not take."""
        if self.takes_8_bit:
            return self.run(image)
        enhanced = self.run(image.transpose(2, 0, 1).astype(np.float32) / np.float32(255)).transpose(1, 2, 0)
        levels: NDArray[np.float32] = np.floor(np.float32(255) * enhanced + np.float32(0.5))
        return np.clip(levels, 0, 255).astype(np.uint8)

    @abstractmethod
    def close(self) -> None: ...


def first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]


def open_engine(model: str | bytes | None, threads: int) -> CurveEngine | GraphEngine | None:
    """The model of another engine, by the suffix of its file or the marks of its format; None for the core library.

    Raises:
        ModelError: the file is absent, a folder, or has no suffix of a model; else as the engine says.
    """
    if model is None:
        return None
    if isinstance(model, bytes):
        return _engine_of_data(model, threads)
    path = Path(model)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ModelError(f"{path}: unknown model suffix {suffix!r}; .dce, .onnx or .ms was wanted")
    if path.is_dir():
        raise ModelError(f"{path}: is a folder, a model file was wanted")
    if not path.exists():
        raise ModelError(f"{path}: no such file")
    if suffix == ".onnx":
        from dcelite import onnx_engine

        return onnx_engine.open_model(path, threads)
    if suffix == ".ms":
        from dcelite import mindspore_lite

        return mindspore_lite.open_model(path, threads)
    return None


def _engine_of_data(data: bytes, threads: int) -> CurveEngine | GraphEngine | None:
    if data[4:8] == b"MSL2":
        from dcelite import mindspore_lite

        file = os.memfd_create("dcelite")
        try:
            with open(file, "wb", closefd=False) as stream:
                stream.write(data)
            return mindspore_lite.open_model(Path(f"/proc/{os.getpid()}/fd/{file}"), threads)
        finally:
            os.close(file)
    if data.startswith(b"\x08"):  # the first field of an ONNX file, its version, is a number
        from dcelite import onnx_engine

        return onnx_engine.open_model(data, threads)
    return None
