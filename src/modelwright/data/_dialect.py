"""Finds the delimiter, quoting and header of delimited text from its beginning; reads no whole file."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import DataError

CANDIDATES = (",", "\t", ";", "|")
BLANK_SEPARATED = (".data", ".txt", ".dat", ".names", "")  # endings of files where blanks may separate cells
SAMPLE_ROWS = 200
NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?%?"
DATE = r"\d{1,4}[-/.:]\d{1,2}([-/.:].*)?"
VALUE = re.compile(rf"\s*({NUMBER}|{DATE}|\?|na|n/a|nan|null|none)?\s*", re.I)
LONGEST_NAME = 80
csv.field_size_limit(1 << 30)  # long documents are cells too


@dataclass(frozen=True)
class Dialect:
    """How the cells of a file are written. `rewrite`: Arrow's reader needs it rewritten first."""

    delimiter: str
    quote: str
    header: bool
    names: tuple[str, ...]
    skip_spaces: bool
    rewrite: bool
    notes: tuple[str, ...]


def reader(lines: Iterable[str], delimiter: str, quote: str, skip_spaces: bool = False) -> Any:
    """Python's CSV reader over lines."""
    if not quote:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, skipinitialspace=skip_spaces)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=skip_spaces)


def find(sample: str, whole: bool, where: str, suffix: str, options: dict[str, Any]) -> Dialect:
    """The dialect of a text that begins with `sample`; `options` overrule. Raises DataError for bad names."""
    lines = sample.splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines.pop()  # cut in the middle
    given = options.get("delimiter")
    delimiter = {"\\t": "\t", "tab": "\t", "space": " "}.get(str(given), given) or _delimiter(lines, suffix)
    if len(delimiter) != 1:
        raise DataError(f"a delimiter is one character, given {given!r}.", where=where)
    quote = options.get("quote")
    quote = quote if quote is not None else _quote(lines, delimiter)
    skip_spaces = options.get("skip_spaces")
    if skip_spaces is None:
        skip_spaces = _has_spaces(_cells(lines, delimiter, quote))
    spaced_quotes = skip_spaces and bool(quote) and any(re.search(re.escape(delimiter) + r" +\"", x) for x in lines)
    rows = _cells(lines, delimiter, quote, bool(skip_spaces))
    if not whole and 1 < len(rows) < SAMPLE_ROWS:
        rows.pop()  # a quoted cell may be cut
    header, names, notes = _header(rows, where, options)
    return Dialect(
        delimiter, quote, header, names, bool(skip_spaces), rewrite=delimiter == " " or spaced_quotes, notes=notes
    )


def _cells(lines: list[str], delimiter: str, quote: str, skip_spaces: bool = False) -> list[list[str]]:
    if delimiter == " ":
        return [cells for cells in (line.split() for line in lines[:SAMPLE_ROWS]) if cells]
    found: list[list[str]] = []
    for cells in reader(lines, delimiter, quote, skip_spaces):
        if cells:
            found.append(cells)
        if len(found) == SAMPLE_ROWS:
            break
    return found


def _delimiter(lines: list[str], suffix: str) -> str:
    """The candidate that cuts most rows into the same number of cells, the first row too if possible."""
    usual = {".tsv": "\t", ".tab": "\t"}.get(suffix, ",")
    best, score = usual, (0.0, False, False)
    for candidate in CANDIDATES:
        lengths = [len(cells) for cells in _cells(lines, candidate, _quote(lines, candidate))]
        length, count = Counter(lengths).most_common(1)[0]
        rating = (round(count / len(lengths), 1), lengths[0] == length, candidate == usual)
        if length > 1 and rating > score:
            best, score = candidate, rating
    if not score[0] and suffix in BLANK_SEPARATED:
        lengths = [len(line.split()) for line in lines if line.strip()]
        if lengths[0] > 1 and len(set(lengths)) == 1:  # prose has lines of different length
            return " "
    return best


def _quote(lines: list[str], delimiter: str) -> str:
    """No quoting for tab-separated cells that begin with a quote but do not end with one."""
    if delimiter != "\t":
        return '"'
    opened = [c for line in lines for c in line.rstrip("\r\n").split("\t") if c.startswith('"')]
    return "" if any(len(cell) < 2 or not cell.endswith('"') for cell in opened) else '"'


def _has_spaces(rows: list[list[str]]) -> bool:
    """Whether nearly every delimiter is followed by a blank."""
    rest = [cell for cells in rows for cell in cells[1:]]
    return bool(rest) and sum(cell.startswith(" ") for cell in rest) > 0.9 * len(rest)


def _header(
    rows: list[list[str]], where: str, options: dict[str, Any]
) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    """Whether the first row names the columns, the names, and notes."""
    first, given, header = rows[0], options.get("names"), options.get("header")
    notes: list[str] = []
    if header is None:
        header = _is_header(first, rows[1:]) if given is None else [c.strip() for c in first] == list(given)
    if given is not None and len(given) != len(first):
        raise DataError(f"{len(given)} names are given for {len(first)} columns.", where=where)
    if header and len(rows) == 1:
        raise DataError("the file has a header and no rows.", where=where, hint="If it has no header: header: false")
    if given is not None:
        names = [str(name) for name in given]
    elif header:
        names = [cell.strip() or f"unnamed_{place}" for place, cell in enumerate(first, start=1)]
    else:
        names = [f"column_{place}" for place in range(1, len(first) + 1)]
        notes.append(
            f"The first line holds values, not names: the columns are called column_1 to column_{len(first)} "
            "(`names: [...]` names them, `header: true` takes the first line as names)."
        )
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(
            f"several columns are called {', '.join(map(repr, repeated))}.",
            where=where,
            hint="Rename them, or give `names: [...]` with `header: true`.",
        )
    return bool(header), tuple(names), tuple(notes)


def _is_header(first: list[str], rest: list[list[str]]) -> bool:
    """Names are not values; below a name stand other things than the name."""
    if any(VALUE.fullmatch(cell) and cell.strip() for cell in first):
        return False
    if not rest:
        return True
    body = [[cells[i] for cells in rest if i < len(cells)] for i in range(len(first))]
    if any(cells and all(VALUE.fullmatch(cell) for cell in cells) and any(c.strip() for c in cells) for cells in body):
        return True  # a column of values under a name
    short = all(len(cell) <= LONGEST_NAME for cell in first)
    return short and len(set(first)) == len(first) and not any(n in cells for n, cells in zip(first, body))
