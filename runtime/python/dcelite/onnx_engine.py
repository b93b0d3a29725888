"""ONNX Runtime as an engine for ``.onnx`` models: the curve network, or the whole enhancement in one graph."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.engine import EngineModel, first_line
from dcelite.errors import EngineUnavailableError, ModelError
from dcelite.extras import advice
from dcelite.model import seal
from dcelite.model.architecture import ARCHITECTURES, MAX_SCALE


class OnnxModel(EngineModel):
    """A model in ONNX Runtime."""

    def __init__(self, path: Path, session: Any, kind: str, map_channels: int, scale: int) -> None:
        self.kind, self.map_channels, self.scale = kind, map_channels, scale
        self._path = path
        self._session = session
        self._input = session.get_inputs()[0].name
        self.takes_8_bit = session.get_inputs()[0].type == "tensor(uint8)"

    def run(self, image: NDArray[Any]) -> NDArray[Any]:
        try:
            (result,) = self._session.run(None, {self._input: image[None]})
        except Exception as error:
            size = image.shape if self.takes_8_bit else (*image.shape[1:], 3)
            text = f"{self._path}: the model refuses an image of {size}: {first_line(error)}"
            raise ValueError(text) from None
        return np.asarray(result[0])

    def close(self) -> None:
        self._session = None


def open_model(model: str | os.PathLike[str] | bytes, threads: int) -> OnnxModel:
    """Open a ``.onnx`` file that ``dcelite export`` wrote, or its bytes, or one with the same inputs and outputs.

    Raises:
        EngineUnavailableError: ONNX Runtime is not installed.
        ModelError: the file is damaged, or its graph is neither a curve network nor an enhancement.
    """
    path = Path("model.onnx") if isinstance(model, bytes) else Path(model)  # bytes have no name
    try:
        import onnxruntime
    except ImportError:
        raise EngineUnavailableError(f"{path}: {advice('onnx', 'onnxruntime')}") from None
    data = seal.check(model, path) if isinstance(model, bytes) else seal.read_sealed(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own unrelated classes for each kind of damage
        raise ModelError(f"{path}: is not an ONNX model that ONNX Runtime can load: {first_line(error)}") from None
    outputs = session.get_outputs()
    if len(session.get_inputs()) != 1 or len(outputs) != 1 or len(outputs[0].shape) != 4:
        raise ModelError(f"{path}: one image in and one image or curve map out was wanted; this graph has others")
    kind, channels = outputs[0].name, outputs[0].shape[1]
    if kind == "enhanced":
        return OnnxModel(path, session, kind, 3, 1)
    usual_scales = {a.map_channels: a.scale for a in ARCHITECTURES.values()}
    if kind != "curve_map" or channels not in usual_scales:
        raise ModelError(
            f"{path}: output {kind!r} of shape {outputs[0].shape}; 'enhanced', or 'curve_map' with 3 or 24 "
            "channels, was wanted"
        )
    scale = session.get_modelmeta().custom_metadata_map.get("dcelite.scale", str(usual_scales[channels]))
    if not scale.isdecimal() or not 1 <= int(scale) <= MAX_SCALE:
        raise ModelError(f"{path}: metadata dcelite.scale is {scale!r}, 1 to {MAX_SCALE} was wanted")
    return OnnxModel(path, session, kind, channels, int(scale))
