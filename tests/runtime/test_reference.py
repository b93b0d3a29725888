"""The NumPy reference against the outputs of the authors' code, and against its own definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dcelite import reference

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
    weights = load_weights(REPOSITORY / "models" / "zerodcepp.ckpt")
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
