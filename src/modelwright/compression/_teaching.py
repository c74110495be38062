"""What a teacher says of a batch, as loss terms of its student beside the usual ones.

The terms are made by one function, `gradients`, that the loop calls in the place of its own. Knows no recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import parts
from ..blocks.members import average
from ..blocks.pooling import mean
from ..blocks.stream import Batch, Model, Stream
from ..columns import Ragged
from ..data.encoding import Encoded
from ..data.shards import Tokens
from ..decoding import DecodingOptions, decode
from ..errors import UserError
from ..loop import StepOptions, Terms, batch_gradients
from ..losses import Loss, binary_cross_entropy, cross_entropy, mse
from ..prediction import predict_encoded

LEAST = 1e-30  # of a probability whose logarithm is taken
WRITTEN = 4096  # texts that a language model writes for its student, at most
PROMPT = 4  # tokens of the training text that it goes on with
AT_ONCE = 64  # texts written together


class Lessons:
    """A teacher, and how much its word counts. `gradients` is what `fit` takes.

    terms: the student's terms on a batch, and beside them `<target> taught`, the teacher's, for each target that is not
    `written` already. The loss of a target is `(1 - alpha)` times its own term and `alpha` times the teacher's; `features`
    is the weight of a term of that name.
    """

    def __init__(
        self,
        teacher: Model,
        terms: Callable[[Lessons, Model, Batch], Terms],
        *,
        temperature: float,
        alpha: float,
        features: float,
        written: Collection[str],
    ) -> None:
        self.teacher, self.terms, self.written = teacher.eval(), terms, written
        self.temperature, self.alpha, self.features = temperature, alpha, features
        self.student: Model = None
        self.weights: dict[str, float] = {}
        self.projection: nn.Linear | None = None  # of the student's features; it learns here and is no part of the student

    def gradients(self, model: Model, batch: Batch, options: StepOptions) -> Terms:
        """Those of the student (`loop.Gradients`); the projection takes a step of its own."""
        self.student = model
        terms = batch_gradients(self, batch, options)
        if self.projection is not None:
            self.optimizer.step()
            self.optimizer.zero_grad()
        return terms

    def __call__(self, batch: Batch) -> Terms:
        terms, own = self.terms(self, self.student, batch), self.student.weights
        taught = [name for name in terms if f"{name} taught" in terms]
        shares = {name: own.get(name, 1.0) * (1 - self.alpha) for name in taught}
        shares |= {f"{name} taught": own.get(name, 1.0) * self.alpha for name in taught}
        self.weights = {**own, **shares, "features": self.features}
        return terms

    @torch.no_grad()
    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """The terms' counts."""
        return {name: count for name, (_, count) in self(batch).items()}

    def near(self, own: Tensor, guide: Tensor) -> Loss:
        """The squared distance of the student's features (B, D), projected, from the teacher's, normed (Romero 2015)."""
        if self.projection is None:
            self.projection = nn.Linear(own.shape[1], guide.shape[1]).to(own.device)
            self.optimizer = torch.optim.Adam(self.projection.parameters(), 1e-3)
        return mse(self.projection(own), F.layer_norm(guide.float(), guide.shape[1:]))


def of_targets(lessons: Lessons, student: Model, batch: Batch) -> Terms:
    """The terms of an assembled model."""
    teacher = lessons.teacher
    with torch.no_grad():
        guides = teacher.streams(batch)
    streams = student.streams(batch, drawn=True)
    terms = {name: term for stream in streams.values() for name, term in stream.aux.items()}
    for name in student.targets:
        head, own, target = student.head(name), teacher.head(name), student.target(name, batch)
        terms[name] = head.loss(streams[name], target)
        if name not in lessons.written:
            said = _SAYS[parts.kind_of("heads", head)]
            with torch.no_grad():
                guide = said(own, guides[name], target)
            terms[f"{name} taught"] = _losses(head, said)(said(head, streams[name], target), guide, lessons.temperature)
    if lessons.features:
        name = student.targets[0]
        terms["features"] = lessons.near(_feature(streams[name]), _feature(guides[name]))
    return terms
