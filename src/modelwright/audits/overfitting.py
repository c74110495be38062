"""Does it know its training rows too well?"""

from __future__ import annotations

import numpy as np

from ..report import Curve, Table, shown
from ..significance import Z
from ._case import Case, Finding, Findings, Quality, light, percent


class Overfitting:
    """The gap between training and held rows; how many rows are known by heart; what more rows would bring.

    Options:
        warning: gap, in points of accuracy or as a share of an error, from which the light is yellow.
        bad: gap from which it is red.
        heart: share of rows known by heart from which the light is yellow; red is twice that.
    """

    def __init__(self, *, warning: float = 0.05, bad: float = 0.15, heart: float = 0.1) -> None:
        self.warning, self.bad, self.heart = warning, bad, heart

    def examine(self, case: Case) -> Findings:
        train = case.qualities(case.train.few(case.most, case.seed))
        held = case.qualities(case.held.few(case.most, case.seed))
        found: Findings = [self._gap(name, train[name], held[name]) for name in train]
        rows = [
            [name, q.name, part, len(q.known), q.mean, *(q.interval or (None, None))]
            for name in train
            for part, q in (("training", train[name]), ("held", held[name]))
        ]
        found.append(
            Table("Training and held rows", ["target", "measure", "rows", "number", "mean", "from", "to"], rows)
        )
        return found + self._by_shadows(case, held)

    def _gap(self, name: str, train: Quality, held: Quality) -> Finding:
        """Points of accuracy; of an error or a loss, its growth as a share of the held one, so that it lies below 1."""
        gap = held.mean - train.mean
        gap = -gap if held.higher else gap / max(held.mean, 1e-9)
        spread = np.sqrt(sum(float(q.known.var()) / max(len(q.known), 1) for q in (train, held)))
        half = Z * (spread if held.higher else spread / max(held.mean, 1e-9))
        limits = (self.warning, self.bad) if held.higher else (5 * self.warning, 4 * self.bad)
        sure = gap - half > 0
        tone = light(gap if sure else 0.0, *limits)
        words = f"{held.name} is {shown(train.mean)} on training rows, {shown(held.mean)} on held ones"
        advice = (
            "" if tone == "good" else "Dropout, train.weight_decay, train.augment, a smaller model.size, or more rows."
        )
        ends = [round(100 * (gap - half), 1), round(100 * (gap + half), 1)]
        unit = "points" if held.higher else "% of the held"
        return Finding(tone, f"gap: {name}", round(100 * gap, 1), words, advice, ends, unit)

    def _by_shadows(self, case: Case, held: dict[str, Quality]) -> Findings:
        """Memorisation (Feldman and Zhang 2020) and the learning curve, from models trained on halves."""
        trained = case.shadows if case.classed else None
        if trained is None:
            return []
        name, inside = case.classed[0], trained.inside
        right = (trained.probabilities.argmax(2) == trained.codes).astype(np.float64)
        by_heart = (right * inside).sum(0) / inside.sum(0) - (right * ~inside).sum(0) / (~inside).sum(0)
        share = float((by_heart > 0.5).mean() - (by_heart < -0.5).mean())  # less what chance does to both sides
        tone = light(share, self.heart, 2 * self.heart)
        words = f"of the rows are predicted right only by models that have learned them ({len(inside)} models)"
        advice = "" if tone == "good" else "They are rare or mislabelled: see label_errors."
        half = [float(one[~mask].mean()) for one, mask in zip(right, inside)]
        sizes = [float(inside[0].sum()), float((case.prepared.part == 0).sum())]
        lines = {"held rows": (sizes, [float(np.mean(half)), held[name].mean])}
        note = "Half of the rows: the mean of the models trained on halves, on the rows each has not seen."
        return [
            Finding(tone, f"by heart: {name}", **percent(max(share, 0.0)), meaning=words, advice=advice),
            Curve("Learning curve", "training rows", "accuracy", lines, note=note),
        ]
