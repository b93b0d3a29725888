"""PyTorch's ``.pth`` formats, read without PyTorch and without running anything that the file contains.

A ``.pth`` file is a pickle whose tensors refer to storages outside it. Since version 1.6, pickle and storages are
entries of a zip archive (``NAME/data.pkl``, ``NAME/data/KEY``); before, the file was a sequence of pickles (a magic
number, the protocol version, system information, the object, the list of storage keys) followed by each storage: an
int64 count and the raw values. Only names needed for a dictionary of tensors are resolved; any other is refused.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ZIP_MAGIC = b"PK\x03\x04"
LEGACY_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
LEGACY_PROTOCOL = 1001
STORAGE_TYPES = {
    "HalfStorage": "<f2",
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "IntStorage": "<i4",
    "LongStorage": "<i8",
}


class PthFormatError(ValueError):
    """The bytes are not a whole, undamaged PyTorch checkpoint of tensors; the message says why."""


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A strided view of a storage, as ``torch._utils._rebuild_tensor_v2`` describes it; strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, content: bytes) -> NDArray[Any]:
        values = np.frombuffer(content, self.storage.dtype)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if min(self.offset, *self.shape, *self.strides, 0) < 0 or last >= len(values):
            raise PthFormatError("damaged: a tensor reaches beyond its values")
        steps = [step * values.itemsize for step in self.strides]
        return np.array(np.lib.stride_tricks.as_strided(values[self.offset :], self.shape, steps))


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def _rebuild_parameter(tensor: _Tensor, *_: Any) -> _Tensor:
    return tensor


class _Unpickler(pickle.Unpickler):
    """Resolves dictionaries, tensors and storages, and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
            **{("torch", storage): np.dtype(kind) for storage, kind in STORAGE_TYPES.items()},
        }
        if (module, name) not in known:
            raise PthFormatError(f"it contains {module}.{name}; a plain dictionary of tensors (state_dict) was wanted")
        return known[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _location, count, *view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or any(view):
            raise PthFormatError("it refers to something other than plain tensor storages")
        return _Storage(str(key), dtype, int(count))


def read(data: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a checkpoint by name; raises PthFormatError."""
    try:
        return _read_zip(data) if data.startswith(ZIP_MAGIC) else _read_legacy(data)
    except PthFormatError:
        raise
    except Exception as error:  # a damaged pickle or archive can raise nearly anything
        raise PthFormatError(f"truncated or damaged: {error}") from None


def _read_zip(data: bytes) -> dict[str, NDArray[Any]]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    if sum(entry.file_size for entry in archive.infolist()) > len(data):
        raise PthFormatError("its entries are compressed, which PyTorch never does")
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise PthFormatError("a zip archive, but not one that PyTorch wrote: it has no data.pkl")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
        raise PthFormatError("it was written on a big-endian machine")
    tree = _Unpickler(io.BytesIO(archive.read(pickles[0]))).load()
    return _arrays(tree, lambda storage: archive.read(f"{folder}data/{storage.key}"))


def _read_legacy(data: bytes) -> dict[str, NDArray[Any]]:
    file = io.BytesIO(data[len(LEGACY_MAGIC) :])
    protocol, system, tree, keys = (_Unpickler(file).load() for _ in range(4))
    if protocol != LEGACY_PROTOCOL or not system["little_endian"]:
        raise PthFormatError(f"its protocol {protocol} or byte order is unknown")
    itemsizes = {tensor.storage.key: tensor.storage.dtype.itemsize for tensor in _tensors(tree).values()}
    contents: dict[str, bytes] = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        size = count * itemsizes[key]
        contents[key] = file.read(size)
        if count < 0 or len(contents[key]) != size:
            raise PthFormatError("truncated: values are missing at its end")
    return _arrays(tree, lambda storage: contents[storage.key])


def _tensors(tree: Any) -> dict[str, _Tensor]:
    """The state dictionary in an unpickled object: itself or, in training snapshots, below ``state_dict``."""
    if isinstance(tree, dict) and isinstance(tree.get("state_dict"), dict):
        tree = tree["state_dict"]
    if not isinstance(tree, dict):
        raise PthFormatError(f"it holds a {type(tree).__name__}; a dictionary of tensors (state_dict) was wanted")
    # nn.DataParallel writes "module." before each name.
    return {str(name).removeprefix("module."): item for name, item in tree.items() if isinstance(item, _Tensor)}


def _arrays(tree: Any, content: Callable[[_Storage], bytes]) -> dict[str, NDArray[Any]]:
    arrays = {}
    for name, tensor in _tensors(tree).items():
        values = content(tensor.storage)
        if len(values) != tensor.storage.count * tensor.storage.dtype.itemsize:
            raise PthFormatError(f"damaged: {name} has {len(values)} bytes for {tensor.storage.count} values")
        arrays[name] = tensor.array(values)
    return arrays
