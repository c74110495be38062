"""Weights as int4, with error feedback (GPTQ)."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from .. import transforms
from ..blocks.decoder import join
from ..blocks.quantized import Grid, from_int4, to_grid, to_int4
from ..parts import Count, Positive
from ..report import Text
from ._bits import require_plain
from ._inputs import watch
from ._work import Work

_TOGETHER = 128  # columns whose errors are carried to all later ones at once


class Int4:
    """Round the weights of dense layers to int4, each group of inputs on a grid of its own; all others to int8.

    Column by column, what rounding does to the output is made up for by the columns not yet rounded (GPTQ, Frantar
    2022). Layers whose inputs are no multiple of the group become int8.

    Options:
        group: weights that share a grid.
        feedback: make up for errors; without it weights are rounded to the nearest, which needs no data.
        rows: training rows that tell which inputs matter.
        damping: share of the mean square of the inputs added to each.
    """

    def __init__(
        self,
        *,
        group: Literal[32, 64, 128] = 64,
        feedback: bool = True,
        rows: Count = 256,
        damping: Positive = 0.01,
    ) -> None:
        self.group, self.feedback, self.rows, self.damping = group, feedback, rows, damping

    def apply(self, work: Work) -> None:
        """Raises UserError where the weights are in few bits already."""
        require_plain(work, "int4")
        join(work.model)
        layers = {name: layer for name, layer in work.model.named_modules() if isinstance(layer, nn.Linear)}
        weights = {n: w.weight.detach().float() for n, w in layers.items() if w.in_features % self.group == 0}
        if left := len(layers) - len(weights):
            why = f"their inputs are no multiple of {self.group}"
            work.blocks.append(Text("", f"{left} of {len(layers)} dense layers became int8: {why}."))
        squares: dict[str, Tensor] = {}

        def see(name: str, x: Tensor) -> None:
            if name in weights:
                squares[name] = squares.get(name, 0) + x.T @ x

        if self.feedback and weights:
            watch(work.model, work.calibration(self.rows), see)
        added: list[dict[str, Any]] = [{"kind": "int4", "group": self.group}, {"kind": "int8", "activations": "none"}]
        transforms.replay(work.model, added)
        for name, square in squares.items():
            layer = work.model.get_submodule(name)
            layer.set(*rounded(weights[name], square, self.group, self.damping))  # type: ignore[operator]
        work.transforms += added


@torch.no_grad()
def rounded(weight: Tensor, square: Tensor, group: int, damping: float) -> tuple[Tensor, Grid]:
    """Codes (N, K / group, group) and grid of a weight (N, K) that keep `W x` for inputs with `sum x x^T` = square.

    With U the upper Cholesky factor of the inverse of the damped square, the error e = (w_j - rounded w_j) / U_jj of
    column j is taken from each later column k as e U_jk (Frantar 2022, algorithm 1).
    """
    weight, inputs = weight.clone(), weight.shape[1]
    dead = square.diagonal() == 0
    square = (square + torch.diag(dead + damping * square.diagonal().mean())).double()
    weight[:, dead] = 0
    factor = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(square)), upper=True).float()
    codes, grids = torch.empty(weight.shape, dtype=torch.uint8), list[Grid]()
    for start in range(0, inputs, _TOGETHER):
        end = min(start + _TOGETHER, inputs)
        errors = weight.new_zeros(len(weight), end - start)
        for column in range(start, end):
            if column % group == 0:
                grids.append(to_grid(weight[:, column : column + group]))
            one = weight[:, column, None]
            codes[:, column, None] = to_int4(one, grids[-1])
            error = (one - from_int4(codes[:, column, None], grids[-1])) / factor[column, column]
            weight[:, column:end] -= error * factor[column, column:end]
            errors[:, column - start] = error[:, 0]
        weight[:, end:] -= errors @ factor[start:end, end:]
    step, middle = (torch.stack([grid[i] for grid in grids], 1) for i in (0, 1))
    return codes.unflatten(1, (-1, group)), (step, middle)
