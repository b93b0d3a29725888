"""Runs ``.ms`` models: a worker process with MindSpore Lite, and the dce_engine that makes it the core's network.

The worker (``worker.cpp``) is a process of its own because MindSpore Lite and the Python package mindspore define the
same symbols and break each other in one process, whichever is loaded first, and because a damaged model without a seal
may crash MindSpore Lite. Images go through shared memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
import os
import re
import select
import signal
import struct
import subprocess
import tempfile
import threading
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dcelite import _native
from dcelite.errors import DceliteError, EngineUnavailableError, ModelError
from dcelite.mindspore_lite.build import find_build
from dcelite.mindspore_lite.sdk import find_sdk
from dcelite.mindspore_lite.seal import check_file

if TYPE_CHECKING:
    from typing_extensions import Self

OPEN_SECONDS = 60.0
"""A model that is not open by then never will be (a damaged file without seal can make MindSpore Lite loop)."""

_REQUEST = struct.Struct("=iiQQ")
_REPLY = struct.Struct("=iI")
_INFO = struct.Struct("=7i")
_PLANAR_FLOAT = 1
_ALIGNMENT = 64


def open_model(path: Path, threads: int = 0) -> LiteCurveModel | LiteGraphModel:
    """Open a ``.ms`` model; ``threads`` 1 to 64, or 0 for one per processor.

    Raises:
        ModelError: the file is absent, damaged, of another kind, or refused by MindSpore Lite.
        EngineUnavailableError: MindSpore Lite is not installed; the message says what to run.
        ValueError: threads out of range.
    """
    if not 0 <= threads <= 64:
        raise ValueError(f"threads: {threads}, 0 to 64 was wanted")
    sealed = check_file(path) is not None
    worker = _Worker(path, find_build(find_sdk()).worker, threads, sealed)
    try:
        info = worker.open()
    except BaseException:
        worker.close()
        raise
    return (
        LiteCurveModel(path, worker, info, sealed) if info.is_curve_map else LiteGraphModel(path, worker, info, sealed)
    )


class MindSporeLiteModel:
    """An open ``.ms`` model, to be closed by ``close()`` or ``with``. Calls from several threads wait for each other.

    Attributes:
        kind: "curve_map" (the curve network alone, any size) or "enhanced" (resize, network and curve, one size).
        scale: the downsampling factor that the network was trained for; where the file does not say, 12 for 3-channel
            curve maps and 1 otherwise.
        map_channels: channels of the output: 3 or 24, 3 for "enhanced".
        input_dtype: float32 or uint8, of input and output.
        input_shape: (3, height, width) of a float32 input, (height, width, 3) of a uint8 one; None: any size.
        sealed: the file carries dcelite's checksum (and it matched).
    """

    kind: str

    def __init__(self, path: Path, worker: _Worker, info: _Info, sealed: bool) -> None:
        self.path = path
        self.sealed = sealed
        self.scale = info.scale
        self.map_channels = info.channels
        self._planar = info.pixels == _PLANAR_FLOAT
        self.input_dtype: np.dtype[Any] = np.dtype(np.float32 if self._planar else np.uint8)
        size = (info.height or None, info.width or None)
        self.input_shape: tuple[int | None, ...] = (3, *size) if self._planar else (*size, 3)
        self._lock = threading.Lock()
        self._worker = worker
        self._finalizer = weakref.finalize(self, worker.close)

    def run(self, image: NDArray[Any]) -> NDArray[Any]:
        """Run the model on one image.

        Args:
            image: as ``input_dtype`` and ``input_shape`` say; float32 values lie in 0 … 1.

        Returns:
            float32 (map_channels, height, width) or uint8 (height, width, 3).

        Raises:
            ModelError: MindSpore Lite failed.
            ValueError: the image has another type or shape.
        """
        wanted = self.input_shape
        if image.dtype != self.input_dtype or image.ndim != 3:
            raise ValueError(f"image: {image.dtype} {image.shape}, {self.input_dtype} {wanted} was wanted (None: any)")
        if any(size not in (None, seen) for size, seen in zip(wanted, image.shape, strict=True)):
            raise ValueError(f"image: shape {image.shape}, {self.path} was made for {wanted} (None: any)")
        height, width = image.shape[1:] if self._planar else image.shape[:2]
        shape = (self.map_channels, height, width) if self._planar else (height, width, self.map_channels)
        with self._lock:
            source, target = self._worker.memory(image.nbytes, math.prod(shape) * self.input_dtype.itemsize)
            np.frombuffer(source, self.input_dtype).reshape(image.shape)[...] = image
            self._worker.run(height, width)
            result: NDArray[Any] = np.frombuffer(target, self.input_dtype).reshape(shape).copy()
            return result

    def close(self) -> None:
        """End the worker; the model cannot be used afterwards."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class LiteCurveModel(MindSporeLiteModel):
    """A curve network, as an engine of the core library.

    ``failure`` is the exception behind the last failed run of the engine (the core sees only its message).
    """

    kind = "curve_map"

    def __init__(self, path: Path, worker: _Worker, info: _Info, sealed: bool) -> None:
        super().__init__(path, worker, info, sealed)
        self.failure: BaseException | None = None
        self._engine = _native.Engine(
            size=ctypes.sizeof(_native.Engine),
            map_channels=self.map_channels,
            scale=self.scale,
            run=_native.RunFunction(_engine_run(self)),
        )

    @property
    def dce_engine(self) -> _native.Engine:
        """For dce_options; valid until close()."""
        return self._engine

    def run_pointers(self, image: Any, height: int, width: int, curve_map: Any) -> None:
        """``run`` on ctypes pointers to planar float32."""
        area = height * width * 4
        with self._lock:
            source, target = self._worker.memory(3 * area, self.map_channels * area)
            ctypes.memmove((ctypes.c_char * len(source)).from_buffer(source), image, len(source))
            self._worker.run(height, width)
            ctypes.memmove(curve_map, (ctypes.c_char * len(target)).from_buffer(target), len(target))


