"""How high the true items stand in recommended lists, and what the most popular items would have scored. NumPy only.

Of a row: `ids` (K,) what is recommended, the best first; `rank`, how many of the `others`, all items that could have been
recommended beside the true one, stand above it, -1 where it cannot be recommended at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..report import Block, Table, Text

Z = 1.959963984540054  # two-sided 95 %
FIRST = 2  # the id of the most popular item
LENGTHS = (5, 10)  # of the lists that are scored
SHOWN = (1, 5, 10, 20, 50, 100)
NEGATIVES = 100
POPULAR = 20  # items that the baseline recommends
ROWS_AT_ONCE = 4096
EXAMPLES, LAST = 10, 5


def score(predicted: Mapping[str, Any], truth: np.ndarray, intervals: bool = True) -> dict[str, Any]:
    """`hr_k`, the share of rows whose true item is among the first k, and `ndcg_k`, where a hit at place r (from 0) counts
    1 / log2(r + 2); `mrr`, the mean of 1 / (r + 1). All items compete (Krichene & Rendle 2020).

    `sampled_hr_10` and `sampled_ndcg_10`: the same among the true item and 100 others, drawn from all there are, as SASRec's: the
    `unseen` ones that training lacks, which stand last, too. Drawing them is drawing how many of them stand above it, a
    hypergeometric number (seed 0). A true item that training has not seen is a miss.
    """
    known = truth >= 0
    names = [f"{name}_{k}" for k in LENGTHS for name in ("hr", "ndcg")]
    if not known.any():
        return {"rows": 0, **dict.fromkeys([*names, "mrr"])}
    rank = _ranks(predicted, truth)[known]
    found: dict[str, Any] = {"rows": int(known.sum())}
    for k in LENGTHS:
        found |= _at(rank, k, "", intervals)
    if "nats" in predicted and np.isfinite(predicted["nats"]).any():
        found["loss"] = float(np.nanmean(predicted["nats"]))
    found["mrr"] = float(_gain(rank, len(rank) + np.inf, lambda r: 1 / (r + 1)).mean())
    if "others" in predicted:
        drawn = _among(rank, np.asarray(predicted["others"])[known] + predicted.get("unseen", 0))
        found |= _at(drawn, LENGTHS[-1], "sampled_", intervals)
    return found


def _ranks(predicted: Mapping[str, Any], truth: np.ndarray) -> np.ndarray:
    """(N,) the rank, read from the list where nothing else tells it."""
    if "rank" in predicted:
        return np.asarray(predicted["rank"])
    hit = (np.asarray(predicted["ids"]) == truth[:, None]) & (truth >= FIRST)[:, None]
    return np.where(hit.any(1), hit.argmax(1), -1)


def _at(rank: np.ndarray, k: int, name: str, intervals: bool) -> dict[str, Any]:
    hits, gains = _gain(rank, k, np.ones_like), _gain(rank, k, lambda r: 1 / np.log2(r + 2))
    found: dict[str, Any] = {}
    for measure, values in (("hr", hits), ("ndcg", gains)):
        found[f"{name}{measure}_{k}"] = mean = float(values.mean())
        if intervals and len(values) > 1:
            half = Z * float(values.std(ddof=1)) / math.sqrt(len(values))
            found[f"{name}{measure}_{k}_interval"] = [max(0.0, mean - half), min(1.0, mean + half)]
    return found


def _gain(rank: np.ndarray, k: float, gain: Any) -> np.ndarray:
    hit = (rank >= 0) & (rank < k)
    return np.where(hit, gain(np.maximum(rank, 0).astype(np.float64)), 0.0)


def _among(rank: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(N,) the rank among at most 100 of the others, drawn without replacement."""
    above, random = np.clip(rank, 0, others), np.random.Generator(np.random.Philox(0))
    drawn = random.hypergeometric(above, others - above, np.minimum(NEGATIVES, others))
    return np.where(rank < 0, -1, drawn)


def popularity(histories: np.ndarray, truth: np.ndarray, items: int) -> dict[str, np.ndarray]:
    """The most popular items that are not in a row of `histories` (N, T), whose ids go by popularity."""
    found: dict[str, list[np.ndarray]] = {"ids": [], "rank": [], "others": []}
    for start in range(0, len(truth), ROWS_AT_ONCE):
        own = np.sort(histories[start : start + ROWS_AT_ONCE], 1)
        own[:, 1:][own[:, 1:] == own[:, :-1]] = 0  # an item counts once
        true = truth[start : start + ROWS_AT_ONCE]
        pool = np.arange(FIRST, FIRST + min(items, POPULAR + own.shape[1]))
        free = ~(pool[None, :, None] == own[:, None, :]).any(2)
        order = np.argsort(~free, axis=1, kind="stable")[:, :POPULAR]
        found["ids"].append(np.where(np.take_along_axis(free, order, 1), pool[order], -1))
        above = ((own >= FIRST) & (own < true[:, None])).sum(1)
        able = (true >= FIRST) & ~(own == true[:, None]).any(1)
        found["rank"].append(np.where(able, true - FIRST - above, -1))
        found["others"].append(items - (own >= FIRST).sum(1) - able)
    return {name: np.concatenate(chunks) if chunks else np.zeros(0, np.int64) for name, chunks in found.items()}


def blocks(predicted: Mapping[str, Any], truth: np.ndarray, examples: Any = None) -> list[Block]:
    """Scores by length of the list, how much of the catalogue is recommended, and with `examples` some rows."""
    known, ids, names = np.flatnonzero(truth >= 0), np.asarray(predicted["ids"]), predicted.get("names")
    rank = _ranks(predicted, truth)
    rows = [
        [k, *list(_at(rank[known], k, "", False).values())] for k in SHOWN if "rank" in predicted or k <= ids.shape[1]
    ]
    found: list[Block] = [Table("By length of the list", ["items", "hit rate", "NDCG"], rows)]
    if "others" in predicted:
        words = f"The sampled scores rank the true item among {NEGATIVES} others, drawn with seed 0; all other scores, among all."
        found.append(Text("", words))
    if names is None:
        return found
    shown, catalogue = len(np.unique(ids[ids >= FIRST])), max(1, len(names) - FIRST)
    told = f"The lists of these rows hold {shown:,} of {catalogue:,} items ({shown / catalogue:.1%})."
    found.append(Text("Coverage", told))
    if examples is None:
        return found
    inputs = [name for name in examples[2] if name in examples[0].column_names]
    chosen = known[:EXAMPLES]
    cells = {name: examples[0].column(name).take(np.asarray(examples[1])[chosen]).to_pylist() for name in inputs}
    lines = [
        [
            *(_last(cells[name][i]) for name in inputs),
            names[truth[row]],
            ", ".join(names[ids[row][ids[row] >= 0]][:LAST]),
        ]
        for i, row in enumerate(chosen)
    ]
    return [*found, Table("Some rows", [*inputs, "true", "recommended"], lines)]


def _last(cell: Any) -> str:
    """The end of a history, or a cell as it is."""
    return ", ".join(map(str, cell[-LAST:])) if isinstance(cell, list) else str(cell)
