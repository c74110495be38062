"""Scores of predictions against the truth, in NumPy.

One door, `score(kind, predicted, truth)`. Every function is total: where a metric is not defined (one class present, no
rows, predictions that are not finite) it is None, never an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import parts
from .significance import Z, coverage, wilson
from .tag_metrics import score_tags
from .text_metrics import score_texts

_SMALLEST = float(np.finfo(np.float32).eps)  # probabilities come as float32: a nearer 0 or 1 is not meaningful
_MOST_CLASSES_FOR_AUC = 1_000

_MAIN = {
    "category": ("accuracy", True),
    "boolean": ("accuracy", True),
    "multilabel": ("micro_f1", True),
    "number": ("rmse", False),
    "vector": ("rmse", False),
    "language": ("loss", False),
    "policy": ("return", True),
    "text": ("bleu", True),
    "tags": ("f1", True),
    "reconstruct": ("elbo", True),
}
KINDS = tuple(_MAIN)  # of targets; others bring their own measures
ROW_MEANS = ("accuracy", "loss", "brier", "mae", "mse", "rmse")  # what a single row tells


def main(kind: str) -> tuple[str, bool]:
    """The metric that ranks models for a kind of target, and whether higher is better."""
    return _MAIN[kind] if kind in _MAIN else parts.find("columns", kind).measure


def score(
    kind: str,
    predicted: Mapping[str, np.ndarray],
    truth: np.ndarray,
    classes: Sequence[str] | None = None,
    intervals: bool = True,
) -> dict[str, Any]:
    """Every metric of one target.

    predicted: `probabilities` (N, K) for category and multilabel, `probability` (N,) for boolean, `value` (N,) or
    (N, D) for number and vector, in the truth's unit. truth: class codes (-1 missing), 0/1 (NaN missing), (N, K) of 0/1
    (a row of NaN missing), values (NaN missing). For text both are texts (`texts` and its `tokenizer`, see `text_metrics`), for tags lists of labels (`tags`). Rows without truth are not scored; `rows` counts the scored ones. What is
    written again needs no truth: it comes with the nats of each row. A kind that is not known here has `measure` and `scores`
    in its column. With `low` and `high`, the ends of intervals in the truth's unit, their coverage and mean width are told.
    Intervals are 95 %: Wilson for shares, DeLong for AUC, seeded bootstrap for RMSE.
    """
    return _score(kind, predicted, truth, classes, intervals) | coverage(predicted, truth)


def _score(kind: str, predicted: Mapping[str, Any], truth: Any, classes: Any, intervals: bool) -> dict[str, Any]:
    if kind not in _MAIN:
        return parts.find("columns", kind).scores(predicted, truth, intervals)
    if kind == "text":
        return score_texts(predicted["texts"], truth, predicted["tokenizer"], intervals)  # type: ignore[arg-type]
    if kind == "tags":
        return score_tags(predicted["tags"], truth)  # type: ignore[arg-type]
    truth = np.asarray(truth)
    if kind == "category":
        probabilities, codes = _wide(predicted["probabilities"]), truth.ravel()
        if classes and probabilities.shape[1] < len(classes):  # of a model that has not seen the last ones
            probabilities = np.pad(probabilities, ((0, 0), (0, len(classes) - probabilities.shape[1])))
        found = _category(probabilities, codes, intervals)
        return (
            found | _outside(probabilities, codes, int(predicted["outside"]), intervals)
            if "outside" in predicted
            else found
        )
    if kind == "boolean":
        return _boolean(_wide(predicted["probability"]).ravel(), truth.ravel(), intervals)
    if kind == "reconstruct":
        return _reconstruct(predicted, intervals)
    if kind == "multilabel":
        return _multilabel(_wide(predicted["probabilities"]), _wide(truth), intervals)
    return _number(_wide(predicted["value"]), _wide(truth), intervals)


def _reconstruct(predicted: Mapping[str, np.ndarray], intervals: bool) -> dict[str, Any]:
    """The means over rows of `loss`, `kl`, `elbo` and the importance-weighted bound, as far as they are known."""
    found: dict[str, Any] = {}
    for name, values in predicted.items():
        if name in ("loss", "kl", "elbo") or name.startswith("bound_"):
            found["rows"], found[name] = len(values), float(np.mean(values, dtype=np.float64))
    if intervals and "elbo" in found and found["rows"] > 1:
        half = Z * float(np.std(predicted["elbo"], ddof=1)) / math.sqrt(found["rows"])
        found["elbo_interval"] = [found["elbo"] - half, found["elbo"] + half]
    return found


def summary(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Metrics of several folds as one: the mean of each, its sample standard deviation as `<metric>_sd`, `rows` added up, and
    `folds`. A metric that is None in some folds is averaged over the others; intervals are left out. Where each fold is one row
    (leave-one-out), RMSE is that of all rows, and what a single row cannot tell, such as F1, is None."""
    result: dict[str, Any] = {"rows": int(sum(s.get("rows", 0) for s in scores)), "folds": len(scores)}
    alone = all(s.get("rows") == 1 for s in scores)
    names = dict.fromkeys(n for s in scores for n in s if n != "rows" and not n.endswith("_interval"))
    for name in names:
        values = [s[name] for s in scores if s.get(name) is not None and (not alone or name in ROW_MEANS)]
        if values and isinstance(values[0], str):
            result[name] = values[0]
            continue
        root = alone and name == "rmse"
        result[name] = float(np.sqrt(np.mean(np.square(values))) if root else np.mean(values)) if values else None
        result[f"{name}_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return result


def confusion(guess: np.ndarray, truth: np.ndarray, size: int) -> np.ndarray:
    """Counts (size, size): row = true class, column = predicted class; negative codes are not counted."""
    known = (truth >= 0) & (guess >= 0)
    return np.bincount(truth[known].astype(np.int64) * size + guess[known], minlength=size * size).reshape(size, size)


def by_class(guess: np.ndarray, truth: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """`precision`, `recall`, `f1` (size,), 0 where undefined, and `support`, the rows of each class."""
    known = truth >= 0
    support = np.bincount(truth[known].astype(np.int64), minlength=size)
    claimed = np.bincount(guess[known & (guess >= 0)], minlength=size)
    right = np.bincount(guess[known & (guess == truth)], minlength=size)
    return {
        "precision": _ratio(right, claimed),
        "recall": _ratio(right, support),
        "f1": _ratio(2 * right, support + claimed),
        "support": support,
    }


def area_under_roc(points: np.ndarray, positive: np.ndarray) -> float | None:
    """The probability that a positive row gets more points than a negative one, ties counted half."""
    yes = int(positive.sum())
    no = len(positive) - yes
    if not yes or not no or not np.isfinite(points).all():
        return None
    return float((_ranks(points)[positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def area_interval(points: np.ndarray, positive: np.ndarray) -> list[float] | None:
    """95 % interval of the area under the ROC curve (DeLong 1988, by ranks as Sun and Xu 2014).

    Perfectly separated classes have no variance; then the Wilson interval over the rarer class's rows is given.
    """
    area = area_under_roc(points, positive)
    if area is None:
        return None
    ranks, yes = _ranks(points), points[positive]
    no = points[~positive]
    above = (ranks[positive] - _ranks(yes)) / len(no)  # of each positive: the share of negatives below it
    below = 1 - (ranks[~positive] - _ranks(no)) / len(yes)
    variance = sum(float(part.var(ddof=1)) / len(part) if len(part) > 1 else 0.25 for part in (above, below))
    if variance <= 0:
        return wilson(area * min(len(yes), len(no)), min(len(yes), len(no)))
    half = Z * math.sqrt(variance)
    return [max(0.0, area - half), min(1.0, area + half)]


def average_precision(points: np.ndarray, positive: np.ndarray) -> float | None:
    """The mean of the precisions at each positive row, tied rows taken together."""
    if not positive.any() or not np.isfinite(points).all():
        return None
    hits, claimed, _ = cumulative(points, positive)
    return float(np.sum(np.diff(hits, prepend=0) * hits / claimed) / positive.sum())


def cumulative(points: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each distinct threshold from the highest down: true positives, rows at or above it, and the threshold."""
    order = np.argsort(-points, kind="stable")
    ordered = points[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(ordered) else np.zeros(0, np.int64)
    return np.cumsum(positive[order])[last], last + 1, ordered[last]


def calibration(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean confidence, share right and rows of each non-empty bin of equal width (Guo 2017)."""
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    rows = np.bincount(place, minlength=bins)
    full = rows > 0
    mean = np.bincount(place, confidence, bins)[full] / rows[full]
    return mean, np.bincount(place, right, bins)[full] / rows[full], rows[full]


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 10) -> float | None:
    """Expected calibration error: the mean distance between confidence and share right, weighted by rows."""
    if not len(confidence):
        return None
    mean, share, rows = calibration(confidence, right, bins)
    return float(np.sum(rows * np.abs(mean - share)) / rows.sum())


def _category(probabilities: np.ndarray, truth: np.ndarray, intervals: bool) -> dict[str, Any]:
    known = truth >= 0
    probabilities, truth = probabilities[known], truth[known].astype(np.int64)
    rows, size = probabilities.shape
    names = ["accuracy", "loss", "macro_f1", "balanced_accuracy", "auc"]
    if not rows:
        return {"rows": 0, **dict.fromkeys(names)}
    guess = guesses(probabilities)
    right = int((guess == truth).sum())
    per_class = by_class(guess, truth, size)
    seen = per_class["support"] > 0
    claimed = seen | (np.bincount(guess[guess >= 0], minlength=size) > 0)
    result: dict[str, Any] = {"rows": rows, "accuracy": right / rows}
    if intervals:
        result["accuracy_interval"] = wilson(right, rows)
    result["loss"] = _finite(-np.log(np.clip(probabilities[np.arange(rows), truth], _SMALLEST, 1)).mean())
    result["macro_f1"] = float(per_class["f1"][claimed].mean())
    result["balanced_accuracy"] = float(per_class["recall"][seen].mean())
    if size > 10:
        better = (probabilities > probabilities[np.arange(rows), truth][:, None]).sum(1)
        result["top_5_accuracy"] = float(((better < 5) & (guess >= 0)).mean())
    if size == 2:
        result.update(_ranking(probabilities[:, 1], truth == 1, intervals))
    else:
        result["auc"] = _area_one_against_rest(probabilities, truth)
    return result


def _outside(probabilities: np.ndarray, truth: np.ndarray, outside: int, intervals: bool) -> dict[str, Any]:
    """How well the rows of the class that is none of the others are told from those others: the share of the others that are
    right, the share of its own that are found, and the area under ROC of its lead over the best of the others."""
    guess, beyond = guesses(probabilities), truth == outside
    result: dict[str, Any] = {}
    for name, rows in (("in_scope_accuracy", (truth >= 0) & ~beyond), ("outside_recall", beyond)):
        right, count = int((guess == truth)[rows].sum()), int(rows.sum())
        result[name] = right / count if count else None
        if intervals:
            result[f"{name}_interval"] = wilson(right, count)
    result["outside_auc"] = area_under_roc(lead(probabilities, outside)[truth >= 0], beyond[truth >= 0])
    return result


def lead(probabilities: np.ndarray, code: int) -> np.ndarray:
    """(N,) how far a class is above the best of the others."""
    return probabilities[:, code] - np.delete(probabilities, code, 1).max(1)


def guesses(probabilities: np.ndarray) -> np.ndarray:
    """The most probable class of each row; -1, which is never right, where the prediction is not finite."""
    if not probabilities.shape[1]:
        return np.full(len(probabilities), -1)
    return np.where(np.isfinite(probabilities).all(1), probabilities.argmax(1), -1)


def _area_one_against_rest(probabilities: np.ndarray, truth: np.ndarray) -> float | None:
    seen = np.unique(truth)
    if len(seen) < 2 or len(seen) > _MOST_CLASSES_FOR_AUC:
        return None
    areas = [area_under_roc(probabilities[:, code], truth == code) for code in seen]
    return None if None in areas else float(np.mean(areas))  # type: ignore[arg-type]


def _ranking(points: np.ndarray, positive: np.ndarray, intervals: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"auc": area_under_roc(points, positive)}
    if intervals:
        result["auc_interval"] = area_interval(points, positive)
    result["average_precision"] = average_precision(points, positive)
    return result


def _boolean(points: np.ndarray, truth: np.ndarray, intervals: bool) -> dict[str, Any]:
    known = ~np.isnan(truth.astype(np.float64))
    points, positive = points[known], truth[known] > 0.5
    rows = len(points)
    if not rows:
        return {"rows": 0, **dict.fromkeys(["accuracy", "loss", "f1", "balanced_accuracy", "brier", "auc"])}
    guess = np.where(np.isfinite(points), points > 0.5, ~positive)  # what is not finite is never right
    right = int((guess == positive).sum())
    result: dict[str, Any] = {"rows": rows, "accuracy": right / rows}
    if intervals:
        result["accuracy_interval"] = wilson(right, rows)
    result["loss"] = _finite(_cross_entropy(points, positive).mean())
    result["f1"] = float(_ratio(2 * (guess & positive).sum(), guess.sum() + positive.sum()))
    recalls = [(guess == positive)[part].mean() for part in (positive, ~positive) if part.any()]
    result["balanced_accuracy"] = float(np.mean(recalls))
    result["brier"] = _finite(np.mean((points - positive) ** 2))
    result.update(_ranking(points, positive, intervals))
    return result


def _multilabel(probabilities: np.ndarray, truth: np.ndarray, intervals: bool) -> dict[str, Any]:
    known = ~np.isnan(truth).any(1)
    probabilities, positive = probabilities[known], truth[known] > 0.5
    rows, size = probabilities.shape
    if not rows or not size:
        return {"rows": rows, **dict.fromkeys(["micro_f1", "macro_f1", "subset_accuracy", "loss"])}
    guess = probabilities > 0.5
    right, total = (guess & positive).sum(0), guess.sum(0) + positive.sum(0)
    exact = int(((guess == positive) & np.isfinite(probabilities)).all(1).sum())
    result: dict[str, Any] = {
        "rows": rows,
        "micro_f1": float(_ratio(2 * right.sum(), total.sum())),
        "macro_f1": float(_ratio(2 * right, total).mean()),
        "subset_accuracy": exact / rows,
    }
    if intervals:
        result["subset_accuracy_interval"] = wilson(exact, rows)
    result["loss"] = _finite(_cross_entropy(probabilities, positive).mean())
    return result


def _number(value: np.ndarray, truth: np.ndarray, intervals: bool) -> dict[str, Any]:
    known = np.isfinite(truth)
    rows = int(known.any(1).sum())
    if not rows:
        return {"rows": 0, **dict.fromkeys(["rmse", "mae", "r2", "median_error", "spearman"])}
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.where(known, value - np.where(known, truth, 0), 0.0)
        squares, counts = (error**2).sum(1), known.sum(1)
        result: dict[str, Any] = {"rows": rows, "rmse": _finite(np.sqrt(squares.sum() / counts.sum()))}
        if intervals:
            result["rmse_interval"] = _rmse_interval(squares[counts > 0], counts[counts > 0])
        result["mae"] = _finite(np.abs(error).sum() / counts.sum())
        result["r2"] = _explained(error, truth, known)
        result["median_error"] = _finite(np.median(np.abs(error[known])))
        result["spearman"] = _rank_correlation(value, truth, known)
    return result


def _rank_correlation(value: np.ndarray, truth: np.ndarray, known: np.ndarray) -> float | None:
    """Spearman's correlation of predicted and true ranks, averaged over the columns; None where one of them has no spread."""
    found = []
    for column in range(truth.shape[1]):
        rows = known[:, column]
        ours, theirs = value[rows, column], truth[rows, column]
        if len(ours) > 1 and np.isfinite(ours).all() and np.ptp(ours) > 0 and np.ptp(theirs) > 0:
            found.append(np.corrcoef(_ranks(ours), _ranks(theirs))[0, 1])
    return _finite(np.mean(found)) if len(found) == truth.shape[1] else None


def _explained(error: np.ndarray, truth: np.ndarray, known: np.ndarray) -> float | None:
    """1 - residual variance / variance of the truth, averaged over the columns that vary."""
    rows = np.maximum(known.sum(0), 1)
    centred = np.where(known, truth - np.where(known, truth, 0).sum(0) / rows, 0.0)
    total = (centred**2).sum(0)
    varies = total > 0
    return _finite(np.mean(1 - (error**2).sum(0)[varies] / total[varies])) if varies.any() else None


def _rmse_interval(squares: np.ndarray, counts: np.ndarray, resamples: int = 1_000) -> list[float] | None:
    """95 % percentile bootstrap over rows; above 5,000 rows the normal limit of the same, which then agrees with it."""
    rows = len(squares)
    if rows < 2 or not np.isfinite(squares).all():
        return None
    if rows > 5_000:
        mean = squares.sum() / counts.sum()
        half = Z * np.std(squares - mean * counts) / (counts.mean() * math.sqrt(rows))
        return [math.sqrt(max(0.0, mean - half)), math.sqrt(mean + half)]
    draw = np.random.default_rng(0)
    means = np.empty(resamples)
    for start in range(0, resamples, 100):  # a hundred at a time bounds the memory
        chosen = draw.integers(0, rows, (100, rows), dtype=np.int32)
        means[start : start + 100] = squares[chosen].sum(1) / counts[chosen].sum(1)
    low, high = np.quantile(np.sqrt(means), [0.025, 0.975])
    return [float(low), float(high)]


def _cross_entropy(probability: np.ndarray, positive: np.ndarray) -> np.ndarray:
    kept = np.clip(probability, _SMALLEST, 1 - _SMALLEST)
    return -np.where(positive, np.log(kept), np.log1p(-kept))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, tied values share their mean rank."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.append(True, ordered[1:] != ordered[:-1])
    group = np.cumsum(first) - 1
    ends = np.append(np.flatnonzero(first), len(values))
    ranks = np.empty(len(values))
    ranks[order] = ((ends[:-1] + ends[1:] + 1) / 2)[group]
    return ranks


def _ratio(part: Any, whole: Any) -> np.ndarray:
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.zeros(np.broadcast(part, whole).shape), where=whole > 0)


def _wide(values: np.ndarray) -> np.ndarray:
    """(N,) or (N, D) as float64 (N, D)."""
    values = np.asarray(values, dtype=np.float64)
    return values[:, None] if values.ndim == 1 else values.reshape(len(values), -1) if values.size else values


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
