"""Inputs that nearly equal a target: what a model would copy instead of learning. Knows only coded values."""

from __future__ import annotations

import re
from collections import Counter
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
CLASSED = ("category", "boolean")
WRITTEN = ("text", "drop", "category")  # whose words may hold the class
FREQUENT = 0.02  # share of rows in which such a word stands at least
COMBINATIONS = 20  # of such words: more tell any target without being it
ITSELF = (
    0.7  # share of a target's variance that a column leaves out, taken as it stands, from which it is the target again
)
ALIKE = 0.5  # the same by a straight line, where the names are alike too
FORETOLD = re.compile(r"(?i)predict|forecast|estimat|fitted|y_?hat")


def doubted(found: dict[str, Inferred], facts: dict[str, Facts], targets: list[str]) -> dict[str, Inferred]:
    """The same kinds, with `leak?` as a doubt of each input that nearly equals a target."""
    out = dict(found)
    for target in targets:
        if found[target].kind not in CODED:
            continue
        for name, inferred in found.items():
            doubt = "" if name in targets else _doubt(facts[name], facts[target], inferred.kind, found[target].kind)
            if doubt:
                before = out[name].doubt
                out[name] = replace(out[name], doubt=f"{before}; {doubt}" if before else doubt)
    return out


def _doubt(one: Facts, target: Facts, kind: str, wanted: str) -> str:
    """Why an input may be the target in other words, or ""."""
    if kind in CODED:
        share = told(one, target, kind == wanted == "number")
        if share >= SAME:
            return f"leak? It nearly tells the target '{target.name}' ({share:.1%} of the rows)"
        if wanted in CLASSED and (what := told_after(one, target, kind == "number")):
            return f"leak? {what} nearly tells the target '{target.name}': is it known before?"
    if kind == wanted == "number" and (share := again(one, target)):
        words = f"as another's prediction or a second measurement of it would be (R2 {share:.2f})"
        return f"leak? It is nearly the target '{target.name}' itself, {words}"
    if kind in WRITTEN and wanted in CLASSED and one.is_written and (words := spelled_out(one, target)):
        return f"leak? Words in it tell the target '{target.name}': {words}"
    return ""


def again(one: Facts, target: Facts) -> float:
    """The share of the target's variance that an input leaves out, where it is the same quantity: equal as it stands, or by a
    straight line where its name says so. Otherwise 0."""
    x, y = _known_pairs(one, target)
    if len(x) < ENOUGH or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    itself = 1 - float(((x - y) ** 2).mean() / y.var())
    if itself >= ITSELF:
        return itself
    ours, theirs = (set(re.findall(r"[a-z]{2,}", facts.name.lower())) for facts in (one, target))
    alike = len(ours & theirs) > len(theirs) / 2 or FORETOLD.search(one.name)
    share = float(np.corrcoef(x, y)[0, 1] ** 2)
    return share if alike and share >= ALIKE else 0.0


def _known_pairs(one: Facts, target: Facts) -> tuple[np.ndarray, np.ndarray]:
    codes, truth = one.coded[0], target.coded[0]
    both = (codes >= 0) & (truth >= 0)
    x, y = one.numbers[codes[both]], target.numbers[truth[both]]
    known = ~(np.isnan(x) | np.isnan(y))
    return x[known], y[known]


def spelled_out(one: Facts, target: Facts) -> str:
    """The words of an input's cells that tell a target's class, as `DONOR` in `ATRINS-DONOR-521` does, or ""."""
    codes, truth = one.coded[0], target.coded[0]
    both = (codes >= 0) & (truth >= 0)
    codes, truth = codes[both], truth[both]
    classes = len(target.values_found)
    if len(codes) < ENOUGH or classes < 2 or np.bincount(truth).max() / len(truth) >= SAME:
        return ""
    cells = [frozenset(re.findall(r"[^\W\d_]{2,}", value)) for value in one.values_found]
    rows = np.bincount(codes, minlength=len(cells)).tolist()
    seen = Counter[str]()
    for words, count in zip(cells, rows):
        seen.update(dict.fromkeys(words, count))
    frequent = {word for word, count in seen.items() if FREQUENT <= count / len(codes) <= 1 - FREQUENT}
    kept = [words & frequent for words in cells]
    place = {words: number for number, words in enumerate(dict.fromkeys(kept))}
    if not 1 < len(place) <= COMBINATIONS:
        return ""
    groups = np.array([place[words] for words in kept])[codes]
    best = np.bincount(groups * classes + truth, minlength=len(place) * classes).reshape(-1, classes).max(1)
    return ", ".join(sorted(frequent)[:5]) if best.sum() / len(truth) >= SAME else ""


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
    if as_numbers:
        x, y = _known_pairs(one, target)
        if len(x) < ENOUGH or np.ptp(x) == 0 or np.ptp(y) == 0:
            return 0.0
        share = float(np.corrcoef(x, y)[0, 1] ** 2)
        return share if share > 0.9999 else 0.0
    codes, truth = codes[both], truth[both]
    values, classes = len(one.values_found), len(target.values_found)
    if values > max(2 * classes, 2) or classes < 2:  # many values tell any target without being it
        return 0.0
    pairs, counts = np.unique(codes * classes + truth, return_counts=True)
    best = np.zeros(values, np.int64)
    np.maximum.at(best, pairs // classes, counts)
    majority = np.bincount(truth).max() / len(truth)
    share = float(best.sum() / len(truth))
    return share if majority < SAME else 0.0
