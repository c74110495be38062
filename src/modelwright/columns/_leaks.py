"""Inputs that nearly equal a target: what a model would copy instead of learning. Knows only coded values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ._inference import Facts, Inferred

SAME = 0.995  # share of rows from which an input tells the target
ENOUGH = 20  # rows below which agreement may be chance
CODED = ("category", "boolean", "number")


def doubted(found: dict[str, Inferred], facts: dict[str, Facts], targets: list[str]) -> dict[str, Inferred]:
    """The same kinds, with `leak?` as a doubt of each input that nearly equals a target."""
    out = dict(found)
    for target in targets:
        if found[target].kind not in CODED:
            continue
        for name, inferred in found.items():
            if name in targets or inferred.kind not in CODED:
                continue
            share = told(facts[name], facts[target], found[target].kind == "number" and inferred.kind == "number")
            if share >= SAME:
                doubt = f"leak? It nearly tells the target '{target}' ({share:.1%} of the rows)"
                out[name] = replace(out[name], doubt=f"{inferred.doubt}; {doubt}" if inferred.doubt else doubt)
    return out


def told(one: Facts, target: Facts, as_numbers: bool) -> float:
    """The share of rows whose target follows from the input (numbers: the share of variance, by a straight line)."""
    codes, truth = one.coded[0], target.coded[0]
    both = (codes >= 0) & (truth >= 0)
    if both.sum() < ENOUGH:
        return 0.0
    codes, truth = codes[both], truth[both]
    if as_numbers:
        x, y = one.numbers[codes], target.numbers[truth]
        known = ~(np.isnan(x) | np.isnan(y))
        if known.sum() < ENOUGH or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
            return 0.0
        share = float(np.corrcoef(x[known], y[known])[0, 1] ** 2)
        return share if share > 0.9999 else 0.0
    values, classes = len(one.values_found), len(target.values_found)
    if values > max(2 * classes, 2) or classes < 2:  # many values tell any target without being it
        return 0.0
    pairs, counts = np.unique(codes * classes + truth, return_counts=True)
    best = np.zeros(values, np.int64)
    np.maximum.at(best, pairs // classes, counts)
    majority = np.bincount(truth).max() / len(truth)
    share = float(best.sum() / len(truth))
    return share if majority < SAME else 0.0
