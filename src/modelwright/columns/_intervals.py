"""Prediction intervals from errors on rows that were not learned from (split conformal prediction). NumPy only."""

from __future__ import annotations

import numpy as np


def margin(tensors: dict[str, np.ndarray], codes: np.ndarray, share: float) -> np.ndarray:
    """How far an interval must reach so that the next row lies inside with probability `share`, one number for each
    place of a row: (N, ...) -> (...).

    Around `value` by the absolute error (Lei et al. 2018), or beyond `low` and `high` where a head learns quantiles (Romano
    et al. 2019; it may be negative). Of n errors it is the one of rank ceil((n + 1) share), or the largest. The promise
    holds where the rows are exchangeable; neighbouring windows of one series are not, so that coverage is measured.
    """
    if "low" in tensors:
        beyond = np.maximum(tensors["low"] - codes, codes - tensors["high"])
    else:
        beyond = np.abs(tensors["value"] - codes)
    known = np.isfinite(beyond)
    ordered = np.sort(np.where(known, beyond, np.inf), axis=0)
    count = known.sum(0)
    rank = np.minimum(np.ceil((count + 1) * share).astype(np.int64), count) - 1
    found = np.take_along_axis(ordered, np.maximum(rank, 0)[None], axis=0)[0]
    return np.where(count > 0, found, 0.0)
