"""Small heads between the blocks of an encoder: rows whose class is already sure leave there (BranchyNet, Teerapittayanon 2016).

An encoder with an inside has `begin(batch) -> (x, mask)`, `blocks`, each a Block, and `end(x, mask) -> Stream`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .pooling import mean
from .stream import Batch, Stream

_SIDE = 4  # of the grid that a picture's positions are averaged to

Block = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""`(x, mask) -> (x, mask)`, rows first in both; mask is None where there is none."""
Leaving = tuple[Tensor, dict[str, Tensor]]
"""The numbers of the rows that leave (N,), and what is predicted for them."""


class Exits(nn.Module):
    """heads: number of a block, from 0 -> the head behind it. threshold: the probability from which a row leaves."""

    def __init__(self, heads: Mapping[int, nn.Module], threshold: float) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({str(number): head for number, head in heads.items()})
        self.threshold = threshold

    def predict(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The tensors of the model's only target, each row's from where it left."""
        parts = list(self.leave(model, batch))
        order = torch.cat([rows for rows, _ in parts]).argsort()
        return {name: torch.cat([tensors[name] for _, tensors in parts])[order] for name in parts[0][1]}

    def leave(self, model: Any, batch: Batch) -> Iterator[Leaving]:
        """Who leaves at each exit, and at the end."""
        encoder, pool = _only(model.encoders), _only(model.pools)
        x, mask = encoder.begin(batch)
        rows = torch.arange(len(x), device=x.device)
        for number, block in enumerate(encoder.blocks):
            x, mask = block(x, mask)
            if str(number) not in self.heads:
                continue
            found = self.heads[str(number)].predict(features(encoder.end(x, mask)))  # type: ignore[operator]
            sure = _confidence(found) >= self.threshold
            yield rows[sure], {name: value[sure] for name, value in found.items()}
            if sure.any():
                x, mask, rows = x[~sure], None if mask is None else mask[~sure], rows[~sure]
            if not len(rows):
                return
        yield rows, _only(model.heads).predict(model.fuse([pool(encoder.end(x, mask))]))

    def losses(self, model: Any, batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
        """Each exit's loss (sum, count) on all rows; the encoder gets no gradient."""
        encoder, target = _only(model.encoders), model.target(model.targets[0], batch)
        terms = {}
        with torch.no_grad():
            x, mask = encoder.begin(batch)
        for number, block in enumerate(encoder.blocks):
            with torch.no_grad():
                x, mask = block(x, mask)
                read = features(encoder.end(x, mask))
            if str(number) in self.heads:
                terms[f"exit {number + 1}"] = self.heads[str(number)].loss(read, target)  # type: ignore[operator]
        return terms


def features(stream: Stream) -> Stream:
    """What an exit reads (B, 1, D'): a picture's positions averaged to a grid of 4 x 4, other positions to one."""
    if stream.grid is None:
        return Stream(mean(stream.x, stream.mask).unsqueeze(1))
    maps = stream.x.transpose(1, 2).unflatten(2, stream.grid)  # (B, D, H, W)
    return Stream(F.adaptive_avg_pool2d(maps, _SIDE).flatten(1).unsqueeze(1))


def _confidence(tensors: dict[str, Tensor]) -> Tensor:
    """(B,) the largest probability."""
    if "probabilities" in tensors:
        return tensors["probabilities"].amax(-1)
    return torch.maximum(tensors["probability"], 1 - tensors["probability"])


def _only(modules: nn.ModuleDict) -> Any:
    """The one module there is."""
    (module,) = modules.values()
    return module
