"""What training and measuring mean for each kind of model: a file a kind, found by the recipe's `model.kind`.

Each has `prepare(recipe, sample=None) -> Prepared` (see `fitting`), `measure(recipe, folder, watch, resolved) -> Run`,
`evaluate(run, data) -> Report`, `look(prepared) -> blocks`, what a dry run shows of the data, and `entry(run)`, its line
of a leaderboard. For work on a trained run: `reopen(run, recipe=None) -> Prepared`, its own data as they were split (recipe: a student's that learns from them),
`calibration(prepared, rows, size, part) -> batches`, and `scores(model, prepared) -> {part: {target: scores}}`. A kind of
model without a file of its own is trained as `assembled` is.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType


def find(kind: str) -> ModuleType:
    """The module of a kind of model."""
    own = (Path(__file__).parent / f"{kind}.py").exists()
    return importlib.import_module(f"{__name__}.{kind if own else 'assembled'}")
