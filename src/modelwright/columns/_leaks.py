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
