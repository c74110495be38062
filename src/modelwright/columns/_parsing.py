"""Arrow cells of any type -> floats, strings, distinct values, lists. Vectorised and total: what cannot be read is
missing (NaN or null). Knows no column."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import _values

MISSING = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None")
HUGE = 1e100  # no measurement is larger; squares of larger numbers overflow

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_THOUSANDS = r"^[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$"


def flat(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One plain array: chunks joined, dictionaries, run ends, views and extension types undone."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
        if isinstance(values, pa.ChunkedArray):  # some versions give a chunked array for several chunks
            values = pa.concat_arrays(values.chunks)
    if isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_run_end_encoded(values.type):
        values = pc.run_end_decode(values)
    if values.type == pa.string_view():
        values = values.cast(pa.string())
    if values.type == pa.binary_view():
        values = values.cast(pa.binary())
    return values


def is_text(kind: pa.DataType) -> bool:
    """Whether cells are strings (plain or dictionary-encoded)."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()


def is_list(kind: pa.DataType) -> bool:
    """Whether cells are lists of any sort."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def is_binary(kind: pa.DataType) -> bool:
    """Whether cells are bytes."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or kind == pa.binary_view()


def _nulls(count: int) -> pa.Array:
    return pa.nulls(count, pa.string())


def strings(values: pa.Array | pa.ChunkedArray, tokens: bool = True) -> pa.Array:
    """Cells as strings without outer white space, null where missing (`tokens=False`: only null is missing)."""
    values = flat(values)
    kind = values.type
    if pa.types.is_null(kind):
        return _nulls(len(values))
    if is_text(kind):
        text = pc.utf8_trim_whitespace(values)
    elif is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        text = pa.array([None if v is None else v.decode("utf-8", "replace") for v in values.to_pylist()], pa.string())
    elif pa.types.is_nested(kind):
        cells = values.to_pylist()
        text = pa.array([None if v is None else json.dumps(v, default=str, sort_keys=True) for v in cells], pa.string())
    else:
        if pa.types.is_floating(kind):
            values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, kind))
        if kind == pa.float16():
            values = values.cast(pa.float32())
        text = values.cast(pa.string())
    if tokens:
        text = pc.if_else(pc.is_in(text, value_set=pa.array(MISSING, text.type)), pa.scalar(None, text.type), text)
    return text.cast(pa.string()) if text.type != pa.string() and text.nbytes < 2**31 else text


def distinct(values: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """(N,) int64 position of each cell's string in the list of strings, -1 where missing.

    The list may name a value twice (white space), so look values up, do not count positions."""
    values = flat(values)
    if pa.types.is_nested(values.type) or pa.types.is_null(values.type) or values.type == pa.float16():
        values = strings(values)
    encoded = values.dictionary_encode()
    words = strings(encoded.dictionary)
    present = words.is_valid().to_numpy(zero_copy_only=False)
    place = np.where(present, np.cumsum(present) - 1, -1)
    codes = encoded.indices.fill_null(len(place)).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.append(place, -1).astype(np.int64)[codes], words.drop_null().to_pylist()


def counts(values: pa.Array | pa.ChunkedArray) -> tuple[dict[str, int], int]:
    """How often each string occurs, and how many cells are missing."""
    codes, words = distinct(values)
    number = np.bincount(codes + 1, minlength=len(words) + 1)
    found: dict[str, int] = {}
    for word, count in zip(words, number[1:].tolist()):
        found[word] = found.get(word, 0) + count
    return found, int(number[0])


def looked_up(values: pa.Array | pa.ChunkedArray, table: dict[str, int], missing: int, unseen: int) -> np.ndarray:
    """(N,) int64: the number of each cell's canonical string."""
    codes, words = distinct(values)
    known = [table.get(_values.canonical(word), unseen) for word in words]
    return np.array([missing, *known], np.int64)[codes + 1]


def numbers(values: pa.Array | pa.ChunkedArray, decimal: str = ".") -> np.ndarray:
    """(N,) float64, NaN where a cell is missing, infinite or no number; dates are seconds since 1970.

    Strings may have outer white space, a sign, thousands separators, a currency sign in front or a % behind."""
    values = flat(values)
    kind = values.type
    if pa.types.is_nested(kind) or pa.types.is_null(kind) or is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return np.full(len(values), np.nan)
    if is_text(kind):
        found = _from_text(values, decimal)
    elif pa.types.is_temporal(kind):
        found = seconds(values)
    elif pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        found = _floats(values.cast(pa.float64()))
    else:
        found = _floats(values)
    found[~(np.abs(found) < np.inf)] = np.nan
    return np.clip(found, -HUGE, HUGE, out=found)


def _floats(values: pa.Array) -> np.ndarray:
    """A writable float64 copy, NaN for null."""
    return np.array(values.to_numpy(zero_copy_only=False), np.float64)


def _from_text(values: pa.Array, decimal: str) -> np.ndarray:
    """Strings -> floats: cast straight where all cells are plain, clean them where not."""
    if decimal == ",":
        values = pc.replace_substring(pc.replace_substring(values, ".", ""), ",", ".")
    text = strings(values)
    try:
        return _floats(text.cast(pa.float64()))
    except pa.ArrowInvalid:
        pass  # at least one cell is not a plain number: the slower way looks at each
    text = pc.replace_substring_regex(text, r"^([+-]?)[$€£¥]\s*|\s*%$", r"\1")
    grouped = pc.match_substring_regex(text, _THOUSANDS)
    text = pc.if_else(grouped, pc.replace_substring(text, ",", ""), text)
    plain = pc.match_substring_regex(text, _NUMBER)
    return _floats(pc.if_else(plain, text, pa.scalar(None, text.type)).cast(pa.float64()))


def seconds(values: pa.Array) -> np.ndarray:
    """Temporal cells -> (N,) float64 seconds since 1970 (dates, times of day, durations; zones are UTC)."""
    kind = values.type
    if pa.types.is_date(kind):
        values, unit = values.cast(pa.timestamp("s")), "s"
    elif pa.types.is_interval(kind):
        return np.full(len(values), np.nan)
    else:
        unit = kind.unit
    width = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit]
    storage = values.cast(pa.int32()).cast(pa.int64()) if pa.types.is_time32(kind) else values.cast(pa.int64())
    return _floats(storage) / width


def lists(values: pa.Array) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """List cells -> the flat items, (N + 1,) offsets into them, (N,) bool which cells are not null.

    A null cell has no items."""
    values = flat(values)
    present = values.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_fixed_size_list(values.type):
        width = values.type.list_size
        items = values.flatten()  # leaves out null cells
        lengths = np.where(present, width, 0)
    else:
        items = values.flatten()
        lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False)
    return items, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), present
