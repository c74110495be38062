"""Channels, neurons and heads taken out for good."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import UserError, unable
from ..loop import total_loss
from ..parts import Count, NotNegative, Share
from ..transforms._layers import find
from ..transforms._units import Units
from ._work import Work


class Structured:
    """Structured pruning (Li 2017): the least important channels, neurons, hidden units and heads of every layer leave the
    model with all weights that belong to them. What is left is a smaller dense model, equal to the old one with those
    units silenced, and is trained further.

    Options:
        ratio: share of each layer's units that leaves.
        by: what makes a unit important: the size of its weights, or how much the loss would change without it (taylor).
        epochs: passes of further training.
        rounds: how often units leave, with a part of the training after each.
    """

    def __init__(
        self,
        *,
        ratio: Share = 0.5,
        by: Literal["weights", "taylor"] = "weights",
        epochs: NotNegative = 3.0,
        rounds: Count = 1,
    ) -> None:
        self.ratio, self.by, self.epochs, self.rounds = ratio, by, epochs, rounds

    def apply(self, work: Work) -> None:
        before = [config["kind"] for config in work.transforms if config["kind"] != "narrow"]
        if before:
            message = f"layers are narrowed before they are changed otherwise ({', '.join(before)})."
            raise UserError(message, where="structured", hint="Begin with the run that this one was made from.")
        counts = {name: len(units) for name, units in find(work.model).items() if len(units) > 1}
        if not counts:
            raise unable("a model that has layers to narrow", work.run)
        for number in range(1, self.rounds + 1):
            scores = self._importance(work)
            layers = {
                name: max(1, round(count * (1 - self.ratio * number / self.rounds))) for name, count in counts.items()
            }
            for name, kept in layers.items():
                find(work.model)[name].keep(scores[name].topk(kept).indices.sort().values)
            if self.epochs:
                work.fit(epochs=self.epochs / self.rounds)
        work.transforms.append({"kind": "narrow", "layers": layers})

    def _importance(self, work: Work) -> dict[str, Tensor]:
        found = find(work.model)
        if self.by == "weights":
            return {name: sizes(units) for name, units in found.items()}
        scores = {name: torch.zeros(len(units)) for name, units in found.items()}
        model: Any = work.model.eval()
        for batch in work.calibration(size=8):
            terms = model(batch)
            total_loss(terms, {name: count for name, (_, count) in terms.items()}, model.weights).backward()
            for name, units in found.items():
                scores[name] += first_order(units).abs()
            model.zero_grad()
        return {
            name: own if own.any() else sizes(found[name]) for name, own in scores.items()
        }  # what is frozen has none


@torch.no_grad()
def sizes(units: Units) -> Tensor:
    """(units,) the squared length of each unit's weights, every tensor counted by its own mean."""
    total = torch.zeros(len(units))
    for part in (*units.made, *units.read):
        if part is not None and isinstance(part.value, nn.Parameter):
            each = part.of_units(part.value).square().sum(1)
            total += each / each.mean().clamp(min=1e-12)
    return total


@torch.no_grad()
def first_order(units: Units) -> Tensor:
    """(units,) how the loss changes when what reads a unit no longer does: the sum of weight x gradient (Molchanov 2019)."""
    total = torch.zeros(len(units))
    for part in units.read:
        if part is not None and isinstance(part.value, nn.Parameter) and part.value.grad is not None:
            total += part.of_units(part.value * part.value.grad).sum(1)
    return total
