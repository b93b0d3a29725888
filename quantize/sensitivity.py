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
from dcelite.quantize.float_network import Layer, Values, depthwise, joined
from dcelite.quantize.rounding import quantize_filtered, quantize_output

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


def filtered_name(index: int) -> str:
    """The depthwise output of layer index + 1."""
    return f"e_conv{index + 1}.depth_conv"


def output_name(number: int) -> str:
    """The output of a layer, 1 … 6; 0 is the image."""
    return f"e_conv{number}.relu" if number else "image"


def activation_names(layers: int) -> list[str]:
    """All activations that can be quantised, in the order of computation."""
    names = [output_name(0)]
    for index in range(layers):
        names.append(filtered_name(index))
        if index + 1 < layers:
            names.append(output_name(index + 1))
    return names


def run_quantized(image: Image, layers: Sequence[Layer], wide: frozenset[str]) -> Values:
    """Run an equalised network with all activations but the ``wide`` ones in 8 bits."""
    outputs = [image if output_name(0) in wide else quantize_output(image)]
    filtered = []
    for index, layer in enumerate(layers):
        d = depthwise(joined(outputs, index), layer.depth, layer.depth_bias)
        filtered.append(d if filtered_name(index) in wide else quantize_filtered(d))
        result = filtered[-1] @ layer.point.T + layer.point_bias
        if index + 1 < len(layers):
            narrow = output_name(index + 1) not in wide
            result = quantize_output(result) if narrow else np.maximum(result, np.float32(0))
        outputs.append(result)
    return Values(filtered, outputs)


def fidelity(wanted: Rgb, result: Rgb) -> float:
    """PSNR in dB, at most PERFECT."""
    return min(psnr(wanted, result), PERFECT)


def enhanced(image: Image, curve_map: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """The small picture after the curve."""
    return reference.to_8_bit(reference.apply_curve(image.astype(np.float64), curve_map.astype(np.float64)))


class Judge:
    """Fidelity of versions of a network to the float one, over some pictures."""

    def __init__(self, images: Sequence[Image], layers: Sequence[Layer], values: Sequence[Values]) -> None:
        """``values`` are the runs of the float ``layers`` on the images."""
        self._images = images
        self._layers = layers
        self._values = values
        self._wanted = [enhanced(x, v.curve_map) for x, v in zip(images, values, strict=True)]

    def fidelities(self, layers: Sequence[Layer], wide: frozenset[str]) -> list[float]:
        """In dB, of each picture."""
        maps = (run_quantized(x, layers, wide).curve_map for x in self._images)
        return [fidelity(w, enhanced(x, a)) for w, x, a in zip(self._wanted, self._images, maps, strict=True)]

    def noise_ratios(self, layers: Sequence[Layer]) -> dict[str, float]:
        """Signal to noise in dB of every activation of the fully quantised network."""
        signal: dict[str, float] = {}
        noise: dict[str, float] = {}
        for image, true in zip(self._images, self._values, strict=True):
            seen = run_quantized(image, layers, frozenset())
            pairs = [(filtered_name(n), true.filtered[n], seen.filtered[n]) for n in range(len(layers))]
            pairs += [(output_name(n), true.outputs[n], seen.outputs[n]) for n in range(len(layers))]
            for name, a, b in pairs:
                signal[name] = signal.get(name, 0.0) + float(np.sum(np.square(a), dtype=np.float64))
                noise[name] = noise.get(name, 0.0) + float(np.sum(np.square(a - b), dtype=np.float64))
        return {name: 10 * float(np.log10(max(signal[name], 1e-30) / max(noise[name], 1e-30))) for name in signal}

    def alone(self, name: str) -> float:
        """Mean fidelity of the float network with one activation in 8 bits."""
        others = frozenset(activation_names(len(self._layers))) - {name}
        return float(np.mean(self.fidelities(self._layers, others)))


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
