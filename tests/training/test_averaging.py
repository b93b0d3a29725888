"""The average of the weights: its definition, its reach, and that it does not depend on where a run ends."""

from __future__ import annotations

import numpy as np
import pytest

from dcelite.training.run import is_sample_step
from dcelite.training.train import DECAY, WeightAverage


def average_of(values: np.ndarray) -> float:
    average = WeightAverage({"w": np.zeros(1, np.float32)})
    for step, value in enumerate(values, start=1):
        average.add(step, {"w": np.array([value], np.float32)})
    return float(average.arrays["w"][0])


def test_weights_of_the_steps_are_those_of_the_definition() -> None:
    # Share of step k after t steps: its own when taken in, times what each later step leaves of it.
    steps = 40
    for k in (1, 20, 40):
        values = np.zeros(steps)
        values[k - 1] = 1
        left = np.prod([1 - (DECAY + 1) / (t + DECAY) for t in range(k + 1, steps + 1)])
        assert average_of(values) == pytest.approx((DECAY + 1) / (k + DECAY) * left, abs=1e-7)


def test_constant_weights_stay() -> None:
    assert average_of(np.full(30, 0.75)) == pytest.approx(0.75, abs=1e-6)  # products are float32


@pytest.mark.parametrize("steps", [500, 5000])
def test_the_last_part_counts_whatever_the_length(steps: int) -> None:
    values = np.zeros(steps)
    values[-steps // 12 :] = 1
    assert average_of(values) == pytest.approx(0.54, abs=0.03)


def test_sample_steps() -> None:
    assert [step for step in range(1, 4000) if is_sample_step(step)] == [1, 3, 10, 30, 100, 300, 1000, 3000]
