"""Which labels are probably wrong?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.encoding import keys
from ..errors import unable
from ..evaluation import Examples, picture, raw_rows
from ..report import Image
from ._case import Case, Finding, Findings, light, percent

SHOWN = 20


class LabelErrors:
    """Confident learning (Northcutt 2021) on the probabilities of models that have not learned the row: a label is doubted
    where another class is more probable than that class's rows usually are, and the label itself is improbable.

    Options:
        improbable: probability of the given label below which it may be doubted.
        warning: share of doubted labels from which the light is yellow.
        bad: share from which it is red.
    """

    def __init__(self, *, improbable: float = 0.1, warning: float = 0.01, bad: float = 0.03) -> None:
        self.improbable, self.warning, self.bad = improbable, warning, bad

    def examine(self, case: Case) -> Findings:
        if not case.classed:
            raise unable("a model that predicts classes", case.run)
        target, trained = case.classed[0], case.shadows
        if trained is not None:
            rows, probabilities, codes = trained.sample.index, trained.unseen(), trained.codes
            how = f"{len(trained.inside)} models that had not learned them"
        else:
            rows = case.held.index
            probabilities, codes = case.classes(case.held, target)
            how = "the held rows alone"
        known = codes >= 0
        rows, probabilities, codes = rows[known], probabilities[known], codes[known]
        doubted = doubts(probabilities, codes, self.improbable)
        wrong = probabilities.argmax(1) != codes
        share = float(doubted.mean()) if len(doubted) else 0.0
        tone = light(share, self.warning, self.bad)
        if tone == "bad" and doubted.sum() < wrong.sum() / 2:  # most mistakes are honest ones: the task is hard
            tone = "warning"
        words = f"of {len(codes)} labels are doubted; asked: {how}"
        advice = "" if tone == "good" else "Look at the rows below; mend the labels or drop them, and train again."
        found: Findings = [Finding(tone, target, **percent(share, len(codes)), meaning=words, advice=advice)]
        order = np.flatnonzero(doubted)[np.argsort(probabilities[doubted, codes[doubted]], kind="stable")][:SHOWN]
        return found + (self._rows(case, target, rows[order], probabilities[order], codes[order]) if len(order) else [])

    def _rows(
        self, case: Case, target: str, rows: np.ndarray, probabilities: np.ndarray, codes: np.ndarray
    ) -> Findings:
        """The most doubtful rows as they were read, and their pictures."""
        names = case.run.columns[target].sizes()["classes"]
        guess = probabilities.argmax(1)
        told = [(str(names[c]), str(names[g]), float(p[c])) for c, g, p in zip(codes, guess, probabilities)]
        encoded, place, found = case.prepared.encoded, keys(case.run.columns), Findings()
        pictures: dict[str, Any] = {name: encoded.inputs[place[name]] for name in case.pictures()}
        for pixels in pictures.values():
            peak = max(int(pixels[rows].max()), 1)
            shots = [picture((pixels[row].astype(np.float32) * 255 / peak).astype(np.uint8)) for row in rows]
            captions = [f"row {row}: {label}? rather {other}" for row, (label, other, _) in zip(rows, told)]
            found.append(Image("Doubtful labels", list(zip(shots, captions))))
        inputs = [name for name, column in case.run.columns.items() if not column.target]
        examples = Examples(case.prepared.rows.table, rows, inputs, pictures)
        lines = [[int(row), *tell] for row, tell in zip(rows, told)]
        return found + raw_rows("Doubtful labels", ["row", "label", "rather", "p of the label"], lines, examples)


def doubts(probabilities: np.ndarray, codes: np.ndarray, improbable: float = 0.1) -> np.ndarray:
    """(N,) whether a label is doubted: the likeliest class is another, with at least the mean probability t_j that rows
    labelled j give to j (Northcutt 2021, eq. 2), and the label has less than `improbable`."""
    rows, size = np.arange(len(codes)), probabilities.shape[1]
    own = probabilities[rows, codes]
    counts = np.bincount(codes, minlength=size)
    usual = np.bincount(codes, own, size) / np.maximum(counts, 1)
    guess = probabilities.argmax(1)
    return (guess != codes) & (probabilities[rows, guess] >= usual[guess]) & (own < improbable)
