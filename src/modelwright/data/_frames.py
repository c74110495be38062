"""Rows that are already in memory: pandas, polars, NumPy, dictionaries and lists, through one Arrow door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError

KNOWN = "a path or name, a pyarrow table, a pandas or polars frame, a NumPy array, a dict of columns, a list of dicts"


def table(rows: Any, where: str) -> pa.Table:
    """The rows as an Arrow table, types kept; mixed cells become strings. Raises DataError for anything else."""
    if isinstance(rows, pa.Table):
        found = rows
    elif isinstance(rows, pa.RecordBatch):
        found = pa.Table.from_batches([rows])
    elif isinstance(rows, np.ndarray):
        found = _columns(_numpy(rows, where), where)
    elif isinstance(rows, Mapping):
        found = _columns(rows, where)
    elif _is_from(rows, "pandas"):
        found = _columns({name: rows.iloc[:, place] for place, name in enumerate(rows.columns)}, where)
    elif _is_from(rows, "polars"):
        found = (rows.collect() if hasattr(rows, "collect") else rows).to_arrow()
    elif isinstance(rows, Sequence) and not isinstance(rows, str | bytes):
        found = records(rows, where)
    else:
        raise DataError(f"rows cannot be read from {type(rows).__name__}.", where=where, hint=f"Give {KNOWN}.")
    return plain(checked(found, where))


def _is_from(rows: Any, library: str) -> bool:
    return type(rows).__module__.partition(".")[0] == library


def _numpy(rows: np.ndarray, where: str) -> dict[str, Any]:
    if rows.dtype.names:
        return {name: rows[name] for name in rows.dtype.names}
    if rows.ndim != 2:
        raise DataError(
            f"an array of rows has two dimensions, this one has the shape {rows.shape}.",
            where=where,
            hint="Name the columns: {'image': images, 'label': labels}",
        )
    return {f"column_{place}": rows[:, place - 1] for place in range(1, rows.shape[1] + 1)}


def records(rows: Sequence[Any], where: str) -> pa.Table:
    """A table from a list of dicts; a key that a row lacks is missing there."""
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataError(f"a row must be a dict, given {type(row).__name__}.", where=f"{where}, row {place}")
    names = list(dict.fromkeys(str(key) for row in rows for key in row))
    by_name = [{str(key): value for key, value in row.items()} for row in rows]
    return _columns({name: [row.get(name) for row in by_name] for name in names}, where)


def _columns(columns: Mapping[Any, Any], where: str) -> pa.Table:
    arrays = {}
    for name, values in columns.items():
        if str(name) in arrays:
            raise DataError(f"several columns are called '{name}'.", where=where)
        arrays[str(name)] = array(values, where, str(name))
    lengths = {name: len(values) for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        given = ", ".join(f"'{name}' {length}" for name, length in lengths.items())
        raise DataError(f"the columns have different numbers of rows: {given}.", where=where)
    return pa.table(arrays)


def array(values: Any, where: str, name: str) -> pa.Array | pa.ChunkedArray:
    """One column: any sequence, a NumPy array of any rank (rows first), an Arrow array, a pandas or polars series."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if _is_from(values, "polars"):
        return values.to_arrow()
    if _is_from(values, "torch"):
        values = values.detach().cpu().numpy()
    if isinstance(values, np.ndarray) and values.ndim > 1:
        return tensors(values)
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise DataError(
            f"a column must be a sequence, given {type(values).__name__}.", where=f"{where}, column '{name}'"
        )
    pandas = _is_from(values, "pandas") or (isinstance(values, np.ndarray) and values.dtype != object)
    try:
        return pa.array(values, from_pandas=pandas)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        pass  # cells of different types; as text each keeps its value
    return pa.array([None if _is_missing(value) else str(value) for value in list(values)], pa.string())


def _is_missing(value: Any) -> bool:
    return value is None or value is not value or str(value) in ("<NA>", "NaT")


def tensors(values: np.ndarray) -> pa.Array:
    """An array (N, ...) as one column: lists for rows of numbers, fixed-shape tensors for pictures; no copy."""
    values = np.ascontiguousarray(values)
    if values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
    return pa.FixedShapeTensorArray.from_numpy_ndarray(values)


def checked(found: pa.Table, where: str) -> pa.Table:
    """The same table; raises DataError when it has no columns, no rows or a name twice."""
    if not found.num_columns:
        raise DataError("there are no columns.", where=where)
    if not found.num_rows:
        raise DataError("there are no rows.", where=where)
    repeated = sorted(name for name, count in Counter(found.column_names).items() if count > 1)
    if repeated:
        raise DataError(f"several columns are called {', '.join(map(repr, repeated))}.", where=where)
    return found


def plain(found: pa.Table) -> pa.Table:
    """Dictionary and view types as the plain types they stand for, so that a column sees one kind of string."""
    for place, field in enumerate(found.schema):
        kind = field.type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if kind == pa.string_view():
            kind = pa.large_string()
        if kind == pa.binary_view():
            kind = pa.large_binary()
        if kind != field.type:
            found = found.set_column(place, field.name, found.column(place).cast(kind))
    return found.replace_schema_metadata(None)
