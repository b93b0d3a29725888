"""The losses against hand-computed values, a plain NumPy statement of their equations, and finite differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dcelite import reference
from dcelite.errors import DceliteError
from dcelite.model.architecture import ARCHITECTURES
from dcelite.model.checkpoint import Weights
from dcelite.training import losses
from dcelite.training.backend import ms
from dcelite.training.losses import LossConfig, ZeroReferenceLoss
from dcelite.training.network import Enhancement, build_network
from dcelite.training.train import LossOfBatch

Array = np.ndarray
CONFIG = LossConfig(
    spatial_weight=3.0,
    exposure_weight=2.0,
    colour_weight=5.0,
    smoothness_weight=7.0,
    reconstruction_weight=4.0,
    exposure_patch=8,
    exposure_target=0.4,
    well_lit_weight=3.0,
)


def tensor(values: object) -> ms.Tensor:
    return ms.Tensor(np.asarray(values, np.float32))


def pooled(gray: Array, side: int) -> Array:
    n, height, width = gray.shape
    return gray.reshape(n, height // side, side, width // side, side).mean((2, 4))


def plain_terms(
    image: Array, original: Array, exposed: Array, enhanced: Array, curve_map: Array, config: LossConfig
) -> Array:
    """The weighted terms in float64, loop by loop as the equations are written."""
    count = len(image)
    before, after = (pooled(x.mean(1), config.spatial_region) for x in (image, enhanced))
    spatial = 0.0
    rows, columns = before.shape[1:]
    for n, i, j in np.ndindex(before.shape):
        for k, m in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            inside = 0 <= k < rows and 0 <= m < columns
            neighbor = (after[n, k, m], before[n, k, m]) if inside else (0.0, 0.0)
            spatial += ((after[n, i, j] - neighbor[0]) - (before[n, i, j] - neighbor[1])) ** 2
    spatial /= before.size
    patches = pooled(original.mean(1), config.exposure_patch)
    targets, importance = np.full(patches.shape, config.exposure_target), np.ones((count, 1, 1))
    known = exposed.reshape(count, 1, 1).copy()  # how far an original is known to be well exposed
    for n in range(count):
        mean = patches[n].mean()
        if config.well_lit and mean > config.well_lit / 2:
            share = min(2 * mean / config.well_lit - 1, 1)
            brightest = max(losses.BRIGHTEST_RECOVERED, image[n].mean())
            recovered = patches[n] * min(1, brightest / mean)
            targets[n] = share * recovered + (1 - share) * config.exposure_target
            known[n] = max(known[n, 0, 0], share)
            if image[n].mean() >= original[n].mean():
                importance[n] = share * config.well_lit_weight + 1 - share
    exposure = np.mean(importance * (pooled(enhanced.mean(1), config.exposure_patch) - targets) ** 2)
    color = 0.0
    for red, green, blue in enhanced.mean((2, 3)):
        color += np.sqrt((red - green) ** 4 + (red - blue) ** 4 + (green - blue) ** 4) / count
    smoothness = 0.0
    for channel in curve_map.reshape(-1, *curve_map.shape[2:]):
        smoothness += 2 * (np.mean(np.diff(channel, axis=0) ** 2) + np.mean(np.diff(channel, axis=1) ** 2)) / count
    reconstruction = 0.0
    for n in range(count):
        reconstruction += known[n, 0, 0] * importance[n, 0, 0] * np.mean((enhanced[n] - original[n]) ** 2) / count
    weights = [getattr(config, f"{term}_weight") for term in losses.TERMS]
    return np.array(weights) * [spatial, exposure, color, smoothness, reconstruction]


@pytest.fixture
def arguments(rng: np.random.Generator) -> list[Array]:
    """Image, what it was before it was darkened, whether that is well exposed, enhanced image, curve map.

    The images are of four brightnesses, dark to well lit; one of the darker two is known to be well exposed.
    """
    original = rng.random((4, 3, 16, 24)) * np.array([0.5, 0.8, 1.3, 1.8])[:, None, None, None]  # means up to 0.9
    image = original * np.array([1.0, 0.5, 0.3, 0.7])[:, None, None, None]
    exposed = np.array([0.0, 1.0, 0.0, 1.0]).reshape(4, 1, 1, 1)
    return [image, original, exposed, np.sqrt(image) * [[[0.9]], [[0.7]], [[1.0]]], rng.uniform(-1, 1, (4, 6, 16, 24))]


def test_spatial_consistency_by_hand() -> None:
    # Regions of the left column change by 0.1, of the right by 0.3. Each has one neighbour across, which gives
    # 4 (0.1 - 0.3)^2 = 0.16, one above or below with the same change, and two beyond the border, which give
    # 2 (2 x 0.1^2 + 2 x 0.3^2) = 0.40.
    image, enhanced = tensor([[[[0.2, 0.2], [0.0, 0.1]]]]), tensor([[[[0.3, 0.5], [0.1, 0.4]]]])
    assert losses.spatial_consistency(image, enhanced).asnumpy() == pytest.approx(0.56 / 4, rel=1e-5)


def test_spatial_consistency_is_zero_without_change(rng: np.random.Generator) -> None:
    image = tensor(rng.random((2, 1, 4, 5)))
    assert losses.spatial_consistency(image, image).asnumpy() == 0


def test_exposure_control_by_hand() -> None:
    # (0.5 - 0.6)^2 = 0.01 and (0.9 - 0.6)^2 = 0.09
    assert losses.exposure_control(tensor([[[[0.5, 0.9]]]]), 0.6).asnumpy() == pytest.approx(0.05, rel=1e-5)


def test_color_constancy_by_hand() -> None:
    # Means 0.5, 0.3, 0.2: the root of 0.2^4 + 0.3^4 + 0.1^4 = 0.0098
    image = np.empty((1, 3, 4, 4))
    image[0] = np.array([0.5, 0.3, 0.2])[:, None, None]
    assert losses.color_constancy(tensor(image)).asnumpy() == pytest.approx(np.sqrt(0.0098), rel=1e-5)


def test_color_constancy_has_a_gradient_at_gray() -> None:
    gray = tensor(np.full((1, 3, 4, 4), 0.5))
    gradient = ms.grad(losses.color_constancy)(gray).asnumpy()
    assert np.all(np.abs(gradient) < 1e-6)


def test_illumination_smoothness_by_hand() -> None:
    # A ramp of 0.1 a column in each of 3 channels: 2 x 3 x 0.1^2
    ramp = np.broadcast_to(0.1 * np.arange(5), (2, 3, 4, 5))
    assert losses.illumination_smoothness(tensor(ramp)).asnumpy() == pytest.approx(0.06, rel=1e-5)


@pytest.mark.parametrize("well_lit", [0.0, 0.43, 0.7])
def test_terms_equal_the_equations(arguments: list[Array], well_lit: float) -> None:
    config = replace(CONFIG, well_lit=well_lit)
    actual = ZeroReferenceLoss(config)(*map(tensor, arguments)).asnumpy()
    np.testing.assert_allclose(actual, plain_terms(*arguments, config), rtol=1e-5)


def test_a_dark_image_is_drawn_to_the_target_and_a_well_lit_one_to_itself() -> None:
    patches = tensor(np.array([[0.1, 0.3], [0.3, 0.7], [0.2, 0.44]])[:, None, None])  # means 0.2, 0.5, 0.32
    shares = losses.well_lit_share(patches, 0.4).asnumpy()
    np.testing.assert_allclose(shares[:, 0, 0, 0], [0, 1, 0.6], rtol=1e-5)

    config = LossConfig(exposure_target=0.55, well_lit=0.4, well_lit_weight=4, exposure_patch=8, exposure_weight=1)
    dark, well_lit = (np.full((1, 3, 16, 16), level, np.float32) for level in (0.1, 0.5))
    loss = ZeroReferenceLoss(config)

    def exposure(image: Array, original: Array) -> float:
        unknown = np.zeros((1, 1, 1, 1))
        return float(loss(*map(tensor, (image, original, unknown, image + 0.1, 0 * image))).asnumpy()[1])

    assert exposure(dark, dark) == pytest.approx((0.2 - 0.55) ** 2, rel=1e-4)
    assert exposure(well_lit, well_lit) == pytest.approx(4 * 0.1**2, rel=1e-4)
    # Darkened, it is drawn to what it was, which counts as over-exposed above a mean of 0.45.
    assert exposure(dark, 0.84 * well_lit) == pytest.approx((0.2 - 0.42) ** 2, rel=1e-4)
    assert exposure(dark, well_lit) == pytest.approx((0.2 - 0.45) ** 2, rel=1e-4)
    assert exposure(0.96 * well_lit, well_lit) == pytest.approx((0.58 - 0.48) ** 2, rel=1e-4)


def test_reconstruction_by_hand() -> None:
    # Squares of 0.1 and 0.3, the second of three times the importance: (0.01 + 3 x 0.09) / 2
    original = np.full((2, 3, 4, 4), 0.2)
    enhanced = original + np.array([0.1, -0.3])[:, None, None, None]
    importance = tensor(np.array([1.0, 3.0]).reshape(2, 1, 1, 1))
    found = losses.reconstruction(tensor(original), tensor(enhanced), importance).asnumpy()
    assert found == pytest.approx(0.14, rel=1e-5)
    # One pixel of 16 in one of 3 channels
    one = original.copy()
    one[1, 2, 3, 0] += 0.5
    found = losses.reconstruction(tensor(original), tensor(one), 1.0).asnumpy()
    assert found == pytest.approx(0.25 / (2 * 3 * 16), rel=1e-5)


def test_reconstruction_counts_for_what_is_known_to_be_well_exposed() -> None:
    config = LossConfig(well_lit=0.4, well_lit_weight=4, exposure_patch=8, reconstruction_weight=1)

    def found(config: LossConfig, image: float, original: float, exposed: float) -> float:
        before = np.full((1, 3, 16, 16), original)
        arguments = (np.full_like(before, image), before, np.full((1, 1, 1, 1), exposed), before + 0.1, 0 * before)
        return float(ZeroReferenceLoss(config)(*map(tensor, arguments)).asnumpy()[4]) / 0.1**2

    assert found(config, 0.1, 0.1, 0) == pytest.approx(0, abs=1e-6)  # a dark photograph: who knows?
    assert found(config, 0.1, 0.1, 1) == pytest.approx(1, rel=1e-4)
    assert found(config, 0.1, 0.5, 0) == pytest.approx(1, rel=1e-4)  # a darkened one that was well lit
    assert found(config, 0.1, 0.3, 0) == pytest.approx(0.5, rel=1e-4)  # that was half well lit
    assert found(config, 0.5, 0.5, 0) == pytest.approx(4, rel=1e-4)  # well lit as it is
    assert found(config, 0.5, 0.5, 1) == pytest.approx(4, rel=1e-4)
    plain = replace(config, well_lit=0.0)
    assert found(plain, 0.1, 0.5, 0) == pytest.approx(0, abs=1e-6)
    assert found(plain, 0.5, 0.5, 1) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("term", range(5), ids=losses.TERMS)
def test_gradients_equal_finite_differences(arguments: list[Array], term: int, rng: np.random.Generator) -> None:
    loss = ZeroReferenceLoss(CONFIG)
    gradients = ms.grad(lambda *x: loss(*x)[term], grad_position=(3, 4))(*map(tensor, arguments))
    for position, gradient in zip((3, 4), gradients, strict=True):
        for _ in range(5):
            index = tuple(int(rng.integers(n)) for n in arguments[position].shape)
            expected = finite_difference(lambda: plain_terms(*arguments, CONFIG)[term], arguments[position], index)
            assert gradient.asnumpy()[index] == pytest.approx(expected, rel=1e-3, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weight_gradients_equal_finite_differences(architecture: str, scale: int, rng: np.random.Generator) -> None:
    """Through losses, curve, upsampling, network and downsampling, against the NumPy reference of all of them."""
    arrays = {}
    for name, shape in ARCHITECTURES[architecture].parameter_shapes.items():
        bound = 1.7 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
        arrays[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
    image = rng.random((16, 24, 3))
    network = build_network(Weights(architecture, arrays))
    loss = LossOfBatch(Enhancement(network, scale), ZeroReferenceLoss(CONFIG))
    parameters = network.trainable_params()
    batch = tensor(image.transpose(2, 0, 1)[None])
    known = np.ones((1, 1, 1, 1))
    gradients = ms.grad(lambda x: loss(x, x, tensor(known)).sum(), None, parameters)(batch)

    double = {name: array.astype(np.float64) for name, array in arrays.items()}

    def total() -> float:
        small_map = reference.network(reference.downsample(image, scale), double)
        curve_map = reference.upsample(small_map, 16, 24)
        enhanced = reference.apply_curve(image, curve_map)
        before, after, a = (x.transpose(2, 0, 1)[None] for x in (image, enhanced, curve_map))
        return float(plain_terms(before, before, known, after, a, CONFIG).sum())

    for parameter, gradient in zip(parameters, gradients, strict=True):
        index = tuple(int(rng.integers(n)) for n in parameter.shape)
        expected = finite_difference(total, double[parameter.name], index, 1e-7)  # few ReLUs bend in between
        assert gradient.asnumpy()[index] == pytest.approx(expected, rel=5e-3, abs=1e-5), parameter.name


def finite_difference(function: Callable[[], float], array: Array, index: tuple[int, ...], step: float = 1e-5) -> float:
    """Central difference of function() in array[index], which is changed in place and put back."""
    value = array[index]
    array[index] = value + step
    above = function()
    array[index] = value - step
    below = function()
    array[index] = value
    return (above - below) / (2 * step)


@pytest.mark.parametrize(("size", "works"), [(7, False), (8, True)])
def test_images_smaller_than_a_patch_are_refused(size: int, works: bool) -> None:
    if works:
        LossConfig().check(size)
        return
    with pytest.raises(DceliteError, match=r"image size 7: .* at least 8 was wanted"):
        LossConfig().check(size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exposure_target": 1.5}, "exposure_target 1.5: 0 to 1 was wanted"),
        ({"well_lit": -0.1}, "well_lit -0.1: 0 to 1 was wanted"),
        ({"well_lit_weight": float("inf")}, "well_lit_weight inf: 0 or above was wanted"),
        ({"colour_weight": -1.0}, "colour_weight -1.0: 0 or above was wanted"),
        ({"reconstruction_weight": -1.0}, "reconstruction_weight -1.0: 0 or above was wanted"),
        ({"smoothness_weight": float("nan")}, "smoothness_weight nan: 0 or above was wanted"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(DceliteError, match=message):
        replace(LossConfig(), **change).check(64)
