"""The report as one HTML page: charts as SVG, no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from dcelite.bench import statistics
from dcelite.bench.report.document import EQUAL_WANTED, STAGES_SHOWN, Document, blocks_of
from dcelite.bench.report.text import HEADINGS, peaks_text, row_cells
from dcelite.report import charts
from dcelite.report import page as kit
from dcelite.report.tables import number

LEAST_PSNR = 40.0
"""Decibels to the reference from which a faster variant is worth recommending: no eye would find the difference."""
WORTH_A_THREAD = 1.15
"""More threads are recommended where they are at least this many times faster."""

NEAR = 8.0
"""Variants that take so many times the time of the fastest are left out of charts with a linear axis, where they would
press the others to the ground; they are in the table."""


def page(found: Document) -> str:
    """The whole page."""
    results, info = found["results"], found["system"]
    groups = _by_size(results)
    chosen = [id(recommended(group)) for group in groups.values()]
    best = [i for i, result in enumerate(results) if id(result) in chosen]
    near = _near(results)
    left_out = len([result for result in results if result["latency_ms"]]) - len(near)
    without = f" {left_out} slower variants are left out; they are in the table." if left_out else ""
    body = [
        kit.heading(info["cpu"] or info["machine"]),
        kit.paragraph(f"dcelite bench, {found['created']}", "pale"),
        f'<div class="cards recommendation">{"".join(map(_card, groups.values()))}</div>',
        *(kit.paragraph(note, "pale") for note in found["notes"]),
        kit.section(
            "Results",
            kit.table([HEADINGS, *map(row_cells, results)], kind="remarks", best=best),
            "Times in ms; in brackets what the shortest times give. x limit: to the counted arithmetic at the measured "
            "peak of the cores. equal, diff: share of 8-bit values equal to the NumPy reference, largest difference.",
        ),
        kit.section(
            "Latency",
            _by_size_chart(results, _distributions),
            "From the shortest time to the 95th percentile; the box holds the middle half, the mark is the median. "
            "Logarithmic axis.",
        ),
        kit.section("Threads", _by_size_chart(near, _thread_scaling), f"More is better.{without}"),
        kit.section(
            "Sizes",
            _size_scaling(near),
            "Time for a pixel; a level line means that no size is at a disadvantage." + without,
        ),
        kit.section(
            "Stages",
            _by_size_chart(near, _stages),
            "What the engine's own clock says, in runs of their own; each stage is averaged over the threads.",
        ),
        kit.section("Machine", kit.table(_system_rows(found), kind="plain")),
    ]
    return kit.page("dcelite bench", body)


# ---- what is recommended ----


def _equals(result: Document) -> bool:
    """Whether its picture is the reference, but for the rounding of a few values."""
    return result["fidelity"]["equal"] >= EQUAL_WANTED or result["fidelity"]["psnr_db"] is None


def _is_faithful(result: Document) -> bool:
    return result["fidelity"] is not None and (_equals(result) or result["fidelity"]["psnr_db"] >= LEAST_PSNR)


def recommended(results: Sequence[Document]) -> Document | None:
    """The fastest variant whose picture is right, with as few threads as are worth their while; None without any."""
    found = [result for result in results if result["latency_ms"] and _is_faithful(result)]
    if not found:
        return None
    limit = WORTH_A_THREAD * min(result["latency_ms"]["p50"] for result in found)
    return min(
        (result for result in found if result["latency_ms"]["p50"] <= limit),
        key=lambda result: (result["threads"], result["latency_ms"]["p50"]),
    )


def advice(group: Sequence[Document]) -> list[str]:
    """For the results of one size: a sentence, and one for each int8 model next to the same in float32."""
    size = f"{group[0]['width']} x {group[0]['height']}"
    best = recommended(group)
    if best is None:
        return [f"{size}: no variant gave times and a picture that equals the reference."]
    latency, memory, threads = best["latency_ms"], best["memory"], best["threads"]
    with_threads = f"{threads} thread{'' if threads == 1 else 's'}"
    text = (
        f"{size}: use {best['label']} with {with_threads}: {number(latency['p50'])} ms a frame (95 % of them within "
        f"{number(latency['p95'])} ms), {_likeness(best)}"
    )
    if memory is not None:
        text += f", {memory['extra_bytes'] / 1e6:.1f} MB beyond the pictures"
    if best["ratios"]:
        text += f"; {number(best['ratios'][0]['median'])} times faster than {best['ratios'][0]['to']}"
    doubts = f" But measure again: {'; '.join(best['doubts'])}." if best["doubts"] else ""
    return [f"{text}.{doubts}", *_about_int8(group, threads)]


def _card(group: Sequence[Document]) -> str:
    best = recommended(group)
    figures = ""
    if best is not None:
        ms, frames = number(best["latency_ms"]["p50"]), number(best["speed"]["frames_a_second"])
        figures = f'<p class="big">{ms} <small>ms a frame</small> {frames} <small>frames/s</small></p>'
    return f'<div class="card">{figures}{"".join(map(kit.paragraph, advice(group)))}</div>'


def _likeness(result: Document) -> str:
    if _equals(result):
        return f"{result['fidelity']['equal']:.3%} of the values equal to the reference"
    return f"{result['fidelity']['psnr_db']:.1f} dB from the reference"


def _about_int8(group: Sequence[Document], threads: int) -> list[str]:
    """Whether int8 is worth its loss, by engine; with the fastest instruction set of the native one."""
    timed = [result for result in group if result["latency_ms"] and result["threads"] == threads and result["fidelity"]]
    timed.sort(key=lambda result: float(result["latency_ms"]["p50"]))
    sentences = {}
    for result in timed:
        kind = (result["engine"], result["is_baseline"])
        others = [one for one in timed if (one["engine"], one["is_baseline"]) == kind and one["precision"] != "int8"]
        if result["precision"] != "int8" or result["model"] in sentences or not others:
            continue
        times = result["latency_ms"]["p50"] / others[0]["latency_ms"]["p50"]
        verdict = "int8 is faster" if _is_faithful(result) else "Not int8 here, though it is faster"
        sentences[result["model"]] = (
            f"{verdict if times < 1 else 'Not int8 here'}: {result['label']} takes {times:.2f} times the time of "
            f"{others[0]['label']}, {_likeness(result)}."
        )
    return list(sentences.values())


# ---- charts ----


def _near(results: Iterable[Document]) -> list[Document]:
    """Those with times, without the ones that are many times slower than the fastest of their size."""
    groups = _by_size(result for result in results if result["latency_ms"])
    return [
        result
        for group in groups.values()
        for result in group
        if result["latency_ms"]["p50"] <= NEAR * min(one["latency_ms"]["p50"] for one in group)
    ]


def _by_size(results: Iterable[Document]) -> dict[tuple[int, int], list[Document]]:
    groups: dict[tuple[int, int], list[Document]] = {}
    for result in results:
        groups.setdefault((result["width"], result["height"]), []).append(result)
    return groups


def _by_size_chart(results: Iterable[Document], chart: Callable[[str, list[Document]], str]) -> str:
    """A chart for each size that has one, under its heading."""
    sizes = ((f"{width} x {height}", group) for (width, height), group in _by_size(results).items())
    drawn = ((size, chart(size, group)) for size, group in sizes)
    return "".join(kit.heading(size, 3) + text for size, text in drawn if text)


def _threads(result: Document) -> str:
    return f"{result['label']}, {result['threads']} thr."


def _distributions(size: str, group: list[Document]) -> str:
    boxes = [
        charts.Box(
            _threads(result),
            *np.percentile(statistics.flat(blocks_of(result)), (0, 25, 50, 75, 95)).tolist(),
        )
        for result in group
        if result["latency_ms"]
    ]
    return charts.distributions(f"Latency at {size}", boxes, "ms a frame") if boxes else ""


def _lines(points: Iterable[tuple[str, float, float]]) -> list[charts.Line]:
    """A line for each name that has several points."""
    found: dict[str, list[tuple[float, float]]] = {}
    for name, x, y in points:
        found.setdefault(name, []).append((x, y))
    return [charts.Line(name, sorted(line)) for name, line in found.items() if len(line) > 1]


def _thread_scaling(size: str, group: list[Document]) -> str:
    series = _lines((one["label"], one["threads"], one["speed"]["frames_a_second"]) for one in group)
    return charts.lines(f"Frames a second by threads at {size}", series, "threads", "frames/s") if series else ""


def _size_scaling(results: Sequence[Document]) -> str:
    series = _lines((_threads(one), 1e-6 * one["width"] * one["height"], one["speed"]["ns_a_pixel"]) for one in results)
    return charts.lines("Time a pixel by size", series, "megapixels", "ns/pixel", log_x=True) if series else ""


def _stages(size: str, group: list[Document]) -> str:
    rows = [
        charts.Bar(_threads(result), [result["stages_ms"][name] for name in STAGES_SHOWN])
        for result in group
        if result["stages_ms"]
    ]
    return charts.bars(f"Stages at {size}", rows, list(STAGES_SHOWN.values()), "ms a frame") if rows else ""


# ---- the machine ----


def _system_rows(found: Document) -> list[tuple[str, str]]:
    info, rates = found["system"], found["roofline"]

    def known(value: Any) -> str:
        return "not exposed" if value is None else str(value)

    def changed(name: str) -> tuple[str, str]:
        return name.replace("_", " "), f"{known(info['before'].get(name))} → {known(info['after'].get(name))}"

    copied, governors = rates["copied_bytes_a_second"], {known(core["governor"]) for core in info["cores"]}
    return [
        ("processor", known(info["cpu"])),
        ("board", known(info["board"])),
        ("architecture", f"{info['machine']}{', emulated' if info['emulated'] else ''}"),
        ("processors", f"{len(info['cores'])}; bound to {known(info['affinity'])}"),
        ("governors", ", ".join(sorted(governors)) or "not exposed"),
        ("peak of a core", f"{peaks_text(found)} · 10⁹ multiply-adds/s"),
        ("copy rate of a core", f"{copied / 1e9:.1f} GB/s" if copied else "not measured"),
        *map(changed, ("frequencies_khz", "temperatures_celsius", "load_average")),
        ("energy", known(rates["energy_source"])),
        ("memory", known(info["memory_bytes"])),
        ("system", f"{known(info['os'])}, kernel {known(info['kernel'])}, Python {info['python']}"),
        ("dcelite", f"{info['dcelite']}, core library {info['core_library'].get('bytes')} bytes"),
        ("versions", ", ".join(f"{name} {value}" for name, value in info["versions"].items() if value)),
        ("measured", f"{found['created']}, image: {found['settings']['image']}"),
    ]
