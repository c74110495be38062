"""One figure a row for whatever a model says of it: what explanations explain. Differentiable in the inputs."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..blocks.masks import read_tokens
from ..blocks.stream import Batch, Stream
from ..heads.masked import HIDDEN
from ..report import shown
from ..run import Run

GUESSED = 7  # every so many-th word of a text is hidden and to be guessed
DRAWS = 8  # of a row's latents, for the bound of an autoencoder

_WORDS = {
    "category": ("the probability of the predicted class", ""),
    "boolean": ("the probability of the predicted class", ""),
    "multilabel": ("the mean probability of its labels as predicted", ""),
    "number": ("the predicted number", ""),
    "vector": ("the prediction along its own direction", ""),
    "text": ("the log-likelihood of the predicted text", "nats"),
    "tags": ("the log-likelihood of the predicted tags", "nats"),
    "reconstruct": ("the log-likelihood of the row", "nats"),
    "language": ("the log-likelihood of the text", "nats"),
}


class Answer:
    """What a run's model says of rows, as one figure each. `goal` fixes what it is asked for, so that changed rows are
    measured against what was said of the unchanged ones; `own` gives the model's own goal, `truth` the data's."""

    def __init__(self, run: Run, target: str) -> None:
        self.run, self.target, self.kind = run, target, run.kinds.get(target, "language")
        self.model: Any = run.model
        named: tuple[str, str] = _WORDS.get(self.kind) or run.columns[target].answer
        self.words, self.unit = named

    def with_random_weights(self, seed: int = 0) -> Answer:
        """The same with every weight tensor's numbers shuffled: a model of the same shape and scale that knows nothing."""
        other, random = copy.copy(self), torch.Generator().manual_seed(seed)
        other.model = copy.deepcopy(self.model)
        with torch.no_grad():
            for weight in other.model.parameters():
                weight.copy_(weight.flatten()[torch.randperm(weight.numel(), generator=random)].view_as(weight))
        return other

    @property
    def _head(self) -> Any:
        return self.model.head(self.target)

    @torch.no_grad()
    def own(self, batch: Batch) -> Tensor:
        """(R, ...) what the model itself says of rows."""
        if self.kind == "language":
            return batch["labels"]
        if self.kind == "reconstruct":
            if not hasattr(self._head, "corrupted"):
                return torch.zeros(len(next(iter(batch.values()))))
            ids, mask = read_tokens(batch, self._head.name)
            kept = (torch.arange(ids.shape[1]) - 1) % GUESSED != 0
            return ids.long().masked_fill(kept | ~mask, -1)
        said = self.model.predict(batch, [self.target])[self.target]
        if "value" in said and self.kind != "number":
            return F.normalize(said["value"].flatten(1), dim=1)
        if hasattr(self._head, "goal"):
            return self._head.goal(said)
        if "ids" in said:
            return _ended(said["ids"], self._head.end) if hasattr(self._head, "end") else said["ids"]
        if self.kind == "category":
            return said["probabilities"].argmax(1)
        return next(iter(said.values())) > 0.5

    def truth(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the data say, and (R,) whether it is known."""
        if self.kind in ("language", "reconstruct"):
            goal = self.own(batch)
            return goal, torch.ones(len(goal), dtype=torch.bool)
        goal = batch[f"target.{self.target}"]
        whole = goal.flatten(1) if goal.ndim > 1 else goal[:, None]
        known = ~whole.isnan().any(1) if goal.is_floating_point() else (whole >= 0).any(1)
        return (goal > 0.5 if self.kind in ("boolean", "multilabel") else goal), known

    def __call__(self, batch: Batch, goal: Tensor) -> Tensor:
        """(N,) the answer for rows of a batch, given the goal of each."""
        if self.kind == "language":
            return self.model.predict({**batch, "labels": goal})["text"]["logprob"]
        if self.kind == "reconstruct":
            return self._guesses(batch, goal) if hasattr(self._head, "corrupted") else self._bound(batch)
        if hasattr(self._head, "nats"):
            return -self._head.nats(self.model.streams(batch)[self.target], goal)
        said = self.model.predict(batch, [self.target])[self.target]
        if "value" in said:
            return (
                self._number(said["value"])
                if self.kind == "number"
                else (said["value"].flatten(1) * goal.flatten(1)).sum(1)
            )
        if self.kind == "category":
            return said["probabilities"].gather(1, goal.long()[:, None])[:, 0]
        chance = next(iter(said.values()))
        right = torch.where(goal, chance, 1 - chance)
        return right.mean(1) if right.ndim > 1 else right

    def _guesses(self, batch: Batch, goal: Tensor) -> Tensor:
        """(N,) the log-likelihood of a text's words that are hidden, given the others."""
        head = self._head
        batch = {**batch, head.name: batch[head.name].masked_fill(goal >= 0, HIDDEN)}
        head.corrupted = lambda given: given  # what it would hide differs from row to row
        try:
            return -head.nats(self.model.streams(batch)[self.target], goal)
        finally:
            del head.corrupted

    def _bound(self, batch: Batch) -> Tensor:
        """(N,) the bound on the log-likelihood of rows, from the same draws for all of them, so that it changes smoothly."""
        heads = [(self.model.head(name), self.model.target(name, batch)) for name in self.model.rebuilt]
        stream = self.model.streams(batch)[self.target]
        draws, bound = [stream.x], torch.zeros(len(stream.x))
        if stream.log_variance is not None:
            mean, deviation = stream.x, (stream.log_variance / 2).exp()
            noise = torch.randn(DRAWS, 1, 1, mean.shape[-1], generator=torch.Generator().manual_seed(0))
            draws = list(mean + deviation * noise)
            bound = 0.5 * (1 + stream.log_variance - mean.square() - deviation.square()).sum((1, 2))
        for z in draws:
            bound = bound - sum(head.nats(Stream(z), target) for head, target in heads) / len(draws)
        return bound

    def rightness(self, batch: Batch, truth: Tensor) -> Tensor:
        """(N,) how right the model is: the answer where the goal is the truth; of numbers the distance, negative."""
        said = {} if hasattr(self._head, "nats") else self.model.predict(batch, [self.target])[self.target]
        if "value" not in said:
            return self(batch, truth)
        value = said["value"]
        if self.kind == "number":
            return -(self._number(value) - self._number(truth)).abs()
        return -(value - truth).abs().flatten(1).mean(1)

    def _number(self, value: Tensor) -> Tensor:
        """A standardised target in its own unit."""
        column = self.run.columns[self.target]
        found = value.double() / column.factor + column.center
        return torch.expm1(found.clamp(max=700.0)) if column.log else found

    @torch.no_grad()
    def said(self, batch: Batch) -> list[str]:
        """What the model predicts for each row, in words; "" where it predicts nothing but a likelihood."""
        if self.kind in ("language", "reconstruct"):
            return [""] * len(next(iter(batch.values())))
        tensors = self.model.predict(batch, [self.target])[self.target]
        values = self.run.columns[self.target].decode({name: value.numpy() for name, value in tensors.items()})[""]
        return [", ".join(map(str, value)) if isinstance(value, list) else shown(value) for value in values.to_pylist()]


def _ended(ids: Tensor, end: int) -> Tensor:
    """(B, T) ids, -1 behind, with the end token after the last."""
    counts = (ids >= 0).sum(1, keepdim=True)
    return F.pad(ids, (0, 1), value=-1).scatter(1, counts, end)
