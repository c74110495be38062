"""How sure a share is, and which of several findings are: intervals and corrected p-values."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

Z = 1.959963984540054  # two-sided 95 %


def wilson(right: float, rows: int) -> list[float] | None:
    """95 % score interval of a share (Wilson 1927)."""
    if not rows:
        return None
    share, z2 = right / rows, Z * Z
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = Z / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows * rows))
    return [min(max(0.0, middle - half), share), max(min(1.0, middle + half), share)]


def holm(p: list[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979)."""
    order = np.argsort(p)
    raised = np.maximum.accumulate(np.asarray(p)[order] * (len(p) - np.arange(len(p))))
    found = np.empty(len(p))
    found[order] = np.minimum(raised, 1.0)
    return found.tolist()


def coverage(predicted: Mapping[str, np.ndarray], truth: np.ndarray) -> dict[str, float]:
    """The share of known values that lie between `low` and `high`, and how far these are apart in the mean."""
    if "low" not in predicted or not np.isfinite(truth).any():
        return {}
    low, high, known = predicted["low"], predicted["high"], np.isfinite(truth)
    inside = ((low <= truth) & (truth <= high))[known]
    return {"coverage": float(inside.mean()), "interval_width": float((high - low)[known].mean())}
