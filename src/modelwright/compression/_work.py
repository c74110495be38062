"""One compression in progress: the model as it stands, what was done to it, and the run's own data to do it with.

A step is a part of this room: keyword-only options and `apply(work)`, which changes `work.model` in place and appends to
`work.transforms` what rebuilds its structure. Knows no particular step.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

from torch import nn

from .. import fitting, tasks
from ..blocks.stream import Batch
from ..loop import Gradients
from ..run import Run

RATE = 0.3  # of the run's own learning rate, where a step trains further


class Work:
    """What the steps share. `transforms` begins with those of the run."""

    def __init__(self, run: Run) -> None:
        self.run, self.model = run, copy.deepcopy(run.model)
        self.transforms: list[dict[str, Any]] = list(run.transforms)
        self.history: list[dict[str, Any]] = []  # the epochs of all further training
        self._task = tasks.find(run.recipe.model.kind)

    @cached_property
    def prepared(self) -> Any:
        """The run's own data again (`fitting.Prepared`). Raises DataError where they are gone."""
        return self._task.reopen(self.run)

    def calibration(self, rows: int = 512) -> list[Batch]:
        """Training rows, evenly spread, nothing augmented."""
        return self._task.calibration(self.prepared, rows)

    def score(self, part: int = 1) -> dict[str, Any]:
        """Scores of the model as it stands on the validation rows (part 2: the test rows): `main`, larger is better,
        `loss`, and the metrics by name."""
        return self._task.score(self.model, self.prepared, part)

    def fit(
        self,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        lr: float | None = None,
        gradients: Gradients | None = None,
        model: nn.Module | None = None,
    ) -> None:
        """Train the model (or another) further on the run's training rows, with a fresh optimiser and without early
        stopping. lr: a share of the run's own (RATE) where it is left out. What masks must do, `gradients` does."""
        own = self.run.recipe.train
        lr = lr or (RATE * own.lr if isinstance(own.lr, float) else None)
        given = {"epochs": epochs, "steps": steps, "lr": lr, "early_stop": 0, "compile": False, "speed": "fixed"}
        prepared = copy.copy(self.prepared)
        prepared.recipe = self.run.recipe.model_copy(
            update={"train": own.model_copy(update=given | {"time_limit": None})}
        )
        if steps is None and self.run.recipe.model.kind == "language":  # endless batches: an epoch is a pass
            size = int(own.batch or 1) * own.accumulate  # type: ignore[call-overload]
            prepared.recipe.train.steps = (epochs or 1) * -(-prepared.train_rows // size)
        trained = fitting.fit(prepared.recipe, prepared, model=model or self.model, gradients=gradients)
        trained.model.eval()
        self.history += trained.session.progress.history
