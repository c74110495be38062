"""Recurrent layers over (B, T, D). Padding at the end of a row never changes its result. Knows nothing of sources.

The cells, with `s` the sigmoid, `*` element by element, `[W x]` short for `W x + b`:

rnn (Elman 1990; the introductory articles)   h_t = tanh([W x_t] + [U h_(t-1)])

gru (Cho 2014; the introductory articles)   z_t = s([W_z x_t] + [U_z h_(t-1)])
                                     r_t = s([W_r x_t] + [U_r h_(t-1)])
                                     n_t = tanh([W x_t] + r_t * [U h_(t-1)])
                                     h_t = (1 - z_t) * n_t + z_t * h_(t-1)
    The article multiplies r_t before the matrix U, torch (as cuDNN) after it; torch's z_t is the article's 1 - z_t.

lstm (Hochreiter 1997; 002, 3.2.2)   i_t, f_t, o_t = s([W x_t] + [U h_(t-1)]), each with its own W, U
                                     g_t = tanh([W_g x_t] + [U_g h_(t-1)])
                                     c_t = f_t * c_(t-1) + i_t * g_t
                                     h_t = o_t * tanh(c_t)
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Cell = Literal["rnn", "lstm", "gru"]


class Recurrent(nn.Module):
    """(B, T, D) and mask -> (B, T, hidden), twice that in two directions. Tokens come first, padding last.

    Nothing is packed: from left to right padding comes after all tokens and cannot reach them; the pass from right to
    left reads each row turned round within its own length. That needs no lengths on the host and suits fused kernels.
    """

    def __init__(
        self,
        cell: Cell,
        width: int,
        hidden: int,
        layers: int = 1,
        *,
        two_directions: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.width = hidden * (2 if two_directions else 1)
        widths = [width, *[self.width] * (layers - 1)]
        self.rightward = nn.ModuleList(kind(size, hidden, batch_first=True) for size in widths)
        self.leftward = nn.ModuleList(kind(size, hidden, batch_first=True) for size in widths if two_directions)
        self.dropout = nn.Dropout(dropout)
        for layer in [*self.rightward, *self.leftward]:
            _initialise(layer, forget=cell == "lstm")

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        turned = None
        if len(self.leftward):
            turned = _turned(x, mask)
        for number, rightward in enumerate(self.rightward):
            if number:
                x = self.dropout(x)
            y = rightward(x)[0]
            if turned is not None:
                back = self.leftward[number](_take(x, turned))[0]
                y = torch.cat([y, _take(back, turned)], -1)
            x = y
        return x

    def advance(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Go on from left to right: (B, T, D) and state (B, layers, 1 or for lstm 2, hidden) -> outputs and new state."""
        after = []
        for number, (cell, before) in enumerate(zip(self.rightward, state.unbind(1))):
            if number:
                x = self.dropout(x)
            parts = tuple(part[None].contiguous() for part in before.unbind(1))
            x, parts = cell(x, parts if len(parts) > 1 else parts[0])
            after.append(torch.stack([part[0] for part in parts], 1) if isinstance(parts, tuple) else parts[0][:, None])
        return x, torch.stack(after, 1)


def _turned(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, T): the position whose token comes at each position when each row's tokens are turned round."""
    rows, steps = x.shape[:2]
    places = torch.arange(steps, device=x.device).expand(rows, steps)
    if mask is None:
        return places.flip(1)
    lengths = mask.sum(1, keepdim=True)
    return torch.where(places < lengths, lengths - 1 - places, places)


def _take(x: Tensor, places: Tensor) -> Tensor:
    return x.gather(1, places.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


def _initialise(layer: nn.Module, *, forget: bool) -> None:
    """Orthogonal recurrent matrices gate by gate, no bias but a forget gate that starts open (Jozefowicz 2015)."""
    for name, weight in layer.named_parameters():
        if name.startswith("weight_hh"):
            for gate in weight.data.split(weight.shape[1]):
                nn.init.orthogonal_(gate)
        elif name.startswith("weight_ih"):
            nn.init.xavier_uniform_(weight)
        else:
            nn.init.zeros_(weight)
            if forget and name.startswith("bias_ih"):
                quarter = len(weight) // 4
                nn.init.ones_(weight.data[quarter : 2 * quarter])
