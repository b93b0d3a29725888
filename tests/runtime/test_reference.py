"""The NumPy reference against the outputs of the authors' code, and against its own definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dcelite import reference

from generated import weights_of
from support import REPOSITORY, assert_equals_reference, load_weights

CHECKPOINTS = {
    "dcepp_ms": "upstream_zerodcepp_mindspore.ckpt",
    "dcepp_torch": "upstream_zerodcepp_torch.pth",
    "dce_ms": "upstream_zerodce_mindspore.ckpt",
    "dce_torch": "upstream_zerodce_torch.pth",
}
GOLDEN = (
    "dcepp_ms__lime_2__s12",
    "dcepp_ms__dicm_29__s12",
    "dcepp_ms__lime_6__s1",
    "dcepp_torch__lime_2__s12",
    "dcepp_torch__dicm_29__s12",
    "dcepp_torch__lime_6__s1",
    "dce_ms__lime_6_crop200__s1",
    "dce_torch__lime_6_crop200__s1",
)


@pytest.mark.parametrize("case", GOLDEN)
def test_equals_the_authors_code(shared: Path, case: str) -> None:
    golden = np.load(shared / "reference" / "golden.npz")
    weights = load_weights(shared / "reference" / CHECKPOINTS[case.split("__")[0]])
    scale = int(case.rsplit("s", 1)[1])
    image = golden[f"{case}__input"]
    curve_map = golden[f"{case}__map"].transpose(1, 2, 0)
    tolerance = 5e-7 if curve_map.dtype == np.float32 else 3e-4  # float16 keeps 11 bits
    assert np.abs(reference.curve_map(image, weights, scale) - curve_map).max() < tolerance
    assert_equals_reference(reference.enhance(image, weights, scale), golden[f"{case}__output"])


def test_downsampling_by_a_divisor_is_the_mean_of_the_two_middle_rows_and_columns(rng: np.random.Generator) -> None:
    image = rng.random((36, 24, 3))
    wanted = (image[5::12] + image[6::12]) / 2
    wanted = (wanted[:, 5::12] + wanted[:, 6::12]) / 2
    np.testing.assert_allclose(reference.downsample(image, 12), wanted, atol=1e-15)


def test_upsampling_keeps_the_corners_and_is_linear_between() -> None:
    corners = np.array([[0.0, 1.0], [2.0, 3.0]])[..., None]
    rows, columns = np.mgrid[0:1:7j, 0:1:5j]
    np.testing.assert_allclose(reference.upsample(corners, 7, 5)[..., 0], 2 * rows + columns, atol=1e-15)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 30), (30, 1), (13, 11)])
def test_constant_images_stay_constant_through_both_resizes(height: int, width: int) -> None:
    image = np.full((height, width, 3), 0.25)
    small = reference.downsample(image, 12)
    assert small.shape[:2] == (-(-height // 12), -(-width // 12))
    np.testing.assert_allclose(reference.upsample(small, height, width), image, atol=1e-15)


def test_bands_are_the_whole(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = load_weights(REPOSITORY / "models" / "zerodcepp_scene.ckpt")
    image = rng.integers(0, 80, (41, 53, 3), np.uint8)
    curve_map = reference.upsample(reference.curve_map(image, weights, 12), 41, 53)
    wanted = reference.to_8_bit(reference.apply_curve(image / 255.0, curve_map))
    monkeypatch.setattr(reference, "BAND_PIXELS", 53 * 10)
    np.testing.assert_array_equal(reference.enhance(image, weights, 12), wanted)


def test_curve_by_hand() -> None:
    image = np.full((1, 1, 3), 0.5)
    a = np.array([[[-1.0, 0.0, 1.0]]])
    brightened = 1 - 0.5 ** (2**8)  # a = -1: 1 - x is squared at each step
    np.testing.assert_allclose(reference.apply_curve(image, a)[0, 0], [brightened, 0.5, 0.5 ** (2**8)], atol=1e-15)


def test_eight_maps_are_applied_in_their_order() -> None:
    image = np.full((1, 1, 3), 0.3)
    maps = np.linspace(-0.9, 0.9, 24).reshape(1, 1, 24)
    wanted = image
    for n in range(8):
        a = maps[..., 3 * n : 3 * n + 3]
        wanted = wanted + a * (wanted**2 - wanted)
    np.testing.assert_array_equal(reference.apply_curve(image, maps), wanted)


def test_rounding_to_8_bits_is_half_up_and_clamped() -> None:
    values = np.array([-1.0, 0.0, 0.4999 / 255, 0.5 / 255, 254.5 / 255, 1.0, 2.0])
    np.testing.assert_array_equal(reference.to_8_bit(values), [0, 0, 0, 1, 255, 255, 255])


def test_scene_statistics_by_hand() -> None:
    # Brightest 240, 60 and 0 levels of 255, means 240, 25, 0; 15 sqrt(240 / 255) = 14.5521, 15 sqrt(60 / 255) = 7.2761,
    # 15 sqrt(25 / 255) = 4.6967.
    picture = np.array([[[240, 240, 240]], [[0, 60, 15]], [[0, 0, 0]]]) / 255.0
    brightest, mean, colors = np.split(reference.scene_statistics(picture), [16, 32])
    wanted = np.zeros((2, 16))
    wanted[:, 0] = 1
    wanted[:, 14] = 0.4479
    wanted[:, 15] = 0.5521
    wanted[0, 7:9] = 0.7239, 0.2761
    wanted[1, 4:6] = 0.3033, 0.6967
    np.testing.assert_allclose([brightest, mean], wanted / 3, atol=1e-4 / 3)
    np.testing.assert_allclose(colors, np.array([240, 300, 255]) / 3 / 255, atol=1e-12)


@pytest.mark.parametrize(("level", "bin"), [(0, 0), (255, 15)])
def test_scene_statistics_of_black_and_white(level: int, bin: int) -> None:
    statistics = reference.scene_statistics(np.full((4, 5, 3), level / 255))
    histogram = np.eye(16)[bin]
    np.testing.assert_allclose(statistics, [*histogram, *histogram, *[level / 255] * 3], atol=1e-15)


def test_scene_offsets_by_hand() -> None:
    weights = {
        "scene_head.hidden.weight": np.zeros((16, 35)),
        "scene_head.hidden.bias": np.zeros(16),
        "scene_head.output.weight": np.zeros((64, 16)),
        "scene_head.output.bias": np.zeros(64),
    }
    weights["scene_head.hidden.weight"][:2, 34] = 2, -2
    weights["scene_head.hidden.bias"][:2] = 0.25
    weights["scene_head.output.weight"][3, :2] = 10, 1000  # of layer 1; the second unit is negative
    weights["scene_head.output.weight"][32 + 5, 0] = -1  # of layer 6
    weights["scene_head.output.bias"][5] = 0.5
    statistics = np.zeros(35)
    statistics[34] = 0.5  # the mean of B
    offsets = reference.scene_offsets(statistics, weights)
    assert offsets.keys() == {1, 6}
    np.testing.assert_allclose(offsets[1], 12.5 * np.eye(32)[3] + 0.5 * np.eye(32)[5], atol=1e-15)
    np.testing.assert_allclose(offsets[6], -1.25 * np.eye(32)[5], atol=1e-15)


def test_a_scene_head_steers_layers_1_and_6(rng: np.random.Generator) -> None:
    """It is the same as biases that are chosen for the picture."""
    weights = weights_of("zerodcepp_scene").arrays
    picture = rng.random((20, 30, 3)) ** 2
    plain = {name: array for name, array in weights.items() if not name.startswith("scene_head.")}
    for layer, offsets in reference.scene_offsets(reference.scene_statistics(picture), weights).items():
        name = f"e_conv{layer}.point_conv.bias"
        plain[name] = plain[name] + offsets
    curve_map = reference.network(picture, weights)
    np.testing.assert_allclose(curve_map, reference.network(picture, plain), atol=1e-12)
    assert np.abs(curve_map - reference.network(picture, weights_of("zerodcepp").arrays)).max() > 0.01
