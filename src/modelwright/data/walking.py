"""Walk-forward evaluation: each fold is tested on what came after everything it has learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import DataError
from .rows import Rows
from .splitting import WHERE, known_before, times


def walk_forward(rows: Rows, config: Mapping[str, Any], count: int, *, validation: float = 0.1) -> list[np.ndarray]:
    """`count` parts like those of `split`, in time order: the rows are cut into one more block than there are folds, and fold
    i is tested on block i + 1. Rows of one time stay together.

    config: `column` says when a row begins and `known` when its target is known (rows that begin before a test and are
    known only in it are in no part); `window` is expanding (all earlier rows train) or sliding (those of one block).
    `validation`: the latest share of the earlier rows, which validates. With an official test set the other rows take part.
    Raises DataError without a column, and where times are too few.
    """
    column, known = (*(config.get(key) or "" for key in ("column", "known")),)
    if not column and rows.times:
        column, known = rows.times[0], known or rows.times[-1]
    if not column:
        hint = "Write {kind: walk_forward, column: NAME}."
        raise DataError("a split of kind walk_forward needs the name of a column with times.", where=WHERE, hint=hint)
    take = np.arange(rows.table.num_rows) if rows.part is None else np.flatnonzero(rows.part != 2)
    when = times(rows, take, column)
    _, place, sizes = np.unique(when, return_inverse=True, return_counts=True)
    if len(sizes) < 2 * (count + 1):
        message = f"{len(sizes)} distinct times are too few for {count} folds."
        raise DataError(message, where=f"column '{column}'", hint="Ask for fewer folds.")
    middle = (np.cumsum(sizes) - sizes / 2) / len(take)
    block = np.minimum((middle * (count + 1)).astype(np.int64), count)[place]
    found = []
    for fold in range(count):
        first = 0 if config.get("window", "expanding") == "expanding" else fold
        part = np.where(block == fold + 1, 2, -1)
        earlier = (block >= first) & (block <= fold)
        border = np.quantile(when[earlier], 1 - validation)
        part[earlier] = np.where(when[earlier] > border, 1, 0)
        part = known_before(rows, take, part, when, known) if known else part
        if not (part == 0).any() or not (part == 2).any():
            message = f"fold {fold + 1} has no row to {'learn from' if (part == 2).any() else 'be tested on'}."
            raise DataError(message, where=WHERE, hint="Ask for fewer folds.")
        whole = np.full(rows.table.num_rows, -1, np.int8)
        whole[take] = part
        found.append(whole)
    return found
