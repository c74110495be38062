"""Dense layers, activations and norms by name. Knows nothing of columns, sources or heads."""

from __future__ import annotations

from typing import Literal

from torch import nn

from .norm import BatchNorm

Activation = Literal["relu", "gelu", "silu", "elu", "leaky_relu", "tanh", "sigmoid", "none"]
Norm = Literal["none", "batch", "layer"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}


def activation_layer(name: Activation) -> nn.Module:
    """The activation of that name; the ones that can overwrite their input do so."""
    return nn.ReLU(inplace=True) if name == "relu" else _ACTIVATIONS[name]()


def norm_layer(name: Norm, width: int) -> nn.Module | None:
    """The norm of that name for (B, T, width); None for "none"."""
    return {"none": lambda: None, "batch": lambda: BatchNorm(width, flat=True), "layer": lambda: nn.LayerNorm(width)}[
        name
    ]()


def dense_stack(
    width: int, hidden: tuple[int, ...], activation: Activation, dropout: float = 0.0, norm: Norm = "none"
) -> nn.Sequential:
    """`f(W x + b)` for each of the `hidden` widths on (..., width), each followed by dropout (the introductory articles).

    The order in a layer is dense, norm, activation, dropout.
    """
    layers: list[nn.Module] = []
    for size in hidden:
        layers.append(nn.Linear(width, size, bias=norm != "batch"))
        layers += [layer for layer in (norm_layer(norm, size), activation_layer(activation)) if layer is not None]
        if dropout:
            layers.append(nn.Dropout(dropout))
        width = size
    return nn.Sequential(*layers)
