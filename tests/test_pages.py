"""The HTML page: self-contained, escaped, and its drawings true to the figures."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from modelwright.pages import render_html
from modelwright.pages._plot import label, plot, ticks
from modelwright.report import Curve, Image, Number, Report, Section, Table, Text

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&"
VOID = {"meta", "img", "path", "circle", "br"}


class Reader(HTMLParser):
    """Every tag with its attributes, and that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID or tag in ("path", "circle"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def every_block(text: str) -> list:
    return [
        Number(text, text, (0.1, 0.2), text, text),
        Text(text, text, "warning"),
        Section(text),
        Table(text, [text, "n"], [[text, 1], [None, None]], text, heat=True),
        Curve(text, text, text, {text: ([1, 2], [1, 2]), "b": ([1, 2], [2, 1])}, text, dots=["b"], dashed=[text]),
        Curve(text, text, text, {text: ([1, 2], [1, 2])}),
        Image(text, [(PIXEL, text)], text),
    ]


def test_text_of_the_report_is_escaped_everywhere():
    reader = read(render_html(Report(EVIL, every_block(EVIL))))
    assert not any(tag == "script" or any(name.startswith("on") for name in given) for tag, given in reader.tags)
    assert [given["src"] for tag, given in reader.tags if tag == "img"] == [f"data:image/png;base64,{PIXEL}"]
    assert "".join(reader.text).count("<script>alert(1)") >= 12


def test_the_page_stands_alone():
    page = render_html(Report("t", every_block("x")))
    for tag, given in read(page).tags:
        assert tag not in ("script", "link", "iframe", "object", "form")
        for name in ("src", "href"):
            assert given.get(name, "#").startswith(("#", "data:image/png;base64,"))
    assert "http" not in page.replace("http-equiv", "") and "url(" not in page and "@import" not in page
    assert "default-src 'none'" in page


def test_sections_are_linked():
    page = render_html(Report("t", [Number("a", 1), Section("One"), Text("", "x"), Section("Two <2>")]))
    links = re.findall(r'<a href="#(s\d)">(.*?)</a>', page)
    assert links == [("s0", "Overview"), ("s1", "One"), ("s2", "Two &lt;2&gt;")]
    assert all(f'<section id="{anchor}">' in page for anchor, _ in links)
    assert "<nav" not in render_html(Report("t", [Number("a", 1)]))


def test_confusion_matrix_shades_shares_of_the_row():
    table = Table("c", ["true", "a", "b"], [["a", 90, 10], ["b", 0, 1]], heat=True)
    cells = re.findall(r'<td class="([^"]*)"(?: style="--h:(\d+)%")?>(.*?)</td>', render_html(Report("t", [table])))
    assert cells == [
        ("r on strong", "90", "90"),
        ("r off", "32", "10"),
        ("r zero", "", "·"),
        ("r on strong", "100", "1"),
    ]


def test_other_shaded_tables_shade_by_the_largest():
    table = Table("c", ["row", "a"], [["x", 4.0], ["y", 1.0], ["z", None]], heat=True)
    assert re.findall(r"--h:(\d+)%", render_html(Report("t", [table]))) == ["100", "25"]


@pytest.mark.parametrize(
    "ends", [(0, 1), (0.1, 0.97), (-3, 12_345), (5, 5), (0, 0), (1e-9, 3e-9), (-1e20, 1e20), (0.999, 1.0)]
)
def test_ticks_are_round_and_enclose_the_values(ends):
    low, high = ends
    found = ticks(low, high)
    assert found[0] <= low + 1e-12 and found[-1] >= high - 1e-12 * abs(high) and 3 <= len(found) <= 12
    steps = [b - a for a, b in pairwise(found)]
    assert steps == pytest.approx([steps[0]] * len(steps))
    assert float(f"{steps[0]:.0e}".split("e")[0]) in (1, 2, 5)
    assert all(len(label(value)) <= 8 for value in found)


def test_a_line_keeps_the_order_and_place_of_its_points():
    svg, _ = plot(Curve("c", "x", "y", {"a": ([0, 5, 10], [0, 10, 0])}))
    path = re.search(r'class="line c0" d="M([^"]*)"', svg).group(1)
    places = [tuple(map(float, pair.split())) for pair in path.split("L")]
    assert places[0][1] == places[2][1] > places[1][1]
    assert places[1][0] == pytest.approx((places[0][0] + places[2][0]) / 2, abs=0.1)
    assert "a: 5, 10" in svg


def test_long_lines_are_thinned_without_losing_peaks():
    ys = [0.0] * 100_000
    ys[54_321] = 1.0
    svg, _ = plot(Curve("c", "x", "y", {"a": (list(range(100_000)), ys)}))
    assert len(svg) < 20_000
    heights = {pair.split()[1] for pair in re.search(r'class="line c0" d="M([^"]*)"', svg).group(1).split("L")}
    assert len(heights) == 2


def test_logarithmic_axis_and_gaps():
    curve = Curve("c", "x", "y", {"a": ([0, 1, 10, 100, 1000], [1, 1, None, float("nan"), 3])}, log_x=True)
    svg, _ = plot(curve)
    assert all(f">{tick}</text>" in svg for tick in ("1", "10", "100", "1000"))
    assert svg.count("<circle") == 2


@pytest.mark.parametrize(
    "lines", [{}, {"a": ([], [])}, {"a": ([1], [None])}, {"a": ([1], [2])}, {"a": ([1, 1], [2, 2])}]
)
def test_curves_with_little_to_draw(lines):
    read(render_html(Report("t", [Curve("c", "x", "y", lines), Table("t", [], []), Image("i", []), Text("", "")])))
