"""What each layer of a model bears alone: pruned or rounded to few bits, nothing trained, on the validation rows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..blocks.quantized import from_int4, to_grid, to_int4, to_int8
from ..report import Block, Curve, Table
from ._layers import matrices, prune
from ._work import Work

SHARES = (0.5, 0.7, 0.85, 0.93, 0.97)  # sparsities that are tried
GROUP = 32  # weights that share a grid of int4
SHOWN = 12  # layers in the chart


@dataclass(frozen=True)
class Sensitivity:
    """Of each layer: its weights, and how much of the main score is lost by each sparsity, and by int8 and int4."""

    weights: dict[str, int]
    pruned: dict[str, dict[float, float]]
    rounded: dict[str, dict[str, float]]

    def bearable(self, tolerance: float) -> dict[str, float]:
        """layer -> the largest sparsity that loses at most so much; layers that bear none are left out."""
        found = {n: [share for share, loss in losses.items() if loss <= tolerance] for n, losses in self.pruned.items()}
        return {name: max(shares) for name, shares in found.items() if shares}

    def tolerances(self) -> list[float]:
        """Every loss at which a layer bears more, from none on."""
        return sorted({0.0, *(max(loss, 0.0) for losses in self.pruned.values() for loss in losses.values())})

    def blocks(self) -> list[Block]:
        """As a table and a chart of the largest layers."""
        columns = ["layer", "weights", *(f"{share:.0%}" for share in SHARES), "int8", "int4"]
        rows: list[list[Any]] = [
            [name, self.weights[name], *losses.values(), *self.rounded[name].values()]
            for name, losses in self.pruned.items()
        ]
        largest = sorted(self.weights, key=lambda name: -self.weights[name])[:SHOWN]
        lines = {name: ([100 * share for share in SHARES], list(self.pruned[name].values())) for name in largest}
        note = (
            "What the main score on the validation rows loses with so many zeros in one layer, or its weights rounded."
        )
        return [
            Table("Sensitivity", columns, rows, note=note),
            Curve("Sensitivity", "zeros (%)", "loss of the main score", lines),
        ]


@torch.no_grad()
def measure(work: Work) -> Sensitivity:
    """Change each layer of a copy in every way, and put it back."""
    work = work.branch()
    layers, found, whole = matrices(work.model), Sensitivity({}, {}, {}), work.score()["main"]

    def lost(weights: list[Tensor], change: Callable[[list[Tensor]], None]) -> float:
        kept = [weight.clone() for weight in weights]
        change(weights)
        score = work.score()["main"]
        for weight, before in zip(weights, kept):
            weight.copy_(before)
        return whole - score

    for number, (name, weights) in enumerate(layers.items(), 1):
        print(f"\rlayer {number} of {len(layers)} alone", end="", file=sys.stderr, flush=True)
        found.weights[name] = sum(weight.numel() for weight in weights)
        found.pruned[name] = {share: lost(weights, partial(prune, sparsity=share)) for share in SHARES}
        found.rounded[name] = {"int8": lost(weights, _int8), "int4": lost(weights, _int4)}
    print(file=sys.stderr)
    return found


def _int8(weights: list[Tensor]) -> None:
    for weight in weights:
        codes, scale = to_int8(weight.flatten(1))
        weight.copy_((codes * scale[:, None]).view_as(weight))


def _int4(weights: list[Tensor]) -> None:
    for weight in weights:
        flat = weight.flatten(1)
        groups = F.pad(flat, (0, -flat.shape[1] % GROUP)).unflatten(1, (-1, GROUP))
        grid = to_grid(groups)
        weight.copy_(from_int4(to_int4(groups, grid), grid).flatten(1)[:, : flat.shape[1]].view_as(weight))
