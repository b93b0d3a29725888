"""The Python face of the runtime: :class:`Enhancer`."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from dcelite import _native
from dcelite.errors import DceliteError, ModelError

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Planes = Sequence[NDArray[np.uint8]]
ImageLike = TypeVar("ImageLike", NDArray[np.uint8], NDArray[np.uint16], PIL.Image.Image)

_LAYOUTS = {"i420": _native.I420, "nv12": _native.NV12, "nv21": _native.NV21}
_FORMATS = {("rgb", 3): _native.RGB8, ("bgr", 3): _native.BGR8, ("rgb", 4): _native.RGBA8, ("bgr", 4): _native.BGRA8}


class CurveModel(Protocol):
    """A model of another engine that maps the downsampled image to the curve map."""

    failure: BaseException | None
    """What ended the last run of the engine, which the core library knows as a sentence only."""

    @property
    def dce_engine(self) -> _native.Engine:
        """The engine as the core library calls it; valid until close()."""

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network alone: planes (3, h, w) in 0 … 1 -> curve map (map_channels, h, w)."""

    def close(self) -> None: ...


@runtime_checkable
class WholeGraphModel(Protocol):
    """A model of another engine with downsampling, upsampling and curve inside its graph."""

    def enhance(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB (H, W, 3) -> the same; raises ValueError for a size that the model does not take."""

    def close(self) -> None: ...


def _engine_of_data(data: bytes, threads: int) -> CurveModel | WholeGraphModel | None:
    """The model of another engine, by the marks of its format; None for the native engine, which checks its own."""
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


def _open_engine(model: Path | bytes, threads: int) -> CurveModel | WholeGraphModel | None:
    """The model of another engine, by file suffix; None for the native engine."""
    if isinstance(model, bytes):
        return _engine_of_data(model, threads)
    path = model
    suffix = path.suffix.lower()
    if suffix not in (".dce", ".onnx", ".ms"):
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


_fork_lock = threading.Lock()
_forks = 0
"""How often this process and its parents have been forked since the module was loaded."""


def _after_fork() -> None:
    global _fork_lock, _forks
    _fork_lock = threading.Lock()  # a thread of the parent may have held it
    _forks += 1


os.register_at_fork(after_in_child=_after_fork)


class Enhancer:
    """Brightens low-light images with Zero-DCE curves.

    Args:
        model: a ``.dce`` file (native engine), ``.ms`` (MindSpore Lite) or ``.onnx`` (ONNX Runtime) as written by
            ``dcelite export``, or the bytes of one; None for the weights that come with the library.
        threads: 1 to 64; 0 takes every processor that the process may use.
        scale: downsampling factor at which the network sees the image, 1 to 64; None takes the model's own.
        strength: 0 leaves the image as it is, 1 is the model.
        smoothing: 0 (off) up to, not including, 1: take the calls as the frames of a video and average curve map and
            brightness over them, against flicker; 0.8 averages over some five frames. A scene cut, a change of size or
            reset() begins anew.
        map_interval: estimate the curve map on every n-th frame of a video only.
        timings: keep the times of each call, see ``timings``.

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
    ) -> None:
        self._handle = ctypes.c_void_p()
        self._graph: WholeGraphModel | None = None
        self._engine: CurveModel | None = None
        self._closed = False
        self._lock = threading.RLock()  # held by the call that runs
        self._forks = _forks
        self._library = _native.library()
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
        }
        try:
            self._open(**self._arguments)
        except BaseException:
            self.close()
            raise

    def _open(
        self,
        model: str | bytes | None,
        threads: int,
        scale: int | None,
        strength: float,
        smoothing: float,
        map_interval: int,
        timings: bool,
    ) -> None:
        options = _native.Options()
        self._library.dce_options_init_size(options, ctypes.sizeof(options))
        options.threads = threads
        options.strength = strength
        options.smoothing = smoothing
        options.map_interval = map_interval
        options.timings = timings
        if scale is not None:
            if not 1 <= scale <= 64:
                raise ValueError(f"scale: {scale}, 1 to 64 was wanted")
            options.scale = scale
        if model is not None:
            engine = _open_engine(model if isinstance(model, bytes) else Path(model), threads)
            if isinstance(engine, WholeGraphModel):
                self._graph = engine
                if scale is not None or timings or (strength, smoothing, map_interval) != (1.0, 0.0, 1):
                    raise ModelError(
                        f"{_name_of(model)}: has the curve in its graph, where scale, strength, smoothing and "
                        "map_interval cannot be changed, and no timings are kept"
                    )
                return
            if engine is not None:
                self._engine = engine
                options.engine = ctypes.pointer(engine.dce_engine)
            elif isinstance(model, bytes):
                options.model_data = ctypes.cast(ctypes.c_char_p(model), ctypes.c_void_p)
                options.model_data_size = len(model)
            else:
                options.model_path = os.fsencode(model)
        status = self._library.dce_open(options, self._handle)
        if status != _native.OK:
            raise self._failure(status)

    def __reduce__(self) -> tuple[Callable[[dict[str, Any]], Enhancer], tuple[dict[str, Any]]]:
        if self._closed:
            raise ValueError("this Enhancer is closed")
        model = self._arguments["model"]
        if isinstance(model, str):  # the process that unpickles may work in another folder
            model = str(Path(model).absolute())
        return _open_again, ({**self._arguments, "model": model},)

    def _failure(self, status: int) -> BaseException:
        if (
            status == _native.ENGINE
            and self._engine is not None
            and isinstance(self._engine.failure, KeyboardInterrupt)
        ):
            return self._engine.failure
        message: bytes = self._library.dce_error_message(self._handle)
        return _native.exception_for(status, message.decode(errors="replace"))

    def _call(self, function: str, *arguments: Any) -> None:
        """Call a function of the core library on the open handle; raises on failure."""
        with self._use():
            if self._graph is not None:
                raise DceliteError("this model has the curve in its graph: it takes 8-bit RGB and yields no curve map")
            status = getattr(self._library, function)(self._handle, *arguments)
            if status != _native.OK:
                raise self._failure(status)

    @contextlib.contextmanager
    def _use(self) -> Iterator[None]:
        """The open model, for one call."""
        self._enter_child()
        lock = self._lock  # in a child that a callback forks, another one will stand in its place
        acquired = lock.acquire(blocking=False)
        try:
            if self._closed:
                raise ValueError("this Enhancer is closed")
            if not acquired:
                raise _native.exception_for(_native.BUSY, "")
            yield
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
                if (self._graph or self._engine) and not self._closed:
                    _native.keep_forever((self._graph, self._engine))
                    self._graph = self._engine = None
                    self._library.dce_close(self._handle)
                    self._handle = ctypes.c_void_p()
                    if reopen:
                        self._open(**self._arguments)
                self._forks = _forks

    def close(self) -> None:
        """Free the model and its threads, when the call that another thread makes has ended. Harmless when repeated."""
        self._enter_child(reopen=False)
        self._closed = True
        with self._lock:
            handle, self._handle = self._handle, ctypes.c_void_p()
            models, self._graph, self._engine = (self._graph, self._engine), None, None
            if handle:
                self._library.dce_close(handle)
            for model in models:
                if model is not None:
                    model.close()

    def __enter__(self) -> Enhancer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_arguments", None) is not None:
            self.close()

    @property
    def info(self) -> dict[str, int | str]:
        """architecture, map_channels, scale, iterations and parameters of the open model."""
        info = _native.ModelInfo(size=ctypes.sizeof(_native.ModelInfo))
        self._call("dce_get_model_info", info)
        return {
            "architecture": _native.ARCHITECTURES[info.architecture],
            "map_channels": info.map_channels,
            "scale": info.scale,
            "iterations": info.iterations,
            "parameters": info.parameters,
        }

    def __call__(self, image: ImageLike, out: Pixels | None = None, *, order: str = "rgb") -> ImageLike:
        """Enhance an image.

        Args:
            image: uint8 array (H, W, 3) or (H, W, 4), or uint16 array (H, W, 3), any strides, each side 1 to 65535; or
                a Pillow image of mode RGB or RGBA. Alpha stays as it is.
            out: array to write the result to, of the same shape and type; it may be ``image`` itself.
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
        return cast("ImageLike", self._enhance_array(image, out, order))

    def _enhance_array(self, image: Pixels, out: Pixels | None, order: str) -> Pixels:
        _check_pixels(image, "image")
        if out is not None:
            _check_pixels(out, "out")
            if out.dtype != image.dtype:
                raise TypeError(f"out: {out.dtype}, that of the image, {image.dtype}, was wanted")
            if out.shape != image.shape:
                raise ValueError(f"out: shape {out.shape}, that of the image, {image.shape}, was wanted")
            if not out.flags.writeable:
                raise ValueError("out: is read-only")
        _check_order(image, order)

        if self._graph is not None:
            with self._use():
                result = _enhance_with_graph(self._graph, image, order)
        else:
            source = image if _has_plain_pixels(image) else image.copy(order="C")
            usable = out is not None and _is_usable_output(out, source)
            result = out if out is not None and usable else np.empty_like(image, order="C", subok=False)
            self._call("dce_enhance", _image(source, order), _image(result, order))
        if out is None or out is result:
            return result
        out[...] = result
        return out

    def yuv420(
        self,
        planes: Planes,
        *,
        layout: str = "i420",
        matrix: str = "bt601",
        full_range: bool = False,
        out: Planes | None = None,
    ) -> list[NDArray[np.uint8]]:
        """Enhance a frame of video in YUV with 2 x 2 subsampled chroma.

        Args:
            planes: uint8 arrays, any strides: luma (H, W) and, with h = ceil(H / 2) and w = ceil(W / 2), for "i420" U
                (h, w) and V (h, w); for "nv12" (h, w, 2) with U and V, for "nv21" with V and U.
            layout: "i420", "nv12" or "nv21".
            matrix: "bt601" or "bt709".
            full_range: whether luma and chroma span 0 … 255 rather than 16 … 235 and 16 … 240.
            out: arrays of the same shapes to write the result to; they may be ``planes`` themselves.

        Returns:
            The planes of the enhanced frame; those of ``out`` where they were given.
        """
        if (matrix, full_range) not in _native.MATRICES:
            raise ValueError(f"matrix: {matrix!r}, 'bt601' or 'bt709' was wanted")
        _check_planes(planes, layout, "planes")
        if out is not None:
            _check_planes(out, layout, "out")
            if out[0].shape != planes[0].shape:
                raise ValueError(f"out: luma {out[0].shape}, that of planes, {planes[0].shape}, was wanted")
            if not all(plane.flags.writeable for plane in out):
                raise ValueError("out: is read-only")
        source = _plain_planes(planes, layout)
        usable = out is not None and _are_usable_outputs(out, source, layout)
        result = out if out is not None and usable else [np.empty(plane.shape, np.uint8) for plane in planes]
        coding = _native.MATRICES[matrix, full_range]
        self._call("dce_enhance", _yuv_image(source, layout, coding), _yuv_image(result, layout, coding))
        if out is None or usable:
            return list(result)
        for plane, values in zip(out, result, strict=True):
            plane[...] = values
        return list(out)

    def set_strength(self, strength: float) -> None:
        """Change ``strength`` from the next image on; raises ValueError outside 0 … 1."""
        self._call("dce_set_strength", strength)
        self._arguments["strength"] = strength

    def set_smoothing(self, smoothing: float) -> None:
        """Change ``smoothing`` from the next frame on; raises ValueError where it is not 0 or more and less than 1."""
        self._call("dce_set_smoothing", smoothing)
        self._arguments["smoothing"] = smoothing

    def bind(self, image: NDArray[np.uint8], out: NDArray[Any]) -> Callable[[], None]:
        """A function that does the same work whenever it is called, with everything checked beforehand: for buffers that
        are filled anew again and again, and for measuring.

        Args:
            image: uint8 RGB (H, W, 3) or RGBA, contiguous.
            out: contiguous, for the result: the enhanced image, like ``image``, or where it is float32, the curve map.
        """
        _check_pixels(image, "image")
        if not (image.flags.c_contiguous and out.flags.c_contiguous and out.flags.writeable):
            raise ValueError("image and out: contiguous arrays were wanted, out not read-only")
        source = _image(image, "rgb")
        if out.dtype == np.float32:
            function, arguments = "dce_curve_map", (source, out.ctypes.data, out.size)
        elif (out.dtype, out.shape) == (image.dtype, image.shape):
            function, arguments = "dce_enhance", (source, _image(out, "rgb"))
        else:
            raise ValueError(f"out: {out.dtype} {out.shape}, {image.dtype} {image.shape} or a curve map was wanted")

        def run(_kept: object = (image, out)) -> None:
            self._call(function, *arguments)

        return run

    @property
    def engine(self) -> CurveModel | WholeGraphModel | None:
        """The model in an engine other than the native one; None with the native one."""
        return self._graph or self._engine

    @property
    def kernels(self) -> str:
        """The instruction set of the network, or, with another engine, of the curve: "avx2", "neon" …"""
        with self._use():
            name: bytes = self._library.dce_kernels(self._handle)
            return name.decode()

    @property
    def timings(self) -> dict[str, float]:
        """Milliseconds of the last call: total, and convert, downsample, network and curve averaged over the threads.

        ``dce_timings`` in ``dcelite.h`` defines them. Raises ValueError where they were not asked for.
        """
        timings = _native.Timings(size=ctypes.sizeof(_native.Timings))
        self._call("dce_get_timings", timings)
        names = ("total", "convert", "downsample", "network", "curve")
        return {name: getattr(timings, f"{name}_ns") / 1e6 for name in names}

    def reset(self) -> None:
        """Forget the frames so far: the next one begins a new video."""
        self._call("dce_reset")

    def curve_map(self, image: Pixels | PIL.Image.Image, *, order: str = "rgb") -> NDArray[np.float32]:
        """The curve map at low resolution, before ``strength``.

        Returns:
            float32 (h, w, 3), or (h, w, 24) for Zero-DCE, in (-1, 1); h = ceil(H / scale). Negative values brighten.
        """
        pixels = np.asarray(image)
        _check_pixels(pixels, "image")
        _check_order(pixels, order)
        source = pixels if _has_plain_pixels(pixels) else pixels.copy(order="C")
        width, height, channels = ctypes.c_int32(), ctypes.c_int32(), ctypes.c_int32()
        self._call("dce_curve_map_size", pixels.shape[1], pixels.shape[0], width, height, channels)
        result = np.empty((height.value, width.value, channels.value), np.float32)
        self._call("dce_curve_map", _image(source, order), result.ctypes.data, result.size)
        return result


def _open_again(arguments: dict[str, Any]) -> Enhancer:
    return Enhancer(**arguments)


def _name_of(model: str | bytes) -> str:
    return f"model of {len(model):,} bytes" if isinstance(model, bytes) else model


def _check_pixels(pixels: Pixels, name: str) -> None:
    if not isinstance(pixels, np.ndarray):
        raise TypeError(f"{name}: {type(pixels).__name__}, a NumPy array or a Pillow image was wanted")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"{name}: {pixels.dtype}, uint8 or uint16 was wanted")
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise ValueError(f"{name}: shape {pixels.shape}, (height, width, 3 or 4) was wanted")
    if pixels.dtype == np.uint16 and pixels.shape[2] == 4:
        raise ValueError(f"{name}: shape {pixels.shape}, (height, width, 3) was wanted for uint16")
    if not all(1 <= side <= _native.MAX_DIMENSION for side in pixels.shape[:2]):
        raise ValueError(f"{name}: shape {pixels.shape}, 1 to {_native.MAX_DIMENSION} each way was wanted")


def _check_order(pixels: Pixels, order: str) -> None:
    if order not in ("rgb", "bgr"):
        raise ValueError(f"order: {order!r}, 'rgb' or 'bgr' was wanted")
    if order == "bgr" and pixels.dtype == np.uint16:
        raise ValueError("order: 'bgr', 'rgb' was wanted for uint16")


def _has_plain_pixels(pixels: Pixels) -> bool:
    """True where the pixels of a row follow each other in memory, as the C ABI wants; rows may be anywhere."""
    height, width, channels = pixels.shape
    row, column, channel = pixels.strides
    size = pixels.itemsize
    return bool(
        channel == size
        and (column == size * channels or width == 1)
        and (height == 1 or abs(row) >= size * width * channels)
        and pixels.flags.aligned
    )


def _is_usable_output(out: Pixels, source: Pixels) -> bool:
    """True where the core library can write to ``out`` directly: exactly in place, or without any overlap."""
    if not _has_plain_pixels(out):
        return False
    in_place = out.ctypes.data == source.ctypes.data and out.strides == source.strides
    return in_place or not np.may_share_memory(out, source)


def _image(pixels: Pixels, order: str) -> _native.Image:
    height, width, channels = pixels.shape
    pixel_format = _native.RGB16 if pixels.dtype == np.uint16 else _FORMATS[order, channels]
    image = _native.Image(pixel_format, width, height)
    image.plane[0] = pixels.ctypes.data
    image.stride[0] = pixels.strides[0]
    return image


def _check_planes(planes: Planes, layout: str, name: str) -> None:
    if layout not in _LAYOUTS:
        raise ValueError(f"layout: {layout!r}, 'i420', 'nv12' or 'nv21' was wanted")
    count = 3 if layout == "i420" else 2
    if len(planes) != count:
        raise ValueError(f"{name}: {len(planes)} planes, {count} were wanted for {layout}")
    for plane in planes:
        if not isinstance(plane, np.ndarray) or plane.dtype != np.uint8:
            seen = plane.dtype if isinstance(plane, np.ndarray) else type(plane).__name__
            raise TypeError(f"{name}: {seen}, uint8 arrays were wanted")
    luma = planes[0].shape
    if len(luma) != 2 or not all(1 <= side <= _native.MAX_DIMENSION for side in luma):
        raise ValueError(f"{name}: luma {luma}, (height, width), 1 to {_native.MAX_DIMENSION} each, was wanted")
    chroma = tuple(-(-side // 2) for side in luma) + (() if layout == "i420" else (2,))
    for plane in planes[1:]:
        if plane.shape != chroma:
            raise ValueError(f"{name}: chroma {plane.shape}, {chroma} was wanted for luma {luma}")


def _chroma_step(planes: Planes) -> int:
    """Bytes from a chroma sample to the next, of I420; 0 where U and V have none that the C ABI knows in common."""
    _, u, v = planes
    step = int(u.strides[1]) if u.shape[1] > 1 else 1
    common = u.shape[1] == 1 or v.strides[1] == step
    return step if common and 1 <= step <= _native.MAX_CHROMA_STEP else 0


def _are_plain_planes(planes: Planes, layout: str) -> bool:
    """True where the rows of each plane are as the C ABI wants them."""
    luma = planes[0]
    if layout == "i420":
        step = _chroma_step(planes)
        if step == 0:
            return False
        rows = [(luma, 1), *((plane, step) for plane in planes[1:])]
    else:
        chroma = planes[1]
        if chroma.strides[2] != 1:
            return False
        rows = [(luma, 1), (chroma[..., 0], 2)]
    return all(
        (plane.shape[1] == 1 or plane.strides[1] == step)
        and (plane.shape[0] == 1 or abs(plane.strides[0]) >= plane.shape[1] * step)
        for plane, step in rows
    )


def _plain_planes(planes: Planes, layout: str) -> Planes:
    return planes if _are_plain_planes(planes, layout) else [np.ascontiguousarray(plane) for plane in planes]


def _are_usable_outputs(out: Planes, source: Planes, layout: str) -> bool:
    """True where the core library can write to ``out`` directly: exactly in place, or without any overlap."""
    if not _are_plain_planes(out, layout):
        return False
    pairs = list(zip(out, source, strict=True))
    in_place = all(a.ctypes.data == b.ctypes.data and a.strides == b.strides for a, b in pairs)
    return in_place or not any(np.may_share_memory(a, b) for a in out for b in source)


def _yuv_image(planes: Planes, layout: str, coding: int) -> _native.Image:
    height, width = planes[0].shape
    image = _native.Image(_LAYOUTS[layout], width, height, matrix=coding)
    for i, plane in enumerate(planes):
        image.plane[i] = plane.ctypes.data
        image.stride[i] = plane.strides[0]
    if layout == "i420":
        image.chroma_step = _chroma_step(planes)
    return image


def _enhance_with_graph(graph: WholeGraphModel, image: Pixels, order: str) -> Pixels:
    """Run a model that takes and gives RGB, whatever the order of channels and with or without alpha."""
    if image.dtype != np.uint8:
        raise ValueError("image: uint16, uint8 was wanted: this model has 8-bit pixels in its graph")
    channels = slice(0, 3) if order == "rgb" else slice(2, None, -1)
    result: Pixels = image.copy()
    result[..., channels] = graph.enhance(np.ascontiguousarray(image[..., channels]))
    return result
