"""What the dense layers of a model read, seen while it runs over training rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..blocks.stream import Batch


@torch.no_grad()
def watch(model: nn.Module, batches: Sequence[Batch], see: Callable[[str, Tensor], None]) -> None:
    """Run a model over batches; `see` is told each dense layer's name and what it reads (rows, K), float32."""

    def told(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, given: see(name, given[0].detach().flatten(0, -2).float())

    hooks = [m.register_forward_pre_hook(told(n)) for n, m in model.named_modules() if isinstance(m, nn.Linear)]
    try:
        for batch in batches:
            model(batch)
    finally:
        for hook in hooks:
            hook.remove()
