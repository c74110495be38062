"""Inputs that nearly equal a target: what a model would copy instead of learning. Knows only coded values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ._inference import Facts, Inferred

SAME = 0.995  # share of rows from which an input tells the target
OPEN = 0.98  # share of what guessing leaves open that a number, or its absence, tells
BIN = 20  # rows of a stretch of a number
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
            numeric = [found[each].kind == "number" for each in (name, target)]
            share, doubt = told(facts[name], facts[target], all(numeric)), ""
            if share >= SAME:
                doubt = f"leak? It nearly tells the target '{target}' ({share:.1%} of the rows)"
            elif not numeric[1] and (what := told_after(facts[name], facts[target], numeric[0])):
                doubt = f"leak? {what} nearly tells the target '{target}': is it known before?"
            if doubt:
                out[name] = replace(out[name], doubt=f"{inferred.doubt}; {doubt}" if inferred.doubt else doubt)
    return out


def told_after(one: Facts, target: Facts, is_number: bool) -> str:
    """What of an input tells a class so well that it is likely written down after the fact: which stretch of a number it lies
    in (a call's duration), or whether there is a value at all (the amount recovered); empty where nothing does."""
    codes, truth = one.coded[0][target.coded[0] >= 0], target.coded[0][target.coded[0] >= 0]
    present = codes >= 0
    if 0 < present.sum() < len(codes) and _settled(present.astype(np.int64), truth):
        return "Whether it has a value"
    if not is_number or present.sum() < 5 * BIN:
        return ""
    x, truth = one.numbers[codes[present]], truth[present]
    x, truth = x[~np.isnan(x)], truth[~np.isnan(x)]
    return "The size of its numbers" if len(x) and _settled(_stretches(x, truth), truth) else ""


def _stretches(x: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(N,) the stretch of a number's range that each row lies in: of two classes the two that part them best, of more those
    of about as many rows each."""
    if truth.max(initial=0) > 1:
        cuts = np.unique(np.quantile(x, np.linspace(0, 1, max(len(x) // BIN, 2) + 1)[1:-1]))
        return np.searchsorted(cuts, x, side="right")
    order = np.argsort(x, kind="stable")
    below = np.cumsum(truth[order])  # rows of the second class up to each place
    right = np.abs(2 * below - np.arange(1, len(x) + 1) - (2 * below[-1] - len(x)) / 2)
    last = np.append(x[order][1:] != x[order][:-1], True)
    return (x > x[order][np.where(last, right, -1).argmax()]).astype(np.int64)


def _settled(groups: np.ndarray, truth: np.ndarray) -> bool:
    """Whether the commonest class of each group is right where guessing the commonest of all would not be."""
    classes = int(truth.max(initial=0)) + 1
    counts = np.bincount(groups * classes + truth, minlength=(int(groups.max(initial=0)) + 1) * classes).reshape(
        -1, classes
    )
    best, common = counts.max(1).sum(), counts.sum(0).max()
    return len(truth) - common >= BIN and best - common >= OPEN * (len(truth) - common)


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
