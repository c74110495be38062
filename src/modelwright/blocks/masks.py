"""Masks of rows of different length: (B, T), True where there is a token."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .stream import Batch


def read_tokens(batch: Batch, name: str) -> tuple[Tensor, Tensor]:
    """A text's ids and mask, both (B, T) with T at least 1; without a mask in the batch, every id but 0 is a token."""
    ids = batch[name]
    mask = batch.get(f"{name}.mask")
    mask = ids != 0 if mask is None else mask
    if not ids.shape[1]:  # all texts of the batch are empty
        ids, mask = F.pad(ids, (0, 1)), F.pad(mask, (0, 1))
    return ids, mask


def of_length(tokens: Tensor, length: int) -> Tensor:
    """(B, T) ids or their mask padded with 0, or cut, to (B, length)."""
    return F.pad(tokens, (0, length - tokens.shape[1]))


def never_empty(mask: Tensor) -> Tensor:
    """The mask with the first position of empty rows made visible, for means and softmaxes that need one."""
    return mask | F.pad(~mask.any(1, keepdim=True), (0, mask.shape[1] - 1))
