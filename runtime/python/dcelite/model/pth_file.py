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


Storages = dict[str, NDArray[Any]]
"""Their values by key. The pickle comes first: until they are read, they are zero."""


def _rebuild_tensor(
    storage: NDArray[Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> NDArray[Any]:
    """A view of a storage, as ``torch._utils._rebuild_tensor_v2`` makes it; strides count elements."""
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if min(offset, *shape, *strides, 0) < 0 or last >= len(storage):
        raise PthFormatError("damaged: a tensor reaches beyond its values")
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, [step * storage.itemsize for step in strides])


class _Unpickler(pickle.Unpickler):
    """Resolves dictionaries, tensors and storages, and refuses every other name."""

    def __init__(self, file: io.BytesIO, size: int) -> None:
        super().__init__(file)
        self.storages: Storages = {}
        self._size = size  # of the whole file, in bytes

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
            **{("torch", storage): np.dtype(kind) for storage, kind in STORAGE_TYPES.items()},
        }
        if (module, name) not in known:
            raise PthFormatError(f"it contains {module}.{name}; a plain dictionary of tensors (state_dict) was wanted")
        return known[module, name]

    def persistent_load(self, pid: Any) -> NDArray[Any]:
        kind, dtype, key, _location, count, *view = pid
        if kind != "storage" or not isinstance(dtype, np.dtype) or any(view):
            raise PthFormatError("it refers to something other than plain tensor storages")
        if count * dtype.itemsize > self._size:
            raise PthFormatError("truncated: values are missing at its end")
        return self.storages.setdefault(str(key), np.zeros(count, dtype))


def read(data: bytes) -> dict[str, NDArray[Any]]:
    """The tensors of a checkpoint by name; raises PthFormatError."""
    try:
        return _tensors(_read_zip(data) if data.startswith(ZIP_MAGIC) else _read_legacy(data))
    except PthFormatError:
        raise
    except Exception as error:  # a damaged pickle or archive can raise nearly anything
        raise PthFormatError(f"truncated or damaged: {error}") from None


def _read_zip(data: bytes) -> Any:
    archive = zipfile.ZipFile(io.BytesIO(data))
    if sum(entry.file_size for entry in archive.infolist()) > len(data):
        raise PthFormatError("its entries are compressed, which PyTorch never does")
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise PthFormatError("a zip archive, but not one that PyTorch wrote: it has no data.pkl")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
        raise PthFormatError("it was written on a big-endian machine")
    unpickler = _Unpickler(io.BytesIO(archive.read(pickles[0])), len(data))
    tree = unpickler.load()
    for key, storage in unpickler.storages.items():
        _fill(storage, archive.read(f"{folder}data/{key}"), key)
    return tree


def _read_legacy(data: bytes) -> Any:
    file = io.BytesIO(data[len(LEGACY_MAGIC) :])
    unpickler = _Unpickler(file, len(data))
    protocol, system, tree, keys = (unpickler.load() for _ in range(4))
    if protocol != LEGACY_PROTOCOL or not system["little_endian"]:
        raise PthFormatError(f"its protocol {protocol} or byte order is unknown")
    for key in keys:
        storage = unpickler.storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        _fill(storage, file.read(count * storage.itemsize), key)
    return tree


def _fill(storage: NDArray[Any], content: bytes, key: str) -> None:
    if len(content) != storage.nbytes:
        raise PthFormatError(f"truncated or damaged: storage {key} has {len(content)} bytes for {len(storage)} values")
    storage[:] = np.frombuffer(content, storage.dtype)


def _tensors(tree: Any) -> dict[str, NDArray[Any]]:
    """The state dictionary in an unpickled object: itself or, in snapshots of a training, one of the values in it."""
    if isinstance(tree, dict) and not any(isinstance(item, np.ndarray) for item in tree.values()):
        inner = [item for item in tree.values() if isinstance(item, dict)]
        tree = next((item for item in inner if any("e_conv" in str(name) for name in item)), tree)
    if not isinstance(tree, dict):
        raise PthFormatError(f"it holds a {type(tree).__name__}; a dictionary of tensors (state_dict) was wanted")
    return {str(name): item for name, item in tree.items() if isinstance(item, np.ndarray)}
