"""The report as one HTML page: charts as SVG, no script, nothing fetched."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dcelite.bench import charts, samples
from dcelite.bench.fidelity import EQUAL_WANTED
from dcelite.bench.report import HEADINGS, Document, row_cells

LEAST_PSNR = 40.0
"""Decibels to the reference from which a faster variant is worth recommending: no eye would find the difference."""
WORTH_A_THREAD = 1.15
"""More threads are recommended where they are at least this many times faster."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #fff; --pale: #667; --line: #ddd; --hint: #f2f6fb }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #16181b; --pale: #9aa; --line: #333; --hint: #1d2733 }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 80rem;
  margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .85rem }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left }
td:last-child { white-space: normal; color: var(--pale); min-width: 20rem }
.recommendation { background: var(--hint); padding: .8rem 1rem; border-radius: .4rem }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif } svg text { fill: var(--ink); stroke: none }
.grid { stroke: var(--line) } .whisker { stroke-width: 1.5 } .median { stroke-width: 3 } .box { fill-opacity: .3 }
.legend span { margin-right: 1.2rem; white-space: nowrap; font-size: .85rem }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; vertical-align: -.1rem }
.pale { color: var(--pale) }
"""

STAGES = {"downsample": "downsampling", "network": "curve network", "upsample_and_curve": "upsampling and curve"}


def _is_faithful(result: Document) -> bool:
    accuracy = result["fidelity"]
    if accuracy is None:
        return False
    psnr = accuracy["psnr_db"]
    return accuracy["equal"] >= EQUAL_WANTED or psnr is None or psnr >= LEAST_PSNR


def recommended(results: Sequence[Document]) -> Document | None:
    """The fastest variant whose picture is right, with as few threads as are worth their while; None without any."""
    found = [result for result in results if result["latency_ms"] and _is_faithful(result)]
    if not found:
        return None
    best = min(found, key=lambda result: float(result["latency_ms"]["p50"]))
    limit = WORTH_A_THREAD * best["latency_ms"]["p50"]
    return min(
        (result for result in found if result["latency_ms"]["p50"] <= limit),
        key=lambda result: (result["threads"], result["latency_ms"]["p50"]),
    )


def recommendation(results: Sequence[Document]) -> list[str]:
    """A sentence for each size."""
    sentences = []
    for (width, height), group in _by_size(results).items():
        best = recommended(group)
        if best is None:
            sentences.append(f"{width} x {height}: no variant gave times and a picture that equals the reference.")
            continue
        latency, accuracy, memory = best["latency_ms"], best["fidelity"], best["memory"]
        threads = "1 thread" if best["threads"] == 1 else f"{best['threads']} threads"
        text = (
            f"{width} x {height}: use {best['label']} with {threads}: {charts.number(latency['p50'])} ms a frame "
            f"(95 % of them within {charts.number(latency['p95'])} ms), {accuracy['equal']:.3%} of the values equal to "
            "the reference"
        )
        if memory is not None:
            text += f", {memory['extra_bytes'] / 1e6:.1f} MB beyond the pictures"
        if best["ratios"]:
            text += f"; {charts.number(best['ratios'][0]['median'])} times faster than {best['ratios'][0]['to']}"
        doubts = f" But measure again: {'; '.join(best['doubts'])}." if best["doubts"] else ""
        sentences.append(f"{text}.{doubts}")
    return sentences


def _by_size(results: Sequence[Document]) -> dict[tuple[int, int], list[Document]]:
    groups: dict[tuple[int, int], list[Document]] = {}
    for result in results:
        groups.setdefault((result["width"], result["height"]), []).append(result)
    return groups


def _threads(result: Document) -> str:
    return f"{result['label']}, {result['threads']} thr."


def _distributions(results: Sequence[Document]) -> str:
    parts = []
    for (width, height), group in _by_size(results).items():
        boxes = []
        for result in group:
            if result["latency_ms"]:
                times = samples.flat(result["blocks_ms"])
                low, first, median, third, high = np.percentile(times, (0, 25, 50, 75, 95)).tolist()
                boxes.append(charts.Box(_threads(result), low, first, median, third, high))
        if boxes:
            parts.append(f"<h3>{width} x {height}</h3>")
            parts.append(charts.distributions(f"Latency at {width} x {height}", boxes, "ms a frame"))
    return "".join(parts)


def _thread_scaling(results: Sequence[Document]) -> str:
    parts = []
    for (width, height), group in _by_size(results).items():
        points: dict[str, list[tuple[float, float]]] = {}
        for result in group:
            if result["speed"]:
                points.setdefault(result["label"], []).append((result["threads"], result["speed"]["frames_a_second"]))
        series = [charts.Line(label, sorted(found)) for label, found in points.items() if len(found) > 1]
        if series:
            title = f"Frames a second by threads at {width} x {height}"
            parts.append(f"<h3>{width} x {height}</h3>{charts.lines(title, series, 'threads', 'frames/s')}")
    return "".join(parts)


def _size_scaling(results: Sequence[Document]) -> str:
    points: dict[str, list[tuple[float, float]]] = {}
    for result in results:
        if result["speed"]:
            megapixels = 1e-6 * result["width"] * result["height"]
            points.setdefault(_threads(result), []).append((megapixels, result["speed"]["ns_a_pixel"]))
    series = [charts.Line(label, sorted(found)) for label, found in points.items() if len(found) > 1]
    if not series:
        return ""
    # Variants that are many times slower would press the others to the ground.
    fastest = min(math.log(line.points[0][1]) for line in series)
    near = [line for line in series if math.log(line.points[0][1]) < fastest + math.log(8)]
    left_out = len(series) - len(near)
    note = f'<p class="pale">{left_out} slower variants are left out; they are in the table.</p>' if left_out else ""
    return charts.lines("Time a pixel by size", near, "megapixels", "ns/pixel", log_x=True) + note


def _stages(results: Sequence[Document]) -> str:
    parts = []
    for (width, height), group in _by_size(results).items():
        rows = [
            charts.Bar(_threads(result), [result["stages_ms"][name] for name in STAGES])
            for result in group
            if result["stages_ms"]
        ]
        if rows:
            title = f"Stages at {width} x {height}"
            parts.append(f"<h3>{width} x {height}</h3>{charts.bars(title, rows, list(STAGES.values()), 'ms a frame')}")
    return "".join(parts)


def _section(title: str, body: str, note: str = "") -> str:
    if not body:
        return ""
    paragraph = f'<p class="pale">{html.escape(note)}</p>' if note else ""
    return f"<h2>{html.escape(title)}</h2>{paragraph}{body}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in headings)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _system_rows(found: Document) -> list[tuple[str, str]]:
    info, rates = found["system"], found["roofline"]

    def known(value: Any) -> str:
        return "not exposed" if value is None else str(value)

    peaks = ", ".join(f"{isa} {rate / 1e9:.0f}" for isa, rate in rates["multiply_adds_a_second"].items())
    copied = rates["copied_bytes_a_second"]
    rows = [
        ("processor", known(info["cpu"])),
        ("board", known(info["board"])),
        ("architecture", f"{info['machine']}{', emulated' if info['emulated'] else ''}"),
        ("processors", f"{len(info['cores'])}; bound to {known(info['affinity'])}"),
        ("governors", ", ".join(sorted({known(core["governor"]) for core in info["cores"]})) or "not exposed"),
        ("peak of a core", f"{peaks} · 10⁹ multiply-adds/s"),
        ("copy rate of a core", f"{copied / 1e9:.1f} GB/s" if copied else "not measured"),
    ]
    rows += [
        (name.replace("_", " "), f"{known(info['before'].get(name))} → {known(info['after'].get(name))}")
        for name in ("frequencies_khz", "temperatures_celsius", "load_average")
    ]
    rows += [
        ("energy", known(rates["energy_source"])),
        ("memory", known(info["memory_bytes"])),
        ("system", f"{known(info['os'])}, kernel {known(info['kernel'])}, Python {info['python']}"),
        ("dcelite", f"{info['dcelite']}, core library {info['core_library'].get('bytes')} bytes"),
        ("versions", ", ".join(f"{name} {value}" for name, value in info["versions"].items() if value)),
        ("measured", f"{found['created']}, image: {found['settings']['image']}"),
    ]
    return rows


def page(found: Document) -> str:
    """The whole page."""
    results = found["results"]
    advice = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in recommendation(results))
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in found["notes"])
    body = [
        f"<h1>dcelite bench: {html.escape(found['system']['cpu'] or found['system']['machine'])}</h1>",
        f'<div class="recommendation">{advice}{notes}</div>',
        _section(
            "Results",
            _table(HEADINGS, [row_cells(result) for result in results]),
            "Times in ms; in brackets what the shortest times give. x limit: to the counted arithmetic at the measured "
            "peak of the cores. equal, diff: share of 8-bit values equal to the NumPy reference, largest difference.",
        ),
        _section(
            "Latency",
            _distributions(results),
            "From the shortest time to the 95th percentile; the box holds the middle half, the mark is the median. "
            "Logarithmic axis.",
        ),
        _section("Threads", _thread_scaling(results)),
        _section(
            "Sizes", _size_scaling(results), "Time for a pixel; a level line means that no size is at a disadvantage."
        ),
        _section("Stages", _stages(results), "Differences of medians, since the stages run fused, row by row."),
        _section("Machine", _table(("", ""), _system_rows(found))),
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"/><title>dcelite bench</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/><link rel="icon" href="data:,"/>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )
