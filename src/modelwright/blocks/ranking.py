"""Scores of many tokens at once: the losses of a softmax over them, the best of them, and where the true one stands.

Ids 0 and 1 are padding and what training has not seen: they are never ranked. Knows nothing of where scores come from.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UserError
from .stream import Stream

FIRST = 2
NEVER = float("-inf")


class Ranking(nn.Module):
    """What heads that rank items share: which are predicted, from `_scores(stream)` (B, V), and where the true ones stand.

    Raises UserError where the target holds no items.
    """

    ranks = True

    def __init__(self, sizes: dict[str, Any], source: str, top: int, exclude_seen: bool) -> None:
        super().__init__()
        if "counts" not in sizes or "vocabulary" not in sizes:
            raise UserError("the head ranks items, and the target holds none.", hint="Give it the kind items.")
        self.vocabulary, self.source, self.top, self.exclude_seen = sizes["vocabulary"], source, top, exclude_seen

    def goal(self, said: dict[str, Tensor]) -> Tensor:
        """(B, 1) of what is predicted, the item that an explanation is asked for."""
        return said["ids"][:, :1]

    def predict(self, stream: Stream, target: Tensor | None = None) -> dict[str, Tensor]:
        true = None if target is None else last(target)
        return ranked(self._scores(stream), self.top, stream.read if self.exclude_seen else None, true)

    @abstractmethod
    def _scores(self, stream: Stream) -> Tensor:
        """(B, V) the scores of all ids, in float32."""


class Drawn(nn.Module):
    """Tokens that stand for all in a softmax: token j is drawn with the chance q_j, its count to the `power` over the sum of
    these, so that those that have high scores, the frequent ones, are rarely missed."""

    def __init__(self, counts: Sequence[int], count: int, power: float) -> None:
        super().__init__()
        self.count = count
        chances = torch.tensor(counts, dtype=torch.float64).clamp(min=1) ** power
        self.register_buffer("chances", F.pad(chances / chances.sum(), (FIRST, 0)).float(), persistent=False)
        self.chances: Tensor

    def forward(self) -> tuple[Tensor, Tensor]:
        """(n,) ids, in training anew at each step, from torch's seed, and the logarithms of how often each is expected."""
        random, chances = torch.Generator().manual_seed(torch.initial_seed()), self.chances
        ids = torch.multinomial(chances.cpu(), self.count, replacement=True, generator=random).to(chances.device)
        return ids, (chances[ids] * self.count).log()


def sampled_losses(scores: Tensor, true: Tensor, others: Tensor, expected: Tensor, target: Tensor) -> Tensor:
    """(N,) the softmax cross-entropy with n drawn tokens in the place of all (Bengio & Senecal 2003; Jean 2015).

    scores (N, n) of the ids `others` (n,), true (N,) those of the ids `target` (N,). A drawn token counts as many times as it
    was not expected, so that the sum of exponentials is that of all, nearly. One that is the true one counts nothing.
    """
    scores = (scores.float() - expected).masked_fill(others == target[:, None], NEVER)
    return torch.cat([true.float()[:, None], scores], 1).logsumexp(1) - true.float()


def whole_losses(scores: Tensor, target: Tensor) -> Tensor:
    """(N,) the softmax cross-entropy over all tokens; scores (N, V - 2), without those of the ids 0 and 1."""
    return F.cross_entropy(scores.float(), target - FIRST, reduction="none")


def ranked(scores: Tensor, count: int, seen: Tensor | None = None, true: Tensor | None = None) -> dict[str, Tensor]:
    """`ids` (N, count) of the highest scores (N, V), which are changed, -1 where there are no more. seen (N, S): left out.

    With the true ids (N,), -1 where unknown, each (N,): `rank`, how many of the others stand above (ties too), -1 where the
    true one cannot be chosen or has no score; `others`, how many there are; `nats`, its surprise, NaN where unknown.
    """
    scores[:, :FIRST] = NEVER
    found: dict[str, Tensor] = {}
    if true is not None:
        own = scores.gather(1, true.clamp(min=0)[:, None])
        found["nats"] = (scores.logsumexp(1) - own[:, 0]).masked_fill(true < FIRST, float("nan"))
    if seen is not None:
        scores.scatter_(1, seen, NEVER)
    values, ids = scores.topk(min(count, scores.shape[1] - FIRST), dim=1)
    found["ids"] = F.pad(ids.masked_fill(values == NEVER, -1), (0, count - ids.shape[1]), value=-1)
    if true is not None:
        own = scores.gather(1, true.clamp(min=0)[:, None])
        possible = (true >= FIRST) & own[:, 0].isfinite()
        found["rank"] = ((scores >= own).sum(1, dtype=torch.int32) - 1).masked_fill(~possible, -1)
        found["others"] = (scores > NEVER).sum(1, dtype=torch.int32) - possible.int()
    return found


def last(target: Tensor) -> Tensor:
    """(B, T) ids, -1 behind -> (B,) the last of each row, -1 where there is none."""
    count = (target >= 0).sum(1)
    found = target.gather(1, (count - 1).clamp(min=0)[:, None])[:, 0]
    return found.masked_fill(count == 0, -1).long()
