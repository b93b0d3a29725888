"""Every engine, on every photograph, against the NumPy reference; and model files that are no models."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from dcelite import DceliteError, EngineUnavailableError, Enhancer, ModelError, cli, reference
from dcelite.images import read_photograph
from dcelite.model.checkpoint import save_weights

import photographs
from generated import weights_of
from support import REPOSITORY, assert_equals_reference, load_weights, shared_directory, skip

ENGINES = ("dce", "onnx", "ms")
PHOTOGRAPHS = sorted(path.name for path in (shared_directory() / "data" / "photos").glob("*")) or [None]


SHIPPED = REPOSITORY / "models" / "zerodcepp_scene.ckpt"


class Models(NamedTuple):
    """The same weights for every engine, and for the reference."""

    checkpoint: Path
    folder: Path
    """With model.dce, .onnx and .ms."""
    weights: dict[str, np.ndarray]


@pytest.fixture(scope="session", params=["shipped", "zerodcepp_scene"])
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Exported from the shipped weights, and from random ones with a scene head."""
    folder, checkpoint = tmp_path_factory.mktemp("models"), SHIPPED
    if request.param != "shipped":
        checkpoint = folder / f"{request.param}.ckpt"
        save_weights(weights_of(request.param), checkpoint)
    return Models(checkpoint, _export(checkpoint, folder), load_weights(checkpoint))


@pytest.fixture(scope="session")
def upstream_models(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same from the authors' Zero-DCE++ weights."""
    return _export(shared / "reference" / "upstream_zerodcepp_mindspore.ckpt", tmp_path_factory.mktemp("upstream"))


def _export(checkpoint: Path, folder: Path) -> Path:
    pytest.importorskip("dcelite.training.backend")
    arguments = ["export", "--checkpoint", str(checkpoint), "--output", str(folder), "--name", "model"]
    assert cli.main([*arguments, "--formats", ",".join(_installed_engines())]) == 0
    return folder


def _installed_engines() -> list[str]:
    from dcelite.mindspore_lite.sdk import find_sdk

    try:
        find_sdk()
    except EngineUnavailableError:
        return [name for name in ENGINES if name != "ms"]
    return list(ENGINES)


def _model(folder: Path, engine: str) -> Path:
    if engine not in _installed_engines():
        skip("MindSpore Lite is not installed")
    return folder / f"model.{engine}"


@pytest.mark.parametrize("name", photographs.NAMES)
def test_photographs(models: Models, name: str) -> None:
    image = photographs.dark(name)
    wanted = reference.enhance(image, models.weights, 12)
    if models.checkpoint == SHIPPED:
        assert_equals_reference(Enhancer()(image), wanted)
    for engine in _installed_engines():
        assert_equals_reference(Enhancer(_model(models.folder, engine))(image), wanted)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_real_photographs_and_published_weights(shared: Path, upstream_models: Path, name: str) -> None:
    image = read_photograph(shared / "data" / "photos" / name).pixels
    weights = load_weights(shared / "reference" / "upstream_zerodcepp_mindspore.ckpt")
    wanted = reference.enhance(image, weights, 12)
    for engine in _installed_engines():
        assert_equals_reference(Enhancer(_model(upstream_models, engine))(image), wanted)
    assert_equals_reference(Enhancer()(image), reference.enhance(image, load_weights(SHIPPED), 12))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 50), (50, 1), (13, 11), (97, 101), (2160, 3840)])
