"""Runs ``.ms`` models: a worker process with MindSpore Lite, and the dce_engine that makes it the core's network.

The worker (``worker.cpp``) is a process of its own because MindSpore Lite and the Python package mindspore define the
same symbols and break each other in one process, whichever is loaded first, and because a damaged model without a seal
may crash MindSpore Lite.
"""

from __future__ import annotations

import contextlib
import io
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
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dcelite.engine import EngineModel
from dcelite.errors import EngineUnavailableError, ModelError
from dcelite.mindspore_lite.build import WORKER, find_build
from dcelite.mindspore_lite.sdk import find_sdk
from dcelite.mindspore_lite.seal import check_file

OPEN_SECONDS = 60.0
"""A model that is not open by then never will be (a damaged file without seal can make MindSpore Lite loop)."""

_REQUEST = struct.Struct("=ii")
_REPLY = struct.Struct("=qQ")
_INFO = struct.Struct("=7i")  # dce_mslite_info
_KINDS = {1: "curve_map", 2: "enhanced"}
_PLANAR_FLOAT = 1


def open_model(path: Path, threads: int = 0) -> MindSporeLiteModel:
    """Open a ``.ms`` model; ``threads`` 1 to 64, or 0 for one per processor.

    Raises ModelError for an absent, damaged or foreign file, EngineUnavailableError without MindSpore Lite, ValueError.
    """
    if not 0 <= threads <= 64:
        raise ValueError(f"threads: {threads}, 0 to 64 was wanted")
    sealed = check_file(path) is not None
    worker = _Worker(path, find_build(find_sdk()) / WORKER, threads, sealed)
    try:
        return MindSporeLiteModel(worker)
    except BaseException:
        worker.close()
        raise


class MindSporeLiteModel(EngineModel):
    """An open ``.ms`` model, to be closed by ``close()`` or ``with``. Calls from several threads wait for each other.

    A whole graph has one image size. Where the file does not say the scale, it is 12 for 3-channel curve maps and 1
    otherwise.

    Attributes:
        input_dtype: float32 or uint8, of input and output.
        input_shape: (3, height, width) of a float32 input, (height, width, 3) of a uint8 one; None: any size.
        sealed: the file carries dcelite's checksum (and it matched).
    """

    def __init__(self, worker: _Worker) -> None:
        kind, pixels, height, width, self.map_channels, self.scale, sealed = _INFO.unpack(worker.open())
        self.path = worker.path
        self.kind = _KINDS[kind]
        self.sealed = bool(sealed)
        self.takes_8_bit = pixels != _PLANAR_FLOAT
        self.input_dtype: np.dtype[Any] = np.dtype(np.uint8 if self.takes_8_bit else np.float32)
        size = (height or None, width or None)
        self.input_shape: tuple[int | None, ...] = (*size, 3) if self.takes_8_bit else (3, *size)
        self._lock = threading.Lock()
        self._worker = worker
        self._finalizer = weakref.finalize(self, worker.close)

    def run(self, image: NDArray[Any]) -> NDArray[Any]:
        """Run the model on one image as ``input_dtype`` and ``input_shape`` say; float32 values lie in 0 … 1.

        Returns float32 (map_channels, height, width) or uint8 (height, width, 3). Raises ModelError where MindSpore
        Lite failed, ValueError where the image has another type or shape.
        """
        wanted = self.input_shape
        if image.dtype != self.input_dtype or image.ndim != 3:
            raise ValueError(f"image: {image.dtype} {image.shape}, {self.input_dtype} {wanted} was wanted (None: any)")
        if any(size not in (None, seen) for size, seen in zip(wanted, image.shape, strict=True)):
            raise ValueError(f"image: shape {image.shape}, {self.path} was made for {wanted} (None: any)")
        height, width = image.shape[:2] if self.takes_8_bit else image.shape[1:]
        shape = (height, width, self.map_channels) if self.takes_8_bit else (self.map_channels, height, width)
        with self._lock:
            output = self._worker.run(height, width, np.ascontiguousarray(image))
        return np.frombuffer(output, self.input_dtype).reshape(shape)

    def close(self) -> None:
        """End the worker; the model cannot be used afterwards."""
        self._finalizer()

    def __enter__(self) -> MindSporeLiteModel:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Worker:
    """The process and its pipes."""

    def __init__(self, path: Path, program: Path, threads: int, sealed: bool) -> None:
        self.path = path
        self._hint = "" if sealed else "; the file may be damaged, it has no checksum"
        self._owner = os.getpid()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        try:
            self._process = subprocess.Popen(
                [str(program), str(path), str(threads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={**os.environ, "GLOG_v": "3", "GLOG_logtostderr": "1"},  # errors only
                start_new_session=True,  # Ctrl-C is for the caller to handle
            )
        except OSError as error:
            self._log.close()
            raise EngineUnavailableError(f"{program}: cannot be run: {error.strerror}") from None
        assert isinstance(self._process.stdin, io.BufferedWriter)
        assert isinstance(self._process.stdout, io.BufferedReader)
        self._requests, self._replies = self._process.stdin, self._process.stdout

    def open(self) -> bytearray:
        """Wait until the model is open; returns the dce_mslite_info."""
        poll = select.poll()
        poll.register(self._replies, select.POLLIN)
        if not poll.poll(OPEN_SECONDS * 1000):
            raise ModelError(f"{self.path}: MindSpore Lite did not open it within {OPEN_SECONDS:.0f} s{self._hint}")
        return self._reply(opening=True)

    def run(self, height: int, width: int, image: NDArray[Any]) -> bytearray:
        """The output of the model for an image."""
        if self._process.poll() is not None or self._owner != os.getpid():
            raise ModelError(f"{self.path}: the model is closed")
        try:
            with contextlib.suppress(BrokenPipeError):  # the worker died; reading the reply says how
                self._requests.write(_REQUEST.pack(height, width))
                self._requests.write(image.data)
                self._requests.flush()
            return self._reply(opening=False)
        except KeyboardInterrupt:
            self._process.kill()  # its reply would be taken for that to the next request
            raise

    def _reply(self, *, opening: bool) -> bytearray:
        """What the worker answers; raises what it could not do."""
        status, length = _REPLY.unpack(self._read(_REPLY.size))
        content = self._read(length)
        if status == 0:
            return content
        message = content.decode(errors="replace")
        prefix = "" if message.startswith(str(self.path)) else f"{self.path}: "
        if opening and (logged := re.search(r"^\[ERROR\].*?\] \w+\] (.*)$", self._logged(), re.MULTILINE)):
            message += f" ({logged[1][:200]})"  # the first error is the innermost
        raise ModelError(prefix + message)

    def _read(self, size: int) -> bytearray:
        data = bytearray(size)
        if self._replies.readinto(data) == size:
            return data
        code = self._process.wait()
        if code < 0:
            name = signal.Signals(-code).name
            raise ModelError(f"{self.path}: MindSpore Lite crashed on it ({name}){self._hint}")
        lines = self._logged().splitlines() or [f"exit code {code}"]
        raise EngineUnavailableError(f"MindSpore Lite does not start: {lines[-1]}")

    def _logged(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def close(self) -> None:
        if self._owner != os.getpid():  # a forked child does not own the worker
            return
        with contextlib.suppress(BrokenPipeError):  # of a request that a dead worker did not take
            self._requests.close()
        self._replies.close()
        try:
            self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
