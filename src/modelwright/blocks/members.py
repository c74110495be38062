"""Several positions predict one target: an ensemble's members, or all steps of a sequence.

A pooled head gives one output for each of the T positions of its stream. Its loss is the mean over the positions and
its prediction the mean of theirs, padding left out, so that a row counts once whatever T is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .masks import never_empty
from .stream import Stream


def shares(stream: Stream) -> Tensor | None:
    """(B, T): what each position counts in its row, 1 in sum; None when T is 1. An empty row's first counts."""
    rows, positions = stream.x.shape[:2]
    if positions == 1:
        return None
    if stream.mask is None:
        return torch.full((rows, positions), 1.0 / positions, device=stream.x.device)
    mask = never_empty(stream.mask)
    return mask / mask.sum(1, keepdim=True)


def at_each(target: Tensor, stream: Stream) -> Tensor:
    """The target (B, ...) repeated at each position: (B, T, ...)."""
    return target.unsqueeze(1).expand(target.shape[0], stream.x.shape[1], *target.shape[1:])


def average(values: Tensor, stream: Stream) -> Tensor:
    """(B, T, ...) -> (B, ...), weighted by `shares`."""
    weights = shares(stream)
    if weights is None:
        return values[:, 0]
    return (values * weights.view(*weights.shape, *[1] * (values.ndim - 2))).sum(1)
