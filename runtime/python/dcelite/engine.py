"""Models of other libraries than the core: the curve network alone, or one graph from picture to picture."""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import _native
from dcelite.errors import ModelError
from dcelite.files import working_folder

SUFFIXES = (".dce", ".onnx", ".ms")
"""Of model files."""


class EngineModel(ABC):
    """A model of another library."""

    kind: str
    """"curve_map": the curve network alone; "enhanced": downsampling, network, upsampling and curve in one graph."""
    map_channels: int
    """Of the curve map: 3 or 24."""
    scale: int
    """Downsampling factor that the curve network was trained for."""
    takes_8_bit: bool
    """The graph has uint8 (H, W, 3) at both ends, not float32 (3, H, W) in 0 … 1."""
    sealed: bool
    """The file carries the checksum of ``dcelite export``, and it matched; False: a file of another program."""
    failure: BaseException | None = None
    """What ended the last run for the core library, which knows it as a sentence only."""

    @abstractmethod
    def run(self, image: NDArray[Any]) -> NDArray[Any]:
        """float32 (3, h, w) in 0 … 1 -> curve map (3 | 24, h, w); or such an image as the graph takes -> the same.

        Raises ValueError for a size that the model does not take.
        """

    @abstractmethod
    def close(self) -> None: ...

    def enhance(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB (H, W, 3) -> the same, by a whole graph; raises ValueError for a size that the model does not take."""
        if self.takes_8_bit:
            return self.run(image)
        enhanced = self.run(image.transpose(2, 0, 1).astype(np.float32) / np.float32(255)).transpose(1, 2, 0)
        levels: NDArray[np.float32] = np.floor(np.float32(255) * enhanced + np.float32(0.5))
        return np.clip(levels, 0, 255).astype(np.uint8)

    def dce_engine(self) -> _native.Engine:
        """The curve network as an engine of the core library, to be kept as long as that may call it."""

        def run(_context: Any, image: Any, height: int, width: int, curve_map: Any, message: Any, size: int) -> int:
            try:
                target = np.ctypeslib.as_array(curve_map, (self.map_channels, height, width))
                target[...] = self.run(np.ctypeslib.as_array(image, (3, height, width)))
            except BaseException as error:  # nothing may pass through the C caller
                self.failure = error
                if message and size > 0:
                    text = (first_line(error) or type(error).__name__).encode()[: size - 1] + b"\0"
                    ctypes.memmove(message, text, len(text))
                return 1
            return 0

        return _native.Engine(
            ctypes.sizeof(_native.Engine), None, self.map_channels, self.scale, _native.RunFunction(run)
        )


def first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]


def open_engine(model: str | bytes | None, threads: int) -> EngineModel | None:
    """The model of another library, by the suffix of its file or the marks of its format; None for the core library.

    Raises:
        ModelError: the file is absent, a folder, or has no suffix of a model; else as the engine says.
    """
    if model is None:
        return None
    suffix = _suffix_of(model)
    if suffix == ".onnx":
        from dcelite import onnx_engine

        return onnx_engine.open_model(model, threads)
    if suffix == ".ms":
        from dcelite import mindspore_lite

        if isinstance(model, str):
            return mindspore_lite.open_model(Path(model), threads)
        with working_folder() as folder:
            (folder / "model.ms").write_bytes(model)
            return mindspore_lite.open_model(folder / "model.ms", threads)
    return None


def _suffix_of(model: str | bytes) -> str:
    if isinstance(model, bytes):
        if model[4:8] == b"MSL2":
            return ".ms"
        return ".onnx" if model.startswith(b"\x08") else ".dce"  # the first field of an ONNX file is a number
    path = Path(model)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ModelError(f"{path}: unknown model suffix {suffix!r}; .dce, .onnx or .ms was wanted")
    if path.is_dir():
        raise ModelError(f"{path}: is a folder, a model file was wanted")
    if not path.exists():
        raise ModelError(f"{path}: no such file")
    return suffix
