"""Blocks of predicted classes: confusion matrix, per-class table, ROC, precision-recall and calibration curves."""

from __future__ import annotations

import numpy as np

from .. import metrics
from ..report import Block, Curve, Table

_MOST_IN_MATRIX = 20
_MOST_IN_TABLE = 50
_MOST_CURVES = 5
_MOST_POINTS = 200


def blocks(probabilities: np.ndarray, codes: np.ndarray, classes: list[str]) -> list[Block]:
    """All of this file for class codes (N,) and probabilities (N, K)."""
    if not len(codes):
        return []
    guess = probabilities.argmax(1)
    found: list[Block] = [_confusion(guess, codes, classes), _per_class(guess, codes, classes)]
    shown = [1] if len(classes) == 2 else range(len(classes)) if len(classes) <= _MOST_CURVES else []
    groups = {classes[code]: (probabilities[:, code], codes == code) for code in shown}
    found += _ranking_curves({name: pair for name, pair in groups.items() if 0 < pair[1].sum() < len(codes)})
    if len(classes) == 2:
        found.append(
            _calibration(probabilities[:, 1], codes == 1, f"probability of {classes[1]}", f"share of {classes[1]}")
        )
    else:
        found.append(_calibration(probabilities.max(1), guess == codes, "confidence", "share right"))
    return found


def label_blocks(probabilities: np.ndarray, truth: np.ndarray, labels: list[str]) -> list[Block]:
    """Per-label table and calibration of label sets (N, K)."""
    known = np.isfinite(truth).all(1) & np.isfinite(probabilities).all(1)
    points, positive = probabilities[known], truth[known] > 0.5
    if not len(points):
        return []
    rows = []
    for place, label in enumerate(labels):
        each = metrics.by_class((points[:, place] > 0.5).astype(np.int64), positive[:, place].astype(np.int64), 2)
        area = metrics.area_under_roc(points[:, place], positive[:, place])
        rows.append(
            [label, *(float(each[name][1]) for name in ("precision", "recall", "f1")), area, int(each["support"][1])]
        )
    columns = ["label", "precision", "recall", "F1", "area under ROC", "rows"]
    table = _shortened("Labels", columns, rows, 3)
    return [
        table,
        _calibration(points.ravel(), positive.ravel(), "probability of a label", "share of rows that have it"),
    ]


def _confusion(guess: np.ndarray, codes: np.ndarray, classes: list[str]) -> Table:
    counts = metrics.confusion(guess, codes, len(classes))
    note = "Rows are true classes, columns predicted ones; shades are shares of the row."
    names = classes
    if len(classes) > _MOST_IN_MATRIX:
        kept = np.sort(np.argsort(-counts.sum(1), kind="stable")[:_MOST_IN_MATRIX])
        rest = np.setdiff1d(np.arange(len(classes)), kept)
        groups = [np.array([code]) for code in kept] + [rest]
        counts = np.array([[counts[np.ix_(row, column)].sum() for column in groups] for row in groups])
        names = [classes[code] for code in kept] + [f"{len(rest)} others"]
        note += f" The {_MOST_IN_MATRIX} most frequent classes are shown apart."
    rows = [[name, *row] for name, row in zip(names, counts.tolist())]
    return Table("Confusion matrix", ["true \\ predicted", *names], rows, note=note, heat=True)


def _per_class(guess: np.ndarray, codes: np.ndarray, classes: list[str]) -> Table:
    each = metrics.by_class(guess, codes, len(classes))
    rows = [
        [name, *(float(each[metric][code]) for metric in ("precision", "recall", "f1")), int(each["support"][code])]
        for code, name in enumerate(classes)
    ]
    return _shortened("Classes", ["class", "precision", "recall", "F1", "rows"], rows, 3)


def _shortened(title: str, columns: list[str], rows: list[list], by: int) -> Table:
    if len(rows) <= _MOST_IN_TABLE:
        return Table(title, columns, rows)
    note = f"The {_MOST_IN_TABLE} of {len(rows)} with the lowest {columns[by]}, among those that have rows."
    present = sorted((row for row in rows if row[-1]), key=lambda row: row[by])
    return Table(title, columns, present[:_MOST_IN_TABLE], note=note)


def _ranking_curves(groups: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[Block]:
    if not groups:
        return []
    roc: dict[str, tuple[list[float], list[float]]] = {}
    precision_recall: dict[str, tuple[list[float], list[float]]] = {}
    for name, (points, positive) in groups.items():
        hits, claimed, _ = metrics.cumulative(points, positive)
        area, precision = metrics.area_under_roc(points, positive), metrics.average_precision(points, positive)
        places = _thinned(len(hits))
        false_rate = (claimed - hits) / (~positive).sum()
        recall = hits / positive.sum()
        roc[f"{name} (area {area:.3f})"] = ([0.0, *false_rate[places].tolist()], [0.0, *recall[places].tolist()])
        curve = (recall[places].tolist(), (hits / claimed)[places].tolist())
        precision_recall[f"{name} (average {precision:.3f})"] = curve
    roc["chance"] = ([0.0, 1.0], [0.0, 1.0])
    return [
        Curve("ROC curve", "false positive rate", "true positive rate", roc, dashed=["chance"]),
        Curve("Precision and recall", "recall", "precision", precision_recall),
    ]


def _thinned(length: int) -> np.ndarray:
    return np.unique(np.linspace(0, length - 1, _MOST_POINTS).astype(np.int64))


def _calibration(confidence: np.ndarray, right: np.ndarray, x: str, y: str) -> Curve:
    mean, share, rows = metrics.calibration(confidence, right)
    error = metrics.calibration_error(confidence, right)
    lines = {"model": (mean.tolist(), share.tolist()), "perfect": ([0.0, 1.0], [0.0, 1.0])}
    note = f"Expected calibration error {error:.3f}, over {len(rows)} bins of equal width."
    return Curve("Calibration", x, y, lines, note=note, dashed=["perfect"])
