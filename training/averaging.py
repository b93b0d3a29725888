"""The running average of the weights, which a run delivers in place of its last ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

DECAY = 8
"""Exponent eta of the average: the last twelfth of a run makes up half of it."""


class WeightAverage:
    """Polynomial-decay averaging (Shamir and Zhang, "Stochastic Gradient Descent for Non-smooth Optimization", ICML
    2013, section 4): mean_t = (1 - (eta + 1) / (t + eta)) mean_{t-1} + (eta + 1) / (t + eta) w_t.

    Step k of t counts about (k / t)^eta, so the average covers the last part of a run of any length. The weights of
    single steps wander with a constant learning rate; their average does so about ten times less. Unlike a learning
    rate that falls towards the end it need not know the end: minutes and steps give the same weights.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[np.float64]] = {}

    def add(self, step: int, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Take in the weights after ``step`` (counted from 1)."""
        share = (DECAY + 1) / (step + DECAY)
        for name, array in arrays.items():
            old = self.arrays.get(name, array)
            self.arrays[name] = np.asarray((1 - share) * old + share * array, np.float64)
