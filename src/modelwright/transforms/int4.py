"""Weights as int4."""

from __future__ import annotations

from typing import Literal

from torch import nn

from ..blocks.decoder import join
from ..blocks.quantized import Int4Linear


class Int4:
    """The weights of dense layers rounded to 16 values, with a grid for each group of inputs of an output.

    Layers whose inputs are no multiple of the group stay as they are; `int8`, which follows, takes them and all else.

    Options:
        group: weights that share a step and a middle.
    """

    def __init__(self, *, group: Literal[32, 64, 128] = 64) -> None:
        self.group = group

    def apply(self, model: nn.Module) -> None:
        """Change the dense layers, rounding to the nearest."""
        join(model)
        for name, module in list(model.named_modules()):
            if isinstance(module, nn.Linear) and module.in_features % self.group == 0:
                model.set_submodule(name, Int4Linear(module, self.group))
        model.requires_grad_(False)
