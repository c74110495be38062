"""Models trained like the run's own on halves of its rows: what each says of rows that it has and has not seen.

Knows the way a recipe is trained; nothing of what is concluded.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..fitting import Watch
from ..privacy import differential
from ..privacy.federated import ways
from ..recipe import Recipe
from ._case import Case, Sample


@dataclass(frozen=True)
class Shadows:
    """S models over the M rows of `sample`, the training and held ones. inside (S, M): which rows each has learned;
    certainty (S, M), see `Case`; of the first target with classes probabilities (S, M, K) and codes (M,)."""

    sample: Sample
    inside: np.ndarray
    certainty: np.ndarray
    probabilities: np.ndarray | None = None
    codes: np.ndarray | None = None

    def unseen(self) -> np.ndarray:
        """(M, K) the mean probabilities of the models that have not learned a row."""
        assert self.probabilities is not None
        return (self.probabilities * ~self.inside[:, :, None]).sum(0) / (~self.inside).sum(0)[:, None]


def train(case: Case) -> Shadows | None:
    """Pairs of models, each on the half of the rows that the other has not, until the time or their number is reached.
    None where there is no time for a pair."""
    if case.is_language or case.count < 2 or case.run.metrics.get("seconds", {}).get("train", 0.0) > case.seconds:
        return None
    prepared, recipe = case.prepared, case.run.recipe
    rows = np.concatenate([case.train.index, case.held.index])
    sample = Sample(prepared.rows.table, prepared.encoded, rows)
    draw, began = np.random.default_rng(case.seed), time.perf_counter()
    inside, certainty, probabilities, codes = list[np.ndarray](), [], [], None
    while len(inside) + 2 <= case.count:
        first = draw.permutation(len(rows)) < len(rows) // 2
        for mask in (first, ~first):
            part = np.full(len(prepared.part), -1, np.int8)
            part[case.validation.index], part[rows] = 1, np.where(mask, 0, -1)
            number = len(inside) + 1
            model = _model(recipe, prepared, part, case.seed + number)
            inside.append(mask)
            certainty.append(case.certainty(sample, model))
            if case.classed:
                found, codes = case.classes(sample, case.classed[0], model)
                probabilities.append(found)
            print(f"shadow {number} of {case.count}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
        if (time.perf_counter() - began) * (len(inside) + 2) / len(inside) > case.seconds:
            break
    stacked = np.stack(probabilities) if probabilities else None
    return Shadows(sample, np.stack(inside), np.stack(certainty), stacked, codes)


def _model(recipe: Recipe, prepared: Any, part: np.ndarray, seed: int) -> Any:
    """A model of the same recipe, trained on other rows: in private or by clients where the run was."""
    copied = {key: getattr(recipe, key).model_copy(deep=True) for key in ("model", "train")}
    copied["train"].seed = seed
    copy = recipe.model_copy(update=copied)
    other, learn = replace(prepared, recipe=copy, part=part), ways(copy)[1]
    with tempfile.TemporaryDirectory() as ledger:
        private = differential.begin(copy, other, Path(ledger))
        how = {"gradients": private.gradients} if private else {}
        return learn(copy, other, None, Watch(), **how).model.cpu()
