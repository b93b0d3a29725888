"""The report as one HTML page: charts as SVG, no script, nothing fetched."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from dcelite.bench import charts, samples
from dcelite.bench.fidelity import EQUAL_WANTED
from dcelite.bench.report import HEADINGS, STAGE_NAMES, Document, row_cells

LEAST_PSNR = 40.0
"""Decibels to the reference from which a faster variant is worth recommending: no eye would find the difference."""
WORTH_A_THREAD = 1.15
"""More threads are recommended where they are at least this many times faster."""

NEAR = 8.0
"""Variants that take so many times the time of the fastest are left out of charts with a linear axis, where they would
press the others to the ground; they are in the table."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #fff; --pale: #667; --line: #e2e2e6; --hint: #f2f6fb;
  --accent: #2a6fbb }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --paper: #16181b; --pale: #9aa; --line: #333; --hint: #1d2733; --accent: #6aa9ee }
}
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 84rem;
  margin: 2rem auto; padding: 0 1.2rem }
h1 { font-size: 1.5rem; margin-bottom: .2rem } h2 { font-size: 1.2rem; margin: 2.6rem 0 .4rem }
h3 { font-size: 1rem; margin: 1.4rem 0 .2rem }
.cards { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: 1rem }
.card { background: var(--hint); padding: .8rem 1.1rem; border-radius: .5rem; flex: 1 1 22rem;
  border-left: .3rem solid var(--accent) }
