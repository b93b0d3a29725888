"""The report: a table for the terminal, ``quantization.json``, and one self-contained HTML page."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dcelite.machine import Machine
from dcelite.provenance import tool_versions
from dcelite.quantize.calibration import Calibration, digest
from dcelite.quantize.measure import GroundTruth, Measurement
from dcelite.report import page
from dcelite.report.tables import text_table

if TYPE_CHECKING:
    from dcelite.quantize.quantize import Quantized, QuantizeOptions

SLOWER = 1.1
"""Factor on the fp32 latency from which a file is called slower: below it is the noise of the clock."""


@dataclass(frozen=True)
class Report:
    """Everything that was found."""

    options: QuantizeOptions
    checkpoint_sha256: str
    scale: int
    calibration: Calibration
    found: Quantized
    fp32_truth: GroundTruth | None
    results: list[Measurement]


def recommendations(report: Report) -> list[str]:
    """What the mixed precision came to; what to use, and what not, on a machine like this one."""
    lines = []
    found, target = report.found, f"{report.options.target:g} dB"
    if found.wide:
        lines.append(f"kept wide in .onnx, to reach {target}: {', '.join(sorted(found.wide))}")
        if any(m.engine in ("dce", "ms") for m in report.results):
            lines.append("the int8 .ms and .dce hold all activations in 8 bits")
    elif (worst := min(found.fidelities)) < report.options.target:
        lines.append(f"{worst:.1f} dB on the worst picture held out: {target} is out of reach with 8-bit weights")
    for m in report.results:
        if m.speed_up * SLOWER < 1:
            lines.append(
                f"{m.file}: is {1 / m.speed_up:.1f} times slower than the fp32 .{m.engine} on this machine; "
                "use fp32 here, and time this file on the device it is meant for"
            )
        if m.worst.psnr < report.options.target:
            lines.append(f"{m.file}: {m.worst.psnr:.1f} dB on {m.worst.name} is below the target of {target}")
    best = min(report.results, key=lambda m: m.latency.frame)
    return [*lines, f"{best.file}: is the fastest of these here, {best.latency.frame:.1f} ms for a frame of 1200x900"]


HEADER = (
    "file", "bytes", "of fp32", "fidelity", "worst", "on", "brightness", "network", "fp32", "frame", "fp32", "speed",
)  # fmt: skip


def _row(m: Measurement) -> tuple[str, ...]:
    quality = f"{m.mean:.1f} dB", f"{m.worst.psnr:.1f} dB", m.worst.name, f"{m.largest_shift:+.2f}"
    times = m.latency.network, m.fp32_latency.network, m.latency.frame, m.fp32_latency.frame
    milliseconds = ("-" if t is None else f"{t:.2f} ms" for t in times)
    return (m.file, f"{m.size:,}", f"{m.size / m.fp32_size:.0%}", *quality, *milliseconds, f"{m.speed_up:.2f}x")


def _truth_rows(report: Report) -> list[tuple[str, ...]]:
    """Ground truth on the pairs: fp32 first, then each file and its differences."""
    if report.fp32_truth is None:
        return []
    rows: list[tuple[str, ...]] = [("on the pairs", "PSNR", "SSIM", "brightness", "PSNR of fp32", "SSIM", "brightness")]
    for name, own in [("fp32", report.fp32_truth), *((m.file, m.ground_truth) for m in report.results)]:
        if own is not None:
            psnr, ssim, level = np.subtract(own, report.fp32_truth)
            changes = (f"{psnr:+.3f} dB", f"{ssim:+.5f}", f"{level:+.2f}") if name != "fp32" else ("", "", "")
            rows.append((name, f"{own.psnr:.3f} dB", f"{own.ssim:.4f}", f"{own.mean_level:.2f}", *changes))
    return rows


def table(report: Report) -> str:
    """For the terminal."""
    count = len(report.results[0].fidelity)
    parts = [
        f"Fidelity to fp32 over {count} photographs (PSNR of the 8-bit outputs); latency on one thread:",
        text_table([HEADER, *map(_row, report.results)], left=(0, 5), indent="  "),
    ]
    if truth := _truth_rows(report):
        parts.append(text_table(truth, left=(0,), indent="  "))
    parts += [f"  {line}" for line in recommendations(report)]
    return "\n".join(parts)


def _result_json(m: Measurement) -> dict[str, Any]:
    return {
        "file": m.file,
        "kind": m.kind,
        "bytes": m.size,
        "bytes_fp32": m.fp32_size,
        "fidelity_db": {
            "mean": m.mean,
            "worst": m.worst.psnr,
            "worst_picture": m.worst.name,
            "pictures": {p.name: p.psnr for p in m.fidelity},
        },
        "brightness_shift_levels": {p.name: p.brightness_shift for p in m.fidelity},
        "ground_truth": m.ground_truth and m.ground_truth._asdict(),
        "latency_ms": {"network": m.latency.network, "frame_1200x900": m.latency.frame, "threads": 1},
        "latency_fp32_ms": {"network": m.fp32_latency.network, "frame_1200x900": m.fp32_latency.frame},
        "speed_up": m.speed_up,
    }


def to_json(report: Report) -> dict[str, Any]:
    """What ``quantization.json`` holds."""
    options, calibration, found = report.options, report.calibration, report.found
    return {
        "report_version": 1,
        "checkpoint": {"file": options.checkpoint.name, "sha256": report.checkpoint_sha256},
        "scale": report.scale,
        "ranges": options.ranges,
        "calibration": {
            "pictures": [picture.path.name for picture in calibration.pictures],
            "mean_levels": [picture.level for picture in calibration.pictures],
            "sha256": digest(calibration),
            "seed": options.seed,
            "warnings": calibration.warnings,
        },
        "target_db": options.target,
        "wide_activations": sorted(found.wide),
        "predicted_fidelity_db": found.fidelities,
        "activations": [vars(s) for s in found.sensitivities],
        "ground_truth_fp32": report.fp32_truth and report.fp32_truth._asdict(),
        "files": [_result_json(result) for result in report.results],
        "recommendations": recommendations(report),
        "machine": {"processor": Machine().processor or platform.machine(), **tool_versions()},
    }


def _crops(m: Measurement) -> str:
    crop = m.crop
    difference = np.abs(crop.fp32.astype(np.int16) - crop.quantized)
    factor = 32
    amplified = np.clip(difference * factor, 0, 255).astype(np.uint8)
    last = f"difference x {factor} (at most {int(difference.max())} levels)"
    figures = {"source": crop.source, "fp32": crop.fp32, "quantised": crop.quantized, last: amplified}
    title = page.heading(f"{m.file}: {m.worst.name}, row {crop.row}, column {crop.column}", 3)
    return title + "".join(page.figure(pixels, caption) for caption, pixels in figures.items())


def to_html(report: Report) -> str:
    """One page without external parts."""
    name, pictures, truth = report.options.checkpoint.name, report.calibration.pictures, _truth_rows(report)
    activations = [("activation", "lowest", "highest", "signal/noise", "fidelity alone in 8 bits", "kept")]
    for s in report.found.sensitivities:
        kept = "wide" if s.name in report.found.wide else "8 bits"
        ratios = f"{s.noise_ratio:.1f} dB", f"{s.fidelity:.1f} dB"
        activations.append((s.name, f"{s.low:.3g}", f"{s.high:.3g}", *ratios, kept))
    about = (
        f"{name}, scale {report.scale}; {len(pictures)} calibration pictures of mean level {pictures[0].level:.0f} to "
        f"{pictures[-1].level:.0f}; ranges: {report.options.ranges}; {Machine().processor or platform.machine()}"
    )
    parts = [
        page.heading("Quantisation report"),
        page.paragraph(about),
        page.paragraph(
            "Fidelity is the PSNR between the 8-bit outputs of a file and of fp32. Latency is on one thread, a frame "
            "is 1200x900, the network then sees 100x75."
        ),
        page.table([HEADER, *map(_row, report.results)]),
        page.table(truth) if truth else "",
        page.bullets([*recommendations(report), *report.calibration.warnings]),
        page.section("Where the outputs differ most", "".join(map(_crops, report.results))),
        page.section("Activations", page.table(activations)),
    ]
    return page.page(f"Quantisation of {name}", parts)