def _engine_run(model: LiteCurveModel) -> Any:
    """The ``run`` function of a dce_engine; it does not keep the model alive."""
    reference = weakref.ref(model)

    def run(_context: Any, image: Any, height: int, width: int, curve_map: Any, message: Any, message_size: int) -> int:
        target = reference()
        if target is None:
            return 1
        try:
            target.run_pointers(image, height, width, curve_map)
        except BaseException as error:  # must not cross the C code
            target.failure = error
            if message and message_size > 0:
                text = (str(error) or type(error).__name__).encode()[: message_size - 1] + b"\0"
                ctypes.memmove(message, text, len(text))
            return 1
        return 0

    return run


class LiteGraphModel(MindSporeLiteModel):
    """Downsampling, network, upsampling and curve in one graph, for one image size."""

    kind = "enhanced"

    def enhance(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """RGB (H, W, 3) -> the same; raises ValueError for another size than that of the model."""
        if not self._planar:
            return self.run(image)
        planes = image.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        enhanced = self.run(planes).transpose(1, 2, 0)
        levels: NDArray[np.float32] = np.floor(np.float32(255) * enhanced + np.float32(0.5))
        return np.clip(levels, 0, 255).astype(np.uint8)


class _Info(NamedTuple):
    """dce_mslite_info."""

    kind: int
    pixels: int
    height: int
    width: int
    channels: int
    scale: int
    sealed: int

    @property
    def is_curve_map(self) -> bool:
        return self.kind == 1


class _Worker:
    """The process, its pipes and the memory shared with it."""

    def __init__(self, path: Path, program: Path, threads: int, sealed: bool) -> None:
        self._path = path
        self._hint = "" if sealed else "; the file may be damaged, it has no checksum"
        self._owner = os.getpid()
        self._buffer: mmap.mmap | None = None
        self._offset = 0
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        self._file = os.memfd_create("dcelite")
        try:
            self._process = subprocess.Popen(
                [str(program), str(path), str(threads), str(self._file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                pass_fds=(self._file,),
                bufsize=0,
                env={**os.environ, "GLOG_v": "3", "GLOG_logtostderr": "1"},  # errors only
                start_new_session=True,  # Ctrl-C is for the caller to handle
            )
        except OSError as error:
            os.close(self._file)
            self._log.close()
            raise EngineUnavailableError(f"{program}: cannot be run: {error.strerror}") from None

    def open(self) -> _Info:
        """Wait until the model is open."""
        assert self._process.stdout is not None
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        if not poll.poll(OPEN_SECONDS * 1000):
            raise ModelError(f"{self._path}: MindSpore Lite did not open it within {OPEN_SECONDS:.0f} s{self._hint}")
        self._check_reply(opening=True)
        return _Info._make(_INFO.unpack(self._read(_INFO.size)))

    def memory(self, input_size: int, output_size: int) -> tuple[memoryview, memoryview]:
        """Shared memory for an input and an output of these sizes in bytes; valid until the next call."""
        if self._process.poll() is not None or self._owner != os.getpid():
            raise ModelError(f"{self._path}: the model is closed")
        self._offset = -(-input_size // _ALIGNMENT) * _ALIGNMENT
        total = self._offset + output_size
        if self._buffer is None or len(self._buffer) < total:
            try:
                os.posix_fallocate(self._file, 0, total)  # unlike ftruncate, fails here and not at the first write
                self._buffer = mmap.mmap(self._file, total)
            except OSError as error:
                raise ModelError(f"{self._path}: no memory for this image: {error.strerror}") from None
        view = memoryview(self._buffer)
        return view[:input_size], view[self._offset : total]

    def run(self, height: int, width: int) -> None:
        """Run the model on the image in shared memory."""
        assert self._process.stdin is not None
        assert self._buffer is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # the worker died; reading the reply says how
                self._process.stdin.write(_REQUEST.pack(height, width, self._offset, len(self._buffer)))
            self._check_reply(opening=False)
        except KeyboardInterrupt:
            self._process.kill()  # its reply would be taken for that to the next request
            raise

    def _check_reply(self, *, opening: bool) -> None:
        status, length = _REPLY.unpack(self._read(_REPLY.size))
        if status == 0:
            return
        message = self._read(length).decode(errors="replace")
        prefix = "" if message.startswith(str(self._path)) else f"{self._path}: "
        if opening and (detail := self._logged_reason()):
            message += f" ({detail})"
        raise ModelError(prefix + message)

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        data = b""
        while len(data) < size:
            part = self._process.stdout.read(size - len(data))
            if not part:
                raise self._death()
            data += part
        return data

    def _death(self) -> DceliteError:
        """Why the worker ended without a reply."""
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            return ModelError(f"{self._path}: MindSpore Lite crashed on it ({name}){self._hint}")
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").splitlines()
        return EngineUnavailableError(f"MindSpore Lite does not start: {(lines or [f'exit code {code}'])[-1]}")

    def _logged_reason(self) -> str:
        """The first error that MindSpore Lite logged: the innermost."""
        self._log.seek(0)
        match = re.search(r"^\[ERROR\].*?\] \w+\] (.*)$", self._log.read().decode(errors="replace"), re.MULTILINE)
        return match[1][:200] if match else ""

    def close(self) -> None:
        if self._owner != os.getpid():  # a forked child does not own the worker
            return
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
