"""The MindSpore networks against the NumPy reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dcelite import reference
from dcelite.errors import DceliteError
from dcelite.model.architecture import ARCHITECTURES
from dcelite.model.checkpoint import Weights, load_weights
from dcelite.training.backend import ms
from dcelite.training.network import Enhancement, build_network, initial_weights

TOLERANCE = 2e-6
"""Rounding of float32 through seven layers; the reference computes in float64."""


def strong_weights(architecture: str, rng: np.random.Generator) -> Weights:
    """Random weights that give maps across (-1, 1), with biases, unlike the initial ones."""
    arrays = {}
    for name, shape in ARCHITECTURES[architecture].parameter_shapes.items():
        bound = 1.7 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
        arrays[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
    return Weights(architecture, arrays)


def nchw(image: np.ndarray) -> ms.Tensor:
    return ms.Tensor(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32))


@pytest.mark.parametrize(
    ("architecture", "count"), [("zerodcepp", 10_561), ("zerodce", 79_416), ("zerodcepp_scene", 12_225)]
)
def test_parameters_are_the_published_ones(architecture: str, count: int) -> None:
    network = build_network(initial_weights(architecture, 0))
    shapes = {parameter.name: parameter.shape for parameter in network.get_parameters()}
    assert shapes == ARCHITECTURES[architecture].parameter_shapes
    assert sum(np.prod(shape) for shape in shapes.values()) == count


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (17, 13)])
def test_curve_map_equals_the_reference(architecture: str, size: tuple[int, int], rng: np.random.Generator) -> None:
    weights = strong_weights(architecture, rng)
    image = rng.random((*size, 3)).astype(np.float32)
    expected = reference.network(image.astype(np.float64), weights.arrays)
    actual = build_network(weights)(nchw(image)).asnumpy()[0].transpose(1, 2, 0)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)


def test_every_picture_of_a_batch_has_its_own_scene(rng: np.random.Generator) -> None:
    weights = strong_weights("zerodcepp_scene", rng)
    images = rng.random((3, 8, 5, 3)) * np.array([1.0, 0.1, 0.4])[:, None, None, None]
    network = build_network(weights)
    together = network(ms.Tensor(images.transpose(0, 3, 1, 2), ms.float32)).asnumpy()
    for image, curve_map in zip(images, together, strict=True):
        expected = reference.network(image.astype(np.float32).astype(np.float64), weights.arrays)
        np.testing.assert_allclose(curve_map.transpose(1, 2, 0), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("scale", "size"), [(1, (8, 11)), (4, (24, 16)), (12, (37, 50)), (12, (5, 7))])
def test_enhancer_equals_the_reference(
    architecture: str, scale: int, size: tuple[int, int], rng: np.random.Generator
) -> None:
    weights = strong_weights(architecture, rng)
    image = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    expected_map = reference.upsample(reference.curve_map(image, weights.arrays, scale), *size)
    expected = reference.apply_curve(image / 255.0, expected_map)
    enhanced, curve_map = Enhancement(build_network(weights), scale)(nchw(image / 255.0))
    np.testing.assert_allclose(curve_map.asnumpy()[0].transpose(1, 2, 0), expected_map, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(enhanced.asnumpy()[0].transpose(1, 2, 0), expected, rtol=0, atol=TOLERANCE)


def test_wrapping_keeps_the_parameter_names() -> None:
    network = build_network(initial_weights("zerodcepp", 0))
    enhancer = Enhancement(network, scale=12)
    assert {parameter.name for parameter in enhancer.get_parameters()} == set(
        ARCHITECTURES["zerodcepp"].parameter_shapes
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_initial_weights_depend_on_the_seed_alone(architecture: str) -> None:
    first, again, other = (initial_weights(architecture, seed).arrays for seed in (3, 3, 4))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    for name, array in first.items():
        is_zero = name.endswith("bias") or name == "scene_head.output.weight"
        assert array.any() != is_zero
        assert np.array_equal(array, other[name]) == is_zero


def test_an_initial_scene_head_changes_nothing(rng: np.random.Generator) -> None:
    image = rng.random((9, 7, 3))
    plain, scene = (initial_weights(name, 3).arrays for name in ("zerodcepp", "zerodcepp_scene"))
    np.testing.assert_array_equal(reference.network(image, scene), reference.network(image, plain))


def test_unknown_architecture_is_refused() -> None:
    with pytest.raises(DceliteError, match="zerodce3: is not an architecture"):
        initial_weights("zerodce3", 0)


@pytest.mark.parametrize("name", ["zerodcepp_mindspore.ckpt", "zerodce_mindspore.ckpt"])
def test_published_weights_give_the_golden_maps(shared: Path, name: str) -> None:
    weights = load_weights(shared / "reference" / f"upstream_{name}")
    short = {"zerodcepp": "dcepp_ms", "zerodce": "dce_ms"}[weights.architecture]
    with np.load(shared / "reference" / "golden.npz") as golden:
        keys = [
            key.removesuffix("__input") for key in golden.files if key.startswith(short) and key.endswith("__input")
        ]
        key = max(keys, key=lambda key: int(key.rsplit("__s", 1)[1]))
        image, expected = golden[f"{key}__input"], golden[f"{key}__map"]
    tolerance = 1e-3 if expected.dtype == np.float16 else 1e-5
    scale = int(key.rsplit("__s", 1)[1])
    small = reference.downsample(image / 255.0, scale)
    actual = build_network(weights)(nchw(small)).asnumpy()
    np.testing.assert_allclose(actual.reshape(expected.shape), expected, rtol=0, atol=tolerance)
