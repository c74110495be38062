"""A text read from steps of which nobody says where its characters are: handwriting, speech."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..blocks.stream import Stream
from ..losses import Loss
from ..parts import Count, Share

NEVER = float("-inf")


class Ctc(nn.Module):
    """Connectionist temporal classification (Graves 2006).

    At each step a token or the blank; a text's probability is the sum over all ways of writing it, where repeated tokens
    merge and blanks vanish: p(y | x) = sum over a with B(a) = y of prod_t p(a_t | x). The blank is the end token, which
    a text does not need here.

    sizes: `vocabulary` and `end` of the target column. Targets are ids (B, T), padded with -1. Predicts `ids` (B, T),
    padded with -1. The loss is a mean over tokens. A text that needs more steps than there are adds nothing.

    Options:
        source: the input that is read, where there are several.
        beams: prefixes kept side by side when predicting (Hannun 2014); 1 takes the best token of each step.
        dropout: share of the steps' numbers set to zero while training.
    """

    reads = "sequence"
    measured_by = "both"

    def __init__(
        self, width: int, sizes: dict[str, Any], *, source: str = "", beams: Count = 1, dropout: Share = 0.0
    ) -> None:
        super().__init__()
        self.blank, self.beams = sizes["end"], beams
        self.dropout, self.output = nn.Dropout(dropout), nn.Linear(width, sizes["vocabulary"])

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        return self.nats(stream, target).sum(), self.count(target)

    def nats(self, stream: Stream, target: Tensor) -> Tensor:
        """(B,) the negative log-likelihood of each row's text, 0 where there is none."""
        gains, lengths = self._gains(stream)
        sizes = self._lengths(target)
        totals = F.ctc_loss(
            gains.transpose(0, 1),
            target.clamp(min=0),
            lengths,
            sizes,
            self.blank,
            reduction="none",
            zero_infinity=True,
        )
        return totals.masked_fill(sizes == 0, 0.0)

    def count(self, target: Tensor) -> Tensor:
        return self._lengths(target).sum().float()

    def _lengths(self, target: Tensor) -> Tensor:
        """(B,) tokens of each text, without its end."""
        return ((target >= 0) & (target != self.blank)).sum(1)

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        gains, lengths = self._gains(stream)
        if self.beams > 1:
            rows = [beam_search(row[:n], self.blank, self.beams) for row, n in zip(gains.tolist(), lengths.tolist())]
            longest = max(1, *map(len, rows))
            ids = torch.tensor([[*row, *[-1] * (longest - len(row))] for row in rows], device=gains.device)
            return {"ids": ids}
        best = gains.argmax(-1)
        before = F.pad(best[:, :-1], (1, 0), value=self.blank)
        kept = (best != self.blank) & (best != before)
        kept &= torch.arange(best.shape[1], device=best.device) < lengths[:, None]
        order = (~kept).long().argsort(dim=1, stable=True)[:, : max(1, int(kept.sum(1).max()))]
        return {"ids": best.masked_fill(~kept, -1).gather(1, order)}

    def _gains(self, stream: Stream) -> tuple[Tensor, Tensor]:
        """(B, T, V) log probabilities in float32, and (B,) steps of each row."""
        gains = self.output(self.dropout(stream.x)).float().log_softmax(-1)
        full = torch.full(gains.shape[:1], gains.shape[1], device=gains.device)
        return gains, full if stream.mask is None else stream.mask.sum(1)


def beam_search(gains: list[list[float]], blank: int, beams: int) -> list[int]:
    """The likeliest text among the `beams` best prefixes of (T, V) log probabilities: each prefix sums over the ways of
    writing it, those that end in a blank apart from those that end in its last token."""
    best: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, NEVER)}
    for step in gains:
        found: dict[tuple[int, ...], list[float]] = {}
        for prefix, (in_blank, in_token) in best.items():
            whole = _plus(in_blank, in_token)
            same = found.setdefault(prefix, [NEVER, NEVER])
            same[0] = _plus(same[0], whole + step[blank])
            for token, gain in enumerate(step):
                if token == blank:
                    continue
                before = whole
                if prefix and prefix[-1] == token:  # repeated, it is the same token, but behind a blank another one
                    same[1] = _plus(same[1], in_token + gain)
                    before = in_blank
                longer = found.setdefault((*prefix, token), [NEVER, NEVER])
                longer[1] = _plus(longer[1], before + gain)
        ranked = sorted(found.items(), key=lambda item: -_plus(*item[1]))
        best = {prefix: (ends[0], ends[1]) for prefix, ends in ranked[:beams]}
    return list(next(iter(best)))


def _plus(one: float, other: float) -> float:
    """log(exp(one) + exp(other))."""
    high, low = max(one, other), min(one, other)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))
