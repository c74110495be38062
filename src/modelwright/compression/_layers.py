"""The weights of a model that can be made few or coarse, layer by layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def matrices(model: nn.Module, embeddings: bool = False) -> dict[str, list[Tensor]]:
    """layer -> its matrices and kernels: dense and recurrent layers, convolutions, and tables of embeddings if asked."""
    kinds: tuple[type[nn.Module], ...] = (nn.Linear, nn.RNNBase, nn.Conv1d, nn.Conv2d)
    kinds += (nn.Embedding, nn.EmbeddingBag) if embeddings else ()
    return {
        name: [weight for weight in module.parameters() if weight.ndim > 1]
        for name, module in model.named_modules()
        if isinstance(module, kinds)
    }


@torch.no_grad()
def prune(weights: list[Tensor], sparsity: float) -> None:
    """Set the smallest of these weights, compared with each other, to 0; those that are 0 stay so. One is always left."""
    sizes = torch.cat([weight.abs().flatten() for weight in weights])
    count = min(round(sparsity * len(sizes)), len(sizes) - 1)
    if count > 0:
        largest = sizes.kthvalue(count).values
        for weight in weights:
            weight.mul_(weight.abs() > largest)
