"""Runs a model over encoded rows: its predictions as NumPy arrays, its losses, and their scores."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from . import metrics, parts
from .blocks.stream import Batch, Model
from .data.batches import Batches
from .data.encoding import Encoded
from .loop import StepOptions
from .reconstruction import row_bounds


@torch.inference_mode()
def predict_encoded(
    model: Model,
    encoded: Encoded,
    index: np.ndarray | None = None,
    size: int = 512,
    device: str = "cpu",
    only: Collection[str] | None = None,
) -> dict[str, dict[str, np.ndarray]]:
    """target (of `only`, or every one) -> the head's tensors, one row each for `index` (default: all rows), in that order. Sequences of ids are
    padded with -1. The first of the inputs that are written again has `row_bounds` beside them."""
    index = np.arange(encoded.rows) if index is None else index
    order = _by_length(encoded, index, size)
    found: dict[str, dict[str, list[torch.Tensor]]] = {}
    for batch in _batches(model, encoded, index[order], size, device):
        predicted = model.predict(batch, only)
        if rebuilt := [target for target in model.rebuilt if target in predicted]:
            predicted[rebuilt[0]].update(row_bounds(model, batch))
        for target, tensors in predicted.items():
            for name, value in tensors.items():
                value = value.float() if value.is_floating_point() else value
                found.setdefault(target, {}).setdefault(name, []).append(value.cpu())
    back = np.argsort(order)
    return {
        target: {name: _joined(chunks)[back].numpy() for name, chunks in tensors.items()}
        for target, tensors in found.items()
    }


@torch.inference_mode()
def mean_losses(
    model: Model, encoded: Encoded, index: np.ndarray, size: int = 256, device: str = "cpu"
) -> dict[str, float]:
    """Every loss term's mean over the rows `index`, in evaluation mode."""
    sums: dict[str, list[float]] = {}
    for batch in _batches(model, encoded, index[_by_length(encoded, index, size)], size, device):
        for name, (value, count) in model(batch).items():
            total = sums.setdefault(name, [0.0, 0.0])
            total[0] += float(value)
            total[1] += float(count)
    return {name: value / max(count, 1e-12) for name, (value, count) in sums.items()}


def _losses(model: Model, encoded: Encoded, index: np.ndarray, device: str = "cpu") -> dict[str, float]:
    """The mean losses where some head's cannot be told from its predictions, otherwise nothing."""
    needed = any(how != "predictions" for how in model.measured_by.values())
    return mean_losses(model, encoded, index, device=device) if needed else {}


def _by_length(encoded: Encoded, index: np.ndarray, size: int) -> np.ndarray:
    """The places of `index` in the order in which they are asked for: rows of similar length together, so that little of a
    batch is padding."""
    lengths = encoded.lengths() if len(index) > size else None
    return np.arange(len(index)) if lengths is None else np.argsort(lengths.cpu().numpy()[index], kind="stable")


def _batches(model: Model, encoded: Encoded, index: np.ndarray, size: int, device: str) -> Iterator[Batch]:
    """The rows in order, on the device, with the model in evaluation mode while they last."""
    was_training = model.training
    model.eval()
    for batch in Batches(encoded, index, size, 0).in_order(size):
        yield batch if device == "cpu" else {key: value.to(device) for key, value in batch.items()}
    model.train(was_training)


def _joined(chunks: list[torch.Tensor]) -> torch.Tensor:
    """One tensor of all rows; ids of chunks with shorter sequences are padded with -1."""
    if chunks[0].ndim == 2 and not chunks[0].is_floating_point():
        longest = max(chunk.shape[1] for chunk in chunks)
        chunks = [F.pad(chunk, (0, longest - chunk.shape[1]), value=-1) for chunk in chunks]
    return torch.cat(chunks)


def validation_scores(
    model: Model, encoded: Encoded, index: np.ndarray, columns: dict[str, Any], options: StepOptions
) -> dict[str, Any]:
    """What decides about early stopping: `validation_loss` (terms added by weight), `validation_metric` (mean of the
    targets' main metrics, larger is better) and the main `metrics` by name. Heads that are measured by their loss alone
    are not asked for predictions, which would take long: their metric is the loss, smaller is better."""
    by_loss = [name for name, how in model.measured_by.items() if how == "loss"]
    with options.autocast():
        losses = _losses(model, encoded, index, options.device)
        asked = [name for name in model.measured_by if name not in by_loss]
        predicted = predict_encoded(model, encoded, index, device=options.device, only=asked) if asked else {}
    metric = -sum(losses[name] for name in by_loss)
    shown = (
        dict(losses) if losses.keys() > model.measured_by.keys() else {}
    )  # the parts of the loss, where there are more
    for name, tensors in predicted.items():
        kind, codes = parts.kind_of("columns", columns[name]), encoded.targets[name][index]
        scores = target_scores(columns[name], tensors, codes, intervals=False)
        losses.setdefault(name, scores.get("loss") or 0.0)
        main, higher = metrics.main(kind)
        value = scores[main]
        if value is not None:
            shown[main if len(predicted) == 1 else f"{name} {main}"] = value
            metric += value if higher else -value
    loss = sum(model.weights.get(name, 1.0) * value for name, value in losses.items())
    return {"validation_loss": loss, "validation_metric": metric / max(len(model.measured_by), 1), "metrics": shown}


def settle_heads(model: Any, encoded: Encoded, index: np.ndarray, device: str) -> None:
    """Let heads with `settle(predict, codes)` choose on the validation rows `index` what their decisions hang on."""
    for name in model.targets if len(index) else ():
        if hasattr(head := model.head(name), "settle"):

            def predict(name: str = name) -> dict[str, np.ndarray]:
                return predict_encoded(model, encoded, index, device=device, only=[name])[name]

            head.settle(predict, encoded.targets[name][index])


def scored(column: Any, predicted: Mapping[str, Any], truth: Any, intervals: bool = True) -> dict[str, Any]:
    """Every metric of predictions of one target, in the truth's unit, whoever made them; of its slices `<slice>_rows` and the main
    metric."""
    sizes = column.sizes()
    beside = {name: sizes[name] for name in ("outside", "unseen") if name in sizes}
    kind = parts.kind_of("columns", column)
    found = metrics.score(kind, {**predicted, **beside}, truth, sizes.get("classes"), intervals=intervals)
    main = metrics.main(kind)[0]
    for name in getattr(column, "slices", None) or ():
        rows = column.slice_of(name, truth)
        apart = metrics.score(
            kind, {key: value[rows] for key, value in predicted.items()}, truth[rows], None, intervals
        )
        found |= {f"{name}_{key}": value for key, value in apart.items() if key in ("rows", main, f"{main}_interval")}
    return found


def target_scores(column: Any, tensors: dict[str, np.ndarray], codes: Any, intervals: bool = True) -> dict[str, Any]:
    """Every metric of one target; numbers are scored in their own unit, their loss in standardised units."""
    scores = scored(column, column.comparable(tensors), column.truth(codes), intervals)
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
        name: metrics.score("reconstruct", tensors, index)
        if name in model.rebuilt
        else target_scores(columns[name], tensors, encoded.targets[name][index])
        for name, tensors in predicted.items()
    }
    for name, loss in _losses(model, encoded, index).items() if len(index) else ():
        if name in scores:
            scores[name].setdefault("loss", loss)
        elif not model.rebuilt:  # a term that an encoder or the fuse adds
            scores[next(iter(scores))][name] = loss
    return Measured(index, predicted, scores, seconds)
