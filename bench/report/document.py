"""From samples to the document of ``schema.json``: what was measured, and what follows from it.

Samples are written by ``dcelite bench`` itself, by ``dce_bench`` and by the Android app; ``schema.json`` describes them
(``$defs/samples``). A document that was made without SciPy gets its intervals when it is read where SciPy is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dcelite import reference
from dcelite.bench import statistics
from dcelite.bench.compare import change
from dcelite.bench.run import host, session
from dcelite.bench.run.variants import ENHANCE, NETWORK, NUMPY, STAGE_NAMES, STAGES, curve_label, denoise_label
from dcelite.errors import DceliteError
from dcelite.files import reason
from dcelite.metrics import psnr_of
from dcelite.model.architecture import ARCHITECTURES

FORMAT, VERSION = "dcelite-bench", 2

Document = dict[str, Any]

CURVE_MULTIPLY_ADDS = 2 * reference.ITERATIONS + 1
"""For one value: x (x - 1) and x + a (x (x - 1)), eight times, and the conversion to 8 bits."""
EQUAL_WANTED = 0.999
"""Share of values equal to the reference that every float32 engine keeps."""
LARGEST_SPREAD = 0.15
"""Distance of the quartiles as a share of the median, above which a row is too noisy."""
LARGEST_THROTTLE = 1.10
"""Time at the end to that at the beginning, above which the processor was slowed down."""
STAGES_SHOWN = {
    "convert": "reordering of channels",
    "downsample": "downsampling",
    "network": "curve network",
    "denoise": "denoising",
    "curve": "upsampling and curve",
    "rest": "preparation and waiting",
}
WITHOUT_SCIPY = (
    "SciPy is not installed, intervals and verdicts are left out; run: pip install 'dcelite[bench]', then: "
    "dcelite bench --from FILE.json"
)
KEPT = (
    *("label", "model", "file", "precision", "engine", "isa", "is_baseline", "library", "width", "height", "threads"),
    *("denoise", "curve", "load_ms", "first_ms", "memory"),
)
"""Of a row: what the report says as the samples do, or null where a program that measures left it out."""


def read(path: Path) -> Document:
    """A report of ``--json``, or samples as the report that follows from them; raises DceliteError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DceliteError(f"{path}: cannot be read: {reason(error)}") from None
    except ValueError as error:
        raise DceliteError(f"{path}: is not JSON: {error}") from None
    known = {(FORMAT, VERSION), (session.FORMAT, session.VERSION)}
    if not isinstance(found, dict) or (found.get("format"), found.get("version")) not in known:
        raise DceliteError(f"{path}: a report of 'dcelite bench --json' or samples, version {VERSION}, was wanted")
    try:
        return complete(found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DceliteError(f"{path}: is damaged: {type(error).__name__}: {error}") from None


def complete(found: Document) -> Document:
    """The report of samples; of a report, the same with what only SciPy tells, where it is installed."""
    has_scipy, notes = statistics.has_scipy(), found.get("notes", [])
    if found["format"] == FORMAT:
        if WITHOUT_SCIPY not in notes or not has_scipy:
            return found
        system, results = found["system"], found["results"]
    else:
        system = found["system"] if "system" in found else host.described(found["machine"])
        rows = [_in_rounds(row) for row in found["results"]]
        results = [{**_result(found, system, row), "network_ratio": _network_ratios(row, rows)} for row in rows]
    return {
        "format": FORMAT,
        "version": VERSION,
        **{name: found[name] for name in ("created", "command", "interrupted")},
        "notes": [note for note in notes if note != WITHOUT_SCIPY] + ([] if has_scipy else [WITHOUT_SCIPY]),
        "settings": found["settings"],
        "system": system,
        "roofline": found["roofline"],
        "results": [{**result, **_relations(result, results, system)} for result in results],
    }


def _in_rounds(row: Document) -> Document:
    """A row with its samples by round; what a program that measures may leave out is added."""
    samples = row.get("samples", [])
    blocks: Document = {kind: {} for kind in (ENHANCE, STAGES, NETWORK, "probe", "parallel probe")}
    for kind, number, time, *_ in samples:
        blocks[kind].setdefault(str(number), []).append(time)
    stages = zip(*(sample[3:] for sample in samples if sample[0] == STAGES), strict=True)
    return {
        "engine": "native",
        "is_baseline": False,
        "memory_reason": "not measured",
        "failures": {},
        "label": f"{row['model']} {row.get('isa') or ''}".rstrip()
        + denoise_label(row.get("denoise", 0.0))
        + curve_label(row.get("curve", "exact")),
        "denoise": 0.0,
        "curve": "exact",
        "blocks_ms": blocks[ENHANCE],
        "staged_blocks_ms": blocks[STAGES],
        "network_blocks_ms": blocks[NETWORK],
        "probes_ms": {number: min(times) for number, times in blocks["probe"].items()},
        "parallel_probes_ms": {number: min(times) for number, times in blocks["parallel probe"].items()},
        "stage_runs_ms": dict(zip(STAGE_NAMES, map(list, stages), strict=False)),
        **row,
    }


def blocks_of(row: Mapping[str, Any], name: str = "blocks_ms") -> dict[int, Any]:
    return {int(number): value for number, value in row[name].items()}


def run_of(row: Document, system: Document) -> change.Run:
    """A row, for the test."""
    blocks, probes, parallel = (blocks_of(row, name) for name in ("blocks_ms", "probes_ms", "parallel_probes_ms"))
    processors = len(system["affinity"] or ())
    return change.Run(blocks, probes, parallel, is_crowded=row["threads"] >= processors > 1)


def _result(found: Document, system: Document, row: Document) -> Document:
    blocks, network = blocks_of(row), blocks_of(row, "network_blocks_ms")
    latency = statistics.latency(blocks) if blocks else None
    throttle = statistics.throttle_ratio(blocks)
    doubts = _doubts(found["settings"], system, row, latency, throttle)
    why = row.get("reason") or (None if blocks else "interrupted before it was timed")
    joules = row.get("energy_joules")
    return {
        **{name: row.get(name) for name in KEPT},
        "reason": why,
        "valid": why is None and not doubts,
        "doubts": doubts,
        "latency_ms": latency,
        "blocks_ms": row["blocks_ms"],
        "probes_ms": row["probes_ms"] if blocks else {},
        "parallel_probes_ms": row["parallel_probes_ms"] if blocks else {},
        "throttle_ratio": throttle,
        "speed": latency and _speed(latency["p50"], row["width"] * row["height"]),
        "stages_ms": _stages(row["stage_runs_ms"]),
        "timing_cost": _timing_cost(row),
        "network_ms": statistics.latency(network) if network else None,
        "fidelity": row.get("fidelity") and fidelity_of(row["fidelity"]),
        "memory_reason": None if row.get("memory") else row["memory_reason"],
        "limit": _limit(found["roofline"]["multiply_adds_a_second"], row, latency),
        "energy_joules_per_frame": joules / latency["count"] if latency and joules else None,
    }


def _doubts(
    settings: Document, system: Document, row: Document, latency: Document | None, throttle: float | None
) -> list[str]:
    """Why the times should not be trusted."""
    doubts = []
    if system["emulated"]:
        doubts.append("emulated: these are not the times of a processor")
    processors = system["affinity"]
    if processors is not None and row["threads"] > len(processors):
        doubts.append(f"{row['threads']} threads on {len(processors)} processors")
    if latency is None:
        return doubts
    runs, seconds, spent = settings["runs"], settings["seconds"], 1e-3 * latency["count"] * latency["mean"]
    if latency["count"] < runs or spent < seconds:
        doubts.append(f"too short: {latency['count']} runs in {spent:.2g} s; {runs} and {seconds:g} s were wanted")
    doubts += [f"no times of its stages: {task}: {failure}" for task, failure in row["failures"].items()]
    if throttle is not None and throttle > LARGEST_THROTTLE:
        doubts.append(f"slowed down: the last quarter took {throttle:.2f} times the first")
    if latency["spread"] > LARGEST_SPREAD:
        doubts.append(f"noisy: the quartiles are {latency['spread']:.0%} of the median apart")
    return doubts


def _speed(ms: float, pixels: int) -> Document:
    return {"frames_a_second": 1e3 / ms, "megapixels_a_second": 1e-3 * pixels / ms, "ns_a_pixel": 1e6 * ms / pixels}


def _stages(runs: Mapping[str, list[float]]) -> Document | None:
    """Means over the middle half of the runs, by their total: the stages and the rest add up to it."""
    if not runs or not runs["total"]:
        return None
    totals = np.array(runs["total"])
    low, high = np.percentile(totals, (25, 75))
    middle = (low <= totals) & (totals <= high)
    kept = middle if middle.any() else slice(None)
    means = {name: float(np.mean(np.array(times)[kept])) for name, times in runs.items()}
    rest = means["total"] - sum(means[name] for name in STAGES_SHOWN if name != "rest")
    return {**means, "rest": max(rest, 0.0)}


def _timing_cost(row: Document) -> float | None:
    """What the clock adds to a frame, as a share, by the shortest times."""
    staged, plain = (statistics.flat(blocks_of(row, name)) for name in ("staged_blocks_ms", "blocks_ms"))
    return float(staged.min() / plain.min()) - 1 if staged.size and plain.size else None


def fidelity_of(found: Document) -> Document:
    """From how many values differ by 0, 1, 2 … levels."""
    histogram = np.array(found["differences"], np.int64)
    return {
        "reference": found["reference"],
        "equal": float(histogram[0] / histogram.sum()),
        "largest_difference": int(np.flatnonzero(histogram)[-1]),
        "psnr_db": psnr_of(histogram) if histogram[1:].any() else None,
        "mean_brightness": found["mean_brightness"],
    }


def _limit(peaks: Mapping[str, float], row: Document, latency: Document | None) -> Document | None:
    """The time that the counted arithmetic takes at the measured peak of ``threads`` cores."""
    isa = row.get("isa") or max(peaks, key=lambda name: peaks[name], default="")
    rate = peaks.get(isa)
    if not rate or not row.get("architecture"):
        return None
    of_network = ARCHITECTURES[row["architecture"]].multiply_adds
    h, w = reference.low_resolution_size(row["height"], row["width"], row["scale"])
    work = h * w * of_network + row["width"] * row["height"] * 3 * CURVE_MULTIPLY_ADDS
    limit = 1e3 * work / (rate * row["threads"])
    return {
        "multiply_adds": work,
        "isa": isa,
        "ms": limit,
        "times_limit_min": latency["min"] / limit if latency else None,
        "times_limit_p50": latency["p50"] / limit if latency else None,
    }


def _same(a: Document, b: Document, *names: str) -> bool:
    return all(a[name] == b[name] for name in names)


def _ratios(row: Document, others: Iterable[Document], name: str = "blocks_ms") -> list[Document]:
    """How many times faster it is than each of the others that has times of that name."""
    found = (statistics.ratio(blocks_of(other, name), blocks_of(row, name), other["label"]) for other in others)
    return [ratio for ratio in found if ratio is not None]


def _network_ratios(row: Document, rows: list[Document]) -> list[Document]:
    """How many times faster the native engine runs the network alone than others do."""
    if row["engine"] != "native":
        return []
    others = (one for one in rows if _same(one, row, "width", "height", "threads") and one["engine"] != "native")
    return _ratios(row, others, "network_blocks_ms")


def _relations(row: Document, rows: list[Document], system: Document) -> Document:
    """What follows from the other rows: times to those of baselines and other builds, and what such a run can show."""
    baselines = (
        other
        for other in rows
        if other["is_baseline"]
        and other is not row
        and _same(other, row, "width", "height")
        and (other["threads"] == row["threads"] or other["engine"] == NUMPY)
    )
    kind = ("width", "height", "threads", "engine", "model", "file", "is_baseline")
    first = next(other for other in rows if _same(other, row, *kind))
    return {
        "ratios": _ratios(row, baselines),
        "slowdown": _slowdown(first, row) if first is not row else None,
        "smallest_change": change.smallest_change(run_of(row, system), len(rows)),
    }


def _slowdown(first: Document, row: Document) -> Document | None:
    """Time to that of the first row of the same model: another instruction set, build, or denoising."""
    found = statistics.of_rounds(blocks_of(row), blocks_of(first), min, confidence=0.99)
    return found and {
        "to": first["label"],
        **found,
        "verdict": change.verdict_of(found["median"], found["low"], found["high"]),
    }
