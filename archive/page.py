"""The page of an archive: counts, brightness before and after, what was slow or failed, samples."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dcelite.archive import manifest
from dcelite.archive.manifest import STAGES, Manifest
from dcelite.archive.places import Place
from dcelite.errors import ImageError
from dcelite.images import eight_bits, read_photograph, upright
from dcelite.report import charts, page
from dcelite.report.tables import significant

_BINS = 16
_LISTED = 20
"""Of the slowest and of the failed pictures."""
_SAMPLES = 12
_LARGEST_SAMPLE = 50e6
"""Pixels, beyond which a picture would have to be decoded for too long."""
_SIDE = 240
_WORDS = {
    manifest.DONE: "enhanced",
    manifest.DAMAGED: "damaged: enhanced as far as they can be read",
    manifest.COPIED: "bright already: copied",
    manifest.LEFT: "bright already: left out",
    manifest.FAILED: "failed",
    manifest.EXISTS: "not made: another file has the output's name",
    manifest.UNWRITTEN: "made, but not written",
    manifest.BEGUN: "not done yet",
}


@dataclass
class Summary:
    """What the manifest holds, in numbers that do not grow with it."""

    counts: Counter[str] = field(default_factory=Counter)
    source_bytes: int = 0
    output_bytes: int = 0
    megapixels: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    """Of the workers, by stage."""
    before: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BINS, np.int64))
    after: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BINS, np.int64))
    slowest: list[tuple[float, str, str]] = field(default_factory=list)
    """Seconds, path, and what the picture is."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Path and error of the first ones."""
    samples: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    """By brightness: a number by which they are chosen, and the path."""

    def add(self, table: pa.Table) -> None:
        self.counts.update(table["outcome"].to_pylist())
        self.source_bytes += pc.sum(table["size"]).as_py() or 0
        self.output_bytes += pc.sum(table["output_size"]).as_py() or 0
        for stage in STAGES:
            self.seconds[stage] += pc.sum(table[f"{stage}_seconds"]).as_py() or 0.0
        for name, bins in (("before", self.before), ("after", self.after)):
            values = table[f"brightness_{name}"].drop_null().to_numpy()
            bins += np.histogram(values, _BINS, (0.0, 256.0))[0]
        pixels = pc.multiply(table["width"].cast(pa.float64()), table["height"].cast(pa.float64()))
        self.megapixels += (pc.sum(pixels).as_py() or 0.0) / 1e6
        self._add_slowest(table)
        bad = table.filter(pc.is_valid(table["error"]))
        for path, error in zip(bad["path"].to_pylist(), bad["error"].to_pylist(), strict=True):
            if len(self.failed) < _LISTED:
                self.failed.append((path, error))
        self._add_samples(table.filter(pc.less(pc.fill_null(pixels, np.inf), _LARGEST_SAMPLE)))

    def _add_slowest(self, table: pa.Table) -> None:
        total = sum(np.nan_to_num(table[f"{stage}_seconds"].to_numpy().astype(np.float64)) for stage in STAGES)
        for i in np.argsort(-np.asarray(total))[:_LISTED]:
            row = table.slice(int(i), 1).to_pylist()[0]
            if total[i] > 0 and row["width"]:
                shares = ", ".join(f"{stage} {row[f'{stage}_seconds'] / total[i]:.0%}" for stage in STAGES)
                what = f"{row['width']} x {row['height']}, {row['size'] / 1e6:.1f} MB: {shares}"
                self.slowest.append((float(total[i]), row["path"], what))
        self.slowest = heapq.nlargest(_LISTED, self.slowest)

    def _add_samples(self, table: pa.Table) -> None:
        """Of each brightness some, always the same ones: those with the least checksums."""
        made = table.filter(pc.is_in(table["outcome"].cast(pa.string()), pa.array([manifest.DONE, manifest.COPIED])))
        columns = ("path", "source_sha256", "brightness_before")
        for path, checksum, bright in zip(*(made[column].to_pylist() for column in columns), strict=True):
            chosen = self.samples.setdefault(int(bright * _BINS / 256), [])
            number = int(checksum[:16], 16)
            if len(chosen) < _SAMPLES or number < chosen[-1][0]:
                chosen.append((number, path))
                chosen.sort()
                del chosen[_SAMPLES:]

    def sample(self) -> list[str]:
        """Paths for the contact sheet, the darkest first, from every brightness in turn."""
        chosen: list[tuple[int, str]] = []
        for turn in range(_SAMPLES):
            for bright in sorted(self.samples):
                if turn < len(self.samples[bright]) and len(chosen) < _SAMPLES:
                    chosen.append((bright, self.samples[bright][turn][1]))
        return [path for _, path in sorted(chosen)]


