"""One training in progress: epochs over the loop, validation, early stopping, and the exact state to go on from.

Knows nothing of folders, recipes or printing; whoever drives it saves and shows between its events.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from .blocks.stream import Batch, Model
from .errors import TrainingError
from .loop import Average, Gradients, NotFinite, StepOptions, train_steps


class Epochs(Protocol):
    """A source of batches: a pure function of (seed, epoch, step). One that depends on the model besides has
    `state_dict()` and `load_state_dict()`, and a checkpoint holds its state."""

    @property
    def steps(self) -> int: ...

    @property
    def size(self) -> int: ...

    def rows_of(self, number: int, step: int) -> list[int]: ...

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class Plan:
    """When training ends and what is kept."""

    steps: int  # optimiser steps in all
    patience: int = 0  # epochs without a better score before stopping; 0: run to the end and keep the last weights
    monitor: str = "loss"  # or "metric"
    time_limit: float | None = None  # seconds


@dataclass(frozen=True)
class Event:
    """After a step (`record` is None) or after an epoch (`record` is its line of the history); `note`: what happened."""

    step: int
    epoch: int
    record: dict[str, Any] | None = None
    note: str = ""


@dataclass
class Progress:
    """Everything that changes while training, besides weights and optimiser."""

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    sums: dict[str, Any] = field(default_factory=dict)  # term -> [sum, count] since the epoch began
    history: list[dict[str, Any]] = field(default_factory=list)
    best_score: tuple[float, float] | None = None
    best_epoch: int = 0
    seconds: float = 0.0
    parts: int = 1  # micro-batches a step is cut into because memory ran out
    stopped: str = ""  # why training ended


class Session:
    """Drive `train_steps` over epochs. `run()` yields an Event after every step and every epoch; between events the
    session may be saved with `state()` and later continued with `restore()`, bit for bit."""

    def __init__(
        self,
        model: Model,
        optimizer: Any,
        schedule: Callable[[int, int], float],
        batches: Epochs,
        validate: Callable[[Model], dict[str, Any]],
        *,
        plan: Plan,
        options: StepOptions,
        average: Average | None = None,
    ) -> None:
        self.model, self.optimizer, self.schedule, self.batches, self.validate = (
            model,
            optimizer,
            schedule,
            batches,
            validate,
        )
        self.plan, self.options, self.average = plan, options, average
        self.gradients: Gradients | None = None  # in place of the usual ones
        self.progress = Progress()
        self.best: dict[str, Tensor] | None = None

    def run(self) -> Iterator[Event]:
        """Train until the plan is fulfilled. A step that needs more memory than there is is made of smaller parts.

        Raises TrainingError when the loss is no longer finite; the weights are then the last good ones.
        """
        now, began = self.progress, time.perf_counter() - self.progress.seconds
        while not now.stopped:
            self.model.train()
            try:
                yield from self._epoch(began)
            except NotFinite as error:
                raise self._diverged(str(error)) from None
            except (MemoryError, RuntimeError) as error:
                if "memory" not in str(error).lower() or 2 * now.parts * self.options.accumulate > self.batches.size:
                    raise
                self.optimizer.zero_grad(set_to_none=True)
                now.parts *= 2  # gradients are added up over the parts: the step stays the same
                yield Event(now.step, now.epoch, note=f"memory ran out: a step is now made of {now.parts} parts")
                continue
            now.seconds = time.perf_counter() - began
            yield Event(now.step, now.epoch, self._close_epoch())

    def _epoch(self, began: float) -> Iterator[Event]:
        """The steps that the epoch still has."""
        now = self.progress
        steps = train_steps(
            self.model,
            self.batches.epoch(now.epoch, start=now.step_in_epoch),
            self.optimizer,
            factor=lambda step: self.schedule(step, self.plan.steps),
            options=replace(self.options, accumulate=self.options.accumulate * now.parts),
            start=now.step,
            average=self.average,
            gradients=self.gradients,
        )
        for terms in steps:
            for name, (value, count) in terms.items():
                if name not in now.sums:
                    now.sums[name] = [torch.zeros_like(value, dtype=torch.float64) for _ in range(2)]
                total = now.sums[name]
                total[0] += value
                total[1] += count
            now.step += 1
            now.step_in_epoch += 1
            now.seconds = time.perf_counter() - began
            if now.step >= self.plan.steps:
                now.stopped = "all steps were made"
            elif self.plan.time_limit and now.seconds > self.plan.time_limit:
                now.stopped = "the time limit was reached"
            if now.stopped:
                return
            yield Event(now.step, now.epoch)

    def _diverged(self, loss: str) -> TrainingError:
        now = self.progress
        rows = self.batches.rows_of(now.epoch, now.step_in_epoch)
        shown = ", ".join(map(str, rows[:8])) + (", ..." if len(rows) > 8 else "")
        return TrainingError(
            f"the loss of step {now.step + 1} (epoch {now.epoch + 1}) is not finite ({loss}); its batch holds the rows {shown}.",
            hint="The weights before it are kept. Lower train.lr, set train.clip: 1.0, or look at these rows.",
        )

    def _close_epoch(self) -> dict[str, Any]:
        now = self.progress
        train = {name: float(value / count.clamp(min=1e-12)) for name, (value, count) in now.sums.items()}
        loss = sum(self.model.weights.get(name, 1.0) * value for name, value in train.items())
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} in epoch {now.epoch + 1} (step {now.step}).",
                hint="Lower train.lr, set train.clip: 1.0, or check the data for extreme values.",
            )
        record: dict[str, Any] = {
            "epoch": now.epoch + 1,
            "step": now.step,
            "seconds": round(now.seconds, 3),
            "loss": loss,
        }
        if len(train) > 1:
            record["terms"] = train
        record["lr"] = self.optimizer.param_groups[0]["lr"]
        with self.averaged_weights():
            validation = self.validate(self.model)
        now.stopped = now.stopped or validation.pop("stopped", "")
        record.update(validation)
        if hasattr(self.schedule, "observe") and "validation_loss" in record:
            self.schedule.observe(record["validation_loss"])
        self._keep_best(record)
        now.history.append(record)
        now.epoch, now.step_in_epoch, now.sums = now.epoch + 1, 0, {}
        return record

    def _keep_best(self, record: dict[str, Any]) -> None:
        now = self.progress
        if "validation_loss" not in record or not self.plan.patience:
            return
        loss = -record["validation_loss"]
        score = (record["validation_metric"], loss) if self.plan.monitor == "metric" else (loss, 0.0)
        if now.best_score is None or score > tuple(now.best_score):
            now.best_score, now.best_epoch = score, now.epoch + 1
            self.best = {name: value.detach().clone() for name, value in self.current_weights().items()}
        elif now.epoch + 1 - now.best_epoch >= self.plan.patience and not now.stopped:
            now.stopped = f"no better score for {self.plan.patience} epochs"

    def current_weights(self) -> dict[str, Tensor]:
        """The weights as they would be used now: the moving average where there is one."""
        return {**self.model.state_dict(), **(self.average.values if self.average else {})}

    def finish(self) -> None:
        """Leave the weights to be used in the model: the best ones, or the last when early stopping is off."""
        self.model.load_state_dict(self.best if self.best is not None else self.current_weights())
        self.model.eval()

    def averaged_weights(self) -> _Swapped:
        """A context in which the model holds the averaged weights."""
        return _Swapped(self.model, self.average)

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict() if hasattr(self.schedule, "state_dict") else None,
            "average": {"values": self.average.values, "count": self.average.count} if self.average else None,
            "best": self.best,
            "source": self.batches.state_dict() if hasattr(self.batches, "state_dict") else None,
            "progress": dict(vars(self.progress)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if state["schedule"] is not None:
            self.schedule.load_state_dict(state["schedule"])  # type: ignore[attr-defined]
        if self.average is not None:
            self.average.restore(state["average"]["values"], state["average"]["count"])
        if state.get("source") is not None:
            self.batches.load_state_dict(state["source"])  # type: ignore[attr-defined]
        self.best = state["best"]
        self.progress = Progress(**state["progress"])


class _Swapped:
    def __init__(self, model: nn.Module, average: Average | None) -> None:
        self.model, self.average = model, average

    def __enter__(self) -> None:
        if self.average is not None:
            self.saved = {name: value.clone() for name, value in self.model.state_dict().items()}
            self.model.load_state_dict({**self.saved, **self.average.values})

    def __exit__(self, *_: object) -> None:
        if self.average is not None:
            self.model.load_state_dict(self.saved)
