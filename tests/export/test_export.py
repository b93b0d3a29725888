"""``export()`` as a whole: files, manifest, refusals, and nothing left behind after a failure."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest

from generated import ARCHITECTURES, picture, weights_of

pytest.importorskip("dcelite.training.backend")

from dcelite import Enhancer, reference
from dcelite.errors import DceliteError, EngineUnavailableError, OutputError
from dcelite.export import export as export_module
from dcelite.export import golden, lite
from dcelite.export.export import ExportOptions, export
from dcelite.mindspore_lite import sdk
from dcelite.model.checkpoint import load_weights, save_weights

from support import REPOSITORY, assert_equals_reference, require_mindspore_lite

SMALL = {"scene": (36, 50), "row": (1, 17)}


@pytest.fixture(scope="module")
def checkpoint_of(tmp_path_factory):
    """Architecture -> checkpoint file with the generated weights."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for architecture in ARCHITECTURES:
        save_weights(weights_of(architecture), folder / f"{architecture}.ckpt")
    return lambda architecture: folder / f"{architecture}.ckpt"


@pytest.fixture(autouse=True)
def _small_golden_pictures(monkeypatch):
    monkeypatch.setattr(golden, "FREE_SIZES", SMALL)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def options(checkpoint, folder, **others) -> ExportOptions:
    return ExportOptions(**{"checkpoint": checkpoint, "output": folder, "formats": ("onnx", "dce"), **others})


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_formats_with_manifest(checkpoint_of, architecture, folder, capsys):
    require_mindspore_lite()
    paths = export(options(checkpoint_of(architecture), folder, formats=None))
    files = [f"{architecture}.{suffix}" for suffix in ("mindir", "onnx", "ms", "dce")]
    assert [path.name for path in paths] == [*files, "manifest.json"]
    assert names(folder) == sorted([*files, "manifest.json"])
    table = capsys.readouterr().out.partition("Largest differences")[2]
    assert all(file in table for file in files)
    assert "FAILED" not in table
    records = json.loads((folder / "manifest.json").read_text())["files"]
    digest = hashlib.sha256(checkpoint_of(architecture).read_bytes()).hexdigest()
    channels, scale = (24, 1) if architecture == "zerodce" else (3, 12)
    for file in files:
        record = records[file]
        assert record["sha256"] == hashlib.sha256((folder / file).read_bytes()).hexdigest()
        assert record["bytes"] == (folder / file).stat().st_size
        assert (record["architecture"], record["scale"], record["iterations"]) == (architecture, scale, 8)
        assert record["kind"] == "curve_network"
        assert record["checkpoint"] == {"file": f"{architecture}.ckpt", "sha256": digest}
        assert {"python", "dcelite", "mindspore", "mindspore_lite", "onnx", "onnxruntime"} <= set(record["tools"])
        assert record["parity"]["curve_map_max_difference"] < 1e-5
        assert record["parity"]["levels_max_difference"] <= 1
        assert record["parity"]["picture_sizes_height_width"] == [[36, 50], [1, 17]]
        assert record["output"]["shape"][1:] == [channels, "height", "width"]
    assert records[files[1]]["input"]["layout"] == "NCHW"
    assert records[files[1]]["input"]["shape"] == ["batch", 3, "height", "width"]
    assert records[files[2]]["input"]["layout"] == "NHWC"
    assert records[files[2]]["input"]["shape"] == [1, "height", "width", 3]


def test_every_exported_file_enhances_as_the_reference(checkpoint_of, folder):
    require_mindspore_lite()
    export(options(checkpoint_of("zerodcepp"), folder, formats=("onnx", "ms", "dce"), scale=5))
    image = picture(53, 97)
    expected = reference.enhance(image, load_weights(checkpoint_of("zerodcepp")).arrays, 5)
    for path in folder.glob("zerodcepp_s5.*"):
        with Enhancer(path) as enhance:
            assert_equals_reference(enhance(image), expected)


