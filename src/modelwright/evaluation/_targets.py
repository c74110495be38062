"""The blocks of one target's test predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import metrics, parts
from ..report import Block, Number, Section
from . import _classes, _decisions, _numbers, _tags, _texts
from ._mistakes import Examples, mistakes

NAMES = {
    "auc": "area under ROC",
    "elbo": "ELBO",
    "kl": "KL",
    "f1": "F1",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "top_5_accuracy": "top-5 accuracy",
    "brier": "Brier score",
    "bleu": "BLEU",
    "chrf": "chrF",
    "cer": "CER",
    "wer": "WER",
    "mse": "MSE",
    "ks": "KS statistic",
    "gini": "Gini coefficient",
    "one_answer_cost": "cost of one answer for all",
    "mrr": "MRR",
    **{
        f"{s}{n}_{k}": f"{s.replace('_', ' ')}{n.upper()}@{k}"
        for s in ("", "sampled_")
        for n in ("hr", "ndcg")
        for k in (5, 10)
    },
}
Predicted = Mapping[str, np.ndarray]


def blocks(
    kind: str,
    name: str,
    predicted: Predicted,
    truth: np.ndarray,
    classes: Sequence[str] | None,
    examples: Examples | tuple | None = None,
    costs: Sequence[Sequence[float]] | None = None,
    validation: tuple[Predicted, np.ndarray] | None = None,
) -> list[Block]:
    """Scores, curves, tables and worst mistakes of one target.

    predicted, truth: as `metrics.score` takes them. examples: the raw rows behind them (see `Examples`). costs: (K, K),
    the cost of a row of true class i decided as class j. validation: predictions and truth of the validation rows, from
    which decision thresholds are chosen; without them there is no table of thresholds.
    """
    scores = metrics.score(kind, predicted, truth, classes)
    scores |= cost_scores(kind, predicted, truth, costs) if costs is not None else {}
    found: list[Block] = [Section(f"Test: {name}"), *numbers(scores)]
    if not scores["rows"]:
        return found
    if kind not in metrics.KINDS:
        return [*found, *parts.find("columns", kind).blocks(predicted, truth, scores, examples)]
    if kind == "tags":
        return [*found, *_tags.blocks(predicted["tags"], truth, examples)]  # type: ignore[arg-type]
    if kind == "text":
        return [*found, *_texts.blocks(list(predicted["texts"]), list(truth), scores, examples)]
    if kind in ("number", "vector"):
        found += _numbers.blocks(np.asarray(predicted["value"]), np.asarray(truth))
    elif kind == "multilabel":
        found += _classes.label_blocks(
            predicted["probabilities"], truth, _names(classes, predicted["probabilities"].shape[1])
        )
    else:
        probabilities, codes = _as_category(kind, predicted, truth)
        labels = _names(classes, probabilities.shape[1])
        found += _classes.blocks(probabilities, codes, labels)
        checked = _as_category(kind, *validation) if validation else None
        found += _decisions.blocks(probabilities, codes, labels, costs, checked)
    if examples is not None:
        found += mistakes(kind, predicted, truth, classes, Examples(*examples))
    return found


def cost_scores(kind: str, predicted: Predicted, truth: np.ndarray, costs: Sequence[Sequence[float]]) -> dict[str, Any]:
    """`mean_cost` of deciding each row by its least expected cost, `one_answer_cost` of the best one answer for all; of two
    classes also what banks ask of a score: `gini` (2 AUC - 1) and `ks`, the largest distance between the classes."""
    probabilities, codes = _as_category(kind, predicted, truth)
    matrix = np.asarray(costs, dtype=np.float64)
    if not len(codes) or probabilities.shape[1] != len(matrix):
        return {}
    found: dict[str, Any] = {
        "mean_cost": float(matrix[codes, (probabilities @ matrix).argmin(1)].mean()),
        "one_answer_cost": float(matrix[codes].mean(0).min()),
    }
    positive = codes == 1
    if len(matrix) == 2 and 0 < positive.sum() < len(codes):
        hits, claimed, _ = metrics.cumulative(probabilities[:, 1], positive)
        found["gini"] = 2 * (metrics.area_under_roc(probabilities[:, 1], positive) or 0.5) - 1
        found["ks"] = float(np.abs(hits / positive.sum() - (claimed - hits) / (~positive).sum()).max())
    return found


def numbers(scores: Mapping[str, Any]) -> list[Block]:
    """The metrics of one target as figures with their intervals."""
    return [
        Number(NAMES.get(key, key.replace("_", " ")), value, tuple(interval) if interval else None)
        for key, value in scores.items()
        if not key.endswith(("_interval", "_sd")) and not isinstance(value, str)
        for interval in [scores.get(f"{key}_interval")]
    ]


def _names(classes: Sequence[str] | None, size: int) -> list[str]:
    return [str(name) for name in classes] if classes else [str(code) for code in range(size)]


def _as_category(kind: str, predicted: Predicted, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, K) probabilities and class codes of the rows that have a truth and a finite prediction."""
    if kind == "boolean":
        yes = np.asarray(predicted["probability"], dtype=np.float64).ravel()
        probabilities = np.stack([1 - yes, yes], 1)
        codes = np.where(np.isnan(truth), -1, np.nan_to_num(truth) > 0.5).astype(np.int64).ravel()
    else:
        probabilities, codes = np.asarray(predicted["probabilities"], dtype=np.float64), np.asarray(truth).ravel()
    known = (codes >= 0) & np.isfinite(probabilities).all(1)
    return probabilities[known], codes[known].astype(np.int64)
