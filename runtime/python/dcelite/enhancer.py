"""The Python face of the runtime: :class:`Enhancer`."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dcelite import _native
from dcelite.pixels import Frame, Pixels
from dcelite.session import ARCHITECTURE_NAMES, ModelInfo, Session, Timings, open_session

ImageLike = TypeVar("ImageLike", NDArray[np.uint8], NDArray[np.uint16], PIL.Image.Image)
Plane = TypeVar("Plane", NDArray[np.uint8], NDArray[np.uint16])

_fork_lock = threading.RLock()  # a collection of garbage may close an Enhancer below the thread that has it
_forks = 0
"""How often this process and its parents have been forked since the module was loaded."""


def _after_fork() -> None:
    global _fork_lock, _forks
    _fork_lock = threading.RLock()  # a thread of the parent may have held it
    _forks += 1


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_after_fork)


class Enhancer:
    """Brightens low-light images with Zero-DCE curves.

    Args:
        model: a ``.dce`` file (native engine), ``.ms`` (MindSpore Lite) or ``.onnx`` (ONNX Runtime) as written by
            ``dcelite export`` or, with such inputs and outputs, by another program, or the bytes of one; None for the
            weights that come with the library.
        threads: 1 to 64; 0 takes every processor that the process may use.
        scale: downsampling factor at which the network sees the image, 1 to 64; None takes the model's own.
        strength: 0 leaves the image as it is, 1 is the model.
        smoothing: 0 (off) up to, not including, 1: take the calls as the frames of a video and average curve map and
            brightness over them, against flicker; 0.8 averages over some five frames. A scene cut, a change of size or
            reset() begins anew.
        map_interval: estimate the curve map on every n-th frame of a video only.
        timings: keep the times of each call, see ``timings``.
        denoise: 0 (off) to 1: how much of the noise is taken away within each image, before the curve multiplies it.
        temporal_denoise: 0 (off) to 1: how much over the frames of a video, as far as nothing moves.
        noise_level: standard deviation of the noise in R, G and B, in levels of 255; 0: estimated from each image.
        white: for YUV, the R'G'B' that is 1 to network and curve, more than 0, up to 1: it stays what it is, and so
            does what is brighter. With that of the mastering display's peak, 0.7518 for 1000 cd/m2 of PQ video,
            nothing becomes brighter than the display.
        precision: "exact", or "fast": network and curve in 16-bit fixed point, with at least 99.9 % of the 8-bit values
            within 1 of the exact ones and none off by more than 2. The curve of all but 8-bit RGB without denoising,
            and networks other than Zero-DCE++ in float32, are the same in both.

    Raises:
        ModelError: the model file is missing, damaged or foreign.
        EngineUnavailableError: the engine for this kind of file is not installed.
        ValueError: an argument out of its range.

    One Enhancer serves one call at a time: another thread's call meanwhile raises RuntimeError, so give each thread its
    own. ``close()`` waits for the call that runs; calls on a closed Enhancer raise ValueError. A copy, and what pickle
    makes in another process, is a new Enhancer with the same arguments, which opens the model itself and knows no
    earlier frames. Forked children may use, close and open Enhancers; with ``.onnx`` models they must end by os._exit,
    as those of multiprocessing do, since ONNX Runtime makes others wait for ever. It can be used as a context manager.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | bytes | None = None,
        *,
        threads: int = 0,
        scale: int | None = None,
        strength: float = 1.0,
        smoothing: float = 0.0,
        map_interval: int = 1,
        timings: bool = False,
        denoise: float = 0.0,
        temporal_denoise: float = 0.0,
        noise_level: float = 0.0,
        white: float = 1.0,
        precision: str = "exact",
    ) -> None:
        self._session: Session | None = None
        self._closed = False
        self._lock = threading.RLock()  # held by the call that runs
        self._forks = _forks
        if not isinstance(model, bytes | None):
            model = os.fspath(model)
        self._arguments: dict[str, Any] = {
            "model": model,
            "threads": threads,
            "scale": scale,
            "strength": strength,
            "smoothing": smoothing,
            "map_interval": map_interval,
            "timings": timings,
            "denoise": denoise,
            "temporal_denoise": temporal_denoise,
            "noise_level": noise_level,
            "white": white,
            "precision": precision,
        }
        self._session = open_session(**self._arguments)

    def __reduce__(self) -> tuple[Callable[[], Enhancer], tuple[()]]:
        if self._closed:
            raise ValueError("this Enhancer is closed")
        model = self._arguments["model"]
        if isinstance(model, str):  # the process that unpickles may work in another folder
            model = str(Path(model).absolute())
        return functools.partial(Enhancer, **{**self._arguments, "model": model}), ()

    def _call(self, function: str, *arguments: Any) -> None:
        """Call a function of the core library on the open handle; raises on failure."""
        with self._use() as session:
            session.call(function, *arguments)

    @contextlib.contextmanager
    def _use(self) -> Iterator[Session]:
        """The open model, for one call."""
        self._enter_child()
        lock = self._lock  # in a child that a callback forks, another one will stand in its place
        acquired = lock.acquire(blocking=False)
        try:
            if self._closed or self._session is None:
                raise ValueError("this Enhancer is closed")
            if not acquired:
                raise _native.exception_for(_native.BUSY, "")
            yield self._session
        finally:
            if acquired:
                lock.release()

    def _enter_child(self, *, reopen: bool = True) -> None:
        """In a forked child, once: a lock that nobody holds, and engines of this process.

        The core library finds its own way in a child. Other engines do not: they are opened again, and the parent's is
        kept for good, since to free it may mean to wait for threads that are not there.
        """
        if self._forks == _forks:
            return
        with _fork_lock:
            if self._forks != _forks:
                self._lock = threading.RLock()
                if self._session is not None and self._session.engine is not None:
                    self._session.abandon()
                    self._session = None
                if self._session is None and reopen and not self._closed:
                    self._session = open_session(**self._arguments)
                self._forks = _forks

    @property
    def session(self) -> Session:
        """What stands behind this, for programs that measure it; valid until it is closed, and in this process."""
        with self._use() as session:
            return session

    def close(self) -> None:
        """Free the model and its threads, when the call that another thread makes has ended. Harmless when repeated."""
        self._enter_child(reopen=False)
        self._closed = True
        with self._lock:
            session, self._session = self._session, None
            if session is not None:
                session.close()

    def __enter__(self) -> Enhancer:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_arguments", None) is not None:
            self.close()

    @property
    def has_curve_map(self) -> bool:
        """False for a model with the curve in its graph: it has no info, no curve map, no timings, nothing to set."""
        return self.session.has_curve_map

    @property
    def info(self) -> ModelInfo:
        """What the open model is."""
        info = _native.ModelInfo(size=ctypes.sizeof(_native.ModelInfo))
        self._call("dce_get_model_info", info)
        architecture = ARCHITECTURE_NAMES[info.architecture]
        return ModelInfo(architecture, info.map_channels, info.scale, info.iterations, info.parameters)

    def __call__(self, image: ImageLike, out: Pixels | None = None, *, order: str = "rgb") -> ImageLike:
        """Enhance an image.

        Args:
            image: uint8 or uint16 array (H, W, 3) or (H, W, 4), any strides and order of bytes, each side 1 to 65535;
                or a Pillow image of mode RGB or RGBA. Alpha stays as it is.
            out: array to write the result to, of the same shape and type, in any order of bytes; it may be ``image``
                itself.
            order: "rgb" or "bgr", the order of the channels in memory (8-bit arrays only).

        Returns:
            The enhanced image, of the same kind and shape; ``out`` where it was given.
        """
        if isinstance(image, PIL.Image.Image):
            if image.mode not in ("RGB", "RGBA"):
                raise ValueError(f"image: Pillow mode {image.mode}, RGB or RGBA was wanted")
            if out is not None or order != "rgb":
                raise ValueError("out and order go with arrays, not with Pillow images")
            return PIL.Image.fromarray(self(np.asarray(image)), image.mode)
        frame = Frame.of_pixels(image, order)
        target = None if out is None else Frame.of_pixels(out, order, "out").as_output_of(frame)
        with self._use() as session:
            return cast("ImageLike", session.enhance(frame, target).planes[0])

    def yuv420(
        self,
        planes: Sequence[Plane],
        *,
        layout: str = "i420",
        matrix: str = "bt601",
        full_range: bool = False,
        out: Sequence[Plane] | None = None,
    ) -> list[Plane]:
        """Enhance a frame of video in YUV with 2 x 2 subsampled chroma.

        Args:
            planes: arrays of any strides: luma (H, W) and, with h = ceil(H / 2) and w = ceil(W / 2), for "i420" and
                "i010" U (h, w) and V (h, w); for "nv12" and "p010" (h, w, 2) with U and V, for "nv21" with V and U.
                uint8, or uint16 in any order of bytes for the 10 bits of "i010", 0 … 1023 (more counts for 1023), and
                of "p010", 64 times that (the low 6 bits are ignored; the result has zeros there).
            layout: "i420", "nv12", "nv21", "i010" or "p010".
            matrix: "bt601", "bt709" or "bt2020" (of non-constant luminance).
            full_range: whether luma and chroma span 0 … 255 rather than 16 … 235 and 16 … 240; of 10 bits, 0 … 1023
                rather than 64 … 940 and 64 … 960.
            out: arrays of the same shapes to write the result to; they may be ``planes`` themselves.

        Returns:
            The planes of the enhanced frame; those of ``out`` where they were given.
        """
        frame = Frame.of_planes(planes, layout, matrix, full_range)
        target = None if out is None else Frame.of_planes(out, layout, matrix, full_range, "out").as_output_of(frame)
        with self._use() as session:
            return list(session.enhance(frame, target).planes)

    def set_strength(self, strength: float) -> None:
        """Change ``strength`` from the next image on; raises ValueError outside 0 … 1."""
        self._call("dce_set_strength", strength)
        self._arguments["strength"] = strength

    def set_smoothing(self, smoothing: float) -> None:
        """Change ``smoothing`` from the next frame on; raises ValueError where it is not 0 or more and less than 1."""
        self._call("dce_set_smoothing", smoothing)
        self._arguments["smoothing"] = smoothing

    def set_denoise(self, denoise: float) -> None:
        """Change ``denoise`` from the next image on; raises ValueError outside 0 … 1."""
        self._call("dce_set_denoise", denoise)
        self._arguments["denoise"] = denoise

    def set_temporal_denoise(self, temporal_denoise: float) -> None:
        """Change ``temporal_denoise`` from the next frame on; raises ValueError outside 0 … 1."""
        self._call("dce_set_temporal_denoise", temporal_denoise)
        self._arguments["temporal_denoise"] = temporal_denoise

    def set_white(self, white: float) -> None:
        """Change ``white`` from the next frame on, where a new video begins; ValueError unless it is in (0, 1]."""
        self._call("dce_set_white", white)
        self._arguments["white"] = white

    @property
    def kernels(self) -> str:
        """The instruction set that the native kernels were chosen of: "avx2", "neon" …"""
        with self._use() as session:
            return session.kernels

    @property
    def timings(self) -> Timings:
        """Of the last call. Raises ValueError where they were not asked for."""
        timings = _native.Timings(size=ctypes.sizeof(_native.Timings))
        self._call("dce_get_timings", timings)
        return Timings(*(getattr(timings, f"{name}_ns") / 1e6 for name in Timings.__dataclass_fields__))

    def reset(self) -> None:
        """Forget the frames so far: the next one begins a new video."""
        self._call("dce_reset")

    def curve_map(self, image: Pixels | PIL.Image.Image, *, order: str = "rgb") -> NDArray[np.float32]:
        """The curve map at low resolution, before ``strength``.

        Returns:
            float32 (h, w, 3), or (h, w, 24) for Zero-DCE, in (-1, 1); h = ceil(H / scale). Negative values brighten.
        """
        pixels = np.asarray(image)
        source = Frame.of_pixels(pixels, order).plain()
        width, height, channels = ctypes.c_int32(), ctypes.c_int32(), ctypes.c_int32()
        self._call("dce_curve_map_size", pixels.shape[1], pixels.shape[0], width, height, channels)
        result = np.empty((height.value, width.value, channels.value), np.float32)
        self._call("dce_curve_map", source.image(), result.ctypes.data, result.size)
        return result


def open_with_defaults(
    model: str | os.PathLike[str] | bytes | None, defaults: Mapping[str, float], **arguments: Any
) -> tuple[Enhancer, list[str]]:
    """An Enhancer as the commands open it: arguments that are None take the values of ``defaults``.

    A model with the curve in its graph has nowhere to do so: it is what it is, unless an argument asks for more.

    Returns:
        It, and the names of the defaults that its model cannot honour.
    """
    unset = [name for name, value in arguments.items() if value is None and name in defaults]
    enhancer = Enhancer(model, **{name: value for name, value in arguments.items() if name not in unset})
    if not enhancer.has_curve_map:
        return enhancer, unset
    for name in unset:
        getattr(enhancer, f"set_{name}")(defaults[name])
    return enhancer, []