@pytest.mark.parametrize("uint8", [False, True])
def test_resize_in_graph(checkpoint_of, folder, uint8):
    suffixes = ["mindir", "onnx"]
    export(options(checkpoint_of("zerodcepp"), folder, formats=tuple(suffixes), resize_in_graph=True, uint8=uint8,
                   size=(20, 31)))  # fmt: skip
    middle = "_uint8" if uint8 else ""
    files = [f"zerodcepp_full{middle}_20x31.mindir", f"zerodcepp_full{middle}.onnx"]
    assert names(folder) == sorted([*files, "manifest.json"])
    records = json.loads((folder / "manifest.json").read_text())["files"]
    fixed, free = records[files[0]], records[files[1]]
    assert fixed["kind"] == free["kind"] == "enhancement"
    assert fixed["input"]["type"] == fixed["output"]["type"] == ("uint8" if uint8 else "float32")
    assert fixed["input"]["shape"] == ([1, 20, 31, 3] if uint8 else [1, 3, 20, 31])
    assert fixed["output"]["shape"] == fixed["input"]["shape"]
    assert free["input"]["shape"] == (["batch", "height", "width", 3] if uint8 else ["batch", 3, "height", "width"])
    assert fixed["parity"]["curve_map_max_difference"] is None
    assert fixed["parity"]["picture_sizes_height_width"] == [[20, 31], [20, 31]]


def test_a_second_export_keeps_the_first_in_the_manifest(checkpoint_of, folder):
    export(options(checkpoint_of("zerodcepp"), folder, formats=("onnx",)))
    export(options(checkpoint_of("zerodce"), folder, formats=("dce",)))
    records = json.loads((folder / "manifest.json").read_text())["files"]
    assert sorted(records) == ["zerodce.dce", "zerodcepp.onnx"]
    (folder / "zerodcepp.onnx").unlink()
    export(options(checkpoint_of("zerodcepp"), folder, formats=("dce",), name="mine"))
    records = json.loads((folder / "manifest.json").read_text())["files"]
    assert sorted(records) == ["mine.dce", "zerodce.dce"]


def test_existing_files_are_refused_before_any_work(checkpoint_of, folder, monkeypatch):
    folder.mkdir()
    (folder / "zerodcepp.dce").write_bytes(b"precious")
    monkeypatch.setattr(export_module, "_make_files", lambda *_: pytest.fail("work was done"))
    with pytest.raises(OutputError, match=r"zerodcepp\.dce: exists already"):
        export(options(checkpoint_of("zerodcepp"), folder))
    assert names(folder) == ["zerodcepp.dce"]
    assert (folder / "zerodcepp.dce").read_bytes() == b"precious"


def test_overwrite_replaces(checkpoint_of, folder):
    folder.mkdir()
    (folder / "zerodcepp.dce").write_bytes(b"old")
    (folder / "manifest.json").write_text("not JSON")
    with pytest.raises(OutputError, match=r"zerodcepp\.dce: exists already"):
        export(options(checkpoint_of("zerodcepp"), folder))
    with pytest.raises(OutputError, match=r"manifest\.json: is not a manifest"):
        export(options(checkpoint_of("zerodcepp"), folder, name="other"))
    export(options(checkpoint_of("zerodcepp"), folder, overwrite=True))
    assert (folder / "zerodcepp.dce").read_bytes()[:4] == b"\x89DCE"
    assert sorted(json.loads((folder / "manifest.json").read_text())["files"]) == ["zerodcepp.dce", "zerodcepp.onnx"]


def test_a_file_that_differs_leaves_nothing_behind(checkpoint_of, folder, monkeypatch, capsys):
    """A writer that puts one wrong weight into the .dce file must not get it past the comparison."""
    from dcelite.model import dce_file

    right = dce_file.dce_bytes

    def wrong(model):
        name = "e_conv7.point_conv.bias"
        return right(replace(model, arrays={**model.arrays, name: model.arrays[name] + np.float32(1e-3)}))

    monkeypatch.setattr(dce_file, "dce_bytes", wrong)
    with pytest.raises(DceliteError, match=r"zerodcepp\.dce: is not the MindSpore network.*no file was written"):
        export(options(checkpoint_of("zerodcepp"), folder))
    assert "FAILED" in capsys.readouterr().out
    assert not folder.exists()


