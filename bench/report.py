"""What a run found, as the document of ``schema.json``, as a table and as CSV."""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dcelite.bench import change, roofline, samples, system
from dcelite.bench.measure import Cell, Rules
from dcelite.bench.variants import ENHANCE, NETWORK, NUMPY, STAGES
from dcelite.bench.weights import precision_of
from dcelite.files import write_text_atomically

if TYPE_CHECKING:
    from dcelite.bench.bench import Outcome, Row

FORMAT = "dcelite-bench"
VERSION = 2

Document = dict[str, Any]

LARGEST_SPREAD = 0.15
"""Distance of the quartiles as a share of the median, above which a row is too noisy."""
LARGEST_THROTTLE = 1.10
"""Time at the end to that at the beginning, above which the processor was slowed down."""


def document(outcome: Outcome, created: datetime.datetime, command: list[str]) -> Document:
    """Everything that is known, ready for JSON."""
    settings = outcome.settings
    return {
        "format": FORMAT,
        "version": VERSION,
        "created": created.isoformat(timespec="seconds"),
        "command": command,
        "interrupted": outcome.interrupted,
        "notes": outcome.notes,
        "settings": {
            "runs": settings.rules.runs,
            "seconds": settings.rules.seconds,
            "max_seconds": settings.rules.max_seconds,
            "warm_up": settings.rules.warm_up,
            "block_ms": settings.rules.block_ms,
            "rounds_of_a_series": change.ROUNDS_OF_A_SERIES,
            "image": "synthetic dark scene" if settings.image is None else settings.image.name,
            "processors": settings.processors,
        },
        "system": {**system.describe(), "before": outcome.before, "after": outcome.after},
        "roofline": {
            "multiply_adds_a_second": outcome.peaks,
            "copied_bytes_a_second": outcome.copied,
            "energy_source": outcome.energy_source,
        },
        "results": [_result(outcome, row) for row in outcome.rows],
    }


def _result(outcome: Outcome, row: Row) -> Document:
    variant = row.variant
    width, height = row.size
    cell = row.cells.get(ENHANCE)
    timed = cell if cell is not None and cell.count else None
    reasons = _doubts(outcome, row, cell)
    reason = row.reason or (None if timed else "interrupted before it was timed")
    return {
        "label": variant.label,
        "model": variant.model_name,
        "file": system.file_record(variant.model),
        "precision": precision_of(variant.model) if variant.engine != NUMPY else None,
        "engine": variant.engine,
        "isa": variant.isa,
        "is_baseline": variant.is_baseline,
        "library": system.file_record(variant.library),
        "slowdown": _slowdown(outcome, row),
        "width": width,
        "height": height,
        "threads": row.threads,
        "reason": reason,
        "valid": reason is None and not reasons,
        "doubts": reasons,
        "load_ms": row.load_ms,
        "first_ms": cell.first_ms if cell else None,
        "latency_ms": dict(samples.latency(timed.blocks)) if timed else None,
        "blocks_ms": {str(number): times for number, times in timed.blocks.items()} if timed else {},
        "probes_ms": {str(number): time for number, time in timed.probes.items()} if timed else {},
        "parallel_probes_ms": {str(number): time for number, time in timed.parallel_probes.items()} if timed else {},
        "smallest_change": _smallest_change(outcome, row, timed) if timed else None,
        "throttle_ratio": samples.throttle_ratio(timed.blocks) if timed else None,
        "speed": _speed(row, timed),
        "ratios": _ratios(outcome, row),
        "stages_ms": _stages(row),
        "timing_cost": _timing_cost(row),
        "network_ms": _latency(row, NETWORK),
        "network_ratio": _network_ratio(outcome, row),
        "fidelity": row.fidelity,
        "memory": row.memory,
        "memory_reason": row.memory_reason,
        "limit": _limit(outcome, row, timed),
        "energy_joules_per_frame": timed.energy_joules / timed.count if timed and timed.energy_joules else None,
    }


def _smallest_change(outcome: Outcome, row: Row, timed: Cell) -> float | None:
    is_crowded = change.is_crowded(row.threads, system.affinity())
    run = change.Run(timed.blocks, timed.probes, timed.parallel_probes)
    return change.smallest_change(run, len(outcome.rows), is_crowded=is_crowded)


