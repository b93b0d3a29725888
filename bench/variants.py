"""What is compared: a model in an engine, with an instruction set; opened, and ready to be called without overhead."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import _native, reference
from dcelite.bench import fidelity
from dcelite.enhancer import Enhancer
from dcelite.errors import DceliteError
from dcelite.model.dce_file import DceModel
from dcelite.pixels import Frame
from dcelite.session import CoreSession, GraphSession

NUMPY = "numpy"
"""As a baseline instead of a file: the NumPy reference."""

SUFFIX_ENGINES = {".dce": "native", ".onnx": "onnxruntime", ".ms": "mindspore_lite"}

ENHANCE, STAGES, NETWORK = "enhance", "stages", "network"
"""What is timed: the whole frame; the same by an engine that reads the clock between its stages; the network alone."""

Task = Callable[[], Any]
"""One run. ENHANCE returns the picture where the engine allocates it itself, None where it went to the output given."""


@dataclass(frozen=True)
class Variant:
    model: Path | None
    """None: the shipped weights."""
    engine: str
    """"native", "onnxruntime", "mindspore_lite" or "numpy"."""
    isa: str | None
    """Of the native kernels; None where there are none."""
    is_baseline: bool = False
    library: Path | None = None
    """The core library of a native variant; None: the one of this package."""

    @property
    def model_name(self) -> str:
        if self.engine == NUMPY:
            return "NumPy reference"
        return "shipped weights" if self.model is None else self.model.name

    @property
    def label(self) -> str:
        if self.engine != "native":
            return self.model_name
        return f"{self.model_name} {self.isa}" + (f" {self.library}" if self.library is not None else "")


@contextlib.contextmanager
def environment(name: str, value: str | None) -> Iterator[None]:
    """An environment variable for a while; None leaves it as it is."""
    before = os.environ.get(name)
    if value is not None:
        os.environ[name] = value
    try:
        yield
    finally:
        if value is not None:
            del os.environ[name]
            if before is not None:
                os.environ[name] = before


def forced_isa(isa: str | None) -> contextlib.AbstractContextManager[None]:
    """DCELITE_ISA is read when a model is opened."""
    return environment("DCELITE_ISA", isa)


def forced_library(path: Path | None) -> contextlib.AbstractContextManager[None]:
    """DCELITE_LIBRARY, too, and stays with the Enhancer."""
    return environment("DCELITE_LIBRARY", None if path is None else str(path.absolute()))


@functools.cache
def available_isas() -> tuple[str, ...]:
    """The instruction sets that the native engine has on this processor, best first."""
    return _native.list_kernels()


def variant_of(
    model: str | None, isa: str | None, *, is_baseline: bool = False, library: Path | None = None
) -> Variant:
    """The variant for an argument of the command line; ``isa`` counts for the native engine, as does ``library``."""
    if model is None:
        return Variant(None, "native", isa or available_isas()[0], is_baseline, library)
    if model == NUMPY:
        return Variant(None, NUMPY, None, is_baseline)
    path = Path(model)
    engine = SUFFIX_ENGINES.get(path.suffix.lower())
    if engine is None:
        raise DceliteError(f"{model}: suffix {path.suffix!r}; {', '.join(SUFFIX_ENGINES)} or '{NUMPY}' was wanted")
    if engine != "native":
        return Variant(path, engine, available_isas()[0], is_baseline)
    return Variant(path, engine, isa or available_isas()[0], is_baseline, library)


class OpenVariant:
    """A variant with a number of threads, open; ``load_ms`` is what opening took."""

    def __init__(self, variant: Variant, threads: int, model: DceModel) -> None:
        self.variant = variant
        self._threads = threads
        self._model = model
        self._enhancer: Enhancer | None = None
        self._network: Enhancer | None = None
        self._staged: Enhancer | None = None
        begin = time.perf_counter()
        if variant.engine != NUMPY:
            self._enhancer = self._open(None)
        self.load_ms = 1e3 * (time.perf_counter() - begin)

    def _open(self, scale: int | None, *, timings: bool = False) -> Enhancer:
        with forced_isa(self.variant.isa), forced_library(self.variant.library):
            return Enhancer(self.variant.model, threads=self._threads, scale=scale, timings=timings)

    def renew(self) -> None:
        """Open the native engine anew, whose memory then lies elsewhere; tasks made before are void."""
        if self.variant.engine == "native" and self._enhancer is not None:
            self.close()
            self._network = self._staged = None
            self._enhancer = self._open(None)

    @property
    def has_curve_network(self) -> bool:
        """False for a model that is one graph from picture to picture."""
        return self._enhancer is not None and self._enhancer.has_curve_map

    def close(self) -> None:
        for opened in (self._enhancer, self._network, self._staged):
            if opened is not None:
                opened.close()

    def task(self, name: str, image: NDArray[np.uint8], out: NDArray[np.uint8]) -> Task:
        """A function that runs the task once, with everything that can be prepared done."""
        if self._enhancer is None:
            return functools.partial(fidelity.enhance, image, self._model)
        session = self._enhancer.session
        if isinstance(session, GraphSession):
            return functools.partial(session.engine.enhance, image)
        if name == ENHANCE:
            return _call(self._enhancer, "dce_enhance", image, out, Frame.of_pixels(out).image())
        if name == STAGES:
            if self._staged is None:
                self._staged = self._open(None, timings=True)
            return Staged(self._staged, image, out)
        scale = self._enhancer.info.scale
        h, w = reference.low_resolution_size(image.shape[0], image.shape[1], scale)
        small = image[:h, :w].copy()
        if isinstance(session, CoreSession) and session.engine is not None:
            # The engine's own run, on float planes, without the core library.
            planes = np.ascontiguousarray(small.transpose(2, 0, 1), np.float32) / np.float32(255)
            return functools.partial(session.engine.run, planes)
        if self._network is None:
            self._network = self._open(1)  # at scale 1, the curve map of a small picture is the network alone
        return self._curve_map(self._network, small)

    def _curve_map(self, opened: Enhancer, image: NDArray[np.uint8]) -> Task:
        result = np.empty_like(opened.curve_map(image))
        return _call(opened, "dce_curve_map", image, result, result.ctypes.data, result.size)


class Staged:
    """Enhances, and keeps the times of the stages of each run."""

    def __init__(self, opened: Enhancer, image: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        self.times: list[dict[str, float]] = []
        self._opened = opened
        self._enhance = _call(opened, "dce_enhance", image, out, Frame.of_pixels(out).image())

    def __call__(self) -> None:
        self._enhance()
        self.times.append(asdict(self._opened.timings))


def _call(opened: Enhancer, function: str, image: NDArray[np.uint8], keep: object, *arguments: Any) -> Task:
    """A call of the C ABI whose structures are filled in once; ``keep`` stays alive with it."""
    session = opened.session
    assert isinstance(session, CoreSession)
    source = Frame.of_pixels(image).image()
    called = getattr(session.library, function)
    handle = session.handle

    def run(_keep: object = (image, keep)) -> None:
        status = called(handle, source, *arguments)
        if status != _native.OK:
            session.check(status)

    return run
