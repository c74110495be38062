"""ARFF, the format of Weka and OpenML: names from the header, cells as strings, `?` stays for the columns to read.

Lenient where files in the wild are: padded values, comments between rows, any case of the keywords.
"""

from __future__ import annotations

import csv
import re

import pyarrow as pa

from ..errors import DataError
from ._files import File

ATTRIBUTE = re.compile(r"@attribute\s+(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|(\S+))\s+\S", re.I)


def read(file: File) -> pa.Table:
    """The table of an ARFF file. Raises DataError with the line of the first bad row."""
    where = str(file.path)
    with file.open() as stream:
        raw = stream.read()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # the format fixes no encoding; old files are Western
    names: list[str] = []
    rows: list[list[str]] = []
    in_data = False
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("%"):
            continue
        if in_data:
            rows.append(_cells(line, len(names), f"{where}:{number}"))
        elif line.lower().startswith("@attribute"):
            names.append(_name(line, f"{where}:{number}"))
        elif line.lower().startswith("@data"):
            in_data = True
        elif not line.lower().startswith("@relation"):
            raise DataError("this line of the header begins with no known keyword.", where=f"{where}:{number}")
    if not names or not in_data:
        raise DataError("this is not an ARFF file: it has no @attribute or no @data.", where=where)
    if not rows:
        raise DataError("the file has a header and no rows.", where=where)
    if len(set(names)) < len(names):
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise DataError(f"several columns are called {', '.join(map(repr, repeated))}.", where=where)
    return pa.table([pa.array(column, pa.string()) for column in zip(*rows)], names=names)


def _name(line: str, where: str) -> str:
    found = ATTRIBUTE.match(line)
    if not found:
        raise DataError("an attribute is written `@attribute name type`.", where=where)
    return re.sub(r"\\(.)", r"\1", next(group for group in found.groups() if group is not None)).strip()


def _cells(line: str, expected: int, where: str) -> list[str]:
    if line.startswith("{"):
        raise DataError("sparse rows of ARFF are not read.", where=where, hint="Save the file as CSV or dense ARFF.")
    quote = '"' if '"' in line and "'" not in line else "'"
    cells = next(csv.reader([line], quotechar=quote, skipinitialspace=True, escapechar="\\"))
    if len(cells) != expected:
        raise DataError(f"expected {expected} cells as the header says, found {len(cells)}.", where=where)
    return [cell.strip() for cell in cells]
