"""FASTA files: a line that begins with > names a sequence, the lines below it hold its letters."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from ..errors import DataError
from ._files import File

SUFFIXES = (".fasta", ".fa", ".faa", ".fna", ".ffn")
_FIELD = re.compile(r"(\w+)=(\S+)")


def read(file: File) -> pa.Table:
    """`name` (the first word of a header), `sequence`, and what else the headers say: a column for each `key=value`, and
    `description` for other words. Raises DataError naming the line of letters without a header, or the header without
    a name."""
    headers, sequences = entries(file)
    names, fields, others = [], [], []
    for header in headers:
        name, _, rest = header.partition(" ")
        names.append(name)
        fields.append({key.lower(): value for key, value in _FIELD.findall(rest)})
        others.append(" ".join(_FIELD.sub("", rest).split()))
    columns: dict[str, list[str | None]] = {"name": [*names], "sequence": [*sequences]}
    if any(others):
        columns["description"] = [other or None for other in others]
    for key in dict.fromkeys(key for field in fields for key in field):
        columns[key if key not in columns else f"{key}_field"] = [field.get(key) for field in fields]
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})


def tagged(sequences: File, tags: File, mask: File | None = None) -> tuple[pa.Table, np.ndarray | None]:
    """`name`, `sequence` and `tags`, a label for each letter from another file, in which each name stands too; null where the
    mask has 0. The part of each row, where the labels' headers say SET=train or SET=test, with VALIDATION=True for training
    rows that validate (FLIP, Dallago et al. 2021). Raises DataError for a name without labels and for another length."""
    table, labels = read(sequences), read(tags)
    names, letters = table.column("name").to_pylist(), table.column("sequence").to_pylist()
    place = {name: row for row, name in enumerate(labels.column("name").to_pylist())}
    order = [_of(place, name, tags) for name in names]
    found = _matched(letters, [labels.column("sequence")[row].as_py() for row in order], names, tags)
    kept = np.ones(sum(map(len, found)), bool)
    if mask is not None:
        masks = read(mask)
        by_name = dict(zip(masks.column("name").to_pylist(), masks.column("sequence").to_pylist()))
        wanted = [by_name[name] if name in by_name else by_name[_of({}, name, mask)] for name in names]
        kept = _characters(_matched(letters, wanted, names, mask)) != ord("0")
    classes, codes = np.unique(_characters(found), return_inverse=True)
    values = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=~kept), [chr(one) for one in classes])
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in found])])
    cells = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values.dictionary_decode())
    return table.append_column("tags", cells), _parts(labels.take(order))


def _of(place: dict[str, int], name: str, file: File) -> int:
    if name not in place:
        raise DataError(f"there is no sequence '{name}'.", where=file.name, hint="Each needs one of the same name.")
    return place[name]


def _matched(letters: list[str], beside: list[str], names: list[str], file: File) -> list[str]:
    for name, one, other in zip(names, letters, beside):
        if len(one) != len(other):
            message = f"'{name}' has {len(one)} letters and {len(other)} signs here."
            raise DataError(message, where=file.name, hint="There must be one for each letter.")
    return beside


def _characters(rows: list[str]) -> np.ndarray:
    return np.frombuffer("".join(rows).encode("utf-32-le"), np.uint32)


def _parts(labels: pa.Table) -> np.ndarray | None:
    if "set" not in labels.column_names:
        return None
    part = np.array([0 if cell == "train" else 2 for cell in labels.column("set").to_pylist()], np.int8)
    if "validation" in labels.column_names:
        part[np.array([cell == "True" for cell in labels.column("validation").to_pylist()]) & (part == 0)] = 1
    return part


def entries(file: File) -> tuple[list[str], list[str]]:
    """Headers (without >) and sequences, blanks and line ends taken out."""
    headers: list[str] = []
    lines: list[list[str]] = []
    with file.open() as stream:
        try:
            text = stream.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"byte {error.start} is not valid utf-8.", where=str(file.path)) from None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        where = f"{file.path}:{number}"
        if line.startswith(">"):
            header = line[1:].strip()
            if not header:
                raise DataError("a header without a name.", where=where, hint="Write >NAME above each sequence.")
            headers.append(header)
            lines.append([])
        elif line and not line.startswith(";"):  # a comment, as the first programs wrote it
            if not headers:
                message = f"expected a header that begins with >, found '{line[:30]}'."
                raise DataError(message, where=where, hint="Write >NAME above each sequence.")
            lines[-1].append("".join(line.split()))
    if not headers:
        raise DataError("there is no sequence in the file.", where=str(file.path))
    return headers, ["".join(parts) for parts in lines]
