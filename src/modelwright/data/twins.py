"""Rows of one part that tell of rows of another: equal inputs, equal texts, neighbouring pictures of a film.

Knows encoded arrays and parts. `warnings` says it in words, for people who train; audits measure it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ..columns import Ragged
from .encoding import Encoded, keys
from .rows import PARTS

SHARE = 0.01  # of held rows with a twin from which it is worth a warning
DISTINCT = 0.5  # share of different values from which a text is more than a word that recurs
PAIRS = 2_000  # neighbours that are looked at
FILM = 0.5  # share of neighbours more alike than all but a hundredth of pairs that lie apart: frames of a film
CELLS = 4_000_000  # hashed at once
LATER, CLOSER = 25, 0.75  # frames on, and the share of pictures that are less like that one than the next
DOUBLES = "Remove doubles, or split by a group that they share"
SIDE = 16  # pixels of a thumbnail


def hashes(inputs: Mapping[str, Any]) -> np.ndarray:
    """(N,) uint64: a number for each row of encoded inputs (key -> array or Ragged), equal for equal rows."""
    total: Any = np.uint64(0)
    for number, (key, values) in enumerate(sorted(inputs.items())):
        if not key.endswith(".mask"):
            one = _of_ragged(values) if isinstance(values, Ragged) else _of_dense(values)
            total = total + _mixed(one + np.uint64(number))
    return total


def compared(table: pa.Table, encoded: Encoded, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The encoded inputs, texts as codes of their wording: unknown words would make different texts the same."""
    place, found = keys(columns), dict(encoded.inputs)
    for name in (name for name in place if hasattr(columns[name], "texts") and _is_string(table.column(name).type)):
        found[place[name]] = _codes(table.column(name))
    return {key: values for key, values in found.items() if not key.endswith(".mask")}


def twins(given: Mapping[str, Any], held: np.ndarray, train: np.ndarray, is_table: bool) -> tuple[np.ndarray, float]:
    """Which of the held rows stand in the training too, and, of a table of columns, the share of those that would by
    chance: with the training's columns shuffled."""
    found, chance = np.isin(hashes(_taken(given, held)), hashes(_taken(given, train))), 0.0
    if found.any() and is_table:
        draw = np.random.default_rng(0)
        shuffled = {key: draw.permuted(values, axis=0) for key, values in _taken(given, train).items()}
        chance = float(np.isin(hashes(_taken(given, held)), hashes(shuffled)).mean())
    return found, chance


def texts(
    table: pa.Table, encoded: Encoded, columns: Mapping[str, Any], held: np.ndarray, train: np.ndarray
) -> dict[str, np.ndarray]:
    """Column -> which held rows have a cell that training has too, for texts and the like that are mostly different: inputs
    and targets."""
    place, found = keys(columns), dict[str, np.ndarray]()
    inputs = compared(table, encoded, columns)
    for name, column in columns.items():
        if column.target:
            is_text = hasattr(column, "texts") and _is_string(table.column(name).type)
            values = _codes(table.column(name)) if is_text else None
        else:
            own = isinstance(encoded.inputs.get(place[name]), Ragged)
            values = inputs[place[name]] if own else None
        if values is None:
            continue
        codes = hashes({name: values})
        if len(np.unique(codes)) >= DISTINCT * len(codes):
            found[name] = np.isin(codes[held], codes[train])
    return found


