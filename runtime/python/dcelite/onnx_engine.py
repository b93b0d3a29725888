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
from dcelite.files import reason
from dcelite.model import seal
from dcelite.model.architecture import ARCHITECTURES, MAX_SCALE
from dcelite.reference import apply_curve

WANTED = (
    "in, one image, float32 (1, 3, H, W) in 0 … 1 or uint8 (1, H, W, 3), and out, the enhanced image of the same size "
    "and type, or a curve map (1, 3 or 24, H, W) in -1 … 1, was wanted"
)
"""Of a graph, for messages."""
TRIAL_SIZE = (48, 72)
"""Height and width of the picture that tells what a foreign graph is, where its size is free: multiples of 12, since
graphs exported from the published code of Zero-DCE++ take no others."""

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
_SCALES = {a.map_channels: a.scale for a in ARCHITECTURES.values()}
"""The usual ones by the channels of the curve map."""


class OnnxModel(EngineModel):
    """A graph in ONNX Runtime with one image as its input, of which one output is used.

    Raises ModelError where the graph takes no image.
    """

    def __init__(self, path: Path, session: Any, sealed: bool) -> None:
        self.sealed = sealed
        self.kind, self.map_channels, self.scale = "enhanced", 3, 1
        self.output: str | None = None
        """The one that is used; None: all."""
        self._path = path
        self._session = session
        inputs = session.get_inputs()
        seen = ", ".join(f"{value.name} {value.type} {value.shape}" for value in inputs)
        if len(inputs) != 1 or inputs[0].type not in _TYPES or len(inputs[0].shape) != 4:
            raise ModelError(f"{path}: its input is {seen or 'none'}; {WANTED}")
        self._input, self._type = inputs[0].name, _TYPES[inputs[0].type]
        self.takes_8_bit = self._type is np.uint8
        shape = [side if isinstance(side, int) and side > 0 else None for side in inputs[0].shape]  # else named, free
        batch, channels = shape[0], shape.pop(3 if self.takes_8_bit else 1)
        if batch not in (1, None) or channels not in (3, None):
            raise ModelError(f"{path}: its input is {seen}; {WANTED}")
        self.size: tuple[int | None, int | None] = (shape[1], shape[2])
        """Height and width that the graph takes; None: any."""

    def run_all(self, image: NDArray[Any]) -> list[NDArray[Any]]:
        """As :meth:`run`, but the output that is used, or all, with their first axis."""
        try:
            names = [self.output] if self.output else None
            return list(self._session.run(names, {self._input: image[None].astype(self._type, copy=False)}))
        except Exception as error:
            height, width = image.shape[:2] if self.takes_8_bit else image.shape[1:]
            text = f"{self._path}: the model refuses an image of {(height, width, 3)}"
            if any(side not in (None, seen) for side, seen in zip(self.size, (height, width), strict=True)):
                text += (
                    f", it takes {self.size} only" if None not in self.size else f", it takes {self.size} (None: any)"
                )
            raise ValueError(f"{text}: {first_line(error)}") from None

    def run(self, image: NDArray[Any]) -> NDArray[Any]:
        result = np.asarray(self.run_all(image)[0][0])
        return result if self.takes_8_bit else result.astype(np.float32, copy=False)

    def close(self) -> None:
        self._session = None


