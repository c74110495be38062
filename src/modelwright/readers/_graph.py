"""Tables of nodes and edges -> a graph, with notes on what was left out. What the readers of graphs share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import Ragged, _parsing, _values
from ..columns._graph import Graph
from ..columns._ragged import offsets_of
from ..data.reading import Masks, read
from ..data.rows import Rows
from ..errors import DataError, did_you_mean

PARTS = {"train": 0, "training": 0, "validation": 1, "valid": 1, "val": 1, "dev": 1, "test": 2}


def opened(given: Any, base: Path, masks: Masks, what: str) -> Rows:
    """The rows of a file, name or table. Raises DataError where there is none."""
    rows = read(given, base, masks)
    if not rows.table.num_rows:
        raise DataError(f"there are no {what}.", where=rows.name)
    return rows


def column(rows: Rows, name: str, usual: Sequence[str], option: str, place: int) -> str:
    """The column that an option names, or one of the `usual` names, or the one at `place`."""
    known = rows.table.column_names
    if name and name not in known:
        raise DataError(
            f"there is no column '{name}'.", where=f"{rows.name}: data.{option}", hint=did_you_mean(name, known)
        )
    if not name and len(known) <= place:
        hint = f"Found: {', '.join(known)}. Name it: {option}: NAME."
        raise DataError(f"there is no column for `{option}`.", where=rows.name, hint=hint)
    return name or next((one for one in usual if one in known), known[place])


def ids_of(values: Any) -> pa.Array:
    """Ids in one spelling, null where missing."""
    encoded = _parsing.strings(values).dictionary_encode()
    plain = pa.array([_values.canonical(word) for word in encoded.dictionary.to_pylist()], pa.string())
    return plain.take(encoded.indices)


def node_ids(rows: Rows, name: str) -> list[str]:
    """The ids of a table of nodes. Raises DataError naming a row without one and an id that stands twice."""
    ids = ids_of(rows.table.column(name)).to_pylist()
    if None in ids:
        raise DataError(f"row {ids.index(None)} has no id.", where=f"{rows.name}: column '{name}'")
    if len(set(ids)) < len(ids):
        seen: set[str] = set()
        twice = next(one for one in ids if one in seen or seen.add(one))  # type: ignore[func-returns-value]
        message = f"the id '{twice}' stands in {ids.count(twice)} rows; a node is one row."
        raise DataError(
            message, where=f"{rows.name}: column '{name}'", hint="Is it the column of the ids? Name it: id: NAME."
        )
    return ids


@dataclass
class Ends:
    """Undirected edges by the ids at both ends, each once, and what was left out."""

    ids: list[str]
    pairs: np.ndarray  # (E, 2) numbers of ids, the smaller first
    rows: np.ndarray  # (E,) the row of the table that each stands in first
    notes: list[str] = field(default_factory=list)


def ends_of_rows(rows: Rows, source: str, target: str, ids: list[str] | None) -> Ends:
    """`ends_of` the two columns of a table of edges that the options name."""
    one = column(rows, source, ("source",), "source", 0)
    other = column(rows, target, ("target",), "target", 1)
    return ends_of(ids_of(rows.table.column(one)), ids_of(rows.table.column(other)), ids, rows.name)


def ends_of(sources: pa.Array, targets: pa.Array, ids: list[str] | None, name: str, both_ways: bool = False) -> Ends:
    """The edges between ids, of all that are named where no ids are given. Loops, repetitions (also in the other direction), edges
    that lack an end and those that name other nodes are left out, and said. both_ways: repetitions are to be expected."""
    if ids is None:
        ids = _values.in_order(list({*sources.drop_null().to_pylist(), *targets.drop_null().to_pylist()}))
    known = pa.array(ids, pa.string())
    found = [
        pc.index_in(side, value_set=known).fill_null(-1).to_numpy(zero_copy_only=False) for side in (sources, targets)
    ]
    pairs, notes = np.sort(np.stack(found, 1).astype(np.int64), 1), list[str]()
    strange = pairs[:, 0] < 0
    if strange.any():
        row = int(np.flatnonzero(strange)[0])
        named = " - ".join(str(side[row].as_py()) for side in (sources, targets))
        notes.append(
            f"{int(strange.sum())} edges name nodes that are not there (the first: {named}); they are left out."
        )
    loops = (pairs[:, 0] == pairs[:, 1]) & ~strange
    if loops.any():
        notes.append(f"{int(loops.sum())} edges lead from a node to itself; they are left out.")
    rows = np.flatnonzero(~strange & ~loops)
    _, first = np.unique(pairs[rows], axis=0, return_index=True)
    if len(first) < len(rows) and not both_ways:
        notes.append(f"{len(rows) - len(first)} edges stand more than once, or in both directions; each counts once.")
    rows = rows[np.sort(first)]
    if not len(rows):
        hint = "Do both files name nodes by the same ids?"
        raise DataError("no edge is between two nodes that are there.", where=name, hint=hint)
    return Ends(ids, pairs[rows], rows, notes)


def alone(graph: Graph) -> list[str]:
    """A note where nodes have no neighbour."""
    count = int((graph.degrees == 0).sum())
    return (
        [f"{count} of {len(graph.ids)} nodes have no neighbour: they are known by their features alone."]
        if count
        else []
    )


def part_of(values: Any, where: str) -> np.ndarray:
    """(N,) int8 from cells that say train, validation or test; -1 where they say nothing."""
    words = [None if cell is None else cell.lower() for cell in _parsing.strings(values).to_pylist()]
    for row, word in enumerate(words):
        if word is not None and word not in PARTS:
            raise DataError(
                f"row {row} is of the part '{word}'.", where=where, hint="Parts are train, validation and test."
            )
    return np.array([-1 if word is None else PARTS[word] for word in words], np.int8)


def features_of(rows: Rows, names: Sequence[str]) -> tuple[tuple[Ragged, np.ndarray] | None, list[str]]:
    """What is known of each node: numbers standardised; of lists, and of text with spaces, each word as 1 / words of the
    node; other text as one value each. Gives them, with their values, and their names."""
    parts_, labels = list[tuple[np.ndarray, np.ndarray, np.ndarray]](), list[str]()
    for name in names:
        column(rows, name, (), "features", 0)
        owners, numbers, values, named = _known(rows.table.column(name), name)
        parts_.append((owners, numbers + len(labels), values))
        labels += named
    if not labels:
        return None, []
    owners, numbers, values = (np.concatenate(one) for one in zip(*parts_))
    order = np.lexsort((numbers, owners))
    offsets = offsets_of(np.bincount(owners, minlength=rows.table.num_rows))
    return (Ragged(numbers[order].astype(np.int32), offsets), values[order].astype(np.float32)), labels


def _known(cells: Any, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Owners, numbers and values of one column's features, and their names."""
    flat = _parsing.flat(cells)
    listed = _parsing.is_list(flat.type)
    numbers = np.full(len(flat), np.nan) if listed else _parsing.numbers(flat)
    strings = None if listed else _parsing.strings(flat)
    if strings is not None and np.isfinite(numbers).sum() == len(strings) - strings.null_count:
        known = np.flatnonzero(np.isfinite(numbers))
        spread = numbers[known].std() if len(known) else 0.0
        scaled = (numbers[known] - numbers[known].mean()) / (spread or 1.0) if len(known) else numbers[known]
        return known, np.zeros(len(known), np.int64), scaled, [name]
    lists = flat if strings is None else pc.split_pattern_regex(strings, r"\s+")
    items, offsets, _ = _parsing.lists(lists)
    words = ids_of(items)
    owners = np.repeat(np.arange(len(flat)), np.diff(offsets))
    encoded = words.dictionary_encode()
    vocabulary = _values.in_order(encoded.dictionary.to_pylist())
    rank = {word: place for place, word in enumerate(vocabulary)}
    places = np.array([rank[word] for word in encoded.dictionary.to_pylist()] or [0], np.int64)
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    present = words.is_valid().to_numpy(zero_copy_only=False)
    both = np.unique(np.stack([owners[present], places[codes[present]]], 1), axis=0)
    counts = np.bincount(both[:, 0], minlength=len(flat))
    return both[:, 0], both[:, 1], 1 / counts[both[:, 0]], [f"{name} = {word}" for word in vocabulary]
