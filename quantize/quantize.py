"""Checkpoint and dark photographs -> int8 ``.onnx``, ``.ms`` and ``.dce``, and a report of what was lost.

``dcelite quantize`` and ``python quantize/quantize.py`` both end in :func:`quantize`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcelite.errors import DceliteError, ModelError
from dcelite.export.formats import available, check, write_model
from dcelite.export.spec import ExportSpec
from dcelite.files import publish, refuse_existing, scratch_folder
from dcelite.model.architecture import ARCHITECTURES, SCENE_HEAD
from dcelite.model.checkpoint import Weights, load_weights
from dcelite.model.dce_file import write_dce
from dcelite.pictures import find_pictures
from dcelite.progress import track
from dcelite.provenance import sha256
from dcelite.quantize.calibration import FEWEST, Calibration, choose_pictures
from dcelite.quantize.equalize import borne_by_one_channel, equalize, measure_ranges
from dcelite.quantize.float_network import CURVE_MAP, Arrays, run_all
from dcelite.quantize.int8_network import Network, dce_model, dequantized
from dcelite.quantize.measure import Reference, measure
from dcelite.quantize.ranges import METHODS
from dcelite.quantize.report import Report, table, to_html, to_json
from dcelite.quantize.rounding import quantize as round_weights
from dcelite.quantize.rounding import round_affine
from dcelite.quantize.sensitivity import Judge, Sensitivity, scan, smallest_wide_set

FORMATS = ("onnx", "ms", "dce")
REPORTS = ("quantization.json", "quantization.html")


@dataclass(frozen=True)
class QuantizeOptions:
    """What ``dcelite quantize`` is asked for."""

    checkpoint: Path
    calibration: Path
    output: Path
    formats: tuple[str, ...] | None = None
    """None: all whose runtime is installed."""
    pictures: int = 64
    ranges: str = "minmax"
    seed: int = 1
    target: float = 48.0
    """Fidelity in dB that the worst picture should reach."""
    scale: int | None = None
    photos: Path | None = None
    """Photographs to measure fidelity on; None: pictures of the calibration folder that did not calibrate."""
    pairs: Path | None = None
    name: str | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Quantized:
    """What calibration found, and all files are written from."""

    network: Network
    lite: Arrays
    """For MindSpore Lite's full quantisation, which chooses its own ranges."""
    weight_only: Arrays
    """For float activations, with weights on MindSpore Lite's grid."""
    sensitivities: list[Sensitivity]
    wide: frozenset[str]
    fidelities: list[float]
    """In dB, of the integer network on the pictures held out, at the network's resolution."""


def refuse_dead_channels(weights: Weights, path: Path) -> None:
    """Raise ModelError, with the parameter's name, for a channel whose weights are all zero.

    But not for one of the scene head, which need not add anything to a channel.
    """
    for name, array in weights.arrays.items():
        if name.endswith(".weight") and name not in SCENE_HEAD:
            dead = np.flatnonzero(~np.any(array.reshape(len(array), -1), axis=1))
            if len(dead):
                raise ModelError(
                    f"{path}: {name}: channel {dead[0]} has no weight but 0; was the checkpoint damaged, or pruned?"
                )


def calibrate(weights: Weights, calibration: Calibration, method: str, target: float) -> Quantized:
    """Equalise, round and scan a Zero-DCE++ network; the files are written from the result."""
    images = calibration.images(weights.architecture)
    trained = run_all(images, weights.arrays)
    ranges = measure_ranges(trained, method)
    equalized = equalize(weights.arrays, ranges)
    values = run_all(images, equalized)
    rounded = round_weights(equalized, values)
    affine = round_affine(equalized, values)
    borne = equalize(weights.arrays, borne_by_one_channel(weights.arrays, ranges, trained))
    lite = dequantized(round_weights(borne, run_all(images, borne)))
    judge = Judge([picture.image for picture in calibration.held_out], equalized)
    scanned = scan(ranges, judge, dequantized(rounded))
    wide, fidelities = smallest_wide_set(judge, dequantized(rounded), scanned, target)
    return Quantized(rounded, lite, affine, scanned, wide, fidelities)


KINDS = {
    "int8.onnx": "curve network, int8 (QDQ)",
    "int8_full.onnx": "whole enhancement, int8 network",
    "fp16.onnx": "curve network, float16 weights",
    "int8.ms": "curve network, full int8",
    "weight8.ms": "curve network, 8-bit weights, float arithmetic",
    "fp16.ms": "curve network, float16 weights",
    "int8.dce": "native, int8",
}
LITE_SOURCES = ("int8.cfg", "int8_source.onnx", "weight8.cfg", "weight8_source.onnx")
"""What stands beside the ``.ms`` files, to make them again with converter_lite."""
CALIBRATION_INPUTS = "int8_calibration"
"""And the folder of the pictures that it takes for the full int8."""


def _write_onnx(weights: Weights, found: Quantized, specs: Sequence[ExportSpec], digest: str, base: Path) -> None:
    from dcelite.export.onnx_graph import save_sealed
    from dcelite.quantize.onnx_int8 import float16_model, quantized_model

    for spec, ending in zip(specs, ("int8", "int8_full"), strict=True):
        metadata = spec.metadata(digest) | {"dcelite.quantisation": "int8"}
        save_sealed(quantized_model(found.network, spec, metadata, found.wide), Path(f"{base}_{ending}.onnx"))
    metadata = specs[0].metadata(digest) | {"dcelite.quantisation": "float16 weights"}
    save_sealed(float16_model(weights.arrays, specs[0], metadata), Path(f"{base}_fp16.onnx"))


