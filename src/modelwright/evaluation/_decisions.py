"""From probabilities to decisions: thresholds and costs. Chosen on validation rows, measured on test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import metrics
from ..report import Block, Table


def blocks(
    probabilities: np.ndarray,
    codes: np.ndarray,
    classes: list[str],
    costs: Sequence[Sequence[float]] | None,
    validation: tuple[np.ndarray, np.ndarray] | None,
) -> list[Block]:
    """The threshold table of two classes; for more classes, the gain of deciding by cost where costs are given."""
    matrix = None if costs is None else np.asarray(costs, dtype=np.float64)
    if matrix is not None and matrix.shape != (len(classes), len(classes)):
        raise ValueError(f"costs must be {len(classes)} rows of {len(classes)} numbers, given {matrix.shape}")
    if not len(codes):
        return []
    if len(classes) == 2:
        both = validation is not None and len(np.unique(validation[1])) == 2
        return [_thresholds(probabilities[:, 1], codes == 1, classes, matrix, validation)] if both else []
    return [] if matrix is None else [_by_cost(probabilities, codes, matrix)]


def _thresholds(
    points: np.ndarray,
    positive: np.ndarray,
    classes: list[str],
    costs: np.ndarray | None,
    validation: tuple[np.ndarray, np.ndarray] | None,
) -> Table:
    assert validation is not None
    chosen = thresholds(validation[0][:, 1], validation[1] == 1, costs)
    rows = []
    for rule, threshold in chosen.items():
        guess = points >= threshold
        each = metrics.by_class(guess.astype(np.int64), positive.astype(np.int64), 2)
        row = [
            rule,
            threshold,
            float((guess == positive).mean()),
            *(float(each[m][1]) for m in ("precision", "recall", "f1")),
        ]
        if costs is not None:
            row.append(float(costs[positive.astype(np.int64), guess.astype(np.int64)].mean()))
        rows.append(row)
    columns = [
        "rule",
        "threshold",
        "accuracy",
        "precision",
        "recall",
        "F1",
        *(["mean cost"] if costs is not None else []),
    ]
    note = f"Decide {classes[1]} from this probability on. Chosen on the validation rows, measured on the test rows."
    return Table("Decision threshold", columns, rows, note=note)


def thresholds(points: np.ndarray, positive: np.ndarray, costs: np.ndarray | None = None) -> dict[str, float]:
    """The threshold each rule chooses: one half, best F1, Youden's (true minus false positive rate), least cost; and the one
    that follows from the costs alone where probabilities are what they say (Elkan 2001)."""
    hits, claimed, cuts = metrics.cumulative(points, positive)
    yes, no = int(positive.sum()), int((~positive).sum())
    chosen = {
        "one half": 0.5,
        "best F1": _between(cuts, int(np.argmax(2 * hits / (claimed + yes)))),
        "Youden": _between(cuts, int(np.argmax(hits / yes - (claimed - hits) / no))),
    }
    if costs is not None:
        false = claimed - hits
        total = costs[1, 1] * hits + costs[1, 0] * (yes - hits) + costs[0, 1] * false + costs[0, 0] * (no - false)
        none = costs[1, 0] * yes + costs[0, 0] * no  # the cost of deciding yes for no row
        wrong = costs[0, 1] - costs[0, 0] + costs[1, 0] - costs[1, 1]
        if wrong > 0:
            chosen["by the costs"] = float((costs[0, 1] - costs[0, 0]) / wrong)
        chosen["least cost"] = 1.0 + 1e-9 if none < total.min() else _between(cuts, int(np.argmin(total)))
    return chosen


def _between(cuts: np.ndarray, place: int) -> float:
    """Half way to the next lower prediction: a threshold on a prediction itself would hang on its last digit."""
    return float((cuts[place] + cuts[place + 1]) / 2) if place + 1 < len(cuts) else float(cuts[place] / 2)


def _by_cost(probabilities: np.ndarray, codes: np.ndarray, costs: np.ndarray) -> Table:
    rules = {"most probable class": probabilities.argmax(1), "least expected cost": (probabilities @ costs).argmin(1)}
    rows = [[rule, float((guess == codes).mean()), float(costs[codes, guess].mean())] for rule, guess in rules.items()]
    return Table("Decision by cost", ["rule", "accuracy", "mean cost"], rows)


def outside_block(
    predicted: Mapping[str, Any], codes: np.ndarray, margin: float, name: str, checked: np.ndarray | None
) -> Table:
    """How rows are told that belong to none of the classes, at the margin (already in the probabilities) and without one.
    checked: the class codes of the validation rows, which chose it."""
    probabilities, outside = predicted["probabilities"], predicted["outside"]
    plain = probabilities * (1 + margin)
    plain[:, outside] -= margin
    rows = []
    for rule, known, shown in (("most probable class", plain, 0.0), ("with the margin", probabilities, margin)):
        found = metrics.score("category", {"probabilities": known, "outside": outside}, codes, intervals=False)
        each = metrics.by_class(known.argmax(1), codes, known.shape[1])
        precision = float(each["precision"][outside])
        rows.append([rule, shown, found["in_scope_accuracy"], found["outside_recall"], precision])
    note = f"A row is {name} where no other class is more probable by more than the margin."
    if checked is not None and (seen := int((checked == outside).sum())):
        note += f" Chosen on {(checked >= 0).sum():,} validation rows, {seen:,} of them {name}: most are right with it."
    elif checked is not None:
        note += f" No validation row is {name}, so that none could be chosen."
    columns = ["rule", "margin", "in-scope accuracy", f"recall of {name}", f"precision of {name}"]
    return Table("None of the classes", columns, rows, note=note)
