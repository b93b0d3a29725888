"""Charts as SVG, written out: no library, no script, no network."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

from dcelite.report.tables import number

WIDTH = 860
LABEL_WIDTH = 270
ROW_HEIGHT = 24
PLOT_HEIGHT = 240
MARGIN = 16
AXIS_HEIGHT = 40
DASHES = ("none", "7 4", "2 3")
"""Of the lines, when the colours begin anew."""
COLOURS = ("#2a6fbb", "#d1702d", "#3f8f4f", "#a0418c", "#8a6d1f", "#1f8a8a", "#b23b3b", "#5b5bb0")


@dataclass(frozen=True)
class Box:
    """The distribution of a row: quartiles, and the ends of the whiskers."""

    label: str
    low: float
    first: float
    median: float
    third: float
    high: float


@dataclass(frozen=True)
class Line:
    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Bar:
    label: str
    parts: Sequence[float]


def _text(x: float, y: float, text: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{html.escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{html.escape(title)}">{"".join(parts)}</svg>'
    )


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each power of ten within the bounds."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    inside = [tick for tick in ticks if low <= tick <= high]
    return inside if len(inside) <= 9 else [tick for tick in inside if f"{tick:e}"[0] == "1"]


def _linear_ticks(high: float) -> list[float]:
    power = 10.0 ** math.floor(math.log10(high))
    step = next((power * factor for factor in (1.0, 0.5, 0.2) if high / (power * factor) >= 4), power * 0.1)
    return [i * step for i in range(int(high / step) + 1)]


def distributions(title: str, boxes: Sequence[Box], unit: str) -> str:
    """Boxes from quartile to quartile, marked at the median; lines from the shortest time to the 95th percentile."""
    low, high = min(box.low for box in boxes) * 0.8, max(box.high for box in boxes) * 1.25
    span = math.log(high / low)
    bottom = MARGIN + ROW_HEIGHT * len(boxes)

    def x(value: float) -> float:
        return LABEL_WIDTH + (WIDTH - LABEL_WIDTH - 80) * math.log(value / low) / span

    parts = []
    for tick in _log_ticks(low, high):
        parts.append(_line(x(tick), MARGIN - 4, x(tick), bottom, "grid"))
        parts.append(_text(x(tick), bottom + 16, number(tick), "middle"))
    parts.append(_text(WIDTH - 4, bottom + 32, unit, "end"))
    for i, box in enumerate(boxes):
        y = MARGIN + ROW_HEIGHT * (i + 0.5)
        colour = COLOURS[i % len(COLOURS)]
        parts.append(_text(LABEL_WIDTH - 10, y + 4, box.label, "end"))
        parts.append(f'<g stroke="{colour}" fill="{colour}">')
        parts.append(_line(x(box.low), y, x(box.high), y, "whisker"))
        width = max(x(box.third) - x(box.first), 1.0)
        parts.append(
            f'<rect class="box" x="{x(box.first):.1f}" y="{y - 6:.1f}" width="{width:.1f}" height="12"/>'
            f"{_line(x(box.median), y - 8, x(box.median), y + 8, 'median')}</g>"
        )
        parts.append(_text(x(box.high) + 6, y + 4, f"p50 {number(box.median)}"))
    return _svg(bottom + AXIS_HEIGHT, title, parts)


def lines(title: str, series: Sequence[Line], x_label: str, y_label: str, *, log_x: bool = False) -> str:
    """Values over a common axis; the vertical one begins at zero."""
    xs = sorted({point[0] for line in series for point in line.points})
    top = 1.1 * max(point[1] for line in series for point in line.points)
    above = MARGIN + 18  # the name of the vertical axis stands over its highest number
    left, right, bottom = 70.0, WIDTH - 20.0, above + PLOT_HEIGHT

    def scaled(value: float) -> float:
        return math.log(value) if log_x else value

    span = scaled(xs[-1]) - scaled(xs[0]) or 1.0

    def x(value: float) -> float:
        return left + 20 + (right - left - 40) * (scaled(value) - scaled(xs[0])) / span

    def y(value: float) -> float:
        return bottom - PLOT_HEIGHT * value / top

    parts = []
    for tick in _linear_ticks(top):
        parts.append(_line(left, y(tick), right, y(tick), "grid"))
        parts.append(_text(left - 8, y(tick) + 4, number(tick), "end"))
    parts += [_text(x(value), bottom + 16, number(value), "middle") for value in xs]
    parts.append(_text(right, bottom + 34, x_label, "end"))
    parts.append(_text(left - 8, MARGIN, y_label, "end"))
    for i, line in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        dashes = DASHES[i // len(COLOURS) % len(DASHES)]
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in line.points)
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}" points="{path}"/>'
        )
        parts += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3.5" fill="{colour}"/>' for a, b in line.points]
    return _svg(bottom + AXIS_HEIGHT, title, parts) + legend([line.label for line in series])


def bars(title: str, rows: Sequence[Bar], names: Sequence[str], unit: str) -> str:
    """Stacked, horizontal; with a legend of the parts."""
    top = 1.1 * max(sum(bar.parts) for bar in rows)
    bottom = MARGIN + ROW_HEIGHT * len(rows)

    def x(value: float) -> float:
        return LABEL_WIDTH + (WIDTH - LABEL_WIDTH - 40) * value / top

    parts = []
    for tick in _linear_ticks(top):
        parts.append(_line(x(tick), MARGIN - 4, x(tick), bottom, "grid"))
        parts.append(_text(x(tick), bottom + 16, number(tick), "middle"))
    parts.append(_text(WIDTH - 4, bottom + 32, unit, "end"))
    for i, bar in enumerate(rows):
        y = MARGIN + ROW_HEIGHT * i
        parts.append(_text(LABEL_WIDTH - 10, y + 17, bar.label, "end"))
        begin = 0.0
        for j, value in enumerate(bar.parts):
            parts.append(
                f'<rect x="{x(begin):.1f}" y="{y + 4}" width="{x(begin + value) - x(begin):.1f}" height="16" '
                f'fill="{COLOURS[j % len(COLOURS)]}"/>'
            )
            begin += value
        parts.append(_text(x(begin) + 6, y + 17, number(begin)))
    return _svg(bottom + AXIS_HEIGHT, title, parts) + legend(names)


def legend(names: Sequence[str]) -> str:
    """The colours of the series, as HTML; those of a second round are hollow, as their lines are dashed."""
    items = []
    for i, name in enumerate(names):
        colour = COLOURS[i % len(COLOURS)]
        style = f"background:{colour}" if i < len(COLOURS) else f"border:2px dashed {colour}"
        items.append(f'<span><i style="{style}"></i>{html.escape(name)}</span>')
    return f'<p class="legend">{"".join(items)}</p>'
