"""Checkpoint files: both formats are read exactly, and every kind of bad file is named with its reason."""

from __future__ import annotations

import io
import pickle
import struct
import subprocess
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dcelite.errors import ModelError, OutputError
from dcelite.model import ckpt_file
from dcelite.model.architecture import ARCHITECTURES
from dcelite.model.checkpoint import Weights, load_weights, save_weights

Arrays = dict[str, np.ndarray]


@pytest.fixture(params=ARCHITECTURES)
def weights(request: pytest.FixtureRequest, rng: np.random.Generator) -> Weights:
    return random_weights(request.param, rng)


def random_weights(architecture: str, rng: np.random.Generator) -> Weights:
    shapes = ARCHITECTURES[architecture].parameter_shapes
    return Weights(architecture, {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()})


def assert_equal(actual: Weights, expected: Weights) -> None:
    assert actual.architecture == expected.architecture
    assert list(actual.arrays) == list(expected.arrays)
    for name, array in expected.arrays.items():
        assert actual.arrays[name].dtype == np.float32
        np.testing.assert_array_equal(actual.arrays[name], array)


@pytest.fixture
def fake_torch(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """What a pickler needs of PyTorch to write a checkpoint: the names that go into the file."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def rebuild(*_: object) -> None:
        raise AssertionError("called only when unpickled by PyTorch")

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = rebuild  # type: ignore[attr-defined]
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return torch


class TorchTensor:
    """Pickles as a PyTorch tensor does."""

    def __init__(self, key: str, array: np.ndarray) -> None:
        self.key, self.array = key, array

    def __reduce__(self) -> tuple[object, ...]:
        strides = tuple(step // self.array.itemsize for step in self.array.strides)
        arguments = (("storage of", self), 0, self.array.shape, strides, False, OrderedDict())
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class TorchPickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, legacy: bool) -> None:
        super().__init__(file, protocol=2)
        self.legacy = legacy

    def persistent_id(self, item: object) -> object:
        if isinstance(item, tuple) and len(item) == 2 and item[0] == "storage of":
            tensor = item[1]
            pid = ("storage", sys.modules["torch"].FloatStorage, tensor.key, "cuda:0", tensor.array.size)
            return (*pid, None) if self.legacy else pid
        return None


def torch_file(arrays: Arrays, legacy: bool, wrap: str | None = None) -> bytes:
    """The bytes of a .pth file, in the zip format or the one before it."""
    tensors = {name: TorchTensor(str(number), array) for number, (name, array) in enumerate(arrays.items())}
    tree: object = OrderedDict(tensors) if wrap is None else {wrap: OrderedDict(tensors), "epoch": 7}
    file = io.BytesIO()
    if not legacy:
        TorchPickler(file, legacy).dump(tree)
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as entries:
            entries.writestr("weights/data.pkl", file.getvalue())
            for tensor in tensors.values():
                entries.writestr(f"weights/data/{tensor.key}", tensor.array.tobytes())
        return archive.getvalue()
    for item in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(item, file, protocol=2)
    TorchPickler(file, legacy).dump(tree)
    pickle.dump([tensor.key for tensor in tensors.values()], file, protocol=2)
    for tensor in tensors.values():
        file.write(struct.pack("<q", tensor.array.size) + tensor.array.tobytes())
    return file.getvalue()


def file_of(kind: str, weights: Weights) -> bytes:
    if kind == "ckpt":
        return ckpt_file.write(weights.arrays)
    return torch_file(weights.arrays, legacy=kind == "legacy pth")


def test_saved_weights_load_unchanged(weights: Weights, tmp_path: Path) -> None:
    save_weights(weights, tmp_path / "w.ckpt")
    assert_equal(load_weights(tmp_path / "w.ckpt"), weights)
    assert list(tmp_path.iterdir()) == [tmp_path / "w.ckpt"]
    assert (tmp_path / "w.ckpt").stat().st_mode & 0o600 == 0o600


def test_mindspore_reads_saved_weights(weights: Weights, tmp_path: Path, mindspore: Any) -> None:
    save_weights(weights, tmp_path / "w.ckpt")
    loaded = mindspore.load_checkpoint(str(tmp_path / "w.ckpt"), crc_check=True)
    assert set(loaded) == set(weights.arrays)
    for name, array in weights.arrays.items():
        np.testing.assert_array_equal(loaded[name].asnumpy(), array)


@pytest.mark.parametrize("checksum", [True, False])
def test_checkpoints_written_by_mindspore_load(
    weights: Weights, tmp_path: Path, mindspore: Any, checksum: bool
) -> None:
    arrays = {**weights.arrays, "step": np.array(4, np.int32), "moment1.e_conv1.bias": np.zeros(32, np.float32)}
    entries = [{"name": name, "data": mindspore.Tensor(array)} for name, array in arrays.items()]
    mindspore.save_checkpoint(entries, str(tmp_path / "w.ckpt"), crc_check=checksum)
    assert_equal(load_weights(tmp_path / "w.ckpt"), weights)


def test_mindspore_files_of_a_network_within_another_load(weights: Weights, tmp_path: Path) -> None:
    inner = {f"model.{name}": array for name, array in weights.arrays.items()}
    (tmp_path / "w.ckpt").write_bytes(ckpt_file.write(inner))
    assert_equal(load_weights(tmp_path / "w.ckpt"), weights)


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize(
    ("wrap", "prefix"),
    [
        (None, ""),
        ("state_dict", "module."),
        ("state_dict", "model."),
        (None, "_orig_mod."),
        ("model", "module._orig_mod."),
        ("model_state_dict", "model._orig_mod.module."),
    ],
)
def test_pytorch_files_load(
    weights: Weights, tmp_path: Path, fake_torch: types.ModuleType, legacy: bool, wrap: str | None, prefix: str
) -> None:
    arrays = {prefix + name: array for name, array in weights.arrays.items()}
    (tmp_path / "w.pth").write_bytes(torch_file(arrays, legacy, wrap))
    assert_equal(load_weights(tmp_path / "w.pth"), weights)


def test_pytorch_tensors_may_be_transposed(tmp_path: Path, rng: np.random.Generator, fake_torch: object) -> None:
    weights = random_weights("zerodce", rng)
    # Same values, stored with the output channel last: strides differ, the storage holds array.T in order.
    name = "e_conv2.weight"
    stored = np.ascontiguousarray(weights.arrays[name].T).T
    assert not stored.flags.c_contiguous
    data = torch_file({**weights.arrays, name: stored}, legacy=True)
    at = data.index(stored.tobytes()[:64])
    data = data[:at] + stored.T.tobytes() + data[at + stored.nbytes :]
    (tmp_path / "w.pth").write_bytes(data)
    assert_equal(load_weights(tmp_path / "w.pth"), weights)


@pytest.mark.parametrize(
    "name", ["zerodcepp_mindspore.ckpt", "zerodcepp_torch.pth", "zerodce_mindspore.ckpt", "zerodce_torch.pth"]
)
def test_published_checkpoints_load(shared: Path, name: str) -> None:
    weights = load_weights(shared / "reference" / f"upstream_{name}")
    assert weights.architecture == name.split("_")[0]


@pytest.mark.parametrize("kind", ["ckpt", "zip pth", "legacy pth"])
class TestDamage:
    """Each kind of file, damaged in each way, is one ModelError that names the file."""

    @pytest.fixture
    def data(self, kind: str, rng: np.random.Generator, fake_torch: types.ModuleType) -> bytes:
        return file_of(kind, random_weights("zerodcepp", rng))

    def refusal(self, path: Path, data: bytes) -> str:
        path.write_bytes(data)
        with pytest.raises(ModelError) as caught:
            load_weights(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        return message

    def test_truncated_anywhere(self, data: bytes, tmp_path: Path) -> None:
        for length in [1, 2, 7, 100, *np.linspace(200, len(data) - 1, 30).astype(int)]:
            self.refusal(tmp_path / "w", data[:length])

    def test_bit_flipped_where_it_matters(self, data: bytes, kind: str, tmp_path: Path) -> None:
        positions = np.linspace(0, len(data) - 1, 60).astype(int)
        loaded = 0
        for position in positions:
            damaged = bytearray(data)
            damaged[position] ^= 0x40
            (tmp_path / "w").write_bytes(damaged)
            try:
                load_weights(tmp_path / "w")
            except ModelError:
                continue
            loaded += 1
        if kind == "ckpt":
            assert loaded == 0  # the checksum covers every byte
        elif kind == "zip pth":
            assert loaded < 10  # a checksum covers every value; flips in time stamps do no harm
        else:
            assert loaded < 60  # no checksum: exponents and structure only

    def test_empty(self, data: bytes, tmp_path: Path) -> None:
        assert "is empty" in self.refusal(tmp_path / "w", b"")

    def test_parameter_missing(self, kind: str, tmp_path: Path, rng: np.random.Generator, fake_torch: object) -> None:
        weights = random_weights("zerodcepp", rng)
        del weights.arrays["e_conv6.point_conv.bias"]
        assert "no parameter e_conv6.point_conv.bias" in self.refusal(tmp_path / "w", file_of(kind, weights))

    def test_wrong_shape(self, kind: str, tmp_path: Path, rng: np.random.Generator, fake_torch: object) -> None:
        weights = random_weights("zerodce", rng)
        weights.arrays["e_conv7.bias"] = np.zeros(27, np.float32)
        message = self.refusal(tmp_path / "w", file_of(kind, weights))
        assert "e_conv7.bias has the shape (27,); (24,) was wanted" in message

    @pytest.mark.parametrize("value", [np.nan, np.inf, -1e30])
    def test_value_that_is_no_weight(
        self, kind: str, tmp_path: Path, rng: np.random.Generator, fake_torch: object, value: float
    ) -> None:
        weights = random_weights("zerodcepp", rng)
        weights.arrays["e_conv3.depth_conv.weight"][5, 0, 1, 1] = value
        assert "e_conv3.depth_conv.weight holds values that are not finite" in self.refusal(
            tmp_path / "w", file_of(kind, weights)
        )

    def test_other_network(self, kind: str, tmp_path: Path, fake_torch: object) -> None:
        weights = Weights("other", {"conv1.weight": np.zeros((3, 3), np.float32)})
        message = self.refusal(tmp_path / "w", file_of(kind, weights))
        assert "holds 1 other tensors" in message


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none.ckpt: cannot be read: No such file"):
        load_weights(tmp_path / "none.ckpt")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a folder"):
        load_weights(tmp_path)


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n", b"PK\x03\x04 not an archive", b"\x0a\xff", b"text\n", bytes(999)]
)
def test_foreign_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.ckpt").write_bytes(data)
    with pytest.raises(ModelError, match=r"w\.ckpt: (is not a checkpoint|cannot be read as a checkpoint)"):
        load_weights(tmp_path / "w.ckpt")


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "w.ckpt").open("wb") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(ModelError, match="has 1099511627776 bytes"):
        load_weights(tmp_path / "w.ckpt")


def test_pickle_cannot_run_code(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, ...]:
            return open, (str(tmp_path / "harm"), "w")

    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("w/data.pkl", pickle.dumps({"e_conv1.weight": Harmful()}, protocol=2))
    with pytest.raises(ModelError, match=r"it contains \w+\.open"):
        load_weights(tmp_path / "w.pth")
    assert not (tmp_path / "harm").exists()


def test_save_into_a_missing_folder_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        save_weights(random_weights("zerodcepp", rng), tmp_path / "none" / "w.ckpt")


def test_neither_mindspore_nor_torch_is_imported() -> None:
    code = "import sys, dcelite.model.checkpoint, dcelite.training.cli; print({'mindspore', 'torch'} & {*sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
