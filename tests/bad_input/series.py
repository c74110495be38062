"""Series with gaps, duplicates, wrong order, cells that are no numbers, and too few steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from ._case import Case

START = "data: {series: steps.csv, window: 6, horizon: 2, time: day%s}\n"


def steps(
    count: int = 40,
    cell: Callable[[int], object] = lambda step: step % 7,
    order: Callable[[int], int] = lambda step: step,
) -> str:
    """A CSV of days with one price each."""
    lines = [f"{date(2024, 1, 1) + timedelta(day)},{cell(day)}" for day in map(order, range(count))]
    return "\n".join(["day,price", *lines]) + "\n"


def check(name: str, content: str, message: str, code: int = 2, more: str = "", start: str = START) -> Case:
    recipe = start % more + "train: {speed: fixed, threads: 1}\n"
    return Case(name, "check recipe.yaml", message, code, recipe=recipe, files={"steps.csv": content})


CASES = [
    check("unsorted steps are sorted, and it is said", steps(order=lambda s: 39 - s), "The rows were not in the order of 'day'", 0),
    check("gaps are said", steps().replace("2024-01-20,5\n", "").replace("2024-01-21,6\n", ""), "1 gaps between times", 0, ", gaps: cut"),
    check("missing steps are said", steps(cell=lambda s: "" if s == 9 else s % 7), "1 cells are missing", 0),
    check("a missing target is said", steps(cell=lambda s: "NaN" if s > 36 else s % 7), "3 cells are missing", 0),
    check("the same day twice", steps() + "2024-01-05,3\n", "error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: column 'day': 1 times stand twice, the first is 2024-01-05. Where there are several series, name their column: by."),
    check("a cell that is no number", steps(cell=lambda s: "closed" if s == 9 else s % 7), "error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: column 'price': row 9 has 'closed', which is no number; 1 cells are like it. Empty cells count as missing. A column that is no part of the series is left out by naming the others: columns."),
    check("a day that is none", steps().replace("2024-01-05", "soon"), "error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: column 'day': row 4 has 'soon', which is no time; 1 rows have none."),
    check("a single step", steps(1), 'error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: steps.csv: a series needs more than one row.'),
    check("too few steps", steps(7), 'error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: steps.csv: no window of 6 steps and horizon of 2 fits into the training part; the longest stretch without a gap has 7 steps in all parts together. Shorten window or horizon, or give more rows.'),
    check("too few steps to learn from", steps(9), 'error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: steps.csv: no window of 6 steps and horizon of 2 fits into the training part; the longest stretch without a gap has 9 steps in all parts together. Shorten window or horizon, or give more rows.'),
    check("no column of numbers", steps(cell=lambda s: "high" if s % 2 else "low"), 'error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: steps.csv: no column holds numbers. Name them: columns: [...].'),
    check("no such column of times", steps(), "error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: steps.csv: there is no column 'date'. Known: day, price.", start="data: {series: steps.csv, window: 6, horizon: 2, time: date%s}\n"),
    check("no such channel", steps(), "error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: steps.csv: there is no column 'prise'. Did you mean 'price'?", more=", columns: [prise]"),
    check("parts that are no shares", steps(), 'error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: steps.csv: parts: expected three shares that sum to 1, or three rising numbers of steps, given [0.5, 0.1]. For example parts: [0.7, 0.1, 0.2].', more=", parts: [0.5, 0.1]"),
    check("a calendar without times", steps(), 'error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: steps.csv: calendar: a calendar needs times. Name their column: time.', start="data: {series: steps.csv, window: 6, horizon: 2, calendar: true%s}\n"),
    check("a window of no steps", steps(), 'error: 1 mistake in the recipe:\n  recipe.yaml:1:27: data.window: expected at least 1, given 0.', start="data: {series: steps.csv, window: 0%s}\n"),
    check("an option that the reader lacks", steps(), "error: 1 mistake in the recipe:\n  recipe.yaml:1:61: data.horizons: no such option. Did you mean 'horizon'?", more=", horizons: 3"),
    check("a series that is constant", steps(cell=lambda s: 3), "error: steps: target 'future': has one value only. A constant needs no model."),
    check("a head that wants channels", steps(), 'error: 1 mistake in the recipe:\n  recipe.yaml:2:1: model.heads.future: the head series reads channels, and no encoder gives them. Encoders that do: linear, patches.', more="}\nmodel: {encoders: {history: rnn}"),
    check("too few times for the folds", steps(), 'error: 1 mistake in the recipe:\n  recipe.yaml:1:89: data.split.folds: 60 folds of 31 rows cannot be made. Give 31 at most.', more=", split: {kind: walk_forward, folds: 60}"),
    check("walking without a column", steps(), 'error: 1 mistake in the recipe:\n  recipe.yaml:1:25: data.split: a split of kind walk_forward needs the name of a column with times. Write {kind: walk_forward, column: NAME}.', start="data: {path: steps.csv, split: {kind: walk_forward}%s}\ntarget: price\n"),
    check("a window that is no way of walking", steps(), "error: 1 mistake in the recipe:\n  recipe.yaml:1:89: data.split.window: expected 'expanding' or 'sliding', given 'rolling'.", more=", split: {kind: walk_forward, window: rolling}"),
    check("a target with many holes", steps(cell=lambda s: "" if s % 3 else s), "26 cells are missing", 0),
]  # fmt: skip
