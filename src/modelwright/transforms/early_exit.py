"""Rows leave early."""

from __future__ import annotations

from copy import deepcopy

from torch import nn

from ..blocks.exits import Exits
from ..parts import Count, NotNegative


class EarlyExit:
    """Heads between the blocks of a classifier's only encoder, at which rows leave whose class is sure.

    Options:
        widths: number of a block, from 0 -> numbers that the head behind it reads.
        threshold: the probability from which a row leaves.
    """

    def __init__(self, *, widths: dict[int, Count], threshold: NotNegative) -> None:
        self.widths, self.threshold = widths, threshold

    def apply(self, model: nn.Module) -> None:
        """Add the exits; each is a copy of the model's head with a first layer of its own."""
        (last,) = model.heads.values()  # type: ignore[operator,union-attr]
        heads = {}
        for number, width in self.widths.items():
            heads[number] = deepcopy(last)
            heads[number].output = nn.Linear(width, last.output.weight.shape[0])
        model.exits = Exits(heads, self.threshold)