.card p { margin: .3rem 0 } .big { font-size: 1.9rem; font-weight: 600; line-height: 1.2 }
.big small { font-size: .9rem; font-weight: 400; color: var(--pale) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; width: 100% }
th, td { padding: .25rem .5rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th { color: var(--pale); font-weight: 600 }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left }
td:last-child { white-space: normal; color: var(--pale); min-width: 14rem; line-height: 1.3 }
tr.best td { background: var(--hint); font-weight: 600 } tr.best td:last-child { font-weight: 400 }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif } svg text { fill: var(--ink); stroke: none }
.grid { stroke: var(--line) } .whisker { stroke-width: 1.5 } .median { stroke-width: 3 } .box { fill-opacity: .3 }
.legend { margin: .2rem 0 .6rem } .legend span { margin-right: 1.2rem; white-space: nowrap; font-size: .85rem }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; vertical-align: -.1rem }
.pale { color: var(--pale); margin: .2rem 0 } .plain td:first-child { color: var(--pale) }
.plain td { text-align: left; white-space: normal }
@media print { body { max-width: none; margin: 0 } .card, svg { break-inside: avoid } }
"""


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
    """A sentence for each size, and one for each int8 model next to the same in float32."""
    return [sentence for group in _by_size(results).values() for sentence in _advice(group)]


def _advice(group: Sequence[Document]) -> list[str]:
    """For the results of one size."""
    size = f"{group[0]['width']} x {group[0]['height']}"
    best = recommended(group)
    if best is None:
        return [f"{size}: no variant gave times and a picture that equals the reference."]
    latency, memory = best["latency_ms"], best["memory"]
    text = (
        f"{size}: use {best['label']} with {_count(best['threads'])}: {charts.number(latency['p50'])} ms a frame "
        f"(95 % of them within {charts.number(latency['p95'])} ms), {_likeness(best)}"
    )
    if memory is not None:
        text += f", {memory['extra_bytes'] / 1e6:.1f} MB beyond the pictures"
    if best["ratios"]:
        text += f"; {charts.number(best['ratios'][0]['median'])} times faster than {best['ratios'][0]['to']}"
    doubts = f" But measure again: {'; '.join(best['doubts'])}." if best["doubts"] else ""
    return [f"{text}.{doubts}", *_about_int8(group, best["threads"])]


def _card(group: Sequence[Document]) -> str:
    best = recommended(group)
    figures = ""
    if best is not None:
        frames = charts.number(best["speed"]["frames_a_second"])
        figures = (
            f'<p class="big">{charts.number(best["latency_ms"]["p50"])} <small>ms a frame</small> '
            f"{frames} <small>frames/s</small></p>"
        )
    sentences = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in _advice(group))
    return f'<div class="card">{figures}{sentences}</div>'


def _count(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _likeness(result: Document) -> str:
    accuracy = result["fidelity"]
    if accuracy["equal"] >= EQUAL_WANTED or accuracy["psnr_db"] is None:
        return f"{accuracy['equal']:.3%} of the values equal to the reference"
    return f"{accuracy['psnr_db']:.1f} dB from the reference"


def _about_int8(group: Sequence[Document], threads: int) -> list[str]:
    """Whether int8 is worth its loss, by engine; with the fastest instruction set of the native one."""
    timed = [result for result in group if result["latency_ms"] and result["threads"] == threads and result["fidelity"]]
    timed.sort(key=lambda result: float(result["latency_ms"]["p50"]))
    sentences = []
    told = set()
    for result in timed:
        others = [
            other
            for other in timed
            if (other["engine"], other["is_baseline"]) == (result["engine"], result["is_baseline"])
            and other["precision"] != "int8"
        ]
        if result["precision"] != "int8" or result["model"] in told or not others:
            continue
        told.add(result["model"])
        times = result["latency_ms"]["p50"] / others[0]["latency_ms"]["p50"]
        said = f"{result['label']} takes {times:.2f} times the time of {others[0]['label']}, {_likeness(result)}"
        if times >= 1:
            sentences.append(f"Not int8 here: {said}.")
        elif not _is_faithful(result):
            sentences.append(f"Not int8 here, though it is faster: {said}.")
        else:
            sentences.append(f"int8 is faster: {said}.")
    return sentences


def _near(results: Sequence[Document]) -> list[Document]:
    """Those with times, without the ones that are many times slower than the fastest of their size."""
    timed = [result for result in results if result["latency_ms"]]
    fastest: dict[tuple[int, int], float] = {}
    for result in timed:
        size, median = (result["width"], result["height"]), float(result["latency_ms"]["p50"])
        fastest[size] = min(median, fastest.get(size, median))
    return [
        result for result in timed if result["latency_ms"]["p50"] <= NEAR * fastest[result["width"], result["height"]]
    ]


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
    for (width, height), group in _by_size(_near(results)).items():
        points: dict[str, list[tuple[float, float]]] = {}
        for result in group:
            points.setdefault(result["label"], []).append((result["threads"], result["speed"]["frames_a_second"]))
        series = [charts.Line(label, sorted(found)) for label, found in points.items() if len(found) > 1]
        if series:
            title = f"Frames a second by threads at {width} x {height}"
            parts.append(f"<h3>{width} x {height}</h3>{charts.lines(title, series, 'threads', 'frames/s')}")
    return "".join(parts)


def _size_scaling(results: Sequence[Document]) -> str:
    points: dict[str, list[tuple[float, float]]] = {}
    for result in _near(results):
        megapixels = 1e-6 * result["width"] * result["height"]
        points.setdefault(_threads(result), []).append((megapixels, result["speed"]["ns_a_pixel"]))
    series = [charts.Line(label, sorted(found)) for label, found in points.items() if len(found) > 1]
    return charts.lines("Time a pixel by size", series, "megapixels", "ns/pixel", log_x=True) if series else ""


def _stages(results: Sequence[Document]) -> str:
    parts = []
    for (width, height), group in _by_size([result for result in _near(results) if result["stages_ms"]]).items():
        rows = [charts.Bar(_threads(result), [result["stages_ms"][name] for name in STAGE_NAMES]) for result in group]
        title = f"Stages at {width} x {height}"
        chart = charts.bars(title, rows, list(STAGE_NAMES.values()), "ms a frame")
        parts.append(f"<h3>{width} x {height}</h3>{chart}")
    return "".join(parts)


def _section(title: str, body: str, note: str = "") -> str:
    if not body:
        return ""
    paragraph = f'<p class="pale">{html.escape(note)}</p>' if note else ""
    return f"<h2>{html.escape(title)}</h2>{paragraph}{body}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], best: Sequence[int] = ()) -> str:
    """``best``: the rows that stand out."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in headings)
    body = ""
    for i, row in enumerate(rows):
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
        body += f'<tr class="best">{cells}</tr>' if i in best else f"<tr>{cells}</tr>"
    kind = "" if any(headings) else ' class="plain"'
    return f'<div class="scroll"><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


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
    groups = _by_size(results).values()
    chosen = [recommended(group) for group in groups]
    best = [i for i, result in enumerate(results) if any(result is one for one in chosen)]
    left_out = len([result for result in results if result["latency_ms"]]) - len(_near(results))
    without = f" {left_out} slower variants are left out; they are in the table." if left_out else ""
    info = found["system"]
    body = [
        f"<h1>{html.escape(info['cpu'] or info['machine'])}</h1>",
        f'<p class="pale">dcelite bench, {html.escape(found["created"])}</p>',
        f'<div class="cards recommendation">{"".join(_card(group) for group in groups)}</div>',
        "".join(f'<p class="pale">{html.escape(note)}</p>' for note in found["notes"]),
        _section(
            "Results",
            _table(HEADINGS, [row_cells(result) for result in results], best),
            "Times in ms; in brackets what the shortest times give. x limit: to the counted arithmetic at the measured "
            "peak of the cores. equal, diff: share of 8-bit values equal to the NumPy reference, largest difference.",
        ),
        _section(
            "Latency",
            _distributions(results),
            "From the shortest time to the 95th percentile; the box holds the middle half, the mark is the median. "
            "Logarithmic axis.",
        ),
        _section("Threads", _thread_scaling(results), f"More is better.{without}"),
        _section(
            "Sizes",
            _size_scaling(results),
            "Time for a pixel; a level line means that no size is at a disadvantage." + without,
        ),
        _section(
            "Stages",
            _stages(results),
            "What the engine's own clock says, in runs of their own; each stage is averaged over the threads.",
        ),
        _section("Machine", _table(("", ""), _system_rows(found))),
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"/><title>dcelite bench</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/><link rel="icon" href="data:,"/>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )
