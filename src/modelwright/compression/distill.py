"""A student of any recipe, taught by the run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ..building import own_encoders
from ..errors import RunError, UserError
from ..fitting import device_of, fit
from ..parts import Count, NotNegative, Positive
from ..recipe import Recipe, load
from . import _teaching
from ._work import Work


class Distill:
    """Knowledge distillation (Hinton 2015): the run becomes the teacher of a smaller model, which is trained anew on what
    the teacher says of each row, labelled or not, and on the labels where there are some. The result is a run of the
    student's recipe with the teacher's columns; the teacher is not in it.

    Options:
        student: the student's recipe; its data may be the teacher's, or more rows, with labels or without.
        temperature: what both models' scores are divided by, so that small probabilities say more.
        alpha: share of the loss that is the teacher's; the rest is the labels'.
        features: weight of the loss that brings the student's features near the teacher's, through a projection that
            is learned beside and dropped in the end; 0 leaves it out.
        sequences: learn the sequences that the teacher writes in place of the true ones (Kim & Rush 2016).
        epochs: passes over the training rows; nothing is what the student's recipe says.
    """

    def __init__(
        self,
        *,
        student: str | dict[str, Any],
        temperature: Positive = 4.0,
        alpha: Annotated[float, Field(ge=0, le=1)] = 0.9,
        features: NotNegative = 0.0,
        sequences: bool = False,
        epochs: Count | None = None,
    ) -> None:
        self.student, self.temperature, self.alpha = student, temperature, alpha
        self.features, self.sequences, self.epochs = features, sequences, epochs

    def apply(self, work: Work) -> None:
        """Raises RunError for a run trained with differential privacy: the student would see rows without noise."""
        run = work.run
        if work.recipe.privacy or (run.path and (run.path / "privacy.json").exists()):
            raise RunError("it was trained with differential privacy, which a student would undo.", where=str(run.path))
        recipe, language = self._recipe(work), work.recipe.model.kind == "language"
        prepared = work.task.reopen(run, recipe)
        self._epochs(prepared, language)
        if language:
            written = self._texts(work, prepared)
        else:
            written = _teaching.to_be_written(work.model, recipe.model.heads, self.sequences)
            _teaching.write_targets(work.model, prepared, written)
        lessons = _teaching.Lessons(
            work.model.to(device_of(recipe)),
            _teaching.of_tokens if language else _teaching.of_targets,
            temperature=self.temperature,
            alpha=self.alpha,
            features=self.features,
            written=written,
        )
        trained = fit(recipe, prepared, gradients=lessons.gradients)
        work.recipe, work.prepared, work.model, work.transforms = recipe, prepared, trained.model.cpu().eval(), []
        work.history += trained.session.progress.history

    def _epochs(self, prepared: Any, language: bool) -> None:
        train = prepared.recipe.train
        if self.epochs is not None:
            train.epochs, train.steps = self.epochs, None
        if self.epochs is not None and language:  # endless batches
            train.epochs, train.steps = None, self.epochs * -(-prepared.train_rows // (train.batch * train.accumulate))

    def _texts(self, work: Work, prepared: Any) -> list[str]:
        if prepared.vocabulary.tokenizer.to_str() != work.run.tokenizer.to_str():
            raise UserError("the student has another tokenizer than its teacher.", where="model.from")
        if not self.sequences:
            return []
        _teaching.write_texts(work.model, prepared)
        return ["text"]

    def _recipe(self, work: Work) -> Recipe:
        """The student's recipe with what it has from its teacher: columns, targets, tokenizer, and for the same data the
        split."""
        recipe, own, run = load(self.student), work.recipe, work.run
        if recipe.model.kind != own.model.kind:
            message = f"a student of kind {recipe.model.kind} cannot learn from a teacher of kind {own.model.kind}."
            raise UserError(message, where="distill.student", hint="Give both the same model.kind.")
        if recipe.privacy:
            raise UserError(
                "a student learns without noise.", where="distill.student", hint="Take its key privacy out."
            )
        if not recipe.target_names():
            recipe.target, recipe.targets = own.target, dict(own.targets)
        if set(recipe.target_names()) != set(own.target_names()):
            message = f"the student learns {_listed(recipe)}, its teacher knows {_listed(own)}."
            raise UserError(message, where="distill.student", hint="Leave the target out: it has its teacher's.")
        if _place(recipe) == _place(own):
            recipe.data, recipe.base, recipe.train.seed = own.data, own.base, own.train.seed
        recipe.columns = dict(own.columns)
        if recipe.model.kind == "language":
            recipe.model.tokenizer = None if recipe.model.start else str(Path(str(run.path)).resolve())
        elif own_encoders(recipe, run.columns) != own_encoders(own, run.columns):
            message = "the student's table has other columns than its teacher's."
            raise UserError(message, where="model.encoders", hint="Give the same columns encoders of their own.")
        return recipe


def _listed(recipe: Recipe) -> str:
    return ", ".join(recipe.target_names()) or "nothing"


def _place(recipe: Recipe) -> Any:
    """Where a recipe's data are, without how they are split."""
    data = recipe.plain()["data"]
    return data.get("path", data) if isinstance(data, dict) else data
