"""Pruning by weights and activations, without training (Wanda)."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from ..errors import UserError
from ..parts import Count, Share
from ._bits import require_plain
from ._inputs import watch
from ._work import Work


class Wanda:
    """Set to 0, in each output of the dense layers, the share of the weights with the least `|W_ij| * ||x_j||` (Sun 2023).

    x_j is what the layer reads at input j of training rows. Nothing is trained, which is what makes it fit for language
    models. The layer that gives the logits, and tables of tokens, are left as they are. The file becomes smaller with
    `int8` after it.

    Options:
        sparsity: share of the weights that become 0.
        pattern: in place of a share, "2:4" keeps two of every four neighbours, "4:8" four of eight.
        rows: training rows that are looked at.
    """

    def __init__(self, *, sparsity: Share = 0.5, pattern: str = "", rows: Count = 128) -> None:
        found = re.fullmatch(r"([1-9]\d?):([1-9]\d?)", pattern)
        if pattern and (not found or int(found[1]) >= int(found[2])):
            raise UserError(f"'{pattern}' is no pattern.", where="wanda.pattern", hint="For example 2:4 or 4:8.")
        self.rows, self.zeros, self.among = rows, sparsity, 0
        if found:
            self.zeros, self.among = int(found[2]) - int(found[1]), int(found[2])

    def apply(self, work: Work) -> None:
        """Raises UserError where the weights are in few bits already."""
        require_plain(work, "wanda")
        squares: dict[str, Tensor] = {}

        def see(name: str, x: Tensor) -> None:
            squares[name] = squares.get(name, 0) + x.square().sum(0)

        watch(work.model, work.calibration(self.rows), see)
        for name, square in squares.items():
            layer = work.model.get_submodule(name)
            if isinstance(layer, nn.Linear) and not name.endswith("lm_head"):
                layer.weight.data[least(layer.weight.detach().abs() * square.sqrt(), self.zeros, self.among)] = 0


def least(scores: Tensor, zeros: float, among: int = 0) -> Tensor:
    """Where the least scores (N, K) of each row are: a share of all of it, or `zeros` of `among` neighbours.

    Neighbours at the end of a row that are too few are left out.
    """
    inputs = scores.shape[1]
    chosen = torch.zeros_like(scores, dtype=torch.bool)
    size = among or inputs
    whole = scores[:, : inputs // size * size].unflatten(1, (-1, size))
    count = int(zeros) if among else int(zeros * inputs)
    places = whole.argsort(-1)[..., :count]
    chosen[:, : inputs // size * size] = torch.zeros_like(whole, dtype=torch.bool).scatter_(-1, places, True).flatten(1)
    return chosen
