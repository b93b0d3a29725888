"""Dark pictures: the sensor's noise is that of the model, and the same seed gives the same picture."""

from __future__ import annotations

import numpy as np
import pytest

from dcelite.darkroom import GAMMA, LARGE_SENSOR, SMALL_SENSOR, Sensor, darken, light_of, picture_of


def test_the_formula_with_the_same_random_numbers(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (40, 50, 3), np.uint8)
    seen = darken(image, 0.06, SMALL_SENSOR, np.random.default_rng(5))
    numbers = np.random.default_rng(5)
    electrons = numbers.poisson((image / 255.0) ** 2.2 * 0.06 * 5000.0) + numbers.normal(0.0, 3.0, image.shape)
    wanted = np.round(255.0 * np.clip(electrons / 5000.0, 0.0, 1.0) ** (1 / 2.2))
    np.testing.assert_array_equal(seen, wanted)
    assert np.any(darken(image, 0.06, SMALL_SENSOR, np.random.default_rng(6)) != seen)


@pytest.mark.parametrize("sensor", [SMALL_SENSOR, LARGE_SENSOR, Sensor(full_well=1000.0, read_noise=20.0)])
@pytest.mark.parametrize("level", [0.0, 0.02, 0.7])
def test_variance_is_that_of_shot_and_read_noise(sensor: Sensor, level: float, rng: np.random.Generator) -> None:
    electrons = sensor.full_well * sensor.expose(np.full((200, 200, 3), level), rng)
    assert electrons.mean() == pytest.approx(level * sensor.full_well, abs=0.05 * sensor.read_noise + 0.3)
    assert electrons.var() == pytest.approx(level * sensor.full_well + sensor.read_noise**2, rel=0.03)


def test_light_and_picture_are_inverse(rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (30, 20, 3), np.uint8)
    np.testing.assert_array_equal(picture_of(light_of(image)), image)
    assert picture_of(np.array([[[-1.0, 0.5, 7.0]]])).tolist() == [[[0, round(255 * 0.5 ** (1 / GAMMA)), 255]]]
