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
from dcelite.quantize.float_network import ACTIVATIONS, Layer, Values, run, run_all
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


def run_quantized(image: Image, layers: Sequence[Layer], wide: frozenset[str]) -> Values:
    """Run an equalised network with all activations but the ``wide`` ones in 8 bits."""
    return run(image, layers, lambda name, values: values if name in wide else in_8_bits(name, values))


def fidelity(wanted: Rgb, result: Rgb) -> float:
    """PSNR in dB, at most PERFECT."""
    return min(psnr(wanted, result), PERFECT)


def enhanced(image: Image, curve_map: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """The small picture after the curve."""
    return reference.to_8_bit(reference.apply_curve(image.astype(np.float64), curve_map.astype(np.float64)))


class Judge:
    """Fidelity of versions of a network to the float one, over some pictures."""

    def __init__(self, images: Sequence[Image], layers: Sequence[Layer]) -> None:
        self._images = images
        self._layers = layers
        self._values = run_all(images, layers)
        self._wanted = [enhanced(x, v.curve_map) for x, v in zip(images, self._values, strict=True)]

    def fidelities(self, layers: Sequence[Layer], wide: frozenset[str]) -> list[float]:
        """In dB, of each picture."""
        maps = (run_quantized(x, layers, wide).curve_map for x in self._images)
        return [fidelity(w, enhanced(x, a)) for w, x, a in zip(self._wanted, self._images, maps, strict=True)]

    def noise_ratios(self, layers: Sequence[Layer]) -> dict[str, float]:
        """Signal to noise in dB of every activation of the fully quantised network."""
        sums = {name: np.zeros(2) for name in ACTIVATIONS}  # of the squares of signal and noise
        for image, true in zip(self._images, self._values, strict=True):
            seen = run_quantized(image, layers, frozenset()).named
            for name, a in true.named.items():
                sums[name] += [np.sum(np.square(x), dtype=np.float64) for x in (a, a - seen[name])]
        return {name: 10 * float(np.log10(np.divide(*np.maximum(pair, 1e-30)))) for name, pair in sums.items()}

    def alone(self, name: str) -> float:
        """Mean fidelity of the float network with one activation in 8 bits."""
        return float(np.mean(self.fidelities(self._layers, frozenset(ACTIVATIONS) - {name})))


def scan(ranges: Ranges, judge: Judge, layers: Sequence[Layer]) -> list[Sensitivity]:
    """Of all activations; ``layers`` are the quantised network, ``ranges`` those of the network as it was trained."""
    bounds: list[tuple[float, float]] = []
    for upper, (low, high) in zip(ranges.outputs, ranges.filtered, strict=True):
        bounds += [(0.0, float(upper.max())), (float(low.min()), float(high.max()))]
    ratios = judge.noise_ratios(layers)
    names = track(ACTIVATIONS, len(ACTIVATIONS), "sensitivity")
    return [Sensitivity(name, *pair, ratios[name], judge.alone(name)) for name, pair in zip(names, bounds, strict=True)]


def smallest_wide_set(
    judge: Judge, layers: Sequence[Layer], sensitivities: Sequence[Sensitivity], target: float
) -> tuple[frozenset[str], list[float]]:
    """Activations to keep wide so that the worst picture reaches ``target`` dB, and the fidelities then.

    The most sensitive are widened first, until the target is reached; then every one that turns out not to be needed is
    taken out again. Where not even all of them suffice (the weights alone cost more), the result is the empty set.
    """
    wide: frozenset[str] = frozenset()
    full = judge.fidelities(layers, wide)
    if min(full) >= target:
        return wide, full
    ranked = [s.name for s in sorted(sensitivities, key=lambda s: s.fidelity)]
    for name in ranked:
        wide |= {name}
        if min(judge.fidelities(layers, wide)) >= target:
            break
    else:
        return frozenset(), full
    for name in ranked:
        if name in wide and min(judge.fidelities(layers, wide - {name})) >= target:
            wide -= {name}
    return wide, judge.fidelities(layers, wide)
