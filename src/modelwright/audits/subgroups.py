"""Is it as good for everybody?"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from ..columns import infer
from ..errors import unable
from ..report import Table
from ._case import Case, Finding, Findings, Quality, light

FEWEST = 20  # rows of a group to speak of
VALUES = 20  # of a category, at most
BINS = 4  # of a number
PROTECTED = re.compile(
    r"(?i)(^|[_ -])(sex|gender|age|race|ethnic\w*|nation\w*|origin|religion|disab\w*|marital|foreign\w*|pregnan\w*)($|[_ -])|"
    "\u6027\u522b|\u5e74\u9f84|\u6c11\u65cf|\u56fd\u7c4d|\u5b97\u6559|\u5a5a\u59fb"  # sex, age, ethnic group, nationality, religion, marriage
)
COLUMNS = ["column", "group", "rows", "mean", "from", "to", "corrected p"]
RATES = ["selected", "found (TPR)", "false alarms (FPR)"]


class Subgroups:
    """The score of each value of each category and each quarter of each number, also of columns that the model does not
    read, against all other rows; of yes-or-no targets selection, true and false positive rates too.

    Options:
        warning: significant gap to the other rows, as a share of the score, from which the light is yellow.
        bad: gap from which it is red.
        four_fifths: smallest ratio of two groups' selection rates that is not remarked upon.
        protected: columns whose selection rates are compared; left out, those named like sex, age, race and the like.
    """

    def __init__(
        self, *, warning: float = 0.05, bad: float = 0.15, four_fifths: float = 0.8, protected: tuple[str, ...] = ()
    ) -> None:
        self.warning, self.bad, self.four_fifths, self.protected = warning, bad, four_fifths, protected

    def examine(self, case: Case) -> Findings:
        groups = {} if case.is_language else _groups(case)
        if not groups:
            raise unable(f"a model that was tested on groups of {FEWEST} rows, by a category or a number", case.run)
        found: Findings = []
        for target, quality in case.qualities(case.held).items():
            chosen = _chosen(case, target)
            rows = [row for name, masks in groups.items() for row in _rows(name, masks, quality, chosen)]
            if rows:
                found += self._judged(target, quality, rows, chosen is not None)
        return found

    def _judged(self, target: str, quality: Quality, rows: list[list[Any]], binary: bool) -> Findings:
        for row in rows:
            row[6] = min(1.0, row[6] * len(rows))  # as many groups are looked at (Bonferroni)
        gaps = {id(row): Quality("", np.array([row[3]]), quality.higher).worse(quality) for row in rows}
        sure = [row for row in rows if row[6] < 0.05]
        worst = max(sure, key=lambda row: gaps[id(row)], default=None)
        gap = gaps[id(worst)] if worst else 0.0
        where = f"{worst[0]} = {worst[1]}" if worst else "no group"
        words = f"worse in {quality.name} than all rows: {where}, of {len(rows)} groups"
        if gap <= 0:
            words = f"no group of {len(rows)} is surely worse in {quality.name}"
        tone = light(gap, self.warning, self.bad)
        advice = "" if tone == "good" else "Collect or weigh more such rows, or tell whoever relies on it."
        found: Findings = [Finding(tone, f"gap: {target}", round(100 * max(gap, 0), 1), words, advice, unit="%")]
        if binary:
            found += self._selection(target, rows)
        rows.sort(key=lambda row: -gaps[id(row)])
        heads = [*COLUMNS[:3], quality.name, *COLUMNS[4:], *(RATES if binary else [])]
        note = f"Intervals of 95 %; p of a difference from all other rows, times {len(rows)} groups. Groups of {FEWEST} rows or more."
        return [*found, Table(f"Groups: {target}", heads, rows[:40], note=note)]

    def _selection(self, target: str, rows: list[list[Any]]) -> Findings:
        """The four-fifths rule: within a column, how the least selected group compares with the most selected one."""
        ratios = {}
        for name in dict.fromkeys(row[0] for row in rows):
            if not (name in self.protected if self.protected else PROTECTED.search(name)):
                continue
            rates = [row[7] for row in rows if row[0] == name]
            if len(rates) > 1 and max(rates) > 0:
                ratios[name] = min(rates) / max(rates)
        if not ratios:
            return []
        name = min(ratios, key=ratios.__getitem__)
        tone: Any = "warning" if ratios[name] < self.four_fifths else "good"
        words = f"least to most selected group by {name}; below {self.four_fifths:g} asks for a reason"
        advice = "" if tone == "good" else "Compare with the true shares and with TPR and FPR in the table below."
        return [Finding(tone, f"selection: {target}", ratios[name], words, advice)]


def _groups(case: Case) -> dict[str, dict[str, np.ndarray]]:
    """Column -> group -> which of the held rows are in it."""
    table, found = case.prepared.rows.table, dict[str, dict[str, np.ndarray]]()
    guesses = infer(table.drop_columns([n for n in case.run.targets if n in table.column_names]))
    for name, guess in guesses.items():
        cells = case.held.raw.column(name)
        if guess.kind == "number":
            masks = _quarters(_numbers(cells))
        elif guess.kind in ("category", "boolean"):
            values = np.array([str(cell) for cell in cells.to_pylist()], object)
            distinct, counts = np.unique(values, return_counts=True)
            common = distinct[np.argsort(-counts)][:VALUES]
            masks = {str(value): values == value for value in common}
        else:
            continue
        masks = {group: mask for group, mask in masks.items() if FEWEST <= mask.sum() < len(mask)}
        if masks:
            found[name] = masks
    return found


def _numbers(cells: pa.ChunkedArray) -> np.ndarray:
    def number(cell: Any) -> float:
        try:
            return float(cell)
        except (TypeError, ValueError):
            return float("nan")

    return np.array([number(cell) for cell in cells.to_pylist()])


def _quarters(values: np.ndarray) -> dict[str, np.ndarray]:
    known = values[np.isfinite(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1))) if len(known) else np.zeros(0)
    ends = list(pairwise(edges))
    return {
        f"{low:.4g} to {high:.4g}": (values >= low) & ((values <= high) if high == edges[-1] else (values < high))
        for low, high in ends
    }


def _chosen(case: Case, target: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Of a target with two classes: which held rows are given the second one, and which truly have it."""
    if target not in case.classed:
        return None
    probabilities, codes = case.classes(case.held, target)
    return (probabilities.argmax(1) == 1, codes == 1) if probabilities.shape[1] == 2 else None


