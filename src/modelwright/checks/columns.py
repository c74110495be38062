"""Contract checks of columns: streaming, merging, total encoding, state."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..errors import DataError
from .running import Check, close, option_checks, require, run_checks

_WORDS = ["a red fox", "blue", "red", None, "blue", "a red dog", "red", "blue fox"]
_CASES: dict[str, list[Any]] = {
    "number": ["1.5", "2", "-3", None, "1e3", "0", "2", "7"],
    "boolean": ["yes", "no", "yes", None, "no", "yes", "no", "yes"],
    "category": ["a", "b", "a", None, "c", "b", "a", "a"],
    "multilabel": ["a|b", "b", "a", None, "b|c", "c", "a", "b"],
    "tags": ["B-P O", "O", "O B-P I-P", None, "O O", "B-P", "I-P O", "O B-P"],
    "date": ["2024-01-02", "2023-05-06", "2022-12-31", None, "2024-02-29", "2021-01-01", "2020-06-06", "2024-01-01"],
    "vector": ["1 2 3", "4 5 6", "0 0 1", None, "3 2 1", "1 1 1", "2 2 2", "9 8 7"],
    "image": [None, *(np.full((4, 5, 3), shade, np.uint8).tolist() for shade in range(10, 80, 10))],
}
_STRANGE = [None, "", "?", "NaN", "inf", "-inf", "unseen", "1e999", "\u0000", "  ", "真", "a" * 500]


def check_column(column: type, values: list[Any] | None = None, **options: Any) -> list[str]:
    """Streaming, merging, total encoding and state of a column, as input and as target.

    values: typical cells, at least 4; where none are given those of the column's own `examples`, or words.
    """
    if values is None:
        values = _CASES.get(column.__name__.lower()) or getattr(column, "examples", _WORDS)
    checks = option_checks(column)
    for target in (False, True):
        checks += [
            (f"{'target' if target else 'input'}: {name}", run)
            for name, run in _column_checks(column, values, target, options)
        ]
    return run_checks(column, checks)


def _fitted(column: type, chunks: list[list[Any]], target: bool, options: dict[str, Any]) -> Any:
    import pyarrow as pa

    made = column("sample", target, **options)
    for chunk in chunks:
        made.fit(pa.array(chunk))
    made.finish()
    return made


def _column_checks(column: type, values: list[Any], target: bool, options: dict[str, Any]) -> list[Check]:
    import pyarrow as pa

    cells, half = pa.array(values), len(values) // 2
    try:
        whole = _fitted(column, [values], target, options)
    except DataError:
        if target:  # this kind cannot be a target, and says so
            return []
        raise

    def chunks() -> None:
        _same(_fitted(column, [values[:half], values[half:]], target, options).encode(cells), whole.encode(cells))

    def merging() -> None:
        one, other = column("sample", target, **options), column("sample", target, **options)
        one.fit(pa.array(values[:half]))
        other.fit(pa.array(values[half:]))
        one.merge(other)
        one.finish()
        _same(one.encode(cells), whole.encode(cells))

    def state() -> None:
        other = column("sample", target, **options)
        other.restore(json.loads(json.dumps(whole.state())))
        _same(other.encode(cells), whole.encode(cells))
        require(other.sizes() == whole.sizes(), f"sizes are {other.sizes()} after a restore, {whole.sizes()} before")
        json.dumps(whole.sizes())

    def total() -> None:
        for strange in (_STRANGE, [], [None, None], values[:1]):
            given = pa.array(strange, pa.string()) if not strange or strange[0] is None else pa.array(strange)
            encoded = whole.encode(given)
            require(len(encoded) == len(strange), f"{len(strange)} cells become {len(encoded)} rows")
            flat = getattr(encoded, "values", encoded)
            if not target and flat.dtype.kind == "f":
                require(np.isfinite(flat).all(), f"an input is not finite for one of {strange}")

    def alone() -> None:
        rows = [whole.encode(pa.array(values[i : i + 1], cells.type)) for i in range(len(values))]
        if hasattr(rows[0], "offsets"):
            _same(np.concatenate([row.values for row in rows]), whole.encode(cells).values)
        else:
            _same(np.concatenate(rows), whole.encode(cells))

    checks: list[Check] = [
        ("two chunks are as good as one", chunks),
        ("merged halves are as good as the whole", merging),
        ("state round trip as JSON", state),
        ("encode is total", total),
        ("rows are independent", alone),
    ]
    return checks


def _same(found: Any, wanted: Any) -> None:
    """Equal encodings, up to rounding for floats; rows of different length by their values and offsets."""
    if hasattr(wanted, "offsets"):
        close(found.offsets, wanted.offsets, "offsets")
        found, wanted = found.values, wanted.values
    require(found.dtype == wanted.dtype, f"{found.dtype}, expected {wanted.dtype}")
    if wanted.dtype.kind == "f":
        require((np.isnan(found) == np.isnan(wanted)).all(), "other cells are missing")
    close(np.nan_to_num(found), np.nan_to_num(wanted), "the encoding")
