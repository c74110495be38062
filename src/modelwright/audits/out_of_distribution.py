"""Which rows of DATA are like nothing it has learned?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..baselines import Features
from ..blocks.pooling import mean
from ..columns import Ragged
from ..metrics import area_interval, area_under_roc
from ..report import Table
from ..significance import wilson
from ._case import Case, Finding, Findings, Sample, light, percent, together

AT_ONCE = 256
SHOWN = 15
FEWEST = 20  # held rows from which their 95 % can be told
LEAST = 0.1  # deviation: a value that training has not seen at all is far, but not infinitely


class OutOfDistribution:
    """The distance from a row to the k-th nearest training row (Sun 2022), between the features that the model's heads read
    and, of a table, its cells; of a language model the row's loss. What lies beyond 95 % of the held rows is foreign.

    Options:
        nearest: k, which neighbour's distance is taken.
        warning: share of foreign rows from which the light is yellow; 5 % is expected.
        bad: share from which it is red.
    """

    def __init__(self, *, nearest: int = 5, warning: float = 0.1, bad: float = 0.25) -> None:
        self.nearest, self.warning, self.bad = nearest, warning, bad

    def examine(self, case: Case) -> Findings:
        other, held = case.other.few(case.most, case.seed), case.held.few(case.most, case.seed)
        usual, strange = self._scores(case, held), self._scores(case, other)
        limit = float(np.quantile(usual, 0.95))
        share = float((strange > limit).mean())
        low = (wilson(share * len(other), len(other)) or [0.0])[0]
        tone = light(low, self.warning, self.bad) if len(held) >= FEWEST else "none"
        words = f"of {len(other)} rows lie beyond 95 % of the held rows; 5 % is usual"
        advice = "Do not trust predictions there: look at the rows below, collect and label such."
        advice = advice if tone in ("warning", "bad") else ""
        points, is_other = np.append(usual, strange), np.arange(len(usual) + len(strange)) >= len(usual)
        area = area_under_roc(points, is_other)
        far = np.argsort(-strange, kind="stable")[:SHOWN]
        names = other.table.column_names[:6]
        raw = other.raw.select(names).take(far)
        rows = [
            [int(other.index[place]), float(strange[place]), *(_short(raw.column(n)[i].as_py()) for n in names)]
            for i, place in enumerate(far)
        ]
        return [
            Finding(tone, "foreign rows", **percent(share, len(other)), meaning=words, advice=advice),
            Finding(
                "none",
                "told from held rows",
                area,
                "area under ROC of the score; 0.5 is alike",
                "",
                area_interval(points, is_other),
            ),
            Table(
                "The most foreign rows", ["row", "score", *names], rows, note=f"Foreign from a score of {limit:.3g} on."
            ),
        ]

    def _scores(self, case: Case, sample: Sample) -> np.ndarray:
        if case.is_language:
            return case.losses(sample)
        train = case.train.few(case.most, case.seed)
        views = [np.concatenate([_features(case, one) for one in (train, sample)])]
        both = together(case, train, sample)
        if cells := {k: v for k, v in both.items() if not isinstance(v, Ragged) and v.ndim == 2}:
            views.append(Features(cells).fit(np.arange(len(train))).linear())
        placed = torch.from_numpy(np.concatenate([_standardised(view, len(train)) for view in views], 1))
        known, asked = placed[: len(train)], placed[len(train) :]
        nearest = min(self.nearest, len(train))
        found = [torch.cdist(piece, known).kthvalue(nearest, dim=1).values for piece in asked.split(AT_ONCE)]
        return torch.cat(found).numpy()


def _standardised(view: Any, rows: int) -> np.ndarray:
    """In deviations of the first `rows`, so that every view weighs the same whatever its width."""
    view = view.toarray() if hasattr(view, "toarray") else view
    scaled = (view - view[:rows].mean(0)) / np.maximum(view[:rows].std(0), LEAST)
    return (scaled / view.shape[1] ** 0.5).astype(np.float32)


@torch.inference_mode()
def _features(case: Case, sample: Sample) -> np.ndarray:
    """(N, D) what the heads read, averaged over steps."""
    model, found = case.run.model, []
    for start in range(0, len(sample), AT_ONCE):
        batch = sample.encoded.batch(sample.index[start : start + AT_ONCE])
        pooled = [mean(stream.x, stream.mask) for stream in model.streams(batch).values()]
        found.append(torch.cat(pooled, 1).float().numpy())
    return np.concatenate(found)


def _short(cell: object) -> object:
    if cell is None or isinstance(cell, (bool, int, float)):
        return cell
    return f"{len(cell):,} bytes" if isinstance(cell, bytes) else str(cell)[:60]
