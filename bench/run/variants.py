"""What is compared: a model in an engine, with an instruction set; opened, and ready to be called without overhead."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import core, reference
from dcelite.enhancer import Enhancer
from dcelite.errors import DceliteError, ModelError
from dcelite.model.dce_file import FLOAT32, INT8, DceModel, read_dce
from dcelite.pixels import Frame
from dcelite.provenance import file_record
from dcelite.session import CoreSession, GraphSession

NUMPY = "numpy"
"""As a baseline instead of a file: the NumPy reference."""

SHIPPED = "shipped"
"""Instead of a file: the weights that are compiled into the core library."""
ENGINES = {".dce": "native", ".onnx": "onnxruntime", ".ms": "mindspore_lite"}
"""By the suffix of the model."""

ENHANCE, STAGES, NETWORK = "run", "staged", "network"
"""What is timed: the whole frame; the same by an engine that reads the clock between its stages; the network alone."""

STAGE_NAMES = ("convert", "downsample", "network", "denoise", "curve", "total")

Task = Callable[[], Any]
"""One run. ENHANCE returns the picture where the engine allocates it itself, None where it went to the output given."""


def denoise_label(amount: float) -> str:
    """What the label of a row ends in."""
    return f" denoise {amount:g}" if amount else ""


def curve_label(curve: str) -> str:
    """What follows it."""
    return "" if curve == "exact" else f" {curve}"


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
    denoise: float = 0.0
    curve: str = "exact"
    """Its precision."""

    @property
    def model_name(self) -> str:
        if self.engine == NUMPY:
            return "NumPy reference"
        return "shipped weights" if self.model is None else self.model.name

    @property
    def label(self) -> str:
        if self.engine != "native":
            return self.model_name
        library = f" {self.library}" if self.library is not None else ""
        return f"{self.model_name} {self.isa}{library}{denoise_label(self.denoise)}{curve_label(self.curve)}"

    @property
    def precision(self) -> str | None:
        """Of a .dce file what it says, of others "int8" where ``dcelite quantize`` named them so; None: not known."""
        if self.engine != "native":
            return INT8 if self.model is not None and self.model.stem.endswith("_int8") else None
        with contextlib.suppress(ModelError):
            return FLOAT32 if self.model is None else read_dce(self.model).precision
        return None

    def record(self) -> dict[str, Any]:
        """As the report has it."""
        files = {"file": file_record(self.model), "library": file_record(self.library)}
        names = {"label": self.label, "model": self.model_name, "precision": self.precision, "engine": self.engine}
        how = {"isa": self.isa, "is_baseline": self.is_baseline, "denoise": self.denoise, "curve": self.curve}
        return {**names, **files, **how}


@contextlib.contextmanager
def environment(**values: str | Path | None) -> Iterator[None]:
    """Environment variables for a while; None leaves one as it is."""
    before = {name: os.environ.get(name) for name, value in values.items() if value is not None}
    os.environ.update({name: str(values[name]) for name in before})
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


@functools.cache
def available_isas() -> tuple[str, ...]:
    """The instruction sets that the native engine has on this processor, best first."""
    return core.kernels()


def variants_of(
    model: str,
    isas: Sequence[str],
    libraries: Sequence[Path | None] = (None,),
    amounts: Sequence[float] = (0.0,),
    curves: Sequence[str] = ("exact",),
    *,
    is_baseline: bool = False,
) -> list[Variant]:
    """The variants for a model of the command line; the rest, from ``isas`` on, is of the native engine."""
    if model == NUMPY:
        return [Variant(None, NUMPY, None, is_baseline)]
    path = None if model == SHIPPED else Path(model)
    suffix = path.suffix if path is not None else ".dce"
    engine = ENGINES.get(suffix.lower())
    if engine is None:
        raise DceliteError(f"{model}: suffix {suffix!r}; {', '.join(ENGINES)} or '{NUMPY}' was wanted")
    if engine != "native":
        isas, libraries, amounts, curves = available_isas()[:1], (None,), (0.0,), ("exact",)
    product = itertools.product(isas, libraries, amounts, curves)
    return [Variant(path, engine, isa, is_baseline, library, amount, curve) for isa, library, amount, curve in product]


class OpenVariant:
    """A variant with a number of threads, open; ``load_ms`` is what opening took."""

    def __init__(self, variant: Variant, threads: int, model: DceModel) -> None:
        self.variant = variant
        self._threads = threads
        self._model = model
        self._opened: dict[str, Enhancer] = {}
        """By task."""
        begin = time.perf_counter()
        if variant.engine != NUMPY:
            self.enhancer(ENHANCE)
        self.load_ms = 1e3 * (time.perf_counter() - begin)

    def enhancer(self, task: str, **options: Any) -> Enhancer:
        """The engine for a task; it reads the variables when it is opened. The NumPy reference has none."""
        if task not in self._opened:
            library = self.variant.library
            chosen: dict[str, Any] = {"denoise": self.variant.denoise, "precision": self.variant.curve, **options}
            with environment(DCELITE_ISA=self.variant.isa, DCELITE_LIBRARY=library and library.absolute()):
                self._opened[task] = Enhancer(self.variant.model, threads=self._threads, **chosen)
        return self._opened[task]

    def renew(self) -> None:
        """Open the native engine anew, whose memory then lies elsewhere; tasks made before are void."""
        if self.variant.engine == "native":
            self.close()
            self.enhancer(ENHANCE)

    @property
    def has_curve_network(self) -> bool:
        """False for a model that is one graph from picture to picture."""
        return ENHANCE in self._opened and self._opened[ENHANCE].has_curve_map

    def stages(self) -> list[float]:
        """What the last run of STAGES took, in ms, by STAGE_NAMES."""
        timings = self.enhancer(STAGES).timings
        return [getattr(timings, name) for name in STAGE_NAMES]

    def close(self) -> None:
        for enhancer in self._opened.values():
            enhancer.close()
        self._opened.clear()

    def task(self, name: str, image: NDArray[np.uint8], out: NDArray[np.uint8]) -> Task:
        """A function that runs the task once, with everything that can be prepared done."""
        if self.variant.engine == NUMPY:
            return functools.partial(reference.enhance, image, self._model.arrays, self._model.scale)
        enhancer = self.enhancer(STAGES, timings=True) if name == STAGES else self.enhancer(ENHANCE)
        session = enhancer.session
        if isinstance(session, GraphSession):
            return functools.partial(session.engine.enhance, image)
        if name != NETWORK:
            return _call(enhancer, "dce_enhance", image, out, Frame.of_pixels(out).image())
        h, w = reference.low_resolution_size(image.shape[0], image.shape[1], enhancer.info.scale)
        small = image[:h, :w].copy()
        if isinstance(session, CoreSession) and session.engine is not None:
            # The engine's own run, on float planes, without the core library.
            planes = np.ascontiguousarray(small.transpose(2, 0, 1), np.float32) / np.float32(255)
            return functools.partial(session.engine.run, planes)
        network = self.enhancer(NETWORK, scale=1)  # at scale 1, the curve map of a small picture is the network alone
        curve_map = np.empty_like(network.curve_map(small))
        return _call(network, "dce_curve_map", small, curve_map, curve_map.ctypes.data, curve_map.size)


def _call(opened: Enhancer, function: str, image: NDArray[np.uint8], out: object, *arguments: Any) -> Task:
    """A call of the C ABI whose structures are filled in once; what it works on stays alive with it."""
    call = functools.partial(opened.session.call, function, Frame.of_pixels(image).image(), *arguments)

    def run(_kept: object = (image, out)) -> None:
        call()

    return run