def _doubts(outcome: Outcome, row: Row, cell: Cell | None) -> list[str]:
    """Why the times should not be trusted."""
    doubts = []
    if roofline.is_emulated():
        doubts.append("emulated: these are not the times of a processor")
    processors = system.affinity()
    if processors is not None and row.threads > len(processors):
        doubts.append(f"{row.threads} threads on {len(processors)} processors")
    if cell is None or not cell.count:
        return doubts
    rules: Rules = outcome.settings.rules
    if cell.count < rules.runs or cell.timed_ms < 1e3 * rules.seconds:
        doubts.append(
            f"too short: {cell.count} runs in {cell.timed_ms / 1e3:.2g} s; "
            f"{rules.runs} and {rules.seconds:g} s were wanted"
        )
    for task, other in row.cells.items():
        if task != ENHANCE and other.failure is not None:
            doubts.append(f"no times of its stages: {task}: {other.failure}")
    throttle = samples.throttle_ratio(cell.blocks)
    if throttle is not None and throttle > LARGEST_THROTTLE:
        doubts.append(f"slowed down: the last quarter took {throttle:.2f} times the first")
    spread = samples.latency(cell.blocks)["spread"]
    if spread > LARGEST_SPREAD:
        doubts.append(f"noisy: the quartiles are {spread:.0%} of the median apart")
    return doubts


def _speed(row: Row, cell: Cell | None) -> Document | None:
    if cell is None:
        return None
    median = samples.latency(cell.blocks)["p50"]
    pixels = row.size[0] * row.size[1]
    return {
        "frames_a_second": 1e3 / median,
        "megapixels_a_second": 1e-3 * pixels / median,
        "ns_a_pixel": 1e6 * median / pixels,
    }


def _peers(outcome: Outcome, row: Row) -> list[Row]:
    """The baselines of a row: of its size, and of its number of threads where they have one."""
    return [
        other
        for other in outcome.rows
        if other.variant.is_baseline
        and other is not row
        and other.size == row.size
        and (other.threads == row.threads or other.variant.engine == NUMPY)
    ]


def _ratios(outcome: Outcome, row: Row) -> list[samples.Ratio]:
    """How many times faster than each baseline."""
    found = [samples.ratio(peer.blocks, row.blocks, peer.variant.label) for peer in _peers(outcome, row)]
    return [ratio for ratio in found if ratio is not None]


def _slowdown(outcome: Outcome, row: Row) -> Document | None:
    """Time to that of the first row of the same model: another instruction set, or build of the core library."""

    def kind(other: Row) -> tuple[Any, ...]:
        return other.size, other.threads, other.variant.engine, other.variant.model, other.variant.is_baseline

    first = next(other for other in outcome.rows if kind(other) == kind(row))
    found = samples.slowdown(first.blocks, row.blocks) if first is not row else None
    if found is None:
        return None
    median, low, high = found
    verdict = change.verdict_of(median, low, high)
    return {"to": first.variant.label, "median": median, "low": low, "high": high, "verdict": verdict}


def _network_ratio(outcome: Outcome, row: Row) -> list[samples.Ratio]:
    """How many times faster the native engine runs the network alone than others do."""
    if NETWORK not in row.cells or row.variant.engine != "native":
        return []
    found = [
        samples.ratio(other.cells[NETWORK].blocks, row.cells[NETWORK].blocks, other.variant.label)
        for other in outcome.rows
        if NETWORK in other.cells
        and (other.size, other.threads) == (row.size, row.threads)
        and other.variant.engine != row.variant.engine
    ]
    return [ratio for ratio in found if ratio is not None]


def _latency(row: Row, task: str) -> Document | None:
    cell = row.cells.get(task)
    return dict(samples.latency(cell.blocks)) if cell is not None and cell.count else None


STAGE_NAMES = {
    "convert": "reordering of channels",
    "downsample": "downsampling",
    "network": "curve network",
    "curve": "upsampling and curve",
    "rest": "preparation and waiting",
}


def _stages(row: Row) -> Document | None:
    """Means over the middle half of the runs, by their total: the stages and the rest add up to it."""
    if not row.stages:
        return None
    totals = np.array([times["total"] for times in row.stages])
    low, high = np.percentile(totals, (25, 75))
    middle = [times for times in row.stages if low <= times["total"] <= high] or row.stages
    means = {name: float(np.mean([times[name] for times in middle])) for name in row.stages[0]}
    rest = means["total"] - sum(means[name] for name in STAGE_NAMES if name != "rest")
    return {**means, "rest": max(rest, 0.0)}


def _timing_cost(row: Row) -> float | None:
    """What the clock adds to a frame, as a share, by the shortest times."""
    cells = [row.cells.get(name) for name in (STAGES, ENHANCE)]
    if not all(cell is not None and cell.count for cell in cells):
        return None
    timed, plain = (float(samples.flat(cell.blocks).min()) for cell in cells if cell is not None)
    return timed / plain - 1


