"""Loss functions. Each returns `(sum, count)`: float32 scalars, so that a caller can add micro-batches before dividing.

A missing target (NaN for floats, -1 for classes) adds nothing to either. `weights`, shaped like one loss value per row,
multiplies both; the optional arguments are never guessed. Reductions happen in float32 even under autocast.
Knows nothing of models, columns or devices.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

Loss = tuple[Tensor, Tensor]


def mse(prediction: Tensor, target: Tensor, weights: Tensor | None = None) -> Loss:
    """Squared error, `(y - p)^2`, any shape. Missing: NaN. (Legendre 1805; the introductory articles.)"""
    error, known = _error(prediction, target)
    return _total(error.square(), known, weights)


def mae(prediction: Tensor, target: Tensor, weights: Tensor | None = None) -> Loss:
    """Absolute error, `|y - p|`, any shape: fits the median, so that outliers pull less. Missing: NaN."""
    error, known = _error(prediction, target)
    return _total(error.abs(), known, weights)


def huber(prediction: Tensor, target: Tensor, weights: Tensor | None = None, *, delta: float = 1.0) -> Loss:
    """Half the squared error within `delta`, linear beyond it. Missing: NaN. (Huber 1964.)"""
    error, known = _error(prediction, target)
    return _total(F.huber_loss(error, torch.zeros_like(error), reduction="none", delta=delta), known, weights)


def ends(share: float) -> tuple[float, float]:
    """The levels of the quantiles between which this share lies; 0.9 where none is asked for."""
    share = share or 0.9
    return (1 - share) / 2, (1 + share) / 2


def pinball(prediction: Tensor, target: Tensor, level: float, weights: Tensor | None = None) -> Loss:
    """`level` times what the truth lies above, `1 - level` times what it lies below, any shape: fits the quantile (Koenker
    & Bassett 1978). Missing: NaN."""
    error, known = _error(prediction, target)
    return _total(torch.maximum(-level * error, (1 - level) * error), known, weights)


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    weights: Tensor | None = None,
    *,
    smoothing: float = 0.0,
    class_weights: Tensor | None = None,
) -> Loss:
    """`-sum_k y_k log softmax(logits)_k` with logits (..., K). (The introductory articles; label smoothing: Szegedy 2016.)

    target: classes (...), -1 missing; or class probabilities (..., K), a row of zeros missing.
    class_weights (K,): the loss and the count of a row of class k are multiplied by `class_weights[k]`.
    """
    logits = logits.float()
    classes = logits.shape[-1]
    if target.is_floating_point():
        return _soft_cross_entropy(logits, target.float(), weights, smoothing, class_weights)
    losses = F.cross_entropy(
        logits.reshape(-1, classes),
        target.reshape(-1).long(),
        weight=class_weights,
        ignore_index=-1,
        reduction="sum" if weights is None else "none",
        label_smoothing=smoothing,
    )
    counts = class_count(target, class_weights=class_weights, weights=weights)
    return (losses if weights is None else (losses * weights.reshape(-1)).sum()), counts


def class_count(target: Tensor, *, class_weights: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
    """The count that `cross_entropy` gives for integer or soft targets, without logits."""
    if target.is_floating_point():
        each = target.float().sum(-1) if class_weights is None else (target.float() * class_weights).sum(-1)
    else:
        known = target >= 0
        each = known.float() if class_weights is None else class_weights[target.clamp(min=0).long()] * known
    return each.sum() if weights is None else (each * weights).sum()


def _soft_cross_entropy(
    logits: Tensor, target: Tensor, weights: Tensor | None, smoothing: float, class_weights: Tensor | None
) -> Loss:
    count = class_count(target, class_weights=class_weights, weights=weights)
    if smoothing:  # spreads a share of each row's own mass, so that a row of zeros stays one
        target = target * (1 - smoothing) + target.sum(-1, keepdim=True) * (smoothing / target.shape[-1])
    if class_weights is not None:
        target = target * class_weights
    losses = -(target * F.log_softmax(logits, -1)).sum(-1)
    return (losses if weights is None else losses * weights).sum(), count


def sequence_cross_entropy(
    logits: Tensor, target: Tensor, mask: Tensor | None = None, *, smoothing: float = 0.0
) -> Loss:
    """Cross-entropy summed over time steps and rows; logits (B, T, K), target (B, T).

    `mask` (B, T) is True where a step counts; -1 in the target counts nothing either. (The introductory articles, "DCEL".)
    """
    if mask is not None:
        target = target.masked_fill(~mask, -1)
    return cross_entropy(logits, target, smoothing=smoothing)


def binary_cross_entropy(
    logits: Tensor,
    target: Tensor,
    weights: Tensor | None = None,
    *,
    positive_weight: Tensor | float | None = None,
    smoothing: float = 0.0,
) -> Loss:
    """`-y log s(l) - (1 - y) log(1 - s(l))` with s the sigmoid, any shape, target in [0, 1]. Missing: NaN.

    positive_weight: factor on the first term. smoothing: targets are moved this share of the way to 1/2.
    """
    known = ~target.isnan()
    target = target.nan_to_num(0.0).float()
    if smoothing:
        target = target * (1 - smoothing) + 0.5 * smoothing
    factor = None if positive_weight is None else torch.as_tensor(positive_weight, device=logits.device)
    losses = F.binary_cross_entropy_with_logits(logits.float(), target, reduction="none", pos_weight=factor)
    return _total(losses, known, weights)


def gaussian_negative_log_likelihood(mean: Tensor, log_variance: Tensor, target: Tensor) -> Loss:
    """`-log N(target; mean, exp(log_variance))`, any shape. Missing: NaN.

    Maximum likelihood of a normal distribution; with a fixed variance it is mse/2 plus a constant (the introductory articles).
    """
    error, known = _error(mean, target)
    log_variance = log_variance.float()
    losses = 0.5 * (error.square() * torch.exp(-log_variance) + log_variance + math.log(2 * math.pi))
    return _total(losses, known, None)


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Loss:
    """`KL(N(mean, exp(log_variance)) || N(0, 1))` of each row (B, ..., D), summed over its numbers; count is B.

    The prior term of the ELBO, `0.5 * sum(mean^2 + variance - 1 - log variance)` (Kingma & Welling 2014, appendix B).
    """
    mean, log_variance = mean.float(), log_variance.float()
    total = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum()
    return total, torch.full_like(total.detach(), mean.shape[0])


def known_count(target: Tensor) -> Tensor:
    """How many values of a float target are not missing: the count of mse, mae, huber and binary_cross_entropy."""
    return (~target.isnan()).sum().float()


def _error(prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """prediction - target, exactly 0 without gradient where the target is missing, and where it is not."""
    prediction = prediction.float()
    known = ~target.isnan()
    return prediction - torch.where(known, target.float(), prediction.detach()), known


def _total(losses: Tensor, known: Tensor, weights: Tensor | None) -> Loss:
    share = known.float() if weights is None else known * weights
    return (losses * share).sum(), share.sum()
