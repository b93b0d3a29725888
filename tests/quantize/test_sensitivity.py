"""The scan and the mixed precision that follows from it."""

from __future__ import annotations

import numpy as np
import pytest

from dcelite.quantize.float_network import ACTIVATIONS
from dcelite.quantize.int8_network import dequantized
from dcelite.quantize.sensitivity import Judge, Sensitivity, fidelity, smallest_wide_set

from quantize_cases import NETWORKS, equalized, quantized, small_pictures


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(small_pictures(20, 3), equalized()[0])


@pytest.fixture(scope="module")
def scanned(judge) -> list[Sensitivity]:
    return [Sensitivity(name, 0, 1, 0, judge.alone(name)) for name in ACTIVATIONS]


def test_all_activations_are_named_once():
    assert len(ACTIVATIONS) == len(set(ACTIVATIONS)) == 14
    assert ACTIVATIONS[0] == "image"
    assert ACTIVATIONS[-1] == "e_conv7.depth_conv"


def test_one_activation_costs_less_than_all(judge, scanned):
    everything = np.mean(judge.fidelities(equalized()[0], frozenset()))
    assert all(s.fidelity > everything for s in scanned)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_signal_to_noise_falls_along_the_network(architecture):
    judge = Judge(small_pictures(20, 3), equalized(architecture)[0])
    ratios = judge.noise_ratios(dequantized(quantized(architecture)))
    assert ratios["image"] > ratios["e_conv6.relu"] > 10


def test_no_activation_is_wide_where_8_bits_suffice(judge, scanned):
    arrays = dequantized(quantized())
    assert smallest_wide_set(judge, arrays, scanned, 20.0)[0] == frozenset()


def test_the_wide_set_reaches_the_target_and_none_of_it_can_go(judge, scanned):
    arrays = dequantized(quantized())
    narrow = min(judge.fidelities(arrays, frozenset()))
    widest = min(judge.fidelities(arrays, frozenset(ACTIVATIONS)))
    target = narrow + 0.5 * (widest - narrow)
    wide, fidelities = smallest_wide_set(judge, arrays, scanned, target)
    assert 0 < len(wide) < 14
    assert min(fidelities) >= target
    for name in wide:
        assert min(judge.fidelities(arrays, wide - {name})) < target


def test_what_was_widened_in_vain_is_narrowed_again():
    class StubJudge:
        """50 dB where the second and the third activation are wide."""

        def fidelities(self, _arrays, wide):
            return [50.0 if {"second", "third"} <= wide else 40.0]

    order = [Sensitivity(name, 0, 1, 0, rank) for rank, name in enumerate(["first", "second", "third", "fourth"])]
    assert smallest_wide_set(StubJudge(), [], order, 45.0) == (frozenset({"second", "third"}), [50.0])


def test_a_target_out_of_reach_widens_nothing(judge, scanned):
    arrays = dequantized(quantized())
    wide, fidelities = smallest_wide_set(judge, arrays, scanned, 98.0)
    assert wide == frozenset()
    assert min(fidelities) < 98


def test_fidelity_is_a_psnr_with_a_limit():
    a = np.zeros((4, 4, 3), np.uint8)
    assert fidelity(a, a) == 99
    assert fidelity(a, a + 255) == pytest.approx(0)
