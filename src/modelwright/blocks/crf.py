"""A linear-chain conditional random field (Lafferty, McCallum & Pereira 2001) over the scores of a sequence of tags.

    p(y | x) = exp(s(x, y)) / sum over all y' of exp(s(x, y'))
    s(x, y) = first[y_1] + sum_t scores[t, y_t] + sum_t transitions[y_t, y_(t+1)] + last[y_T]

The sum runs over K^T sequences and is computed in T steps by the forward algorithm, the best sequence by Viterbi's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Crf(nn.Module):
    """`scores` are (B, T, K) with the mask (B, T) of their tokens, which come first."""

    def __init__(self, tags: int) -> None:
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(tags, tags))  # from, to
        self.first, self.last = nn.Parameter(torch.zeros(tags)), nn.Parameter(torch.zeros(tags))

    def log_sum(self, scores: Tensor, mask: Tensor) -> Tensor:
        """(B,) log of the sum of exp(s) over all sequences."""
        moves, forward = self.transitions.exp(), self.first + scores[:, 0]
        for place in range(1, scores.shape[1]):
            peak = forward.detach().amax(1, keepdim=True)  # log-sum-exp over the tags before as a product of matrices
            step = ((forward - peak).exp() @ moves).clamp(min=1e-30).log() + peak + scores[:, place]
            forward = torch.where(mask[:, place, None], step, forward)
        return (forward + self.last).logsumexp(1)

    def loss(self, scores: Tensor, mask: Tensor, target: Tensor) -> Tensor:
        """(B,) -log p(target); where target (B, T) is -1 the tag is unknown, and all are summed over."""
        other = (target[..., None] >= 0) & (target[..., None] != torch.arange(scores.shape[2], device=target.device))
        held = scores.masked_fill(other & mask[..., None], float("-inf"))
        every, true = self.log_sum(torch.cat([scores, held]), torch.cat([mask, mask])).chunk(2)
        return every - true

    def best(self, scores: Tensor, mask: Tensor) -> Tensor:
        """(B, T) the sequence of the largest s."""
        total, came = self.first + scores[:, 0], []
        same = torch.arange(scores.shape[2], device=scores.device).expand_as(total)
        for place in range(1, scores.shape[1]):
            reached, before = (total[:, :, None] + self.transitions).max(1)
            here = mask[:, place, None]
            total = torch.where(here, reached + scores[:, place], total)
            came.append(torch.where(here, before, same))
        tags = [(total + self.last).argmax(1, keepdim=True)]
        for before in reversed(came):
            tags.append(before.gather(1, tags[-1]))
        return torch.cat(tags[::-1], 1)