def _write_ms(
    weights: Weights, found: Quantized, spec: ExportSpec, digest: str, calibration: Calibration, base: Path
) -> None:
    from dcelite.export.lite import write_ms
    from dcelite.quantize.lite_int8 import write_ms_full, write_ms_weight_only

    metadata, images = spec.metadata(digest), calibration.images(weights.architecture)
    maps = [values[CURVE_MAP] for values in run_all(images, weights.arrays)]
    write_ms_full(found.lite, spec, metadata, images, maps, Path(f"{base}_int8.ms"))
    write_ms_weight_only(found.weight_only, spec, metadata, Path(f"{base}_weight8.ms"))
    write_ms(weights.arrays, spec, metadata, Path(f"{base}_fp16.ms"), fp16=True)


def quantize(options: QuantizeOptions) -> list[Path]:
    """Write the int8 files and the report; returns their paths.

    Raises DceliteError where the options are wrong or the calibration pictures do not suffice, and its kinds for what
    else prevents it: ModelError, EngineUnavailableError, OutputError.
    """
    if options.ranges not in METHODS:
        raise DceliteError(f"--ranges {options.ranges}: one of {', '.join(METHODS)} was wanted")
    if options.pictures < FEWEST:
        raise DceliteError(f"--pictures {options.pictures}: {FEWEST} or more was wanted")
    wanted = FORMATS if options.formats is None else options.formats
    check(wanted, FORMATS, options.name)
    weights = load_weights(options.checkpoint)
    architecture = ARCHITECTURES[weights.architecture]
    if not architecture.separable:
        raise ModelError(f"{options.checkpoint}: holds {architecture.title}; quantisation is made for Zero-DCE++")
    refuse_dead_channels(weights, options.checkpoint)
    formats, skipped = available(wanted, explicit=options.formats is not None)
    for name, text in skipped.items():
        print(f".{name} skipped: {text}", flush=True)
    if not formats:
        raise DceliteError("--formats: names no format that can be made here")
    scale = architecture.scale if options.scale is None else options.scale
    specs = [ExportSpec(weights.architecture, scale, resize_in_graph=whole) for whole in (False, True)]
    stem = options.name or specs[0].stem
    kinds = {f"{stem}_{ending}": ending for ending in KINDS if ending.rsplit(".", 1)[1] in formats}
    beside = [*REPORTS, *(LITE_SOURCES if "ms" in formats else ())]
    for name in [*kinds, *(f"{stem}_{ending}" for ending in beside)]:
        refuse_existing(options.output / name, options.overwrite)
    calibration_inputs = options.output / f"{stem}_{CALIBRATION_INPUTS}"
    if "ms" in formats:
        refuse_existing(calibration_inputs, options.overwrite, folder=True)
    calibration = choose_pictures(options.calibration, scale, options.pictures, options.seed)
    for text in calibration.warnings:
        print(f"warning: {text}", flush=True)
    print(f"calibrating with {len(calibration.pictures)} pictures, ranges: {options.ranges}", flush=True)
    found = calibrate(weights, calibration, options.ranges, options.target)

    held_out = [picture.path for picture in calibration.held_out]
    photos = held_out if options.photos is None else [picture.source for picture in find_pictures(options.photos)]
    digest = sha256(options.checkpoint)
    with scratch_folder(options.output) as scratch:
        made, other = scratch / "made", scratch / "other"
        made.mkdir()
        other.mkdir()
        fp32 = {other / f"fp32.{name}": specs[0] for name in ("dce", *formats)}
        fp32 |= {other / "fp32_full.onnx": specs[1]} if "onnx" in formats else {}
        for path, spec in fp32.items():
            write_model(weights, spec, spec.metadata("0" * 64), path)
        reference = Reference(other / "fp32.dce", photos, options.pairs)
        if "onnx" in formats:
            _write_onnx(weights, found, specs, digest, made / stem)
        if "ms" in formats:
            _write_ms(weights, found, specs[0], digest, calibration, made / stem)
        if "dce" in formats:
            write_dce(dce_model(found.network, scale), made / f"{stem}_int8.dce")
        results = []
        for file, ending in track(kinds.items(), len(kinds), "measuring"):
            base = "fp32_full.onnx" if ending == "int8_full.onnx" else f"fp32{Path(file).suffix}"
            results.append(measure(made / file, KINDS[ending], other / base, reference))
        report = Report(options, digest, scale, calibration, found, reference.ground_truth, results)
        text = json.dumps(to_json(report), indent=2, ensure_ascii=False) + "\n"
        for ending, content in zip(REPORTS, (text, to_html(report)), strict=True):
            (made / f"{stem}_{ending}").write_text(content, encoding="utf-8")
        names = sorted(path.name for path in made.iterdir())
        publish(made, options.output, overwrite=options.overwrite)
        if options.overwrite and "ms" in formats:
            from dcelite.quantize.lite_int8 import remove_surplus_inputs

            remove_surplus_inputs(calibration_inputs, len(calibration.images(weights.architecture)))
    print(table(report))
    print(f"{', '.join(names)}: in {options.output}", flush=True)
    return [options.output / name for name in names]


if __name__ == "__main__":
    from dcelite.cli import main

    sys.exit(main(["quantize", *sys.argv[1:]]))
