"""Weights of a curve network, from and to files. Needs neither MindSpore nor PyTorch.

Read: MindSpore ``.ckpt`` and PyTorch ``.pth``, recognised by content; optimiser state in them is ignored.
Written: MindSpore ``.ckpt`` with a checksum.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite.errors import ModelError
from dcelite.files import reason, write_bytes_atomically
from dcelite.model import ckpt_file, pth_file
from dcelite.model.architecture import ARCHITECTURES

MAX_FILE_SIZE = 64 << 20
"""Bytes: keeps huge foreign files out of memory. Zero-DCE with optimiser state, the largest real one, has 1 MB."""
MAX_WEIGHT = 1e6
"""Weights of these networks stay below 10; a flipped exponent bit gives 1e30 and more."""

_WRAPPERS = re.compile(r"^(?:(?:module|model|_orig_mod)\.)+")
"""What stands before the names of a network within another object: of nn.DataParallel, of an attribute ``model`` (as of
a LightningModule), of torch.compile, and of one within the other."""


@dataclass(frozen=True)
class Weights:
    """The parameters of one network: published name -> float32 array in the order (out, in, row, column)."""

    architecture: str
    arrays: dict[str, NDArray[np.float32]]


def load_weights(path: Path | str) -> Weights:
    """Read and check a checkpoint of any architecture.

    Raises:
        ModelError: the file is missing, a folder, empty, truncated, damaged, foreign, or lacks a parameter of the right
            shape with finite values; the message names the file, the reason and the parameter.
    """
    return select_weights(read_arrays(Path(path)), Path(path))


def save_weights(weights: Weights, path: Path, *, overwrite: bool = False) -> None:
    """Write a MindSpore checkpoint atomically; raises OutputError."""
    write_bytes_atomically(path, ckpt_file.write(weights.arrays), overwrite=overwrite)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All tensors of a checkpoint file, those of the optimiser included; raises ModelError."""
    data = _read_bytes(path)
    try:
        if data.startswith((pth_file.ZIP_MAGIC, pth_file.LEGACY_MAGIC)):
            return _unwrapped(pth_file.read(data))
        if data.startswith(b"\x0a"):  # field 1 of a protobuf message, a byte string: how every .ckpt begins
            return _unwrapped(ckpt_file.read(data))
    except (ckpt_file.CkptFormatError, pth_file.PthFormatError) as error:
        reason_in_one_line = " ".join(str(error).split())  # names quoted from damaged files may hold anything
        raise ModelError(f"{path}: cannot be read as a checkpoint: {reason_in_one_line}") from None
    raise ModelError(f"{path}: is not a checkpoint; MindSpore's (.ckpt) or PyTorch's (.pth) was wanted")


def _unwrapped(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {_WRAPPERS.sub("", name): array for name, array in arrays.items()}


def select_weights(arrays: Mapping[str, NDArray[Any]], path: Path) -> Weights:
    """The network's parameters among ``arrays``, checked; raises ModelError naming ``path`` and the parameter."""
    if any(".depth_conv." in name for name in arrays):
        has_scene = any(name.startswith("scene_head.") for name in arrays)
        architecture = ARCHITECTURES["zerodcepp_scene" if has_scene else "zerodcepp"]
    elif any(name.startswith("e_conv") for name in arrays):
        architecture = ARCHITECTURES["zerodce"]
    else:
        found = f"{len(arrays)} other tensors" if arrays else "no tensors"
        raise ModelError(f"{path}: holds {found}; the layers e_conv1 to e_conv7 of Zero-DCE or Zero-DCE++ were wanted")
    checked = {}
    for name, shape in architecture.parameter_shapes.items():
        if name not in arrays:
            raise ModelError(f"{path}: has no parameter {name} of {architecture.name}; is it truncated or damaged?")
        array = arrays[name]
        if array.shape != shape:
            raise ModelError(f"{path}: {name} has the shape {array.shape}; {shape} was wanted")
        if not np.issubdtype(array.dtype, np.floating):
            raise ModelError(f"{path}: {name} holds {array.dtype}; floating-point numbers were wanted")
        if not np.all(np.abs(array) < MAX_WEIGHT):  # false for NaN as well
            raise ModelError(
                f"{path}: {name} holds values that are not finite or beyond {MAX_WEIGHT:g}; is it damaged?"
            )
        checked[name] = np.ascontiguousarray(array, np.float32)
    unknown = sorted(name for name in set(arrays) - set(checked) if name.startswith(("e_conv", "scene_head.")))
    if unknown:
        raise ModelError(f"{path}: {unknown[0]} is not a parameter of {architecture.name}")
    return Weights(architecture.name, checked)


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise ModelError(f"{path}: is a folder; a checkpoint file (.ckpt or .pth) was wanted")
    try:
        size = path.stat().st_size
        if size > MAX_FILE_SIZE:
            raise ModelError(f"{path}: has {size} bytes; a checkpoint of these networks has at most {MAX_FILE_SIZE}")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}") from None
    if not data:
        raise ModelError(f"{path}: is empty; a checkpoint (.ckpt or .pth) was wanted")
    return data
