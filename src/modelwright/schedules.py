"""Learning-rate schedules. Each is `kind(step, total, **options) -> factor`, the factor on the initial learning rate.

`step` counts optimiser steps from 0 to `total - 1`. All take `warmup`: below 1 a share of all steps, from 1 on a
number of steps, in which the factor rises linearly to its first value. `plateau` alone has state: it is a class, named
like the functions because a kind is named as in the recipe. The kinds are the names in `__all__`. Knows nothing of
optimisers.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from .parts import NoneOrMore, NotNegative, Positive, Share

__all__ = ["constant", "cosine", "exponential", "linear", "one_cycle", "plateau", "warmup_stable_decay"]


def constant(step: int, total: int, *, warmup: NotNegative = 0.0) -> float:
    """The same learning rate all along.

    Options:
        warmup: share of all steps (below 1) or number of steps in which the rate rises from near 0.
    """
    return _warm(step, total, warmup)[0]


def exponential(
    step: int, total: int, *, decay: Positive = 0.1, every: NoneOrMore = 0, warmup: NotNegative = 0.0
) -> float:
    """`decay ** t` (the introductory articles), t counted in units of `every` steps.

    Options:
        decay: factor of one unit of time.
        every: steps in a unit of time; 1 is the formula step by step, 0 makes the whole run one unit.
        warmup: share of all steps (below 1) or number of steps in which the rate rises from near 0.
    """
    rise, done, left = _warm(step, total, warmup)
    return rise * decay ** (done / (every or left))


def cosine(step: int, total: int, *, floor: NotNegative = 0.0, warmup: NotNegative = 0.0) -> float:
    """Half a cosine from 1 to `floor` (Loshchilov & Hutter 2017, SGDR, one cycle).

    Options:
        floor: factor at the end.
        warmup: share of all steps (below 1) or number of steps in which the rate rises from near 0.
    """
    rise, done, left = _warm(step, total, warmup)
    return rise * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(done / left, 1.0))))


def linear(step: int, total: int, *, floor: NotNegative = 0.0, warmup: NotNegative = 0.0) -> float:
    """A straight line from 1 to `floor`.

    Options:
        floor: factor at the end.
        warmup: share of all steps (below 1) or number of steps in which the rate rises from near 0.
    """
    rise, done, left = _warm(step, total, warmup)
    return rise * (1 - (1 - floor) * min(done / left, 1.0))


def one_cycle(
    step: int, total: int, *, start: NotNegative = 0.04, floor: NotNegative = 1e-4, warmup: NotNegative = 0.3
) -> float:
    """Cosine up from `start` to 1, then cosine down to `floor` (Smith & Topin 2018).

    Options:
        start: factor of the first step.
        floor: factor at the end.
        warmup: share of all steps (below 1) or number of steps going up.
    """
    up = _steps(warmup, total)
    if step < up:
        return start + (1 - start) * 0.5 * (1 - math.cos(math.pi * step / up))
    share = min((step - up) / max(total - up, 1), 1.0)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share))


def warmup_stable_decay(
    step: int, total: int, *, decay: NotNegative = 0.4, floor: NotNegative = 0.0, warmup: NotNegative = 0.02
) -> float:
    """Rise, stay, then a straight line down to `floor` (Hu 2024, MiniCPM): the middle can be prolonged at will.

    Options:
        decay: share of all steps (below 1) or number of steps going down at the end.
        floor: factor at the end.
        warmup: share of all steps (below 1) or number of steps in which the rate rises from near 0.
    """
    down = max(_steps(decay, total), 1)
    share = min(max((step - (total - down)) / down, 0.0), 1.0)
    return _warm(step, total, warmup)[0] * (1 - (1 - floor) * share)


class plateau:
    """Multiplies the rate by `decay` when the observed value has not improved for `patience` observations.

    Called like the functions, `schedule(step, total) -> factor`; `observe(value)` after each evaluation.

    Options:
        decay: factor at each plateau.
        patience: observations without improvement that are waited for.
        floor: smallest factor.
        better: "lower" for a loss, "higher" for a score.
        warmup: share of all steps (below 1) or number of steps in which the rate rises from near 0.
    """

    def __init__(
        self,
        *,
        decay: Share = 0.5,
        patience: NoneOrMore = 2,
        floor: NotNegative = 0.001,
        better: Literal["lower", "higher"] = "lower",
        warmup: NotNegative = 0.0,
    ) -> None:
        self.decay, self.patience, self.floor, self.warmup = decay, patience, floor, warmup
        self.sign = -1.0 if better == "higher" else 1.0
        self.factor, self.best, self.waited = 1.0, math.inf, 0

    def __call__(self, step: int, total: int) -> float:
        return self.factor * _warm(step, total, self.warmup)[0]

    def observe(self, value: float) -> None:
        """Take note of an evaluation; a NaN is no improvement."""
        if self.sign * value < self.best:
            self.best, self.waited = self.sign * value, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.factor, self.waited = max(self.factor * self.decay, self.floor), 0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep; JSON-able (the best value is None before the first observation)."""
        best = None if math.isinf(self.best) else self.best
        return {"factor": self.factor, "best": best, "waited": self.waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.factor, self.waited = state["factor"], state["waited"]
        self.best = math.inf if state["best"] is None else state["best"]


def _steps(amount: float, total: int) -> int:
    """A share of all steps (below 1) or a number of steps, as a number of steps."""
    return round(amount * total) if amount < 1 else int(amount)


def _warm(step: int, total: int, warmup: float) -> tuple[float, int, int]:
    """The factor of the warm-up, and of the time after it: steps done and steps in all (at least 1)."""
    up = _steps(warmup, total)
    rise = (step + 1) / (up + 1) if step < up else 1.0
    return rise, max(step - up, 0), max(total - up, 1)
