"""Adversarial inputs: numbers and pictures moved, within a small box, to where a model's loss is largest; and training on them.

Knows batches and their gradients; what a change of 1 means in each input it asks the sources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .blocks.stream import Batch, Model, Source
from .loop import Gradients, StepOptions, Terms, batch_gradients, total_loss

DARK = 64  # pictures without a brighter byte count grey up to their own brightest one, as digits' 16 levels
Reach = dict[str, Tensor]
"""Batch key -> what a change of 1 is there: the range of a picture's bytes, 1 (a deviation) in scaled numbers, 0 where a
number only says that another is missing; what a column calls its `reach`, such as how strong sound usually is."""


def reach_of(sources: Sequence[Source], inputs: Mapping[str, Any]) -> Reach:
    """What can be moved by small steps; empty where a model reads only words and categories. inputs: the encoded ones."""
    found: Reach = {}
    for source in sources:
        if source.kind == "image":
            peak = float(inputs[source.name][:1000].max(initial=0))
            found[source.name] = torch.tensor(peak if 0 < peak < DARK else 255.0)
        elif source.kind in ("vector", "series") or "reach" in source.sizes:
            found[source.name] = torch.tensor(source.sizes.get("reach", 1.0))
        elif source.kind == "table" and source.sizes.get("number"):
            found["number"] = torch.ones(source.sizes["number"])
            found["number"][source.sizes.get("indicators", [])] = 0.0
    return found


def attack(model: Model, batch: Batch, reach: Reach, *, epsilon: float, steps: int = 1, random: bool = False) -> Batch:
    """The batch with its inputs moved by at most `epsilon` (of their reach) each, so that the loss grows.

    One step from the inputs themselves is the fast gradient sign method, x + epsilon sign(dL/dx) (Goodfellow 2015). Several,
    each of 2.5 epsilon / steps and kept in the box, from a random start, are projected gradient descent (Madry 2018).
    """
    clean = {key: batch[key].float() for key in reach}
    scale = {key: one.to(clean[key].device) for key, one in reach.items()}
    low = {key: x - epsilon * scale[key] for key, x in clean.items()}
    high = {key: x + epsilon * scale[key] for key, x in clean.items()}
    for key, x in clean.items():
        if x.ndim == 4:  # a picture's pixels stay pixels
            low[key], high[key] = low[key].clamp(min=0), high[key].clamp(max=float(scale[key]))
    moved = clean
    if random:
        moved = {key: low[key] + torch.rand_like(x) * (high[key] - low[key]) for key, x in clean.items()}
    size = epsilon if steps == 1 else 2.5 * epsilon / steps
    for _ in range(steps):
        leaves = {key: x.detach().requires_grad_() for key, x in moved.items()}
        terms = model({**batch, **leaves})
        loss = total_loss(terms, {name: count for name, (_, count) in terms.items()}, model.weights)
        slopes = torch.autograd.grad(loss, list(leaves.values()))
        moved = {
            key: (x.detach() + size * scale[key] * slope.sign()).clamp(low[key], high[key])
            for (key, x), slope in zip(leaves.items(), slopes)
        }
    return {**batch, **moved}


def gradients(reach: Reach, *, epsilon: float, steps: int) -> Gradients:
    """Gradients of the loss on attacked batches: min over weights of the mean of the largest loss in the box (Madry 2018).

    The attack sees the model as it predicts, without dropout.
    """

    def of_attacked(model: Model, batch: Batch, options: StepOptions) -> Terms:
        model.eval()
        attacked = attack(model, batch, reach, epsilon=epsilon, steps=steps, random=steps > 1)
        model.train()
        return batch_gradients(model, attacked, options)

    return of_attacked
