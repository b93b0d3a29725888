"""Checkpoint and dark photographs -> int8 ``.onnx``, ``.ms`` and ``.dce``, and a report of what was lost.

``dcelite quantize`` and ``python quantize/quantize.py`` both end in :func:`quantize`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcelite.errors import DceliteError, ModelError
from dcelite.export.formats import available, check_formats, check_name
from dcelite.export.spec import ExportSpec
from dcelite.files import publish, refuse_existing, scratch_folder
from dcelite.model.architecture import ARCHITECTURES
from dcelite.model.checkpoint import Weights, load_weights
from dcelite.model.dce_file import DceModel, write_dce
from dcelite.progress import track
from dcelite.provenance import sha256
from dcelite.quantize.calibration import FEWEST, Calibration, choose_pictures, picture_paths
from dcelite.quantize.equalize import Ranges, borne_by_one_channel, equalize, measure_ranges, run_all
from dcelite.quantize.float_network import Layer, arrays_of, layers_of
from dcelite.quantize.int8_network import QuantizedLayer, dce_model, integer_layers
from dcelite.quantize.measure import Reference, latencies, measure
from dcelite.quantize.ranges import METHODS
from dcelite.quantize.report import FileResult, Report, table, to_html, to_json
from dcelite.quantize.rounding import quantize as round_weights
from dcelite.quantize.rounding import round_affine
from dcelite.quantize.sensitivity import (
    Judge,
    Sensitivity,
    activation_names,
    filtered_name,
    output_name,
    smallest_wide_set,
)

FORMATS = ("onnx", "ms", "dce")
REPORT_NAME = "quantization"

Say = Callable[[str], None]


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

    layers: list[QuantizedLayer]
    lite: list[Layer]
    """For MindSpore Lite's full quantisation, which chooses its own ranges."""
    weight_only: list[Layer]
    """For float activations, with weights on MindSpore Lite's grid."""
    sensitivities: list[Sensitivity]
    wide: frozenset[str]
    fidelities: list[float]


def refuse_dead_channels(weights: Weights, path: Path) -> None:
    """Raise ModelError, with the parameter's name, for a channel whose weights are all zero."""
    for name, array in weights.arrays.items():
        if name.endswith(".weight"):
            dead = np.flatnonzero(~np.any(array.reshape(len(array), -1), axis=1))
            if len(dead):
                raise ModelError(
                    f"{path}: {name}: channel {dead[0]} has no weight but 0; was the checkpoint damaged, or pruned?"
                )


def _sensitivities(
    layers: Sequence[Layer], ranges: Ranges, judge: Judge, ratios: dict[str, float]
) -> list[Sensitivity]:
    """``layers`` are the equalised float network, ``ranges`` those of the network as it was trained."""
    bounds = {output_name(0): (0.0, 1.0)}
    for index, (low, high) in enumerate(ranges.filtered):
        bounds[filtered_name(index)] = (float(low.min()), float(high.max()))
    for number in range(1, len(layers)):
        bounds[output_name(number)] = (0.0, float(ranges.outputs[number].max()))
    names = activation_names(len(layers))
    return [
        Sensitivity(name, *bounds[name], ratios[name], judge.alone(name))
        for name in track(names, len(names), "sensitivity")
    ]


def calibrate(weights: Weights, calibration: Calibration, method: str, target: float) -> Quantized:
    """Equalise, round and scan a Zero-DCE++ network; the files are written from the result."""
    layers = layers_of(weights.arrays)
    trained = run_all(calibration.images, layers)
    ranges = measure_ranges(trained, method)
    equalized = equalize(layers, ranges)
    values = run_all(calibration.images, equalized)
    rounded = round_weights(equalized, values)
    affine = round_affine(equalized, values)
    borne = equalize(layers, borne_by_one_channel(layers, ranges, trained))
    lite = [layer.dequantized for layer in round_weights(borne, run_all(calibration.images, borne))]
    judge = Judge(calibration.held_out, equalized, run_all(calibration.held_out, equalized))
    dequantized = [layer.dequantized for layer in rounded]
    scanned = _sensitivities(equalized, ranges, judge, judge.noise_ratios(dequantized))
    wide, fidelities = smallest_wide_set(judge, dequantized, scanned, target)
    return Quantized(rounded, lite, affine, scanned, wide, fidelities)


