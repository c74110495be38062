"""Blocks of predicted numbers: predicted against true, and where the error lies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import metrics
from ..report import Block, Curve, Table

_MOST_DOTS = 500
_MOST_COLUMNS = 20


def blocks(value: np.ndarray, truth: np.ndarray) -> list[Block]:
    """For (N,) numbers a scatter and a table by quantile; for (N, D) vectors a table of the columns."""
    if truth.ndim > 1 and truth.shape[1] > 1:
        return [_columns(value, truth)]
    value, truth = value.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    known = np.isfinite(truth) & np.isfinite(value)
    value, truth = value[known], truth[known]
    return [_scatter(value, truth), _errors(value, truth), _quantiles(value, truth)] if len(value) else []


def slices(name: str, conditions: Mapping[str, str], models: Mapping[str, Mapping[str, Any]]) -> Table:
    """The error of each model (name -> scores) on the rows that are scored apart."""
    rows = []
    for model, scores in models.items():
        rows.append([model, scores.get("rmse"), *(scores.get(f"{each}_rmse") for each in conditions)])
    heads = [f"RMSE where {name} {condition}" for condition in conditions.values()]
    first = next(iter(models.values()))
    counted = ", ".join(f"{first.get(f'{each}_rows', 0):,} {each}" for each in conditions)
    return Table(f"Apart: {name}", ["model", "RMSE", *heads], rows, note=f"Of {first['rows']:,} rows: {counted}.")


def _scatter(value: np.ndarray, truth: np.ndarray) -> Curve:
    chosen = np.sort(np.random.default_rng(0).permutation(len(value))[:_MOST_DOTS])
    low, high = float(min(value.min(), truth.min())), float(max(value.max(), truth.max()))
    lines = {"rows": (truth[chosen].tolist(), value[chosen].tolist()), "perfect": ([low, high], [low, high])}
    note = f"{len(chosen)} of {len(value):,} rows." if len(chosen) < len(value) else ""
    return Curve("Predicted against true", "true", "predicted", lines, note=note, dots=["rows"], dashed=["perfect"])


def _errors(value: np.ndarray, truth: np.ndarray) -> Curve:
    """How many rows have which error: a histogram, its ends cut at the outermost hundredths."""
    error = value - truth
    low, high = np.quantile(error, [0.01, 0.99])
    edges = np.linspace(low, high, 31) if high > low else np.array([low - 0.5, low + 0.5])
    counts, _ = np.histogram(error, edges)
    middles = (edges[1:] + edges[:-1]) / 2
    return Curve("Errors", "predicted minus true", "rows", {"rows": (middles.tolist(), counts.tolist())})


def _quantiles(value: np.ndarray, truth: np.ndarray, parts: int = 5) -> Table:
    edges = np.unique(np.quantile(truth, np.linspace(0, 1, parts + 1)))
    place = np.clip(np.searchsorted(edges, truth, side="right") - 1, 0, max(0, len(edges) - 2))
    rows = []
    for part in np.unique(place):
        error = (value - truth)[place == part]
        ends = truth[place == part].min(), truth[place == part].max()
        rows.append(
            [
                *map(float, ends),
                len(error),
                float(error.mean()),
                float(np.abs(error).mean()),
                float(np.sqrt((error**2).mean())),
            ]
        )
    columns = ["true from", "to", "rows", "mean error", "MAE", "RMSE"]
    note = "A mean error far from 0 at the ends: the model pulls extreme values towards the middle."
    return Table("Error by size of the true value", columns, rows, note=note)


def _columns(value: np.ndarray, truth: np.ndarray) -> Table:
    rows = []
    for column in range(min(truth.shape[1], _MOST_COLUMNS)):
        each = metrics.score("number", {"value": value[:, column]}, truth[:, column], intervals=False)
        rows.append([column, each["rmse"], each["mae"], each["r2"]])
    more = truth.shape[1] - len(rows)
    return Table("Places of the vector", ["place", "RMSE", "MAE", "R²"], rows, note=f"And {more} more." if more else "")
