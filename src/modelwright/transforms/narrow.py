"""Layers with fewer channels, neurons, hidden units or heads than the recipe says."""

from __future__ import annotations

import torch
from torch import nn

from ..errors import RunError
from ..parts import Count
from ._layers import find
from ._units import CPU


class Narrow:
    """Takes units out of layers with every weight that belongs to them: their norms, and the inputs of whoever reads them.

    Options:
        layers: name of a layer in the model -> how many units it keeps.
    """

    def __init__(self, *, layers: dict[str, Count]) -> None:
        self.layers = layers

    def apply(self, model: nn.Module) -> None:
        for name, count in self.layers.items():
            units = find(model).get(name)
            if units is None or len(units) < count:
                raise RunError(
                    f"the recipe's model has no layer {name} with {count} units or more.", where="transforms"
                )
            units.keep(torch.arange(count, device=CPU))
