"""What 8 bits cost, activation by activation, and the smallest set of activations that has to stay wide.

Judged at the network's resolution, on pictures that did not calibrate: the curve is applied to the small picture with
the float and with the quantised map, both are rounded to 8 bits, and the PSNR between them is the fidelity. It agrees
with that of whole pictures to some tenths of a dB and takes a thousandth of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcelite import reference
from dcelite.metrics import Rgb, psnr
from dcelite.progress import track
from dcelite.quantize.equalize import Ranges
from dcelite.quantize.float_network import ACTIVATIONS, CURVE_MAP, Arrays, Values, run, run_all
from dcelite.quantize.int8_network import in_8_bits

Image = NDArray[np.float32]

PERFECT = 99.0
"""Fidelity in dB that stands for equal pictures."""


@dataclass(frozen=True)
class Sensitivity:
    """One activation of the network."""

    name: str
    """As in the ONNX graph."""
    low: float
    high: float
    """Its range over the pictures, before equalisation."""
    noise_ratio: float
    """Signal to noise in dB of the fully quantised network against the float one, after equalisation."""
    fidelity: float
    """Mean fidelity in dB with this activation alone in 8 bits."""


def run_quantized(image: Image, arrays: Arrays, wide: frozenset[str]) -> Values:
    """Run an equalised network with all activations but the ``wide`` ones in 8 bits."""
    return run(image, arrays, lambda name, values: values if name in wide else in_8_bits(name, values))


def fidelity(wanted: Rgb, result: Rgb) -> float:
    """PSNR in dB, at most PERFECT."""
    return min(psnr(wanted, result), PERFECT)


def enhanced(image: Image, curve_map: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """The small picture after the curve."""
    return reference.to_8_bit(reference.apply_curve(image.astype(np.float64), curve_map.astype(np.float64)))


class Judge:
    """Fidelity of versions of a network to the float one, over some pictures."""

    def __init__(self, images: Sequence[Image], arrays: Arrays) -> None:
        self._images = images
        self._arrays = arrays
        self._values = run_all(images, arrays)
        self._wanted = [enhanced(x, v[CURVE_MAP]) for x, v in zip(images, self._values, strict=True)]

    def fidelities(self, arrays: Arrays, wide: frozenset[str]) -> list[float]:
        """In dB, of each picture."""
        maps = (run_quantized(x, arrays, wide)[CURVE_MAP] for x in self._images)
        return [fidelity(w, enhanced(x, a)) for w, x, a in zip(self._wanted, self._images, maps, strict=True)]

    def noise_ratios(self, arrays: Arrays) -> dict[str, float]:
        """Signal to noise in dB of every activation of the fully quantised network."""
        sums = {name: np.zeros(2) for name in ACTIVATIONS}  # of the squares of signal and noise
        for image, true in zip(self._images, self._values, strict=True):
            seen = run_quantized(image, arrays, frozenset())
            for name, squares in sums.items():
                noise = true[name] - seen[name]
                squares += [np.sum(np.square(x), dtype=np.float64) for x in (true[name], noise)]
        return {name: 10 * float(np.log10(np.divide(*np.maximum(pair, 1e-30)))) for name, pair in sums.items()}

    def alone(self, name: str) -> float:
        """Mean fidelity of the float network with one activation in 8 bits."""
        return float(np.mean(self.fidelities(self._arrays, frozenset(ACTIVATIONS) - {name})))


def scan(ranges: Ranges, judge: Judge, arrays: Arrays) -> list[Sensitivity]:
    """Of all activations; ``arrays`` are the quantised network, ``ranges`` those of the network as it was trained."""
    ratios = judge.noise_ratios(arrays)
    return [
        Sensitivity(name, float(low.min()), float(high.max()), ratios[name], judge.alone(name))
        for name, (low, high) in track(ranges.items(), len(ranges), "sensitivity")
    ]


def smallest_wide_set(
    judge: Judge, arrays: Arrays, sensitivities: Sequence[Sensitivity], target: float
) -> tuple[frozenset[str], list[float]]:
    """Activations to keep wide so that the worst picture reaches ``target`` dB, and the fidelities then.

    The most sensitive are widened first, until the target is reached; then every one that turns out not to be needed is
    taken out again. Where not even all of them suffice (the weights alone cost more), the result is the empty set.
    """
    wide: frozenset[str] = frozenset()
    full = judge.fidelities(arrays, wide)
    if min(full) >= target:
        return wide, full
    ranked = [s.name for s in sorted(sensitivities, key=lambda s: s.fidelity)]
    for name in ranked:
        wide |= {name}
        if min(judge.fidelities(arrays, wide)) >= target:
            break
    else:
        return frozenset(), full
    for name in ranked:
        if name in wide and min(judge.fidelities(arrays, wide - {name})) >= target:
            wide -= {name}
    return wide, judge.fidelities(arrays, wide)