def _formats(options: QuantizeOptions, say: Say) -> list[str]:
    """The formats to write; raises DceliteError for one that is unknown, or was asked for and cannot be made here."""
    wanted = FORMATS if options.formats is None else options.formats
    check_formats(wanted, FORMATS)
    formats, skipped = available(wanted, explicit=options.formats is not None)
    for name, text in skipped.items():
        say(f".{name} skipped: {text}")
    if not formats:
        raise DceliteError("--formats: names no format that can be made here")
    return formats


def _check(options: QuantizeOptions) -> None:
    if options.ranges not in METHODS:
        raise DceliteError(f"--ranges {options.ranges}: one of {', '.join(METHODS)} was wanted")
    if options.pictures < FEWEST:
        raise DceliteError(f"--pictures {options.pictures}: {FEWEST} or more was wanted")
    check_name(options.name)


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


def _write_onnx(weights: Weights, found: Quantized, spec: ExportSpec, metadata: dict[str, str], base: Path) -> None:
    from dcelite.quantize.onnx_int8 import write_onnx_fp16, write_onnx_int8

    whole = ExportSpec(spec.architecture, spec.scale, resize_in_graph=True)
    own = {**metadata, "dcelite.quantisation": "int8"}
    write_onnx_int8(found.layers, spec, own, found.wide, Path(f"{base}_int8.onnx"))
    whole_metadata = {**own, **whole.metadata(metadata["dcelite.checkpoint_sha256"])}
    write_onnx_int8(found.layers, whole, whole_metadata, found.wide, Path(f"{base}_int8_full.onnx"))
    own = {**metadata, "dcelite.quantisation": "float16 weights"}
    write_onnx_fp16(weights.arrays, spec, own, Path(f"{base}_fp16.onnx"))


def _write_ms(
    weights: Weights,
    found: Quantized,
    spec: ExportSpec,
    metadata: dict[str, str],
    calibration: Calibration,
    base: Path,
) -> None:
    from dcelite.export.onnx_graph import write_onnx
    from dcelite.quantize.lite_int8 import write_ms_fp16, write_ms_full, write_ms_weight_only

    rounded = arrays_of(found.lite)
    weight_only = arrays_of(found.weight_only)
    maps = [values.curve_map for values in run_all(calibration.images, layers_of(weights.arrays))]
    centered = write_ms_full(rounded, spec, metadata, calibration.images, maps, Path(f"{base}_int8.ms"))
    write_onnx(centered, spec, metadata, Path(f"{base}_int8_source.onnx"))
    write_ms_weight_only(weight_only, spec, metadata, Path(f"{base}_weight8.ms"))
    write_onnx(weight_only, spec, metadata, Path(f"{base}_weight8_source.onnx"))
    write_ms_fp16(weights.arrays, spec, metadata, Path(f"{base}_fp16.ms"))


def _baselines(formats: Sequence[str], weights: Weights, spec: ExportSpec, folder: Path) -> dict[str, Path]:
    """The fp32 files to compare with, by suffix; ``full.onnx`` for the whole enhancement."""
    metadata = spec.metadata("0" * 64)
    files = {"dce": folder / "fp32.dce"}
    write_dce(DceModel(weights.architecture, spec.scale, weights.arrays), files["dce"])
    if "onnx" in formats:
        from dcelite.export.onnx_graph import write_onnx

        files |= {"onnx": folder / "fp32.onnx", "full.onnx": folder / "fp32_full.onnx"}
        write_onnx(weights.arrays, spec, metadata, files["onnx"])
        whole = ExportSpec(spec.architecture, spec.scale, resize_in_graph=True)
        write_onnx(weights.arrays, whole, whole.metadata("0" * 64), files["full.onnx"])
    if "ms" in formats:
        from dcelite.export.lite import write_ms

        files["ms"] = folder / "fp32.ms"
        write_ms(weights.arrays, spec, metadata, files["ms"])
    return files


def _judge_file(path: Path, ending: str, reference: Reference, baselines: dict[str, Path]) -> FileResult:
    """Measure a file beside the fp32 file of the same engine."""
    engine = ending.rsplit(".", 1)[1]
    base = baselines["full.onnx" if ending.endswith("full.onnx") else engine]
    measurement = measure(path, reference)
    own, fp32 = latencies([path, base])
    return FileResult(KINDS[ending], engine, measurement, own, base.stat().st_size, fp32)