def _rows(name: str, masks: dict[str, np.ndarray], quality: Quality, chosen: Any) -> list[list[Any]]:
    """[column, group, rows, mean, from, to, p, and of two classes selection, TPR, FPR] of each group."""
    rows = []
    for group, mask in masks.items():
        here, rest = (Quality(quality.name, quality.values[m], quality.higher) for m in (mask, ~mask))
        if len(here.known) < FEWEST or not len(rest.known):
            continue
        rates = []
        if chosen is not None:
            said, true = chosen[0][mask], chosen[1][mask]
            rates = [float(said.mean()), *(float(said[m].mean()) if m.any() else None for m in (true, ~true))]
        low, high = here.interval or (None, None)
        rows.append([name, group, len(here.known), here.mean, low, high, _p(here, rest), *rates])
    return rows


def _p(one: Quality, other: Quality) -> float:
    """Two-sided p of a difference of means: pooled where they are shares, Welch's otherwise."""
    from scipy import stats

    if one.name == "accuracy":
        both = np.append(one.known, other.known)
        spread = float(both.var()) * (1 / len(one.known) + 1 / len(other.known))
    else:
        spread = sum(float(q.known.var()) / len(q.known) for q in (one, other))
    return float(2 * stats.norm.sf(abs(one.mean - other.mean) / max(spread, 1e-18) ** 0.5))