def _limit(outcome: Outcome, row: Row, cell: Cell | None) -> Document | None:
    """The time that the counted arithmetic takes at the measured peak of ``threads`` cores."""
    if row.model is None or not outcome.peaks:
        return None
    isa = row.variant.isa or max(outcome.peaks, key=lambda name: outcome.peaks[name])
    rate = outcome.peaks.get(isa)
    work = roofline.frame_multiply_adds(*row.size, row.model)
    if not rate:
        return None
    limit = 1e3 * work / (rate * row.threads)
    latency = samples.latency(cell.blocks) if cell else None
    return {
        "multiply_adds": work,
        "isa": isa,
        "ms": limit,
        "times_limit_min": latency["min"] / limit if latency else None,
        "times_limit_p50": latency["p50"] / limit if latency else None,
    }


def size_scaling(results: list[Document]) -> list[Document]:
    """Time per pixel of each variant at each size, relative to the first size, by rounds that both were in."""
    found = []
    first: dict[tuple[str, int], Document] = {}
    for result in results:
        if not result["blocks_ms"]:
            continue
        key = (result["label"], result["threads"])
        base = first.setdefault(key, result)
        if base is result:
            continue
        times = {name: samples.block_medians(value["blocks_ms"]) for name, value in (("a", base), ("b", result))}
        rounds = times["a"].keys() & times["b"].keys()
        if not rounds:
            continue
        pixels = (base["width"] * base["height"]) / (result["width"] * result["height"])
        values = np.array([times["b"][number] / times["a"][number] * pixels for number in sorted(rounds)])
        low, high = samples.bootstrap(values)
        found.append(
            {
                "result": result,
                "base": base,
                "ratio": float(np.median(values)),
                "of_minima": result["latency_ms"]["min"] / base["latency_ms"]["min"] * pixels,
                "low": low,
                "high": high,
            }
        )
    return found


# ---- the terminal ----

HEADINGS = (
    "variant",
    "size",
    "threads",
    "min",
    "p50",
    "p95",
    "frames/s",
    "x baseline",
    "x limit",
    "extra MB",
    "equal",
    "diff",
    "",
)


def _fixed(value: float | None, digits: int = 3) -> str:
    """Significant digits, without exponent."""
    if value is None:
        return "-"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def row_cells(result: Document) -> list[str]:
    """A row of the table, as HEADINGS names its columns."""
    head = [result["label"], f"{result['width']}x{result['height']}", str(result["threads"])]
    if result["reason"] is not None:
        return [*head, *["-"] * 9, f"no result: {result['reason']}"]
    latency, speed, limit, accuracy = (result[name] for name in ("latency_ms", "speed", "limit", "fidelity"))
    memory = result["memory"]
    return [
        *head,
        _fixed(latency["min"]),
        _fixed(latency["p50"]),
        _fixed(latency["p95"]),
        _fixed(speed["frames_a_second"]),
        "baseline" if result["is_baseline"] else _ratio(result),
        f"{_fixed(limit['times_limit_p50'])} ({_fixed(limit['times_limit_min'])})" if limit else "-",
        _fixed(memory["extra_bytes"] / 1e6 if memory else None, 2),
        f"{accuracy['equal']:.3%}" if accuracy else "-",
        str(accuracy["largest_difference"]) if accuracy else "-",
        "; ".join(result["doubts"]),
    ]


def _ratio(result: Document) -> str:
    if not result["ratios"]:
        return "-"
    ratio = result["ratios"][0]
    return f"{_fixed(ratio['median'])} ({_fixed(ratio['of_minima'])})"


def table(rows: list[list[str]]) -> str:
    """Columns aligned: the first and the last left, the others right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        cells[-1] = row[-1]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


LITE_OPTIONS = ("--modelFile", "--numThreads", "--loopCount", "--warmUpLoopCount", "--cpuBindMode")


def lite_line(result: Document) -> str:
    """The summary line of MindSpore Lite's benchmark."""
    latency = result["latency_ms"]
    return (
        f"Model = {result['model']}, NumThreads = {result['threads']}, MinRunTime = {latency['min']:f} ms, "
        f"MaxRuntime = {latency['max']:f} ms, AvgRunTime = {latency['mean']:f} ms"
    )


