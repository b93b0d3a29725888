"""A report as one HTML page: its style, tables and pictures; no script, nothing fetched."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Collection, Iterable, Sequence

import numpy as np
import PIL.Image
from numpy.typing import NDArray

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
th:first-child, td:first-child, .remarks th:last-child, .remarks td:last-child { text-align: left }
.remarks td:last-child { white-space: normal; color: var(--pale); min-width: 14rem; line-height: 1.3 }
tr.best td { background: var(--hint); font-weight: 600 } tr.best td:last-child { font-weight: 400 }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif } svg text { fill: var(--ink); stroke: none }
.grid { stroke: var(--line) } .whisker { stroke-width: 1.5 } .median { stroke-width: 3 } .box { fill-opacity: .3 }
.legend { margin: .2rem 0 .6rem } .legend span { margin-right: 1.2rem; white-space: nowrap; font-size: .85rem }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; vertical-align: -.1rem }
.pale { color: var(--pale); margin: .2rem 0 } .plain td:first-child { color: var(--pale) }
.plain td { text-align: left; white-space: normal }
figure { display: inline-block; margin: .5rem 1rem .5rem 0 } figure img { image-rendering: pixelated; width: 240px }
figcaption { color: var(--pale); font-size: .85rem }
@media print { body { max-width: none; margin: 0 } .card, figure, svg { break-inside: avoid } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The document; ``parts`` are HTML."""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"/><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/><link rel="icon" href="data:,"/>'
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def heading(text: str, level: int = 1) -> str:
    return f"<h{level}>{html.escape(text)}</h{level}>"


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{html.escape(text)}</p>' if kind else f"<p>{html.escape(text)}</p>"


def section(title: str, body: str, note: str = "") -> str:
    """A part of the page under its title; nothing where the body is empty."""
    return heading(title, 2) + (paragraph(note, "pale") if note else "") + body if body else ""


def bullets(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(text)}</li>' for text in texts)}</ul>"


def table(rows: Sequence[Sequence[str]], *, kind: str = "", best: Collection[int] = ()) -> str:
    """A table, the heading being the first row.

    Args:
        kind: "remarks" where the last column holds sentences, "plain" for names and their values without heading.
        best: the rows that stand out, counted without the heading.
    """
    lines = [] if kind == "plain" else [f"<thead><tr>{_cells(rows[0], 'th')}</tr></thead>"]
    for i, row in enumerate(rows if kind == "plain" else rows[1:]):
        opening = '<tr class="best">' if i in best else "<tr>"
        lines.append(f"{opening}{_cells(row, 'td')}</tr>")
    return f'<div class="scroll"><table class="{kind}">{"".join(lines)}</table></div>'


def _cells(row: Sequence[str], tag: str) -> str:
    return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)


def figure(pixels: NDArray[np.uint8], caption: str) -> str:
    """A small picture, within the page."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG", compress_level=4)  # 6 takes longer by far, for hardly less
    data = base64.b64encode(buffer.getvalue()).decode()
    text = html.escape(caption)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{text}"/><figcaption>{text}</figcaption></figure>'
