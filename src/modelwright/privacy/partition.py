"""Who has which rows: the training rows dealt out to clients, for a simulation.

Knows nothing of models or training.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..data.packing import Some
from ..errors import DataError, did_you_mean

WHERE = "federated.split"
MANY = 50  # distinct numbers; more are cut into tenths of the rows
Clients = dict[str, np.ndarray]
"""Client -> its rows, by their place among the training rows. A client may have none."""


def deal(rows: int, table: pa.Table, *, by: str, clients: int, alpha: float, target: str | None, seed: int) -> Clients:
    """Deal rows whose columns are in `table`: `iid` at random, in equal shares; `dirichlet` each class of the target in
    shares drawn from Dir(alpha) (Hsu, Qi & Brown 2019), the more unequal the smaller `alpha`; a column's name makes each
    value a client.

    Raises DataError where there are more clients than rows, no such column, or one value only.
    """
    random = np.random.default_rng([seed, clients])
    if by not in ("iid", "dirichlet"):
        return _by_column(table, by)
    if clients > rows:
        message = f"{rows:,} rows cannot be dealt to {clients:,} clients."
        raise DataError(message, where="federated.clients", hint=f"Give {rows:,} at most.")
    if by == "iid":
        shares = np.array_split(random.permutation(rows), clients)
    else:
        shares = _by_class(_classes(table, target), clients, alpha, random)
    return {f"client {number}": np.sort(own) for number, own in enumerate(shares)}


def shard(prepared: Any, rows: np.ndarray, part: int = 0) -> Any:
    """Prepared data with some of its training rows alone, by their place among them; or, of a table, with them as the
    validation (1) or test part (2)."""
    if not hasattr(prepared, "part"):  # texts in rows of tokens
        own = copy.copy(prepared)
        own.rows = Some(prepared.rows, rows)
        return own
    split = np.where(prepared.part == 0, np.int8(-1), prepared.part)
    split[prepared.part == part] = -1
    split[prepared.index(0)[rows]] = part
    return replace(prepared, part=split)


def _by_column(table: pa.Table, name: str) -> Clients:
    if name not in table.column_names:
        hint = did_you_mean(name, ["iid", "dirichlet", *table.column_names])
        raise DataError(f"the rows have no column '{name}'.", where=WHERE, hint=hint)
    codes, values = _codes(table.column(name), name)
    if len(values) < 2:
        raise DataError(f"'{name}' has one value only, which makes one client.", where=WHERE, hint="Use iid.")
    return {str(value): np.flatnonzero(codes == number) for number, value in enumerate(values)}


def _by_class(classes: np.ndarray, clients: int, alpha: float, random: np.random.Generator) -> list[np.ndarray]:
    held: list[list[np.ndarray]] = [[] for _ in range(clients)]
    for code in np.unique(classes):
        rows = random.permutation(np.flatnonzero(classes == code))
        cuts = np.cumsum(random.dirichlet(np.full(clients, alpha)))[:-1] * len(rows)
        for client, share in zip(held, np.split(rows, cuts.astype(int))):
            client.append(share)
    return [np.concatenate(shares) for shares in held]


def _classes(table: pa.Table, target: str | None) -> np.ndarray:
    """(N,) the class of each row; tenths of a number."""
    if target is None:
        hint = "Use iid, or a column."
        raise DataError("dirichlet deals by a target, and the recipe has none in its table.", where=WHERE, hint=hint)
    codes, values = _codes(table.column(target), target)
    if len(values) <= MANY:
        return codes
    try:
        numbers = pc.cast(pa.array(values), pa.float64()).to_numpy(zero_copy_only=False)[codes]
    except pa.ArrowInvalid:
        return codes
    return np.searchsorted(np.nanquantile(numbers, np.linspace(0.1, 0.9, 9)), numbers)


def _codes(column: pa.ChunkedArray, name: str) -> tuple[np.ndarray, list]:
    if pa.types.is_nested(column.type):
        message = f"'{name}' has several values in a row, by which no client can be told."
        raise DataError(message, where=WHERE, hint="Use iid, or another column.")
    found = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return found.indices.to_numpy(zero_copy_only=False), found.dictionary.to_pylist()