def terminal(found: Document) -> str:
    """The report for people."""
    info, results = found["system"], found["results"]
    peaks = ", ".join(f"{isa} {rate / 1e9:.0f}" for isa, rate in found["roofline"]["multiply_adds_a_second"].items())
    copied = found["roofline"]["copied_bytes_a_second"]
    parts = [
        f"{info['cpu'] or info['machine']}, {len(info['cores'])} processors; dcelite {info['dcelite']}",
        f"a core: {peaks} thousand million multiply-adds/s; copies {copied / 1e9:.0f} GB/s"
        if copied
        else f"a core: {peaks}",
        "",
        "Times in ms. x baseline: times faster, the median over rounds. x limit: p50 to the counted arithmetic at the",
        "peak of the cores. In brackets: the same of the shortest times.",
        table([list(HEADINGS), *(row_cells(result) for result in results)]),
    ]
    baselines = list(dict.fromkeys(ratio["to"] for result in results for ratio in result["ratios"]))
    if len(baselines) > 1:
        rows = [["times faster than", "size", "threads", *baselines, ""]]
        for result in results:
            by_name = {ratio["to"]: f"{ratio['median']:.2f} ({ratio['of_minima']:.2f})" for ratio in result["ratios"]}
            size = f"{result['width']}x{result['height']}"
            if by_name:
                cells = [by_name.get(name, "-") for name in baselines]
                rows.append([result["label"], size, str(result["threads"]), *cells, ""])
        parts += ["", table(rows)]
    stages = [result for result in results if result["stages_ms"]]
    if stages:
        names = [name for name in STAGE_NAMES if any(result["stages_ms"][name] >= 5e-4 for result in stages)]
        rows = [["stages (ms)", "size", "threads", *names, "total", "timing costs", "network x other engines", ""]]
        for result in stages:
            times = result["stages_ms"]
            ratios = ", ".join(f"{ratio['to']}: {ratio['median']:.2f}" for ratio in result["network_ratio"])
            rows.append(
                [result["label"], f"{result['width']}x{result['height']}", str(result["threads"])]
                + [_fixed(times[name]) for name in (*names, "total")]
                + [f"{result['timing_cost']:+.1%}" if result["timing_cost"] is not None else "-", ratios or "-", ""]
            )
        parts += ["", table(rows)]
    slowdowns = [result for result in results if result["slowdown"]]
    if slowdowns:
        rows = [["time, relative to the same model", "size", "threads", "x", "99 %", ""]]
        for result in slowdowns:
            slowdown = result["slowdown"]
            bounds = f"{slowdown['low']:.3f} … {slowdown['high']:.3f}"
            size = f"{result['width']}x{result['height']}"
            said = f"{slowdown['verdict']}; 1 is {slowdown['to']}"
            rows.append([result["label"], size, str(result["threads"]), f"{slowdown['median']:.3f}", bounds, said])
        parts += ["", table(rows)]
    scaling = size_scaling(results)
    if scaling:
        rows = [["time per pixel", "size", "threads", "ns", "relative", "95 %", ""]]
        for item in scaling:
            result, base = item["result"], item["base"]
            rows.append(
                [
                    result["label"],
                    f"{result['width']}x{result['height']}",
                    str(result["threads"]),
                    _fixed(result["speed"]["ns_a_pixel"]),
                    f"{item['ratio']:.2f} ({item['of_minima']:.2f})",
                    f"{item['low']:.2f} … {item['high']:.2f}",
                    f"of that at {base['width']}x{base['height']}",
                ]
            )
        parts += ["", table(rows)]
    for_lite = any(argument.split("=")[0] in LITE_OPTIONS for argument in found["command"])
    lite = [result for result in results if for_lite or result["engine"] == "mindspore_lite"]
    parts += ["", *(lite_line(result) for result in lite if result["latency_ms"])]
    shown = [result["smallest_change"] for result in results if result["smallest_change"] is not None]
    if shown:
        span = f"{min(shown):.1%}" if len(shown) == 1 else f"{min(shown):.1%} to {max(shown):.1%}, by row"
        parts.append(f"smallest change that two such runs could show ('dcelite bench compare'): {span}")
    parts += [f"note: {note}" for note in found["notes"]]
    return "\n".join(parts).rstrip() + "\n"


# ---- files ----


def _flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, Mapping):
            flat |= _flatten(item, f"{prefix}{name}.")
        elif isinstance(item, list):
            flat[prefix + name] = "; ".join(map(str, item))
        else:
            flat[prefix + name] = item
    return flat


def csv_text(found: Document) -> str:
    """A line for each row of the matrix, without the raw samples; nested fields have dotted names."""
    rows = []
    for result in found["results"]:
        ratio = result["ratios"][0] if result["ratios"] else None
        kept = {
            name: value
            for name, value in result.items()
            if name not in ("blocks_ms", "probes_ms", "parallel_probes_ms", "ratios", "network_ratio")
        }
        rows.append(_flatten({**kept, "ratio": ratio}))
    names = list(dict.fromkeys(name for row in rows for name in row))
    # A group that is absent in one row and there in another has its fields, not a column of its own.
    names = [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write(
    found: Document, *, json_path: Path | None, csv_path: Path | None, html_path: Path | None, overwrite: bool
) -> None:
    """Write the reports that are wanted; raises OutputError."""
    if json_path is not None:
        write_text_atomically(json_path, json.dumps(found, indent=1, allow_nan=False) + "\n", overwrite=overwrite)
    if csv_path is not None:
        write_text_atomically(csv_path, csv_text(found), overwrite=overwrite)
    if html_path is not None:
        from dcelite.bench.page import page

        write_text_atomically(html_path, page(found), overwrite=overwrite)
