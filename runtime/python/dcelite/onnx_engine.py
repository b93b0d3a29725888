"""ONNX Runtime as an engine for ``.onnx`` models: the curve network, or the whole enhancement in one graph."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import _native
from dcelite.errors import EngineUnavailableError, ModelError
from dcelite.extras import advice
from dcelite.model import seal
from dcelite.model.architecture import ARCHITECTURES, MAX_SCALE


def _create_session(model: Path | bytes, path: Path, threads: int) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise EngineUnavailableError(f"{path}: {advice('onnx', 'onnxruntime')}") from None
    data = seal.check(model, path) if isinstance(model, bytes) else seal.read_sealed(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own unrelated classes for each kind of damage
        raise ModelError(f"{path}: is not an ONNX model that ONNX Runtime can load: {_first_line(error)}") from None


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]


class OnnxCurveModel:
    """A curve network in ONNX Runtime, as an engine of the core library."""

    def __init__(self, path: Path, session: Any, map_channels: int, scale: int) -> None:
        self.failure: BaseException | None = None
        self._session = session
        self._input = session.get_inputs()[0].name
        self._run = _native.RunFunction(self._run_network)  # ctypes keeps no reference to it
        self._engine = _native.Engine(
            size=ctypes.sizeof(_native.Engine), map_channels=map_channels, scale=scale, run=self._run
        )

    @property
    def dce_engine(self) -> _native.Engine:
        return self._engine

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """(3, h, w) in 0 … 1 -> curve map (3 | 24, h, w)."""
        result: NDArray[np.float32] = self._session.run(None, {self._input: image[None]})[0][0]
        return result

    def _run_network(
        self, _context: Any, image: Any, height: int, width: int, curve_map: Any, message: Any, message_size: int
    ) -> int:
        try:
            pixels = np.ctypeslib.as_array(image, (3, height, width))
            np.ctypeslib.as_array(curve_map, (self._engine.map_channels, height, width))[...] = self.run(pixels)
        except BaseException as error:  # nothing may pass through the C caller
            self.failure = error
            text = _first_line(error).encode()[: message_size - 1] + b"\0"
            ctypes.memmove(message, text, len(text))
            return 1
        return 0

    def close(self) -> None:
        self._session = None


class OnnxGraphModel:
    """Downsampling, network, upsampling and curve in one ONNX graph."""

    def __init__(self, path: Path, session: Any) -> None:
        self._path = path
        self._session = session
        self._input = session.get_inputs()[0]

    def enhance(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB (H, W, 3) -> the same."""
        is_uint8 = self._input.type == "tensor(uint8)"
        tensor = image[None] if is_uint8 else np.float32(image.transpose(2, 0, 1)[None]) / np.float32(255)
        try:
            (result,) = self._session.run(None, {self._input.name: tensor})
        except Exception as error:
            text = f"{self._path}: the model refuses an image of {image.shape}: {_first_line(error)}"
            raise ValueError(text) from None
        if is_uint8:
            return np.asarray(result[0], np.uint8)
        rounded: NDArray[np.float32] = np.floor(np.float32(255) * result[0].transpose(1, 2, 0) + np.float32(0.5))
        return np.clip(rounded, 0, 255).astype(np.uint8)

    def close(self) -> None:
        self._session = None


def open_model(model: str | os.PathLike[str] | bytes, threads: int) -> OnnxCurveModel | OnnxGraphModel:
    """Open a ``.onnx`` file that ``dcelite export`` wrote, or its bytes, or one with the same inputs and outputs.

    Raises:
        EngineUnavailableError: ONNX Runtime is not installed.
        ModelError: the file is damaged, or its graph is neither a curve network nor an enhancement.
    """
    path = Path("model.onnx") if isinstance(model, bytes) else Path(model)  # bytes have no name
    session = _create_session(model if isinstance(model, bytes) else path, path, threads)
    outputs = session.get_outputs()
    if len(session.get_inputs()) != 1 or len(outputs) != 1 or len(outputs[0].shape) != 4:
        raise ModelError(f"{path}: one image in and one image or curve map out was wanted; this graph has others")
    if outputs[0].name == "enhanced":
        return OnnxGraphModel(path, session)
    map_channels = outputs[0].shape[1]
    if outputs[0].name != "curve_map" or map_channels not in {a.map_channels for a in ARCHITECTURES.values()}:
        raise ModelError(
            f"{path}: output {outputs[0].name!r} of shape {outputs[0].shape}; 'enhanced', or 'curve_map' with 3 or 24 "
            "channels, was wanted"
        )
    return OnnxCurveModel(path, session, map_channels, _scale_of(session, path, map_channels))


def _scale_of(session: Any, path: Path, map_channels: int) -> int:
    """The scale that the metadata names; that of the architecture with such a map where it names none."""
    usual = next(a.scale for a in ARCHITECTURES.values() if a.map_channels == map_channels)
    text = session.get_modelmeta().custom_metadata_map.get("dcelite.scale", str(usual))
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SCALE:
        raise ModelError(f"{path}: metadata dcelite.scale is {text!r}, 1 to {MAX_SCALE} was wanted")
    return int(text)
