"""The training loop: a generator of optimiser steps, the only place with `backward()`.

Knows nothing of folders, timing, printing, evaluation or epochs: all that happens in the caller, between two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .blocks.stream import Batch, Model

Terms = dict[str, tuple[Tensor, Tensor]]
"""One `(sum, count)` per loss term."""
Gradients = Callable[[Model, Batch, "StepOptions"], Terms]
"""Makes the gradients of a step and gives its loss terms: `batch_gradients` is the usual one."""


class NotFinite(Exception):
    """The loss of a step is not finite; the weights are those before it."""

    def __init__(self, terms: Terms) -> None:
        values = {name: float(value / count.clamp(min=1e-12)) for name, (value, count) in terms.items()}
        super().__init__(", ".join(f"{name} {value}" for name, value in values.items()))


@dataclass(frozen=True)
class StepOptions:
    """How one optimiser step is made."""

    seed: int = 0
    clip: float | None = None  # largest gradient norm
    accumulate: int = 1  # micro-batches a step is cut into; the result equals the whole batch
    precision: str = "fp32"  # or "bf16": autocast
    device: str = "cpu"

    def autocast(self) -> AbstractContextManager:
        """The context a forward pass runs in."""
        return torch.autocast(self.device, torch.bfloat16) if self.precision == "bf16" else nullcontext()


class Average:
    """Exponential moving average of the weights: a <- d * a + (1 - d) * w after every step.

    The decay warms up as min(d, (1 + n) / (10 + n)), so that early averages are not the initial weights.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        state = {name: value.detach() for name, value in model.state_dict().items() if value.is_floating_point()}
        self._weights = list(state.values())  # the live tensors: optimisers change them in place
        self.values = {name: value.clone() for name, value in state.items()}

    def update(self) -> None:
        """Take the weights after one more step into the average."""
        self.count += 1
        weight = 1 - min(self.decay, (1 + self.count) / (10 + self.count))
        torch._foreach_lerp_(list(self.values.values()), self._weights, weight)

    def restore(self, values: dict[str, Tensor], count: int) -> None:
        """Go on from a saved average."""
        self.count = count
        for name, value in values.items():
            self.values[name].copy_(value)


def train_steps(
    model: Model,
    batches: Iterable[Batch],
    optimizer: torch.optim.Optimizer,
    *,
    factor: Callable[[int], float],
    options: StepOptions,
    start: int = 0,
    average: Average | None = None,
    gradients: Gradients | None = None,
) -> Iterator[Terms]:
    """Make one optimiser step a batch and yield its loss terms, detached and not yet read from the device.

    `factor(step)` scales every group's `initial_lr`. `start` is the number of steps already made: dropout and the
    like draw from a generator seeded by (seed, step), so that a resumed run repeats an uninterrupted one exactly. A model
    whose loss changes as it is trained has `at_step(step)`.
    `gradients` replaces the way gradients are made (differential privacy, attacks, a teacher, masks). Raises NotFinite before a step that would
    spoil the weights.
    """
    make_gradients = gradients or batch_gradients
    parameters = [p for p in model.parameters() if p.requires_grad]
    for step, batch in enumerate(batches, start):
        torch.default_generator.manual_seed((options.seed << 32) + step)
        if hasattr(model, "at_step"):
            model.at_step(step)
        scale = factor(step)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * scale
        terms = make_gradients(model, batch, options)
        if options.device == "cpu" and not all(torch.isfinite(value) for value, _ in terms.values()):
            raise NotFinite(terms)  # elsewhere reading the loss would stop the device: there the epoch's end tells
        if options.clip is not None:
            nn.utils.clip_grad_norm_(parameters, options.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if average is not None:
            average.update()
        yield terms


def batch_gradients(model: Model, batch: Batch, options: StepOptions) -> Terms:
    """Gradients of the weighted sum of the terms' means over the whole step, however many micro-batches it takes."""
    if options.accumulate == 1:
        with options.autocast():
            terms = model(batch)
        total_loss(terms, {name: count for name, (_, count) in terms.items()}, model.weights).backward()
        return {name: (value.detach(), count.detach()) for name, (value, count) in terms.items()}
    counts = model.counts(batch)  # known before the first backward pass, so that each sum gets its final divisor
    sums: dict[str, Tensor] = {}
    for part in _micro_batches(batch, options.accumulate):
        with options.autocast():
            terms = model(part)
        total_loss(terms, counts, model.weights).backward()
        for name, (value, _) in terms.items():
            sums[name] = sums.get(name, 0) + value.detach()
    return {name: (sums[name], counts[name]) for name in sums}


def total_loss(terms: Terms, counts: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    """Every term's sum over its count, times its weight, added up. A term that counts nothing adds nothing."""
    means = [weights.get(name, 1.0) * value / counts[name].clamp(min=1e-12) for name, (value, _) in terms.items()]
    return torch.stack([mean.float() for mean in means]).sum() if len(means) > 1 else means[0]


def _micro_batches(batch: Batch, parts: int) -> Iterator[Batch]:
    rows = len(next(iter(batch.values())))
    for index in torch.arange(rows).chunk(parts):
        yield {key: value[index[0] : index[-1] + 1] for key, value in batch.items()}
