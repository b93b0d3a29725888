"""The report: a table for the terminal, ``quantization.json``, and one self-contained HTML page."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcelite.provenance import processor_name, tool_versions
from dcelite.quantize.calibration import Calibration, digest
from dcelite.quantize.measure import GroundTruth, Latency, Measurement
from dcelite.quantize.sensitivity import Sensitivity
from dcelite.report import page
from dcelite.report.tables import text_table

SLOWER = 1.1
"""Factor on the fp32 latency from which a file is called slower: below it is the noise of the clock."""


@dataclass(frozen=True)
class FileResult:
    """A written file beside the fp32 file of the same engine."""

    kind: str
    """What the file is, in words."""
    engine: str
    """Suffix of the format."""
    measurement: Measurement
    latency: Latency
    fp32_size: int
    fp32_latency: Latency

    @property
    def speed_up(self) -> float:
        """fp32 time through its own: of the network where both give it, else of the frame."""
        own, fp32 = self.latency, self.fp32_latency
        if own.network is not None and fp32.network is not None:
            return fp32.network / own.network
        return fp32.frame / own.frame


@dataclass(frozen=True)
class Report:
    """Everything that was found."""

    checkpoint: str
    checkpoint_sha256: str
    scale: int
    ranges: str
    seed: int
    target: float
    calibration: Calibration
    sensitivities: list[Sensitivity]
    wide: frozenset[str]
    predicted: list[float]
    """Fidelities in dB of the integer network on the pictures held out, at the network's resolution."""
    fp32_truth: GroundTruth | None
    results: list[FileResult]
    notes: list[str]


def recommendations(report: Report) -> list[str]:
    """What to use, and what not, on a machine like this one."""
    lines = list(report.notes)
    for result in report.results:
        m = result.measurement
        if result.speed_up * SLOWER < 1:
            lines.append(
                f"{m.file}: is {1 / result.speed_up:.1f} times slower than the fp32 .{result.engine} on this machine; "
                "use fp32 here, and time this file on the device it is meant for"
            )
        if m.worst.psnr < report.target:
            lines.append(
                f"{m.file}: {m.worst.psnr:.1f} dB on {m.worst.name} is below the target of {report.target:g} dB"
            )
    best = min(report.results, key=lambda r: r.latency.frame, default=None)
    if best is not None:
        text = f"{best.latency.frame:.1f} ms for a frame of 1200x900"
        lines.append(f"{best.measurement.file}: is the fastest of these here, {text}")
    return lines


HEADER = (
    "file", "bytes", "of fp32", "fidelity", "worst", "on", "brightness", "network", "fp32", "frame", "fp32", "speed",
)  # fmt: skip


def _row(result: FileResult) -> tuple[str, ...]:
    m = result.measurement
    milliseconds = ["-" if t is None else f"{t:.2f} ms" for t in (result.latency.network, result.fp32_latency.network)]
    return (
        m.file,
        f"{m.size:,}",
        f"{m.size / result.fp32_size:.0%}",
        f"{m.mean:.1f} dB",
        f"{m.worst.psnr:.1f} dB",
        m.worst.name,
        f"{m.largest_shift:+.2f}",
        *milliseconds,
        f"{result.latency.frame:.2f} ms",
        f"{result.fp32_latency.frame:.2f} ms",
        f"{result.speed_up:.2f}x",
    )


def _truth_rows(report: Report) -> list[tuple[str, ...]]:
    """Ground truth on the pairs: fp32 first, then each file and its differences."""
    truth = report.fp32_truth
    if truth is None:
        return []
    rows: list[tuple[str, ...]] = [("on the pairs", "PSNR", "SSIM", "brightness", "PSNR of fp32", "SSIM", "brightness")]
    rows.append(("fp32", f"{truth.psnr:.3f} dB", f"{truth.ssim:.4f}", f"{truth.brightness:.2f}", "", "", ""))
    for result in report.results:
        own = result.measurement.ground_truth
        if own is not None:
            differences = (own.psnr - truth.psnr, own.ssim - truth.ssim, own.brightness - truth.brightness)
            cells = (f"{own.psnr:.3f} dB", f"{own.ssim:.4f}", f"{own.brightness:.2f}")
            changes = (f"{differences[0]:+.3f} dB", f"{differences[1]:+.5f}", f"{differences[2]:+.2f}")
            rows.append((result.measurement.file, *cells, *changes))
    return rows