def test_sizes(models: Models, rng: np.random.Generator, engine: str, height: int, width: int) -> None:
    image = (255 * rng.random((height, width, 3)) ** 3).astype(np.uint8)
    weights, model = models.weights, _model(models.folder, engine)
    assert_equals_reference(Enhancer(model)(image), reference.enhance(image, weights, 12))
    if height * width < 100_000:
        np.testing.assert_allclose(Enhancer(model).curve_map(image), reference.curve_map(image, weights, 12), atol=2e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_options_hold_for_every_engine(models: Models, rng: np.random.Generator, engine: str) -> None:
    image = (255 * rng.random((90, 70, 3)) ** 3).astype(np.uint8)
    enhance = Enhancer(_model(models.folder, engine), threads=2, scale=5, strength=0.5)
    assert_equals_reference(enhance(image), reference.enhance(image, models.weights, 5, 0.5))
    assert enhance.info.scale == 5


@pytest.mark.parametrize("engine", ENGINES)
def test_damaged_models(models: Models, tmp_path: Path, rng: np.random.Generator, engine: str) -> None:
    good = _model(models.folder, engine).read_bytes()
    flips = [*range(16), len(good) // 2, len(good) - 1, *rng.integers(0, len(good), 60)]
    damaged = {
        "empty": b"",
        "truncated": good[: len(good) // 2],
        "short of one byte": good[:-1],
        "foreign": b"\x89PNG\r\n\x1a\n" + bytes(5000),
        "text": b"this is no model\n" * 100,
        **{f"bit flipped in byte {i}": good[:i] + bytes([good[i] ^ 1 << int(i) % 8]) + good[i + 1 :] for i in flips},
    }
    path = tmp_path / f"damaged.{engine}"
    for kind, data in damaged.items():
        path.write_bytes(data)
        with pytest.raises(ModelError) as failure:
            pytest.fail(f"{kind}: opened as {Enhancer(path)}")
        assert str(path) in str(failure.value), kind
        assert "\n" not in str(failure.value), kind


def test_absent_onnx_runtime_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"anything")
    real_import = builtins.__import__

    def without_onnx_runtime(name: str, *arguments: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError(name)
        return real_import(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_onnx_runtime)
    with pytest.raises(EngineUnavailableError, match=r"pip install 'dcelite\[onnx\]'"):
        Enhancer(path)


def test_resize_in_graph_models_equal_the_runtime(models: Models, tmp_path: Path, rng: np.random.Generator) -> None:
    """The same picture from a graph that holds everything: within 1 level of the reference."""
    formats = [name for name in _installed_engines() if name != "dce"]
    image = (255 * rng.random((900, 1200, 3)) ** 3).astype(np.uint8)
    wanted = reference.enhance(image, models.weights, 12).astype(np.int16)
    for uint8 in ([], ["--uint8"]):
        arguments = ["export", "--checkpoint", str(models.checkpoint), "--output", str(tmp_path), "--resize-in-graph"]
        name = "full" + "".join(uint8)
        arguments += ["--size", "900x1200", "--formats", ",".join(formats), "--name", name, *uint8]
        assert cli.main(arguments) == 0
        for engine in formats:
            enhance = Enhancer(tmp_path / f"{name}.{engine}")
            assert np.abs(enhance(image) - wanted).max() <= 1
            bgra = np.dstack([image[..., ::-1], image[..., :1]])
            result = enhance(bgra, order="bgr")
            assert np.abs(result[..., 2::-1] - wanted).max() <= 1
            np.testing.assert_array_equal(result[..., 3], bgra[..., 3])
            assert not enhance.has_curve_map
            for ask in (lambda e: e.info, lambda e: e.timings, lambda e: e.curve_map(image), lambda e: e.reset()):
                with pytest.raises(DceliteError, match="has the curve in its graph"):
                    ask(enhance)
            with pytest.raises(DceliteError, match="has the curve in its graph"):
                enhance.yuv420([np.zeros((4, 4), np.uint8), *[np.zeros((2, 2), np.uint8)] * 2])
            with pytest.raises(ModelError, match="in its graph"):
                Enhancer(tmp_path / f"{name}.{engine}", strength=0.5)
        enhance = Enhancer(tmp_path / f"{name}.onnx")
        for height, width in [(37, 53), (480, 640), (1, 7)]:
            small = np.ascontiguousarray(image[:height, :width])
            small_wanted = reference.enhance(small, models.weights, 12).astype(np.int16)
            assert np.abs(enhance(small) - small_wanted).max() <= 1
        if "ms" in formats:
            with pytest.raises(ValueError, match="480"):
                Enhancer(tmp_path / f"{name}.ms")(np.ascontiguousarray(image[:480, :640]))
