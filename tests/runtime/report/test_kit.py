"""The kit of reports: numbers, tables, charts and pages."""

from __future__ import annotations

import csv
import io
import math
import xml.dom.minidom

import numpy as np
import pytest

from dcelite.report import charts, page
from dcelite.report.tables import csv_text, markdown, number, significant, text_table


@pytest.mark.parametrize(
    ("value", "text", "short"),
    [
        (0.0, "0", "0"),
        (1.0, "1.00", "1"),
        (0.012345, "0.0123", "0.0123"),
        (1234.5, "1234", "1234"),
        (99.96, "100.0", "100"),
        (0.5, "0.500", "0.5"),
        (100.0, "100", "100"),
    ],
)
def test_numbers_have_three_digits_and_no_exponent(value: float, text: str, short: str) -> None:
    assert significant(value) == text
    assert number(value) == short


def test_numbers_that_are_none() -> None:
    assert significant(None) == "-"
    assert significant(math.inf) == "inf"
    assert significant(0.123456, 2) == "0.12"


def test_a_table_for_the_terminal() -> None:
    rows = [("name", "ms", "remark"), ("a", "10.5", ""), ("longer", "7", "slow, but right")]
    assert text_table(rows) == "name      ms  remark\na       10.5\nlonger     7  slow, but right"
    assert text_table(rows, left=(0, 1), indent="  ").splitlines()[1] == "  a       10.5"


def test_markdown_comes_row_by_row() -> None:
    def rows() -> object:
        yield ("a", "b")
        yield ("1", "2")
        raise RuntimeError("training failed")

    lines = markdown(rows())
    assert [next(lines) for _ in range(3)] == ["| a | b |", "|---|---|", "| 1 | 2 |"]
    with pytest.raises(RuntimeError):
        next(lines)


def test_csv_has_the_fields_of_fields() -> None:
    text = csv_text([{"a": 1, "group": None, "list": ["x", 2]}, {"a": 2, "group": {"b": 3, "c": {"d": 4}}}])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0] == {"a": "1", "list": "x; 2", "group.b": "", "group.c.d": ""}
    assert rows[1] == {"a": "2", "list": "", "group.b": "3", "group.c.d": "4"}


def test_a_page_is_well_formed_whatever_its_texts_are() -> None:
    text = "<b>&\"'</b>"
    drawn = page.page(
        text,
        [
            page.heading(text),
            page.paragraph(text, "pale"),
            page.section(text, page.bullets([text]), text),
            page.table([("a", text), (text, "2")], kind="remarks", best=[0]),
            page.table([(text, "value")], kind="plain"),
            page.figure(np.zeros((2, 3, 3), np.uint8), text),
            charts.distributions(text, [charts.Box(text, 1.0, 2.0, 3.0, 4.0, 50.0)], text),
            charts.lines(text, [charts.Line(text, [(1.0, 2.0), (4.0, 8.0)])], text, text, log_x=True),
            charts.bars(text, [charts.Bar(text, [1.0, 0.0, 2.5])], [text, "b", "c"], text),
        ],
    )
    parsed = xml.dom.minidom.parseString(drawn.replace("<!DOCTYPE html>", ""))
    assert parsed.getElementsByTagName("h1")[0].firstChild.data == text
    assert not parsed.getElementsByTagName("b")
    assert not parsed.getElementsByTagName("script")
    assert [table.getAttribute("class") for table in parsed.getElementsByTagName("table")] == ["remarks", "plain"]
    assert len(parsed.getElementsByTagName("thead")) == 1
    assert [svg.getAttribute("aria-label") for svg in parsed.getElementsByTagName("svg")] == [text] * 3
    assert "nan" not in drawn
    assert page.section("empty", "") == ""
