"""Dense layers on one flat vector a row."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ..blocks.dense import Activation, Norm, activation_layer, dense_stack, norm_layer
from ..blocks.inputs import Flat, Numbers
from ..blocks.stream import Batch, Source, Stream
from ..parts import Count, Share


class Mlp(nn.Module):
    """Multilayer perceptron: `f(W x + b)` layer by layer (the introductory articles), for tables, vectors, small
    pictures and aligned sequences of letters, of which each place has weights of its own.

    With `ensemble` k > 1 it is k perceptrons that share their matrices and differ in cheap factors, trained side by
    side and averaged by the head (BatchEnsemble, Wen 2020; TabM, Gorishniy 2024).

    Options:
        hidden: width of each layer.
        activation: function after each layer.
        dropout: share of values set to zero after each layer while training.
        norm: normalisation after each dense layer.
        numbers: how a table's numbers are spread out first: not at all, in intervals (piecewise) or waves (periodic).
        kmer: letters of an aligned sequence that are read as one: 2 tells pairs of neighbours.
        ensemble: number of members.
        pool: "none" hands all members to the head, "mean" averages their features.
    """

    reads = ("table", "vector", "image", "text", "series")
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"hidden": (128, 128)},
        "medium": {"hidden": (256, 256)},
        "large": {"hidden": (512, 512, 512), "dropout": 0.2},
    }

    def __init__(
        self,
        source: Source,
        *,
        hidden: tuple[Count, ...] = (256, 256),
        activation: Activation = "relu",
        dropout: Share = 0.1,
        norm: Norm = "none",
        numbers: Numbers = "piecewise",
        kmer: Annotated[int, Field(ge=1, le=4)] = 1,
        ensemble: Count = 1,
        pool: Literal["none", "mean"] = "none",
    ) -> None:
        super().__init__()
        self.inputs = Flat(source, numbers=numbers, kmer=kmer)
        self.pool, self.length = pool, ensemble
        self.width = hidden[-1] if hidden else self.inputs.width
        self.layers: nn.Module
        if ensemble > 1:
            self.layers = _Ensemble(ensemble, (self.inputs.width, *hidden), activation, dropout, norm)
        else:
            self.layers = dense_stack(self.inputs.width, hidden, activation, dropout, norm)

    def forward(self, batch: Batch) -> Stream:
        return Stream(self.layers(self.inputs(batch).unsqueeze(1)))


class _Ensemble(nn.Module):
    """(B, 1, F) -> (B, members, D): member m's layer is `f(((x * r_m) W) * s_m + b_m)` with W shared.

    Only the first factors r start at random signs, all other factors at 1 (Gorishniy 2024, section 3.3), so that
    members start different and are free to stay near one another.
    """

    def __init__(
        self, members: int, widths: tuple[int, ...], activation: Activation, dropout: float, norm: Norm
    ) -> None:
        super().__init__()
        self.members = members
        self.matrices = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(widths))
        self.inward = nn.ParameterList(torch.ones(members, width) for width in widths[:-1] or widths)
        nn.init.uniform_(self.inward[0], -1, 1)
        with torch.no_grad():
            self.inward[0].sign_()
        self.outward = nn.ParameterList(torch.ones(members, width) for width in widths[1:])
        self.biases = nn.ParameterList(torch.zeros(members, width) for width in widths[1:])
        self.ends = nn.ModuleList(
            nn.Sequential(
                *[layer for layer in (norm_layer(norm, width), activation_layer(activation)) if layer is not None],
                nn.Dropout(dropout),
            )
            for width in widths[1:]
        )

    def forward(self, x: Tensor) -> Tensor:
        if not len(self.matrices):
            return x * self.inward[0]
        layers = zip(self.inward, self.matrices, self.outward, self.biases, self.ends)
        for inward, matrix, outward, bias, end in layers:
            x = end(torch.addcmul(bias, matrix(x * inward), outward))
        return x