def quantize(options: QuantizeOptions, say: Say = print) -> list[Path]:
    """Write the int8 files and the report; returns their paths.

    Raises:
        ModelError: the checkpoint is not usable, or a written file does not run.
        EngineUnavailableError: a format that was asked for cannot be made here.
        OutputError: an output exists already or cannot be written.
        DceliteError: the options are wrong, or the calibration pictures do not suffice.
    """
    _check(options)
    weights = load_weights(options.checkpoint)
    if weights.architecture != "zerodcepp":
        raise ModelError(f"{options.checkpoint}: holds Zero-DCE; quantisation is made for Zero-DCE++")
    refuse_dead_channels(weights, options.checkpoint)
    formats = _formats(options, say)
    scale = ARCHITECTURES[weights.architecture].scale if options.scale is None else options.scale
    spec = ExportSpec(weights.architecture, scale)
    stem = spec.stem(options.name, sized=False)
    kinds = {f"{stem}_{ending}": ending for ending in KINDS if ending.rsplit(".", 1)[1] in formats}
    _refuse_existing(options, stem, kinds)
    calibration = choose_pictures(options.calibration, scale, options.pictures, options.seed)
    for text in calibration.warnings:
        say(f"warning: {text}")
    say(f"calibrating with {len(calibration.images)} pictures, ranges: {options.ranges}")
    found = calibrate(weights, calibration, options.ranges, options.target)

    photos = calibration.held_out_paths if options.photos is None else picture_paths(options.photos)
    digest = sha256(options.checkpoint)
    metadata = spec.metadata(digest)
    with scratch_folder(options.output) as scratch:
        made, other = scratch / "made", scratch / "other"
        made.mkdir()
        other.mkdir()
        baselines = _baselines(formats, weights, spec, other)
        reference = Reference(baselines["dce"], photos, options.pairs)
        if "onnx" in formats:
            _write_onnx(weights, found, spec, metadata, made / stem)
        if "ms" in formats:
            _write_ms(weights, found, spec, metadata, calibration, made / stem)
        if "dce" in formats:
            write_dce(dce_model(integer_layers(found.layers), scale), made / f"{stem}_int8.dce")
        results = [
            _judge_file(made / file, ending, reference, baselines)
            for file, ending in track(kinds.items(), len(kinds), "measuring")
        ]
        report = Report(
            checkpoint=options.checkpoint.name,
            checkpoint_sha256=digest,
            scale=scale,
            ranges=options.ranges,
            seed=options.seed,
            target=options.target,
            calibration=calibration,
            sensitivities=found.sensitivities,
            wide=found.wide,
            predicted=found.fidelities,
            fp32_truth=reference.ground_truth,
            results=results,
            notes=_notes(found, formats, options.target),
        )
        text = json.dumps(to_json(report), indent=2, ensure_ascii=False) + "\n"
        (made / f"{stem}_{REPORT_NAME}.json").write_text(text, encoding="utf-8")
        (made / f"{stem}_{REPORT_NAME}.html").write_text(to_html(report), encoding="utf-8")
        names = sorted(path.name for path in made.iterdir())
        publish(made, options.output, overwrite=options.overwrite)
        if options.overwrite and "ms" in formats:
            from dcelite.quantize.lite_int8 import remove_surplus_inputs

            remove_surplus_inputs(options.output / f"{stem}_{CALIBRATION_INPUTS}", len(calibration.images))
    say(table(report))
    say(f"{', '.join(names)}: in {options.output}")
    return [options.output / name for name in names]


def _refuse_existing(options: QuantizeOptions, stem: str, models: Iterable[str]) -> None:
    """Raise OutputError before any work where it would replace something unasked."""
    names = [*models, f"{stem}_{REPORT_NAME}.json", f"{stem}_{REPORT_NAME}.html"]
    if f"{stem}_int8.ms" in models:
        names += [f"{stem}_{ending}" for ending in LITE_SOURCES]
        refuse_existing(options.output / f"{stem}_{CALIBRATION_INPUTS}", options.overwrite, folder=True)
    for name in names:
        refuse_existing(options.output / name, options.overwrite)


def _notes(found: Quantized, formats: Sequence[str], target: float) -> list[str]:
    """What the mixed precision came to."""
    if found.wide:
        notes = [f"kept wide in .onnx, to reach {target:g} dB: {', '.join(sorted(found.wide))}"]
        if "dce" in formats or "ms" in formats:
            notes.append("the int8 .ms and .dce hold all activations in 8 bits")
        return notes
    if min(found.fidelities) < target:
        worst = min(found.fidelities)
        return [f"{worst:.1f} dB on the worst picture held out: {target:g} dB is out of reach with 8-bit weights"]
    return []


if __name__ == "__main__":
    from dcelite.cli import main

    sys.exit(main(["quantize", *sys.argv[1:]]))