def test_a_failure_keeps_the_previous_files(checkpoint_of, folder, monkeypatch):
    export(options(checkpoint_of("zerodcepp"), folder))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(export_module, "MAP_TOLERANCE", -1.0)
    monkeypatch.setattr("dcelite.export.verify.MAP_TOLERANCE", -1.0)
    with pytest.raises(DceliteError, match="is not the MindSpore network"):
        export(options(checkpoint_of("zerodcepp"), folder, overwrite=True))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_interruption_leaves_nothing_behind(checkpoint_of, folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(export_module, "verify", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(options(checkpoint_of("zerodcepp"), folder))
    assert not folder.exists()


def test_an_absent_runtime_is_skipped_by_default_and_refused_on_demand(checkpoint_of, folder, monkeypatch, capsys):
    def absent(*_):
        raise EngineUnavailableError("MindSpore Lite is not installed; run this and that")

    monkeypatch.setattr(sdk, "find_sdk", absent)
    monkeypatch.setattr(lite, "write_ms", lambda *_: pytest.fail("must not be called"))
    with pytest.raises(
        EngineUnavailableError, match="--formats ms: MindSpore Lite is not installed; run this and that"
    ):
        export(options(checkpoint_of("zerodcepp"), folder, formats=("ms", "dce")))
    assert not folder.exists()
    export(options(checkpoint_of("zerodcepp"), folder, formats=None))
    assert names(folder) == ["manifest.json", "zerodcepp.dce", "zerodcepp.mindir", "zerodcepp.onnx"]
    assert ".ms skipped: MindSpore Lite is not installed; run this and that" in capsys.readouterr().out


def test_a_missing_python_package_is_named(checkpoint_of, folder, monkeypatch):
    found = importlib.util.find_spec
    hide: set[str] = {"onnxruntime"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in hide else found(name, *rest))
    with pytest.raises(EngineUnavailableError, match=r"--formats onnx: onnxruntime is not installed; run: pip install"):
        export(options(checkpoint_of("zerodcepp"), folder))
    hide.add("mindspore")
    with pytest.raises(EngineUnavailableError, match="mindspore is not installed"):
        export(options(checkpoint_of("zerodcepp"), folder))


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"formats": ("onnx", "tflite")}, "--formats tflite: is not a format"),
        ({"formats": ()}, "--formats: names no format"),
        ({"size": (10, 10)}, "--size: goes with --resize-in-graph"),
        ({"uint8": True}, "--uint8: goes with --resize-in-graph"),
        ({"resize_in_graph": True}, "--formats dce: goes without --resize-in-graph"),
        ({"resize_in_graph": True, "formats": None}, "fixes the image size in mindir and ms; give --size"),
        ({"resize_in_graph": True, "formats": ("onnx",), "size": (0, 5)}, "--size 0x5: 1x1 to 65535x65535 was wanted"),
        ({"scale": 65}, "--scale 65: 1 to 64 was wanted"),
        ({"scale": 0}, "--scale 0: 1 to 64 was wanted"),
        ({"name": "a/b"}, "--name a/b: a file name without folder"),
        ({"name": ".."}, r"--name \.\.: a file name"),
    ],
)
def test_options_that_make_no_sense(checkpoint_of, folder, others, message):
    with pytest.raises(DceliteError, match=message):
        export(options(checkpoint_of("zerodcepp"), folder, **others))
    assert not folder.exists()


@pytest.mark.parametrize("name", ["zerodcepp", "zerodce"])
def test_upstream_checkpoints(shared, folder, name, monkeypatch):
    monkeypatch.undo()  # the real golden pictures
    checkpoint = shared / "reference" / f"upstream_{name}_torch.pth"
    export(options(checkpoint, folder, formats=("mindir", "onnx")))
    assert names(folder) == ["manifest.json", f"{name}.mindir", f"{name}.onnx"]


def test_resize_in_graph_on_a_whole_photograph(folder):
    """The sizes that the formats promise: 900x1200 fixed in .ms, any in ONNX; within one level of the reference."""
    require_mindspore_lite()
    checkpoint = REPOSITORY / "models" / "zerodcepp_scene.ckpt"
    export(options(checkpoint, folder, formats=("onnx", "ms"), resize_in_graph=True, uint8=True, size=(900, 1200)))
    arrays = load_weights(checkpoint).arrays
    for path, sizes in (
        (folder / "zerodcepp_scene_full_uint8_900x1200.ms", [(900, 1200)]),
        (folder / "zerodcepp_scene_full_uint8.onnx", [(900, 1200), (377, 611), (1081, 1919)]),
    ):
        with Enhancer(path) as enhance:
            for size in sizes:
                image = golden.golden_picture("scene", *size)
                assert_equals_reference(enhance(image), reference.enhance(image, arrays, 12))
