"""What other runtimes are counted with: their models, and that another picture is no peer's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dcelite import reference
from dcelite.bench.arm import __main__ as command
from dcelite.bench.arm import counting, peers
from dcelite.bench.arm.peer_graph import read_graph, whole_model
from dcelite.bench.arm.peer_ncnn_model import write_ncnn
from dcelite.model.dce_file import DceModel, read_dce


@pytest.fixture(scope="module")
def model() -> DceModel:
    return read_dce(peers.WEIGHTS)


@pytest.fixture
def check(model: DceModel, tmp_path: Path, rng: np.random.Generator) -> peers.Check:
    return peers.Check(rng.integers(0, 96, (48, 60, 3)).astype(np.uint8), model, tmp_path)


def test_the_picture_of_the_reference_is_a_peers(check: peers.Check) -> None:
    picture = check.wanted[None].copy()
    picture[0, 0, 0, 0] ^= 1
    check.hold(picture)


def test_so_is_the_map_of_a_network_alone(check: peers.Check, model: DceModel) -> None:
    small = np.load(check.small)
    assert small.flags.c_contiguous  # scripts hand over its address
    curve_map = reference.network(small[0].transpose(1, 2, 0).astype(np.float64), model.arrays)
    check.hold(curve_map.transpose(2, 0, 1)[None].astype(np.float32))


def test_another_picture_is_not(check: peers.Check) -> None:
    picture = check.wanted.copy()
    picture[: len(picture) // 100 + 1] ^= 8
    with pytest.raises(counting.CountingError, match=r"another picture: 9\d\.\d+% of the values.* at most 8 away"):
        check.hold(picture[None])
    with pytest.raises(counting.CountingError, match=r"shape \(48, 59, 3\), \(48, 60, 3\) was wanted"):
        check.hold(check.wanted[None, :, 1:])


@pytest.mark.parametrize("is_literal", [True, False])
def test_every_blob_of_ncnn_is_made_once_and_read_once(model: DceModel, tmp_path: Path, is_literal: bool) -> None:
    write_ncnn(read_graph(whole_model(model, is_literal=is_literal)), tmp_path / "whole.param")
    magic, counts, *lines = (tmp_path / "whole.param").read_text().splitlines()
    made: Counter[str] = Counter()
    read: Counter[str] = Counter()
    for line in lines:
        _, _, inputs, outputs, *rest = line.split()
        read.update(rest[: int(inputs)])
        assert read.keys() <= made.keys(), line
        made.update(rest[int(inputs) : int(inputs) + int(outputs)])
    assert magic == "7767517"
    assert counts.split() == [str(len(lines)), str(len(made))]
    assert set(made.values()) == set(read.values()) == {1}
    assert made.keys() - read.keys() == {"enhanced.clamped"}
    assert sum("UnaryOp curve" in line and line.endswith("0=4") for line in lines) == (8 if is_literal else 0)
    # What others would draw into another layer, to be counted once, is drawn into it: ReLUs behind additions remain.
    assert sum(line.startswith("ReLU") for line in lines) == 4
    assert sum(line.endswith(" 9=1") for line in lines) == 5
    weights = sum(array.size for array in model.arrays.values())
    layers = sum(line.startswith(("Convolution", "InnerProduct")) for line in lines)
    assert (tmp_path / "whole.bin").stat().st_size == 4 * (weights + layers + reference.SCENE_BINS)


def test_versions_are_those_of_the_packages(tmp_path: Path) -> None:
    machine = peers.Machine(tmp_path)
    with pytest.raises(counting.CountingError, match="packages: none of ncnn; make bench-arm puts one there"):
        machine.version(peers.NCNN)
    for version in ("1.0", "1.1"):
        folder = machine.packages / f"ncnn-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ncnn\nVersion: {version}\n")
        if version == "1.0":
            assert machine.version(peers.NCNN) == "1.0"
    with pytest.raises(counting.CountingError, match=r"1\.\d and 1\.\d of ncnn"):
        machine.version(peers.NCNN)


def test_failures_stand_in_the_table() -> None:
    counts = {**dict.fromkeys(counting.CLASSES, 0), "scalar": 2_160_000}
    others = counting.Counted({"one": {**counts, "scalar": 8_640_000}}, {"other": "another picture"})
    _, *rows = command.peer_table(others, {command.OURS[0]: counts})
    assert rows == [["one", "8.6", "8.0", "4.0", "-", ""], ["other", "-", "-", "-", "-", "failed: another picture"]]