def open_model(model: str | os.PathLike[str] | bytes, threads: int) -> OnnxModel:
    """Open a ``.onnx`` file that ``dcelite export`` wrote, or its bytes, or one with such inputs and outputs.

    What a file with a seal holds is known from the names of its outputs. For others, a trial run decides.

    Raises:
        EngineUnavailableError: ONNX Runtime is not installed.
        ModelError: the file is damaged, or its graph is neither a curve network nor an enhancement.
    """
    path = Path("model.onnx") if isinstance(model, bytes) else Path(model)  # bytes have no name
    try:
        import onnxruntime
    except ImportError:
        raise EngineUnavailableError(f"{path}: {advice('onnx', 'onnxruntime')}") from None
    try:
        data = model if isinstance(model, bytes) else path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}") from None
    sealed = seal.is_sealed(data, path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    # By its name where that is possible without a seal: the weights of a foreign graph may lie in a file beside it.
    source = data if sealed or isinstance(model, bytes) else str(path)
    try:
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own unrelated classes for each kind of damage
        raise ModelError(f"{path}: is not an ONNX model that ONNX Runtime can load: {first_line(error)}") from None
    opened = OnnxModel(path, session, sealed)
    outputs = session.get_outputs()
    if sealed and len(outputs) == 1 and len(outputs[0].shape) == 4:
        opened.kind, opened.output, opened.map_channels = outputs[0].name, outputs[0].name, outputs[0].shape[1]
        if opened.kind == "enhanced":
            opened.map_channels = 3
    else:
        opened.kind, opened.output, opened.map_channels = _by_trial(path, opened, [value.name for value in outputs])
    if opened.kind == "curve_map" and opened.map_channels in _SCALES:
        usual = str(_SCALES[opened.map_channels])
        scale = session.get_modelmeta().custom_metadata_map.get("dcelite.scale", usual)
        if not scale.isdecimal() or not 1 <= int(scale) <= MAX_SCALE:
            raise ModelError(f"{path}: metadata dcelite.scale is {scale!r}, 1 to {MAX_SCALE} was wanted")
        opened.scale = int(scale)
    elif opened.kind != "enhanced":
        raise ModelError(f"{path}: its output is {opened.kind!r} of shape {outputs[0].shape}; {WANTED}")
    return opened


def _by_trial(path: Path, model: OnnxModel, names: list[str]) -> tuple[str, str, int]:
    """Kind, output and channels of the curve map of a graph, from what it makes of a picture; raises ModelError.

    The published code yields the enhanced image, or one after four iterations and one after eight, and the curve map
    with it: where there is an enhanced image, that is what is used; of several, the one that the curve map gives.
    """
    height, width = (side or usual for side, usual in zip(model.size, TRIAL_SIZE, strict=True))
    picture = trial_picture(height, width)
    try:
        results = model.run_all((picture * 255).astype(np.uint8) if model.takes_8_bit else picture.transpose(2, 0, 1))
    except ValueError as error:
        raise ModelError(f"{path}: fails in a trial run: {error}; {WANTED}") from None
    images: dict[str, NDArray[Any]] = {}
    maps: dict[str, NDArray[Any]] = {}
    for name, result in zip(names, results, strict=True):
        values = np.asarray(result)
        if values.shape == (1, height, width, 3) and model.takes_8_bit and values.dtype == np.uint8:
            images[name] = values[0] / 255.0
        elif values.shape in ((1, 3, height, width), (1, 24, height, width)) and not model.takes_8_bit:
            planar = values[0].astype(np.float64).transpose(1, 2, 0)
            if planar.shape == picture.shape and name != "curve_map" and _is_enhanced(planar, picture):
                images[name] = planar
            elif name != "enhanced" and -1 <= planar.min() < 0 and planar.max() <= 1:
                maps[name] = planar
    if images:
        of_curve = [
            name
            for name, image in images.items()
            if any(np.abs(apply_curve(picture.astype(np.float64), a) - image).max() < 0.01 for a in maps.values())
        ]
        return "enhanced", (of_curve or list(images))[-1], 3
    if len(maps) == 1:
        ((name, curve_map),) = maps.items()
        return "curve_map", name, curve_map.shape[2]
    shapes = ", ".join(f"{n} {np.asarray(r).dtype} {np.asarray(r).shape}" for n, r in zip(names, results, strict=True))
    raise ModelError(f"{path}: makes of an image of {(height, width, 3)} neither of both: {shapes}; {WANTED}")


def trial_picture(height: int, width: int) -> NDArray[np.float32]:
    """float32 (H, W, 3) in 0 … 1: a dark gradient with squares, black at its left and white at its right."""
    y, x = np.mgrid[0:height, 0:width]
    dark = 0.3 * (x + 0.5) / width + 0.05 * ((x // 4 + y // 4) % 2)
    picture = np.stack([dark, 0.8 * dark, 0.6 * dark[:, ::-1]], axis=2)
    margin = width // 6
    picture[:, :margin] = 0
    picture[:, width - margin :] = 1
    return np.asarray(picture, np.float32)


def _is_enhanced(result: NDArray[Any], picture: NDArray[Any]) -> bool:
    """Whether values in 0 … 1 are the picture, brightened: what was brighter is so still. (A curve map is negative
    where it brightens.)"""
    if not (result.min() >= -0.01 and result.max() <= 1.01):  # false for NaN as well
        return False
    return bool(result.std() > 0 and np.corrcoef(result.ravel(), picture.ravel())[0, 1] > 0.5)