def is_film(pixels: np.ndarray) -> bool:
    """Whether neighbouring pictures (N, H, W, C) are frames of a film: far more alike than those that lie apart, and than those
    a little later, which pictures sorted by class are not."""
    count, draw = len(pixels), np.random.default_rng(0)
    if count < 2 * LATER:
        return False
    first = np.unique(np.linspace(0, count - LATER - 1, min(PAIRS, count - LATER)).astype(np.int64))
    one = thumbnails(pixels[first])
    apart = draw.integers(count // 4, 3 * count // 4, len(first))
    next_, later, far = ((one * thumbnails(pixels[(first + d) % count])).sum(1) for d in (1, LATER, apart))
    return bool((next_ > np.quantile(far, 0.99)).mean() >= FILM and (next_ > later).mean() >= CLOSER)


def beside(rows: int, held: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Which of the held rows have a training row just before or behind them."""
    known = np.zeros(rows + 2, bool)
    known[train + 1] = True
    return known[held] | known[held + 2]


def thumbnails(pixels: np.ndarray) -> np.ndarray:
    """(N, D) float32 of mean 0 and length 1: small and grey."""
    grey = pixels.astype(np.float32).mean(3)
    factor = max(1, -(-max(grey.shape[1:]) // SIDE))
    height, width = grey.shape[1] // factor, grey.shape[2] // factor
    small = grey[:, : height * factor, : width * factor].reshape(len(grey), height, factor, width, factor).mean((2, 4))
    flat = small.reshape(len(small), -1)
    flat = flat - flat.mean(1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def warnings(table: pa.Table, encoded: Encoded, columns: Mapping[str, Any], part: np.ndarray) -> list[str]:
    """What the training's rows tell of the test rows, or else of the validation rows, with the split that would end it."""
    found: dict[str, str] = {}
    train, films = np.flatnonzero(part == 0), dict[str, bool]()
    for place in (2, 1):
        held = np.flatnonzero(part == place)
        if len(held) and len(train):
            for about, words, advice in _told(table, encoded, columns, held, train, films):
                found.setdefault(about, f"{words.format(what=PARTS[place])} {advice}.")
    return list(found.values())


def _told(
    table: pa.Table,
    encoded: Encoded,
    columns: Mapping[str, Any],
    held: np.ndarray,
    train: np.ndarray,
    films: dict[str, bool],
) -> Iterator[tuple[str, str, str]]:
    """What each warning is about, its words, and its advice."""
    inputs = {name: column for name, column in columns.items() if not column.target}
    only = next(iter(inputs)) if len(inputs) == 1 else ""
    is_table = all(column.group is not None for column in inputs.values())
    same, chance = twins(compared(table, encoded, columns), held, train, is_table)
    if same.mean() - chance > SHARE:
        words = f"{_count(same)} {{what}} rows have the inputs of a training row, so that they score too well."
        yield "rows", words, _by_group(only) if only and _is_string(table.column(only).type) else DOUBLES
    for name, shared in texts(table, encoded, columns, held, train).items():
        if shared.mean() > SHARE and name != only:
            words = f"{_count(shared)} {{what}} rows have a '{name}' that a training row has too."
            yield name, words, _by_group(name)
    for name, column in inputs.items():
        pixels: Any = encoded.inputs.get(keys(columns)[name])
        if column.group is not None or isinstance(pixels, Ragged) or pixels.ndim != 4:
            continue
        near = beside(len(table), held, train)
        if near.mean() > FILM:
            if name not in films:
                films[name] = is_film(pixels)
            if films[name]:
                words = f"{_count(near)} {{what}} rows have a '{name}' that comes just before or after a training row's in a film."
                yield name, words, _by_time(table, columns)


def _is_string(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _codes(cells: pa.ChunkedArray) -> np.ndarray:
    """(N, 1): a number for each different cell."""
    encoded = cells.combine_chunks().dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)[:, None]


def _count(mask: np.ndarray) -> str:
    return f"{int(mask.sum()):,} of {len(mask):,}"


def _by_group(name: str) -> str:
    return f"Split by group: data: {{split: {{kind: group, column: {name}}}}}"


def _by_time(table: pa.Table, columns: Mapping[str, Any]) -> str:
    """The split by the first column whose numbers rise from row to row."""
    for name in table.column_names:
        if name in columns and columns[name].target:
            continue
        try:
            values = table.column(name).slice(0, 10_000).cast(pa.float64()).to_numpy()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            continue
        if len(values) > 1 and (np.diff(values) > 0).all():
            return f"Split by time: data: {{split: {{kind: time, column: {name}}}}}"
    return "Split by time: number the rows in a column, and data: {split: {kind: time, column: NUMBER}}"


def _taken(inputs: Mapping[str, Any], index: np.ndarray) -> dict[str, Any]:
    return {key: values[index] for key, values in inputs.items()}


def _mixed(x: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele 2014): every bit of the result depends on every bit of the input."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _weights(count: int) -> np.ndarray:
    return _mixed(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(1)


def _words(values: np.ndarray) -> np.ndarray:
    """(N, ...) as (N, D) uint64."""
    flat = np.ascontiguousarray(values).reshape(len(values), -1)
    if flat.dtype.kind == "f":
        flat = (flat + 0.0).astype(np.float32).view(np.uint32)  # -0 is 0
    if flat.dtype == np.uint8 and flat.shape[1] % 8 == 0 and flat.shape[1]:
        return flat.view(np.uint64)
    return flat.astype(np.int64).view(np.uint64) if flat.dtype.kind == "i" else flat.astype(np.uint64)


def _of_dense(values: np.ndarray) -> np.ndarray:
    found = np.zeros(len(values), np.uint64)
    step = max(1, CELLS // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, len(values), step):
        words = _words(values[start : start + step])
        found[start : start + step] = (_mixed(words) * _weights(words.shape[1])).sum(1, dtype=np.uint64)
    return found


def _of_ragged(rows: Ragged) -> np.ndarray:
    flat = rows.values[rows.offsets[0] : rows.offsets[-1]]
    steps = _of_dense(flat.reshape(len(flat), -1)) if len(flat) else np.zeros(0, np.uint64)
    where = np.arange(len(flat)) - np.repeat(rows.offsets[:-1] - rows.offsets[0], rows.lengths)
    mixed = _mixed(steps) * _weights(int(rows.lengths.max(initial=0)))[where]
    ends = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    offsets = rows.offsets - rows.offsets[0]
    return ends[offsets[1:]] - ends[offsets[:-1]] + _mixed(rows.lengths.astype(np.uint64))
