"""Reports: JSON round trip, terminal widths, escaping."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from modelwright.report import (
    Colored,
    Curve,
    Image,
    Number,
    Report,
    Section,
    Table,
    Text,
    cells,
    render_markdown,
    render_terminal,
    shown,
)

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
EVIL = "<script>alert('1')</script>\n\x1b[31m| `*_[x](javascript:0) \" & 猫"


@pytest.fixture
def report() -> Report:
    return Report(
        "digits · 手写数字",
        [
            Number("accuracy", 0.9734, (0.961, 0.982), note="on the test set"),
            Number("大小", 1.4, unit="MB"),
            Text("Over-fitting", "Set train.early_stop: 3. " * 10, "advice"),
            Section("Test"),
            Table(
                "Confusion", ["true", "猫", "dog"], [["猫", 40, 2], ["dog", 0, 51]], heat=True, note="Rows are true."
            ),
            Table("Mixed", ["a", "b", "c"], [["很长的文字" * 30, True, None], ["x", False, 1.5]]),
            Curve(
                "Loss",
                "epoch",
                "loss",
                {"train": ([1, 2, 3], [2.0, 1.0, 0.5]), "chance": ([1, 3], [2.0, 2.0])},
                dashed=["chance"],
            ),
            Curve("Scatter", "true", "predicted", {"rows": ([1.0, 2.0, 3.0], [1.0, 2.5, 2.0])}, dots=["rows"]),
            Image("Mistakes", [(PIXEL, "3 taken for 8")]),
        ],
    )


def test_json_round_trip(report):
    text = json.dumps(report.to_json(), allow_nan=False)
    assert Report.from_json(text) == report
    assert Report.from_json(json.loads(text)).blocks == report.blocks


def test_json_takes_numpy_and_what_json_cannot_say():
    report = Report(
        "r",
        [
            Number("a", np.float32(0.5), (np.float64(0.1), float("inf"))),
            Curve("c", "x", "y", {"l": (np.arange(2), np.array([1, np.nan]))}),
        ],
    )
    found = Report.from_json(json.dumps(report.to_json(), allow_nan=False))
    assert found.blocks == [Number("a", 0.5, (0.1, None)), Curve("c", "x", "y", {"l": ([0, 1], [1.0, None])})]
    render_terminal(found), render_markdown(found)


def test_blocks_of_another_version_are_kept_readable():
    data = {
        "title": "t",
        "blocks": [{"block": "hologram", "x": 1}, {"block": "text", "title": "a", "text": "b", "new": 1}],
    }
    first, second = Report.from_json(data).blocks
    assert isinstance(first, Text) and first.tone == "warning" and "hologram" in first.text
    assert second == Text("a", "b")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_terminal_keeps_the_width_in_cells(report, width):
    for line in render_terminal(report, width=width).splitlines():
        assert cells(line) <= width, line


def test_terminal_tables_line_up_beside_wide_characters(report):
    lines = render_terminal(report, width=80).splitlines()
    start = next(i for i, line in enumerate(lines) if line == "Confusion")
    ends = {cells(line) for line in lines[start + 1 : start + 4]}
    assert len(ends) == 1
    assert "·" in lines[start + 3]  # a zero in a shaded table recedes


def test_terminal_colours_only_when_asked(report):
    plain, painted = render_terminal(report), render_terminal(report, color=True)
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == plain


def test_values_of_the_data_cannot_steer_terminal_or_markdown():
    blocks = [
        Section(EVIL),
        Number(EVIL, EVIL, note=EVIL),
        Table(EVIL, [EVIL], [[EVIL]]),
        Text(EVIL, EVIL),
        Image(EVIL, [(PIXEL, EVIL)]),
    ]
    report = Report(EVIL, [*blocks, Curve(EVIL, EVIL, EVIL, {EVIL: ([1, 2], [1, 2])})])
    assert "\x1b" not in render_terminal(report)
    assert "\x1b" not in render_terminal(report, width=30)
    markdown = render_markdown(report)
    unescaped = re.sub(r"\\.", "", markdown)
    assert "<" not in unescaped and "[" not in unescaped
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) in (2, 5, 7) for row in rows)


def test_sparkline_falls_with_the_loss(report):
    line = next(line for line in render_terminal(report).splitlines() if "█" in line)
    bars = re.search("[▁-█]+", line).group()
    assert bars == "".join(sorted(bars, reverse=True)) and bars[0] == "█" and bars[-1] == "▁"
    assert "2.000 → 0.5000" in line


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (True, "yes"),
        (0, "0"),
        (0.0, "0"),
        (1234, "1234"),
        (1234567, "1,234,567"),
        (0.98765, "0.9877"),
        (12.3456, "12.35"),
        (123.456, "123.5"),
        (12345.6, "12,346"),
        (1e-5, "1e-05"),
        (float("inf"), "inf"),
        (-0.5, "-0.5000"),
    ],
)
def test_shown(value, text):
    assert shown(value) == text


def test_empty_blocks_render():
    report = Report(
        "",
        [
            Table("", [], []),
            Table("t", ["a"], []),
            Curve("c", "x", "y", {}),
            Curve("c", "x", "y", {"l": ([], [])}),
            Image("", []),
            Text("", ""),
        ],
    )
    for render in (render_terminal, render_markdown):
        assert render(report)
    assert Report.from_json(report.to_json()) == report


def test_reports_need_no_heavy_library():
    code = "import sys, modelwright.report, modelwright.pages; assert not {'numpy', 'torch', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_coloured_words_are_marked_everywhere():
    block = Colored("Row 1", [("not ", -0.9), ("bad ", 1.0), ("at ", 0.01), ("all", 0.0)])
    report = Report("r", [block])
    assert Report.from_json(report.to_json()).blocks == [block]
    assert "[-not] [+bad] at all" in render_terminal(report)
    assert "\x1b[32mbad \x1b[0m" in render_terminal(report, color=True)
    assert "~~not~~ **bad** at all" in render_markdown(report)


def test_a_table_with_heat_has_bars_beside_its_first_figures():
    report = Report("r", [Table("t", ["part", "adds", "rows"], [["a", 2.0, 1], ["b", -1.0, 9]], heat=True)])
    lines = render_terminal(report).splitlines()
    assert lines[-2].endswith("1  " + 16 * "█") and lines[-1].endswith("9  " + 8 * "░")