def _layer_rows(report: Report) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("activation", "lowest", "highest", "signal/noise", "fidelity alone in 8 bits", "kept")
    ]
    for s in report.sensitivities:
        kept = "wide" if s.name in report.wide else "8 bits"
        rows.append((s.name, f"{s.low:.3g}", f"{s.high:.3g}", f"{s.noise_ratio:.1f} dB", f"{s.fidelity:.1f} dB", kept))
    return rows


def table(report: Report) -> str:
    """For the terminal."""
    count = len(report.results[0].measurement.fidelity) if report.results else 0
    parts = [
        f"Fidelity to fp32 over {count} photographs (PSNR of the 8-bit outputs); latency on one thread:",
        text_table([HEADER, *map(_row, report.results)], left=(0, 5), indent="  "),
    ]
    if truth := _truth_rows(report):
        parts.append(text_table(truth, left=(0,), indent="  "))
    parts += [f"  {line}" for line in recommendations(report)]
    return "\n".join(parts)


def _truth(truth: GroundTruth | None) -> dict[str, float] | None:
    return None if truth is None else {"psnr": truth.psnr, "ssim": truth.ssim, "mean_level": truth.brightness}


def _result_json(result: FileResult) -> dict[str, Any]:
    m = result.measurement
    return {
        "file": m.file,
        "kind": result.kind,
        "bytes": m.size,
        "bytes_fp32": result.fp32_size,
        "fidelity_db": {
            "mean": m.mean,
            "worst": m.worst.psnr,
            "worst_picture": m.worst.name,
            "pictures": {p.name: p.psnr for p in m.fidelity},
        },
        "brightness_shift_levels": {p.name: p.brightness_shift for p in m.fidelity},
        "ground_truth": _truth(m.ground_truth),
        "latency_ms": {"network": result.latency.network, "frame_1200x900": result.latency.frame, "threads": 1},
        "latency_fp32_ms": {"network": result.fp32_latency.network, "frame_1200x900": result.fp32_latency.frame},
        "speed_up": result.speed_up,
    }


def to_json(report: Report) -> dict[str, Any]:
    """What ``quantization.json`` holds."""
    calibration = report.calibration
    return {
        "report_version": 1,
        "checkpoint": {"file": report.checkpoint, "sha256": report.checkpoint_sha256},
        "scale": report.scale,
        "ranges": report.ranges,
        "calibration": {
            "pictures": [path.name for path in calibration.paths],
            "mean_levels": calibration.levels,
            "sha256": digest(calibration),
            "seed": report.seed,
            "warnings": calibration.warnings,
        },
        "target_db": report.target,
        "wide_activations": sorted(report.wide),
        "predicted_fidelity_db": report.predicted,
        "activations": [vars(s) for s in report.sensitivities],
        "ground_truth_fp32": _truth(report.fp32_truth),
        "files": [_result_json(result) for result in report.results],
        "recommendations": recommendations(report),
        "machine": {"processor": processor_name() or platform.machine(), **tool_versions()},
    }


def _crops(result: FileResult) -> str:
    crop = result.measurement.crop
    if crop is None:
        return ""
    difference = np.abs(crop.fp32.astype(np.int16) - crop.quantized)
    factor = 32
    amplified = np.clip(difference * factor, 0, 255).astype(np.uint8)
    title = f"{result.measurement.file}: {crop.picture}, row {crop.row}, column {crop.column}"
    return "".join(
        (
            page.heading(title, 3),
            page.figure(crop.source, "source"),
            page.figure(crop.fp32, "fp32"),
            page.figure(crop.quantized, "quantised"),
            page.figure(amplified, f"difference x {factor} (at most {int(difference.max())} levels)"),
        )
    )


def to_html(report: Report) -> str:
    """One page without external parts."""
    calibration, truth = report.calibration, _truth_rows(report)
    levels = f"{min(calibration.levels):.0f} to {max(calibration.levels):.0f}"
    about = (
        f"{report.checkpoint}, scale {report.scale}; {len(calibration.paths)} calibration pictures of mean level "
        f"{levels}; ranges: {report.ranges}; {processor_name() or platform.machine()}"
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
        page.bullets([*recommendations(report), *calibration.warnings]),
        page.section("Where the outputs differ most", "".join(map(_crops, report.results))),
        page.section("Activations", page.table(_layer_rows(report))),
    ]
    return page.page(f"Quantisation of {report.checkpoint}", parts)
