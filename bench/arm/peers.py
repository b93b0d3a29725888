"""Other runtimes on the same frame, counted by the same plugin: wheels for aarch64, in an emulated Python.

Each picture is held against the reference: what computes something else is no peer, and is not counted.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.bench.arm import counting
from dcelite.bench.arm.cases import HEIGHT, WIDTH
from dcelite.bench.arm.counting import HERE, REPOSITORY, Counted, CountingError, Counts
from dcelite.bench.arm.peer_board import write_board
from dcelite.bench.arm.peer_graph import read_graph, whole_model
from dcelite.bench.arm.peer_litert_model import write_litert
from dcelite.bench.arm.peer_ncnn_model import write_ncnn
from dcelite.bench.fixtures.scene import dark_scene
from dcelite.errors import DceliteError
from dcelite.files import write_bytes_atomically
from dcelite.mindspore_lite import convert
from dcelite.mindspore_lite.build import ENGINE, find_build
from dcelite.mindspore_lite.sdk import VERSION, cached_sdk
from dcelite.model.dce_file import DceModel, read_dce

MODELS = REPOSITORY / "build" / "bench" / "models"
WEIGHTS = REPOSITORY / "models" / "zerodcepp_scene.dce"
TRIPLET = "aarch64-linux-gnu"
CPU = "cortex-a76"
SHARE = 0.999
"""Of the values that are to be within 1 of the reference."""


@dataclass(frozen=True)
class Runtime:
    """What runs a peer."""

    title: str
    script: str
    """A file beside this one; its arguments: a model, a frame, a number of frames, a picture to write, and options."""
    distribution: str = ""
    """On PyPI; empty for MindSpore Lite, which :mod:`dcelite.mindspore_lite` fetches."""


ONNX_RUNTIME = Runtime("ONNX Runtime", "peer_onnx.py", "onnxruntime")
NCNN = Runtime("ncnn", "peer_ncnn.py", "ncnn")
MNN = Runtime("MNN", "peer_mnn.py", "MNN")
LITERT = Runtime("LiteRT", "peer_litert.py", "ai-edge-litert")
MINDSPORE_LITE = Runtime("MindSpore Lite", "peer_mindspore_lite.py")

PUBLISHED, EXPORTED, NETWORK = "graph of the published code", "graph that export writes", "its network alone, 100x75"
WRITTEN = "whole_"
"""How the names of the models begin that are written here, and not by ``dcelite export``."""


@dataclass(frozen=True)
class Peer:
    """A row of the table."""

    runtime: Runtime
    graph: str
    model: str
    precision: str = "fp32"
    options: tuple[str, ...] = ()


PEERS = (
    Peer(ONNX_RUNTIME, PUBLISHED, "zerodcepp_scene_full_uint8_literal.onnx"),
    Peer(ONNX_RUNTIME, EXPORTED, "zerodcepp_scene_full_uint8.onnx"),
    Peer(ONNX_RUNTIME, NETWORK, "zerodcepp_scene.onnx"),
    Peer(MINDSPORE_LITE, PUBLISHED, "whole_published.ms"),
    Peer(MINDSPORE_LITE, EXPORTED, "zerodcepp_scene_full_uint8_900x1200.ms"),
    Peer(MINDSPORE_LITE, NETWORK, "zerodcepp_scene.ms"),
    Peer(NCNN, PUBLISHED, "whole_published.param", options=("fp32",)),
    Peer(NCNN, EXPORTED, "whole_exported.param", options=("fp32",)),
    Peer(MNN, PUBLISHED, "whole_published.mnn"),
    Peer(MNN, EXPORTED, "whole_exported.mnn"),
    Peer(LITERT, PUBLISHED, "whole_published.tflite"),
    Peer(LITERT, EXPORTED, "whole_exported.tflite"),
    # What these three compute in floats of 16 bits, ncnn of its own accord.
    Peer(NCNN, PUBLISHED, "whole_published.param", "fp16"),
    Peer(NCNN, EXPORTED, "whole_exported.param", "fp16"),
    Peer(MNN, PUBLISHED, "whole_published.mnn", "fp16", ("fp16",)),
    Peer(LITERT, PUBLISHED, "whole_published_fp16.tflite", "fp16"),
    Peer(LITERT, EXPORTED, "whole_exported_fp16.tflite", "fp16"),
)


@dataclass(frozen=True)
class Machine:
    """A Debian with packages, as ``make bench-arm`` puts them below a folder, and frames."""

    folder: Path

    @property
    def packages(self) -> Path:
        return self.folder / "packages"

    def python(self, script: str) -> tuple[list[str], list[str]]:
        """The emulator with its options, and the program: a script beside this file.

        Raises:
            CountingError: something is absent.
        """
        root = self.folder / "debian" / "root"
        interpreter = next(iter(sorted(root.glob("usr/bin/python3.*"))), None)
        if interpreter is None:
            raise CountingError(f"{root}: has no Python; make bench-arm puts it there")
        write_board(root)
        libraries = root / "usr/lib" / TRIPLET
        emulated = {
            "LD_LIBRARY_PATH": f"{libraries}:{libraries / 'blas'}:{libraries / 'lapack'}",
            "PYTHONHOME": str(root / "usr"),
            "PYTHONPATH": f"{self.packages}:{root / 'usr/lib/python3/dist-packages'}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        emulator = [counting.tool("qemu-aarch64", "qemu-user"), "-L", str(root), "-cpu", CPU]
        for name, value in emulated.items():  # for the emulated program, not for the emulator
            emulator += ["-E", f"{name}={value}"]
        return emulator, [str(interpreter), str(HERE / script)]

    def version(self, runtime: Runtime) -> str:
        """Raises CountingError: it is absent, or there are several."""
        if not runtime.distribution:
            return VERSION
        found = importlib.metadata.distributions(name=runtime.distribution, path=[str(self.packages)])
        versions = [distribution.version for distribution in found]
        if len(versions) != 1:
            has = " and ".join(versions) or "none"
            raise CountingError(f"{self.packages}: {has} of {runtime.distribution}; make bench-arm puts one there")
        return versions[0]


def count_all(folder: Path, plugin: Path, only: str = "") -> Counted:
    """Count the peers whose names contain ``only``.

    Raises:
        CountingError: no such peer, or its package is absent.
    """
    machine = Machine(folder.absolute())
    named = {name_of(peer, machine.version(peer.runtime)): peer for peer in PEERS}
    wanted = {name: peer for name, peer in named.items() if only in name}
    if not wanted:
        raise CountingError(f"--only-peers {only}: no such peer; one of these was wanted: {'; '.join(named)}")
    model = read_dce(WEIGHTS)
    check = Check(dark_scene(WIDTH, HEIGHT), model, machine.folder)
    found = Counted()
    for name, peer in wanted.items():
        try:
            path = write_model(peer, model, machine)
            found.counts[name] = count_peer(peer, path, machine, plugin, check)
        except DceliteError as error:
            found.failures[name] = str(error)
            print(f"{name}: FAILED {error}", flush=True)
        else:
            print(f"{name}: {counting.total(found.counts[name]) / 1e6:.1f} million instructions a frame", flush=True)
    return found


def name_of(peer: Peer, version: str) -> str:
    return f"{peer.runtime.title} {version}, {peer.precision}, {peer.graph}"


def write_model(peer: Peer, model: DceModel, machine: Machine) -> Path:
    """The model of a peer; what ``dcelite export`` does not write is written here: whole graphs for other runtimes.

    Raises:
        DceliteError: it cannot be written, or is absent.
    """
    path = MODELS / peer.model
    if not path.stem.startswith(WRITTEN):
        if not path.exists():
            raise CountingError(f"{path}: is absent; make bench-arm writes it")
        return path
    proto = whole_model(model, is_literal=peer.graph == PUBLISHED)
    if peer.runtime == NCNN:
        write_ncnn(read_graph(proto), path)
    elif peer.runtime == LITERT:
        write_litert(proto, path, machine.packages, fp16=peer.precision == "fp16")
    else:
        source = path.with_suffix(".onnx")
        write_bytes_atomically(source, proto.SerializeToString(), overwrite=True)
        if peer.runtime == MNN:
            emulator, program = machine.python(MNN.script)
            path.unlink(missing_ok=True)  # the converter ends with status 0 where it fails
            counting.run([*emulator, *program, str(source), str(path)])
        else:
            convert(source, path, scale=model.scale, overwrite=True)
    if not path.exists():
        raise CountingError(f"{path}: {peer.runtime.title} did not write it")
    return path


class Check:
    """The frame, and whether what comes of it is the picture of the reference."""

    def __init__(self, frame: NDArray[np.uint8], model: DceModel, folder: Path) -> None:
        self.frame = frame
        self.wanted = reference.enhance(frame, model.arrays, model.scale)
        self.whole, self.small = folder / "frame.npy", folder / "small.npy"
        small = reference.downsample(frame, model.scale) / 255.0
        np.save(self.whole, frame[None])
        np.save(self.small, np.ascontiguousarray(small.transpose(2, 0, 1)[None], np.float32))  # to be read by address

    def hold(self, result: NDArray[np.generic]) -> None:
        """``result``: a picture, or a curve map of a network alone; raises CountingError."""
        if result.dtype == np.uint8:
            picture = result[0].astype(np.uint8)
        else:
            picture = reference.finish(self.frame, result[0].transpose(1, 2, 0).astype(np.float64))
        if picture.shape != self.wanted.shape:
            raise CountingError(f"a picture of shape {picture.shape}, {self.wanted.shape} was wanted")
        difference = np.abs(picture.astype(int) - self.wanted)
        share = float(np.mean(difference <= 1))
        if share < SHARE:
            raise CountingError(
                f"another picture: {share:.2%} of the values within 1 of the reference's, at most {difference.max()} "
                f"away; {SHARE:.1%} were wanted"
            )


def count_peer(peer: Peer, model: Path, machine: Machine, plugin: Path, check: Check) -> Counts:
    """Raises DceliteError: it fails, or computes something else."""
    emulator, program = machine.python(peer.runtime.script)
    options: Sequence[str] = peer.options
    if peer.runtime == MINDSPORE_LITE:
        options = [str(find_build(cached_sdk("aarch64")) / ENGINE)]
    frame = check.small if peer.graph == NETWORK else check.whole
    result = machine.folder / "result.npy"
    runs: list[Counts] = []
    for frames in (1, 3):
        result.unlink(missing_ok=True)
        command = [*program, str(model), str(frame), str(frames), str(result), *options]
        runs.append(counting.count(emulator, plugin, command, {}))
        if not result.exists():
            raise CountingError(f"{peer.runtime.script}: wrote no picture")
        check.hold(np.load(result))
    few, many = runs
    return counting.difference(few, many, 2)
