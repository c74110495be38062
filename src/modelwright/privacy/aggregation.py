"""How a server joins what its clients have learned: vectors of weights, and the rules that make one of several."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROBUST = ("median", "trimmed")
"""Rules that compare single updates, which a secure sum hides."""


class Weights:
    """What travels of a model, as one vector: every weight that is learned and every buffer (a batch norm's running
    mean), frozen weights left out. Reads and writes the live tensors."""

    def __init__(self, model: nn.Module) -> None:
        parameters = dict(model.named_parameters())
        self.parameters = {name: value for name, value in parameters.items() if value.requires_grad}
        still = parameters.keys() - self.parameters.keys()
        self.tensors = {name: value for name, value in model.state_dict().items() if name not in still}
        self._sizes = [value.numel() for value in self.tensors.values()]

    def read(self) -> Tensor:
        """(P,) float32, a copy."""
        return torch.cat([value.reshape(-1).float() for value in self.tensors.values()])

    def parts(self, vector: Tensor) -> dict[str, Tensor]:
        """A vector by name, in the tensors' shapes."""
        pieces = zip(self.tensors.items(), vector.split(self._sizes))
        return {name: piece.view(value.shape) for (name, value), piece in pieces}

    @torch.no_grad()
    def write(self, vector: Tensor, *, buffers_only: bool = False) -> None:
        """Put a vector back; what counts in whole numbers is rounded."""
        for name, piece in self.parts(vector).items():
            if name not in self.parameters or not buffers_only:
                value = self.tensors[name]
                value.copy_(piece if value.is_floating_point() else piece.round())

    def descend(self, update: Tensor) -> None:
        """Make `-update` the gradient of the weights, which an optimiser will follow (Reddi 2021, algorithm 2)."""
        parts = self.parts(-update)
        for name, parameter in self.parameters.items():
            parameter.grad = parts[name].to(parameter.dtype, copy=True)


def clipped(update: Tensor, most: float | None) -> Tensor:
    """An update whose norm is at most `most`."""
    return update if most is None else update * min(1.0, most / max(float(update.norm()), 1e-12))


def median(updates: Tensor) -> Tensor:
    """(K, P) -> (P,): each coordinate's median, of even K the middle of the two (Yin 2018, algorithm 1)."""
    middle = (len(updates) - 1) // 2
    return updates.sort(0).values[middle : len(updates) // 2 + 1].mean(0)


def trimmed_mean(updates: Tensor, share: float) -> Tensor:
    """(K, P) -> (P,): each coordinate's mean without the `share` lowest and as many highest (Yin 2018)."""
    cut = min(int(share * len(updates)), (len(updates) - 1) // 2)
    return updates.sort(0).values[cut : len(updates) - cut].mean(0)
