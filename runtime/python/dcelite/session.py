"""What stands behind an Enhancer: a model that is open in the core library, or one graph that does everything."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcelite import _native
from dcelite.engine import EngineModel, open_engine
from dcelite.errors import DceliteError, ModelError
from dcelite.model.architecture import ARCHITECTURES, MAX_SCALE
from dcelite.pixels import Frame

ARCHITECTURE_NAMES = {0: "engine"} | {architecture.code: name for name, architecture in ARCHITECTURES.items()}
"""By the numbers of dce_model_info."""
NO_SETTINGS = {
    "strength": 1.0,
    "smoothing": 0.0,
    "map_interval": 1,
    "timings": False,
    "denoise": 0.0,
    "temporal_denoise": 0.0,
    "noise_level": 0.0,
    "white": 1.0,
    "precision": "exact",
}
"""With which a model is all there is."""


@dataclass(frozen=True)
class ModelInfo:
    """What an open model is; ``dce_model_info`` in ``dcelite.h`` defines it."""

    architecture: str
    """"zerodcepp", "zerodce", "zerodcepp_scene" (statistics steer it), or "engine": known to the engine alone."""
    map_channels: int
    scale: int
    iterations: int
    parameters: int
    """0: known to the engine alone."""


@dataclass(frozen=True)
class Timings:
    """Milliseconds of a call: in all, and by stage, averaged over the threads; ``dce_timings`` defines them."""

    total: float
    convert: float
    downsample: float
    network: float
    curve: float
    denoise: float


class CoreSession:
    """A model in the core library, which runs its network itself or has another engine do so."""

    has_curve_map = True

    def __init__(self, options: _native.Options, engine: EngineModel | None) -> None:
        self.engine = engine
        self.library = _native.library()
        self.handle = ctypes.c_void_p()
        if engine is not None:
            self._dce_engine = engine.dce_engine()
            options.engine = ctypes.pointer(self._dce_engine)
        try:
            self.check(self.library.dce_open(options, self.handle))
        except BaseException:
            self.close()
            raise

    def check(self, status: int) -> None:
        """Raise what a negative ``dce_status`` of this handle stands for."""
        if status == _native.OK:
            return
        if status == _native.ENGINE and self.engine is not None and isinstance(self.engine.failure, KeyboardInterrupt):
            raise self.engine.failure
        message: bytes = self.library.dce_error_message(self.handle)
        raise _native.exception_for(status, message.decode(errors="replace"))

    def call(self, function: str, *arguments: Any) -> None:
        """Call a function of the core library on the open handle; raises on failure."""
        self.check(getattr(self.library, function)(self.handle, *arguments))

    def enhance(self, frame: Frame, out: Frame | None) -> Frame:
        """The enhanced frame: ``out`` where it is given, else new arrays."""
        source = frame.plain()
        result = out if out is not None and out.can_take_result_of(source) else frame.empty()
        self.call("dce_enhance", source.image(), result.image())
        return result if out is None or out is result else out.filled_with(result)

    @property
    def kernels(self) -> str:
        name: bytes = self.library.dce_kernels(self.handle)
        return name.decode()

    def abandon(self) -> None:
        """Let go of it in a forked child, where the engine's threads, for which freeing might wait, are not."""
        _native.keep_forever(self)
        self.library.dce_close(self.handle)

    def close(self) -> None:
        handle, self.handle = self.handle, ctypes.c_void_p()
        if handle:
            self.library.dce_close(handle)
        if self.engine is not None:
            self.engine.close()


class GraphSession:
    """A model with the whole enhancement in its graph: 8-bit RGB in, 8-bit RGB out, and nothing that could be set."""

    has_curve_map = False
    kernels = ""

    def __init__(self, engine: EngineModel) -> None:
        self.engine = engine

    def call(self, function: str, *arguments: Any) -> None:
        raise DceliteError("this model has the curve in its graph: it takes 8-bit RGB and yields no curve map")

    def enhance(self, frame: Frame, out: Frame | None) -> Frame:
        if len(frame.planes) > 1:
            self.call("dce_enhance")
        image = frame.planes[0]
        if image.dtype != np.uint8:
            raise ValueError("image: uint16, uint8 was wanted: this model has 8-bit pixels in its graph")
        channels = slice(2, None, -1) if frame.format in (_native.BGR8, _native.BGRA8) else slice(0, 3)
        result = image.copy()
        result[..., channels] = self.engine.enhance(np.ascontiguousarray(image[..., channels]))
        enhanced = frame.of([result])
        return enhanced if out is None else out.filled_with(enhanced)

    def abandon(self) -> None:
        _native.keep_forever(self.engine)

    def close(self) -> None:
        self.engine.close()


Session = CoreSession | GraphSession
"""An open model."""


def open_session(
    model: str | bytes | None, threads: int, scale: int | None, precision: str, **settings: Any
) -> Session:
    """Open a model for the arguments of Enhancer, and raise as it does."""
    if scale is not None and not 1 <= scale <= MAX_SCALE:
        raise ValueError(f"scale: {scale}, 1 to {MAX_SCALE} was wanted")
    if precision not in _native.PRECISIONS:
        raise ValueError(f"precision: {precision!r}, one of {', '.join(_native.PRECISIONS)} was wanted")
    options = _native.Options(
        ctypes.sizeof(_native.Options),
        threads=threads,
        scale=scale or 0,
        precision=_native.PRECISIONS[precision],
        **settings,
    )
    engine = open_engine(model, threads)
    if engine is not None and engine.kind == "enhanced":
        if scale is not None or {**settings, "precision": precision} != NO_SETTINGS:
            engine.close()
            name = f"model of {len(model):,} bytes" if isinstance(model, bytes) else model
            raise ModelError(
                f"{name}: has the curve in its graph, where scale, strength, smoothing, map_interval, denoise and "
                "precision cannot be changed, and no timings are kept"
            )
        return GraphSession(engine)
    if engine is None and isinstance(model, bytes):
        options.model_data = ctypes.cast(ctypes.c_char_p(model), ctypes.c_void_p)
        options.model_data_size = len(model)
    elif engine is None and model is not None:
        options.model_path = os.fsencode(model)
    return CoreSession(options, engine)