def summary_of(record: Manifest) -> Summary:
    """Of all that a manifest holds; raises OutputError."""
    result = Summary()
    for table in record.newest():
        result.add(table)
    return result


def html_of(summary: Summary, source: Place, output: Place, settings: str, run: Sequence[str]) -> str:
    """The page; ``run`` are lines on the last run."""
    total = summary.counts.total()
    rows = [["outcome", "photographs", "share"]]
    for outcome, words in _WORDS.items():
        if count := summary.counts[outcome]:
            rows.append([words, f"{count:,}", f"{count / total:.1%}"])
    parts = [
        page.heading("An archive, brightened"),
        page.paragraph(f"{source.url} → {output.url}", "pale"),
        _cards(summary, run),
        page.section("What became of them", page.table(rows)),
        page.section("Brightness", _histogram(summary), "Mean luma, 0 to 255, and how many files have it."),
        page.section("Samples", _sheet(summary.sample(), source, output), "Before and after, the darkest first."),
        page.section("Slowest", _slowest(summary)),
        page.section(
            "Failed, or damaged",
            page.table([["file", "why"], *map(list, summary.failed)], kind="remarks") if summary.failed else "",
            "The first ones; the manifest has all.",
        ),
        page.section("Settings", page.table([["settings", settings]], kind="plain")),
    ]
    return page.page("An archive, brightened", parts)


def _cards(summary: Summary, run: Sequence[str]) -> str:
    made = sum(summary.counts[outcome] for outcome in manifest.WITH_OUTPUT)
    busy = sum(summary.seconds.values())
    shares = ", ".join(f"{stage} {summary.seconds[stage] / busy:.0%}" for stage in STAGES) if busy else ""
    cards = [
        (f"{made:,}", "photographs made", f"of {summary.counts.total():,}; {summary.megapixels:,.0f} megapixels read"),
        (f"{summary.output_bytes / 1e9:,.2f} GB", "written", f"{summary.source_bytes / 1e9:,.2f} GB read"),
        (_duration(busy), "of work", shares),
    ]
    html = "".join(
        f'<div class="card"><p class="big">{number} <small>{name}</small></p>{page.paragraph(text)}</div>'
        for number, name, text in cards
    )
    return f'<div class="cards">{html}</div>{page.bullets(run)}'


def _histogram(summary: Summary) -> str:
    if not summary.before.any():
        return ""
    centres = [(i + 0.5) * 256 / _BINS for i in range(_BINS)]
    series = [
        charts.Line(name, list(zip(centres, map(float, bins), strict=True)))
        for name, bins in (("before", summary.before), ("after", summary.after))
    ]
    return charts.lines("Brightness before and after", series, "mean luma", "files")


def _slowest(summary: Summary) -> str:
    rows = [[path, significant(seconds), what] for seconds, path, what in summary.slowest]
    return page.table([["file", "seconds", "what"], *rows], kind="remarks") if rows else ""


def _sheet(paths: Sequence[str], source: Place, output: Place) -> str:
    figures = []
    for path in paths:
        try:
            pair = [_thumbnail(path, place.read(path)) for place in (source, output)]
        except (ImageError, OSError):  # it was removed since, or is on no disk of this machine
            continue
        figures.append(page.figure(np.concatenate([pair[0], np.full_like(pair[0][:, :4], 255), pair[1]], 1), path))
    return "".join(figures)


def _thumbnail(path: str, data: bytes) -> NDArray[np.uint8]:
    photograph = read_photograph(Path(path), data)
    pixels, _ = upright(photograph.pixels, photograph.metadata)
    image: Any = PIL.Image.fromarray(np.ascontiguousarray(eight_bits(pixels)[..., :3]))
    image.thumbnail((_SIDE, _SIDE))
    return np.asarray(image)


def _duration(seconds: float) -> str:
    for length, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} seconds"
