"""Weights as int8."""

from __future__ import annotations

from torch import nn

from ..blocks.decoder import Tokens, join
from ..blocks.quantized import Activations, Int8Embedding, Int8Linear, store_int8


class Int8:
    """Every matrix of weights rounded to int8, with a scale for each output: `W = scale * codes`.

    Dense layers and a language model's table of tokens stay int8 in memory and are computed from it. Convolutions,
    recurrent cells and other tables are int8 in the file and float32 in memory.

    Options:
        activations: dense layers also round what they read to int8: "dynamic" by each row's largest value, "static" by
            one seen in training rows; "none" leaves it as it is.
    """

    def __init__(self, *, activations: Activations = "none") -> None:
        self.activations = activations

    def apply(self, model: nn.Module) -> None:
        """Change every matrix of weights that is not yet in few bits."""
        join(model)
        for name, module in list(model.named_modules()):
            if isinstance(module, nn.Linear):
                model.set_submodule(name, Int8Linear(module, self.activations))
            elif isinstance(module, Tokens):
                model.set_submodule(name, Int8Embedding(module))
            else:
                for own, weight in list(module.named_parameters(recurse=False)):
                    if weight.ndim > 1 and not hasattr(module, f"{own}_scale"):
                        store_int8(module, own)
        model.requires_grad_(False)
