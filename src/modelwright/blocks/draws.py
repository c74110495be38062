"""Fixed draws for evaluation: random from row to row, yet the same for a row whatever batch it comes in."""

from __future__ import annotations

import torch
from torch import Tensor


def place_of(rows: Tensor, among: int) -> Tensor:
    """(B,) a place below `among` for each row of (B, ...), by its content alone: which of so many fixed draws is its own."""
    flat = rows.flatten(1)
    bits = flat.float().view(torch.int32) if flat.is_floating_point() else flat
    return bits.sum(1) % among  # whole numbers, so that the order of summing cannot matter
