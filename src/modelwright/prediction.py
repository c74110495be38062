"""Runs a model over encoded rows: its predictions as NumPy arrays, and their scores."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from . import metrics, parts
from .blocks.stream import Model
from .data.batches import Batches
from .data.encoding import Encoded
from .loop import StepOptions


@torch.inference_mode()
def predict_encoded(
    model: Model, encoded: Encoded, index: np.ndarray | None = None, size: int = 512, device: str = "cpu"
) -> dict[str, dict[str, np.ndarray]]:
    """target -> the head's tensors, one row each for `index` (default: all rows), in that order."""
    was_training = model.training
    model.eval()
    index = np.arange(encoded.rows) if index is None else index
    found: dict[str, dict[str, list[torch.Tensor]]] = {}
    for batch in Batches(encoded, index, size, 0).in_order(size):
        if device != "cpu":
            batch = {key: value.to(device) for key, value in batch.items()}
        for target, tensors in model.predict(batch).items():
            for name, value in tensors.items():
                found.setdefault(target, {}).setdefault(name, []).append(value.float().cpu())
    model.train(was_training)
    return {
        target: {name: torch.cat(chunks).numpy() for name, chunks in tensors.items()}
        for target, tensors in found.items()
    }


def validation_scores(
    model: Model, encoded: Encoded, index: np.ndarray, columns: dict[str, Any], options: StepOptions
) -> dict[str, Any]:
    """What decides about early stopping: `validation_loss` (terms added by weight), `validation_metric` (mean of the
    targets' main metrics, larger is better) and the main `metrics` by name."""
    with options.autocast():
        predicted = predict_encoded(model, encoded, index, device=options.device)
    loss, metric, shown = 0.0, 0.0, {}
    for name, tensors in predicted.items():
        kind, codes = parts.kind_of("columns", columns[name]), encoded.targets[name][index]
        scores = target_scores(columns[name], tensors, codes, intervals=False)
        loss += model.weights.get(name, 1.0) * (scores["loss"] or 0.0)
        main, higher = metrics.main(kind)
        value = scores[main]
        if value is not None:
            shown[main if len(predicted) == 1 else f"{name} {main}"] = value
            metric += value if higher else -value
    return {"validation_loss": loss, "validation_metric": metric / max(len(predicted), 1), "metrics": shown}


def target_scores(
    column: Any, tensors: dict[str, np.ndarray], codes: np.ndarray, intervals: bool = True
) -> dict[str, Any]:
    """Every metric of one target; numbers are scored in their own unit, their loss in standardised units."""
    kind = parts.kind_of("columns", column)
    classes = column.sizes().get("classes")
    in_units = {name: column.truth(value) if name == "value" else value for name, value in tensors.items()}
    scores = metrics.score(kind, in_units, column.truth(codes), classes, intervals=intervals)
    if "value" in tensors:
        known = ~np.isnan(codes)
        scores["loss"] = float(np.mean((tensors["value"][known] - codes[known]) ** 2)) if known.any() else None
    return scores


@dataclass
class Measured:
    """Predictions and scores of one part of the data."""

    index: np.ndarray
    predicted: dict[str, dict[str, np.ndarray]]  # target -> the head's tensors
    scores: dict[str, dict[str, Any]]  # target -> metrics
    seconds: float


def measure_rows(model: Any, encoded: Any, index: np.ndarray, columns: dict[str, Any]) -> Measured:
    """Predict and score the rows `index`."""
    began = time.perf_counter()
    predicted = predict_encoded(model, encoded, index) if len(index) else {}
    seconds = time.perf_counter() - began
    scores = {
        name: target_scores(columns[name], tensors, encoded.targets[name][index]) for name, tensors in predicted.items()
    }
    return Measured(index, predicted, scores, seconds)
