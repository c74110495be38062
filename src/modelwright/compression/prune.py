"""Magnitude pruning with a schedule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from ..blocks.stream import Batch, Model
from ..errors import UserError, did_you_mean
from ..loop import StepOptions, Terms, batch_gradients
from ..parts import NotNegative
from ._bits import require_plain
from ._layers import matrices, prune
from ._work import Work

Sparsity = Annotated[float, Field(gt=0, lt=1)]

_SETTLED = 0.7  # share of the steps after which the zeros are all there, and the rest is trained around them


class Prune:
    """Set the smallest weights to 0, more and more of them while the rest is trained further (Zhu & Gupta 2017).

    After step t of n, until the last three tenths: `s_t = s + (s_0 - s) (1 - t / 0.7 n)^3`. Matrices of dense and recurrent
    layers and kernels of convolutions lose weights; norms, biases and embeddings do not. A file of float32 stays as
    large as it is: `int8` after it stores only what is not 0.

    Options:
        sparsity: share of the weights that become 0, more than 0 and less than 1.
        epochs: passes over the training rows meanwhile; 0 trains nothing.
        scope: global compares the weights of all layers, layer takes the same share of each.
        layers: sparsity of single layers by name, the others staying as they are, in place of `sparsity`.
        embeddings: prune tables of embeddings as well.
        lr: learning rate; nothing is 0.3 of the run's own.
    """

    def __init__(
        self,
        *,
        sparsity: Sparsity = 0.8,
        epochs: NotNegative = 2.0,
        scope: Literal["global", "layer"] = "global",
        layers: dict[str, Sparsity] | None = None,
        embeddings: bool = False,
        lr: Annotated[float, Field(gt=0)] | None = None,
    ) -> None:
        self.sparsity, self.epochs, self.scope, self.layers = sparsity, epochs, scope, layers
        self.embeddings, self.lr = embeddings, lr

    def apply(self, work: Work) -> None:
        """Raises UserError where the weights are in few bits already."""
        groups = self._groups(work)
        if self.epochs:
            steps = max(work.steps(self.epochs), 1)
            schedule = _Schedule(groups, steps)
            work.fit(steps=steps, lr=self.lr, gradients=schedule.gradients)
        for group in groups:
            prune(group.weights, group.sparsity)

    def _groups(self, work: Work) -> list[_Group]:
        """The weights that are compared with each other, and their sparsity."""
        require_plain(work, "prune")
        found = matrices(work.model, self.embeddings)
        if self.layers is not None:
            for name in self.layers:
                if name not in found:
                    raise UserError(
                        f"there is no layer '{name}'.", where="prune.layers", hint=did_you_mean(name, found)
                    )
            return [_Group(found[name], share) for name, share in self.layers.items()]
        if self.scope == "layer":
            return [_Group(weights, self.sparsity) for weights in found.values()]
        return [_Group([weight for weights in found.values() for weight in weights], self.sparsity)]


class _Group:
    """Weights compared with each other, and the share of them that is 0 in the end."""

    def __init__(self, weights: list[Tensor], sparsity: float) -> None:
        self.weights, self.sparsity = weights, sparsity
        self.begun = 1 - sum(int(weight.count_nonzero()) for weight in weights) / sum(w.numel() for w in weights)


class _Schedule:
    """Prunes before each step, and leaves the step itself as it is: what has grown from 0 is set to 0 again."""

    def __init__(self, groups: list[_Group], steps: int) -> None:
        self.groups, self.rising, self.step = groups, max(round(_SETTLED * steps), 1), 0
        self.every = max(self.rising // 100, 1)
        self.zero: list[tuple[Tensor, Tensor]] = []

    def gradients(self, model: Model, batch: Batch, options: StepOptions) -> Terms:
        """The usual gradients of the pruned model (`loop.Gradients`)."""
        for weight, real in self.zero:
            weight.data.mul_(real)
        self.step += 1
        if self.step <= self.rising and (self.step % self.every == 0 or self.step == self.rising):
            left = (1 - self.step / self.rising) ** 3
            for group in self.groups:
                prune(group.weights, group.sparsity + min(group.begun - group.sparsity, 0.0) * left)
            self.zero = [(weight, weight != 0) for group in self.groups for weight in group.weights]
        return batch_gradients(model, batch, options)
