"""Dark pictures from well-lit ones: what a sensor would have seen with less light.

The Poisson-Gaussian model of sensors (Foi et al., IEEE TIP 2008): light = value^2.2, electrons = Poisson(light · full
well) + Normal(0, read noise), and back to 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Light = NDArray[np.float64]
"""(H, W, 3), 1: white."""

GAMMA = 2.2
"""Exponent between light and pixel value, close to that of sRGB: a factor on the light is one on the values."""


@dataclass(frozen=True)
class Sensor:
    """What counts the light."""

    full_well: float
    """Electrons that a pixel counts at white."""
    read_noise: float
    """Standard deviation of the electronics, in electrons."""

    def expose(self, light: Light, rng: np.random.Generator) -> Light:
        """What it counts of the light, with its noise."""
        electrons = rng.poisson(light * self.full_well) + rng.normal(0.0, self.read_noise, light.shape)
        return np.asarray(electrons / self.full_well)


SMALL_SENSOR = Sensor(full_well=5000.0, read_noise=3.0)
"""That of a phone, at a high gain."""
LARGE_SENSOR = Sensor(full_well=20000.0, read_noise=8.0)


def light_of(image: NDArray[np.uint8]) -> Light:
    """The light behind the values of a picture."""
    return np.asarray((image / 255.0) ** GAMMA)


def picture_of(light: Light) -> NDArray[np.uint8]:
    """What a camera makes of it; light beyond 0 … 1 is cut off."""
    return np.asarray(np.round(255.0 * np.clip(light, 0.0, 1.0) ** (1 / GAMMA)), np.uint8)


def darken(image: NDArray[np.uint8], exposure: float, sensor: Sensor, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A photograph as the sensor would take it with ``exposure`` of the light."""
    return picture_of(sensor.expose(light_of(image) * exposure, rng))
