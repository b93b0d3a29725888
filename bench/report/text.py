"""The report for the terminal, and the files of a report."""

from __future__ import annotations

import json
from pathlib import Path

from dcelite.bench.report.document import STAGES_SHOWN, Document
from dcelite.files import write_text_atomically
from dcelite.report.tables import csv_text, significant, text_table

HEADINGS = (
    *("variant", "size", "threads", "min", "p50", "p95", "frames/s"),
    *("x baseline", "x limit", "extra MB", "equal", "diff", ""),
)
LITE_OPTIONS = ("--modelFile", "--numThreads", "--loopCount", "--warmUpLoopCount", "--cpuBindMode")
NOT_IN_CSV = ("blocks_ms", "probes_ms", "parallel_probes_ms", "ratios", "network_ratio")


def row_name(result: Document) -> list[str]:
    return [result["label"], f"{result['width']}x{result['height']}", str(result["threads"])]


def row_cells(result: Document) -> list[str]:
    """A row of the table, as HEADINGS names its columns."""
    if result["reason"] is not None:
        return [*row_name(result), *["-"] * 9, f"no result: {result['reason']}"]
    latency, limit, accuracy, memory = (result[name] for name in ("latency_ms", "limit", "fidelity", "memory"))
    return [
        *row_name(result),
        *(significant(latency[name]) for name in ("min", "p50", "p95")),
        significant(result["speed"]["frames_a_second"]),
        "baseline" if result["is_baseline"] else _ratio(result),
        f"{significant(limit['times_limit_p50'])} ({significant(limit['times_limit_min'])})" if limit else "-",
        significant(memory["extra_bytes"] / 1e6 if memory else None, 2),
        f"{accuracy['equal']:.3%}" if accuracy else "-",
        str(accuracy["largest_difference"]) if accuracy else "-",
        "; ".join(result["doubts"]),
    ]


def _ratio(result: Document) -> str:
    if not result["ratios"]:
        return "-"
    ratio = result["ratios"][0]
    return f"{significant(ratio['median'])} ({significant(ratio['of_minima'])})"


def peaks_text(found: Document) -> str:
    """Thousand million multiply-adds a second, by instruction set."""
    rates = found["roofline"]["multiply_adds_a_second"]
    return ", ".join(f"{isa} {rate / 1e9:.0f}" for isa, rate in rates.items())


def lite_line(result: Document) -> str:
    """The summary line of MindSpore Lite's benchmark."""
    latency = result["latency_ms"]
    return (
        f"Model = {result['model']}, NumThreads = {result['threads']}, MinRunTime = {latency['min']:f} ms, "
        f"MaxRuntime = {latency['max']:f} ms, AvgRunTime = {latency['mean']:f} ms"
    )


def terminal(found: Document) -> str:
    """The report for people."""
    info, results, copied = found["system"], found["results"], found["roofline"]["copied_bytes_a_second"]
    speed = f" thousand million multiply-adds/s; copies {copied / 1e9:.0f} GB/s" if copied else ""
    parts = [
        f"{info['cpu'] or info['machine']}, {len(info['cores'])} processors; dcelite {info['dcelite']}",
        f"a core: {peaks_text(found)}{speed}",
        "",
        "Times in ms. x baseline: times faster, the median over rounds. x limit: p50 to the counted arithmetic at the",
        "peak of the cores. In brackets: the same of the shortest times.",
        text_table([HEADINGS, *map(row_cells, results)]),
    ]
    for rows in (_baselines(results), _stages(results), _slowdowns(results)):
        if len(rows) > 1:
            parts += ["", text_table(rows)]
    for_lite = any(argument.split("=")[0] in LITE_OPTIONS for argument in found["command"])
    lite = [result for result in results if for_lite or result["engine"] == "mindspore_lite"]
    parts += ["", *(lite_line(result) for result in lite if result["latency_ms"])]
    shown = [result["smallest_change"] for result in results if result["smallest_change"] is not None]
    if shown:
        span = f"{min(shown):.1%}" if len(shown) == 1 else f"{min(shown):.1%} to {max(shown):.1%}, by row"
        parts.append(f"smallest change that two such runs could show ('dcelite bench compare'): {span}")
    parts += [f"note: {note}" for note in found["notes"]]
    return "\n".join(parts).rstrip() + "\n"


def _baselines(results: list[Document]) -> list[list[str]]:
    """Where there are several."""
    names = list(dict.fromkeys(ratio["to"] for result in results for ratio in result["ratios"]))
    rows = [["times faster than", "size", "threads", *names]]
    for result in results:
        if result["ratios"] and len(names) > 1:
            ratios = {ratio["to"]: f"{ratio['median']:.2f} ({ratio['of_minima']:.2f})" for ratio in result["ratios"]}
            rows.append([*row_name(result), *(ratios.get(name, "-") for name in names)])
    return rows


def _stages(results: list[Document]) -> list[list[str]]:
    shown = [result for result in results if result["stages_ms"]]
    names = [name for name in STAGES_SHOWN if any(result["stages_ms"][name] >= 5e-4 for result in shown)]
    rows = [["stages (ms)", "size", "threads", *names, "total", "timing costs", "network x other engines"]]
    for result in shown:
        times = [significant(result["stages_ms"][name]) for name in (*names, "total")]
        cost = "-" if result["timing_cost"] is None else f"{result['timing_cost']:+.1%}"
        ratios = ", ".join(f"{ratio['to']}: {ratio['median']:.2f}" for ratio in result["network_ratio"])
        rows.append([*row_name(result), *times, cost, ratios or "-"])
    return rows


def _slowdowns(results: list[Document]) -> list[list[str]]:
    rows = [["time, relative to the same model", "size", "threads", "x", "99 %", ""]]
    for result in results:
        if found := result["slowdown"]:
            bounds = "-" if found["low"] is None else f"{found['low']:.3f} … {found['high']:.3f}"
            said = f"{found['verdict'] or 'not tested'}; 1 is {found['to']}"
            rows.append([*row_name(result), f"{found['median']:.3f}", bounds, said])
    return rows


def csv_of(found: Document) -> str:
    """A line for each row, without the raw samples, with its first ratio."""
    kept = [{name: value for name, value in row.items() if name not in NOT_IN_CSV} for row in found["results"]]
    for row, full in zip(kept, found["results"], strict=True):
        row["ratio"] = next(iter(full["ratios"]), None)
    return csv_text(kept)


def json_of(found: Document) -> str:
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def write(found: Document, outputs: dict[str, Path | None], *, overwrite: bool) -> None:
    """Write the reports that are wanted, by "json", "csv", "html"; raises OutputError."""
    from dcelite.bench.report.page import page

    for name, text_of in (("json", json_of), ("csv", csv_of), ("html", page)):
        if path := outputs[name]:
            write_text_atomically(path, text_of(found), overwrite=overwrite)
