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
from ..errors import DataError, RunError
from ..loop import Gradients, StepOptions
from ..recipe import TrainOptions
from ..report import Block, Text
from ..run import Run

RATE = 0.3  # of the run's own learning rate, where a step trains further


class Work:
    """What the steps share. `transforms` begins with those of the run; `blocks` is what the steps have to say."""

    def __init__(self, run: Run) -> None:
        self.run, self.model = run, copy.deepcopy(run.model)
        self.recipe = run.recipe  # another one after a distillation, with the data in `prepared` then
        self.transforms: list[dict[str, Any]] = list(run.transforms)
        self.blocks: list[Block] = []
        self.history: list[dict[str, Any]] = []  # the epochs of all further training
        self.task: Any = tasks.find(run.recipe.model.kind)

    @cached_property
    def prepared(self) -> Any:
        """The run's own data again (`fitting.Prepared`). Raises DataError where they are gone."""
        return self.task.reopen(self.run)

    def branch(self) -> Work:
        """A copy to try something on."""
        self.prepared  # noqa: B018 (both have it then)
        other = copy.copy(self)
        other.model, other.transforms = copy.deepcopy(self.model), list(self.transforms)
        other.blocks, other.history = list(self.blocks), list(self.history)
        return other

    def calibration(self, rows: int = 512, size: int | None = None, part: int = 0) -> list[Batch]:
        """Training rows (1: validation, 2: test), evenly spread, nothing augmented, in batches of `size`."""
        return self.task.calibration(self.prepared, rows, size, part)

    def score(self) -> dict[str, Any]:
        """Scores of the model as it stands on the validation rows: `main`, larger is better, `loss`, and those by name.

        Raises DataError where there are no such rows.
        """
        found = self.prepared.validate(self.model, StepOptions())
        if not found:
            raise DataError("no row was held back to compare models on.", where=str(self.run.path))
        return {"main": found["validation_metric"], "loss": found["validation_loss"], **found["metrics"]}

    def steps(self, epochs: float) -> int:
        """The optimiser's steps in so many passes over the training rows."""
        train = self.recipe.train
        return round(epochs * -(-self.prepared.train_rows // (int(train.batch or 1) * train.accumulate)))  # type: ignore[call-overload]

    def fit(
        self,
        *,
        epochs: float = 1,
        steps: int | None = None,
        lr: float | None = None,
        gradients: Gradients | None = None,
        model: nn.Module | None = None,
    ) -> None:
        """Train the model (or another) further on the run's training rows: a fresh optimiser, a rate that falls to 0, no
        early stopping. lr: a share of the run's own (RATE) where it is left out. What masks must do, `gradients` does.

        Raises RunError for a run trained with differential privacy, which steps without noise would undo, and for one
        with exits, which would be left behind.
        """
        recipe = self.recipe
        if self.run.path and (self.run.path / "privacy.json").exists():
            reason = "it was trained with differential privacy, which training it further without noise would undo."
            raise RunError(reason, where=str(self.run.path), hint="Use steps that do not train: prune epochs=0, int8.")
        if any(change["kind"] == "early_exit" for change in self.transforms):
            reason = "it has exits, which are left behind when the model is trained further."
            raise RunError(reason, where=str(self.run.path), hint="Make early_exit the last step but int8.")
        own = recipe.train.model_dump() | {"epochs": None, "steps": steps or max(self.steps(epochs), 1)}
        own |= {"lr": lr or RATE * (own["lr"] or 1e-3), "early_stop": 0, "time_limit": None}
        own |= {"schedule": "cosine", "compile": False, "speed": "fixed"}
        if gradients and own.get("adversarial"):
            own["adversarial"] = None
            told = "It was trained on attacked rows, and further on plain ones here: audit again what it withstands."
            self.blocks.append(Text("", told, "warning"))
        prepared = copy.copy(self.prepared)
        prepared.recipe = recipe.model_copy(update={"train": TrainOptions(**own)})
        trained = fitting.fit(
            prepared.recipe, prepared, watch=fitting.Watch(bar=True), model=model or self.model, gradients=gradients
        )
        trained.model.cpu().eval()
        self.history += trained.session.progress.history
