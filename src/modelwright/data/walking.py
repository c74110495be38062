"""Walk-forward evaluation: each fold is tested on what came after everything it has learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DataError
from .rows import Rows
from .splitting import WHERE, known_before, times


def columns_of(rows: Rows, config: Mapping[str, Any]) -> tuple[str, str]:
    """The columns that say when a row begins and when its target is known (or ""), as the config or the source names them."""
    column, known = config.get("column") or "", config.get("known") or ""
    if not column and rows.times:
        return rows.times[0], known or rows.times[-1]
    if not column:
        hint = "Write {kind: walk_forward, column: NAME}."
        raise DataError("a split of kind walk_forward needs the name of a column with times.", where=WHERE, hint=hint)
    return column, known


def walk_forward(rows: Rows, config: Mapping[str, Any], count: int, *, validation: float = 0.1) -> list[np.ndarray]:
    """`count` parts like those of `split`, in time order: the rows are cut into one more block than there are folds, and fold
    i is tested on block i + 1. Rows of one time stay together.

    config: `column` says when a row begins and `known` when its target is known (rows that begin before a test and are
    known only in it are in no part); `window` is expanding (all earlier rows train) or sliding (those of one block).
    `validation`: the latest share of the earlier rows, which validates. With an official test set the other rows take part.
    Raises DataError without a column, and where times are too few.
    """
    column, known = columns_of(rows, config)
    take = np.arange(rows.table.num_rows) if rows.part is None else np.flatnonzero(rows.part != 2)
    when = times(rows, take, column)
    until = times(rows, take, known) if known else None
    _, place, sizes = np.unique(when, return_inverse=True, return_counts=True)
    middle = (np.cumsum(sizes) - sizes / 2) / len(take)
    block = np.minimum((middle * (count + 1)).astype(np.int64), count)
    if np.bincount(block, minlength=count + 1).min() < 2:
        message = f"{len(sizes)} distinct times are too few for {count} folds."
        raise DataError(message, where=f"column '{column}'", hint="Ask for fewer folds.")
    block = block[place]
    found = []
    for fold in range(count):
        first = 0 if config.get("window", "expanding") == "expanding" else fold
        part = np.where(block == fold + 1, 2, -1)
        earlier = (block >= first) & (block <= fold)
        if until is not None:
            earlier &= until < when[part == 2].min()
        if not earlier.any():
            message = f"of no row is the target known before fold {fold + 1} is tested."
            raise DataError(message, where=WHERE, hint="Ask for fewer folds.")
        border = np.quantile(when[earlier], 1 - validation)
        part[earlier] = np.where(when[earlier] > border, 1, 0)
        part = known_before(rows, take, part, when, known) if known else part
        whole = np.full(rows.table.num_rows, -1, np.int8)
        whole[take] = part
        found.append(whole)
    return found
