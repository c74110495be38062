"""Fits one model to prepared data: settles what measurement decides, trains, saves as it goes.

Thin over `preparation`, `speed` and `session`. Writes only checkpoints, history and `resolved.yaml`, and only into a folder it is given.
"""

from __future__ import annotations

import copy
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
import yaml
from torch import nn

from . import adversarial, checkpoint, parts
from .blocks.stream import Batch
from .building import model_sources
from .choices import Choice
from .errors import Problem, RunError, TrainingError, UserError
from .files import finite, write_text
from .loop import Average, Gradients, StepOptions
from .progress import Bar, TensorBoard
from .recipe import Recipe
from .session import Epochs, Event, Plan, Session
from .speed import Speed, apply, choose_speed, find_batch, find_rate

SHORTEST = 1.0  # seconds between two checkpoints at ends of epochs


class Prepared(Protocol):
    """A complete recipe with its data ready to train on, whatever the kind of model; `batches(size)` is exact to repeat."""

    recipe: Recipe
    choices: list[Choice]
    seconds: dict[str, float]

    @property
    def total(self) -> int: ...  # rows there are, of which `sampled` were prepared

    @property
    def sampled(self) -> int: ...

    @property
    def train_rows(self) -> int: ...

    def build(self) -> nn.Module: ...

    def batches(self, size: int) -> Epochs: ...

    def first_batch(self) -> Batch: ...

    def validate(self, model: nn.Module, options: StepOptions) -> dict[str, Any]: ...  # `stopped`: why it ends here


@dataclass(frozen=True)
class Watch:
    """Who looks on while a run is trained. Nothing here changes the result."""

    on_step: Callable[[Event], None] | None = None
    bar: bool = False
    track: str | None = None  # "tensorboard"
    report: bool = True  # write report.html and card.md


@dataclass
class Trained:
    """What `fit` gives back: the session at its end and what was decided on the way."""

    prepared: Any
    model: nn.Module
    session: Session
    decided: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)


def fit(
    recipe: Recipe,
    prepared: Prepared,
    folder: Path | None = None,
    watch: Watch | None = None,
    resolved: dict | None = None,
    keep: Callable[[nn.Module], None] | None = None,
    *,
    model: nn.Module | None = None,
    gradients: Gradients | None = None,
) -> Trained:
    """Train a prepared recipe. Without `folder` nothing is written. keep: called with the model when training has ended, also
    when the loss is no longer finite, with the weights to be used. model: one to go on with; gradients: how a step's are
    made where it is not the usual way (`loop.train_steps`)."""
    watch, gradients = watch or Watch(), _gradients(recipe, prepared, gradients)
    if recipe.train.threads:
        torch.set_num_threads(recipe.train.threads)
    device = device_of(recipe)
    fresh, model = model is None, model or prepared.build()
    if fresh and recipe.model.start and recipe.model.kind != "language":  # one of these is opened whole when built
        _start_from(model, Path(recipe.model.start))
    decided = dict(resolved.get("decided", {})) if resolved else {}
    with recipe.places():
        decide(recipe, prepared, model, decided)
    if recipe.train.threads:
        torch.set_num_threads(recipe.train.threads)
    if folder:
        choices = [vars(c) for c in prepared.choices] or (resolved or {}).get("choices", [])
        write_resolved(folder, prepared.recipe, {"decided": decided, "choices": choices})
    session = _session(recipe, prepared, model.to(device), gradients)
    if folder and (saved := checkpoint.load(folder / "checkpoints")):
        _restore(session, saved[0], folder)
        if watch.bar:
            now = session.progress
            print(f"{folder}: going on after step {now.step:,} (epoch {now.epoch + 1})", file=sys.stderr)
        if saved[1]:
            print(saved[1], file=sys.stderr)
    listeners = _listeners(watch, folder, session, min(prepared.train_rows, _step_rows(recipe)))
    try:
        _drive(session, folder, recipe.train.checkpoint_seconds, listeners)
    except TrainingError:
        session.finish()
        if keep and session.progress.step:
            keep(model)
        raise
    finally:
        for listener in listeners:
            if hasattr(listener, "close"):
                listener.close()
    session.finish()
    if hasattr(prepared, "settle_heads"):
        prepared.settle_heads(model, session.options)
    if folder and session.progress.stopped:
        _save(folder, session)
    if keep:
        keep(model)
    return Trained(prepared, model, session, decided, {**prepared.seconds, "train": round(session.progress.seconds, 3)})


def _restore(session: Session, state: dict[str, Any], folder: Path) -> None:
    try:
        session.restore(state)
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = f"the checkpoint does not fit the model ({str(error).splitlines()[-1].strip()})."
        raise RunError(reason, where=str(folder), hint="Has the data changed? Then train again.") from None


def _drive(session: Session, folder: Path | None, every: float, listeners: list[Callable[[Event], None]]) -> None:
    """Run the session, saving at ends of epochs and every so many seconds. Ctrl-C saves before it stops."""
    saved = time.perf_counter()
    with _waiting_for_step() as pressed:
        for event in session.run():
            try:
                for listener in listeners:
                    listener(event)
                if pressed:
                    raise KeyboardInterrupt
            except KeyboardInterrupt:
                if folder:
                    _save(folder, session)
                raise
            due = every if event.record is None else min(every, SHORTEST)
            if folder and time.perf_counter() - saved > due:
                _save(folder, session)
                saved = time.perf_counter()


@contextmanager
def _waiting_for_step() -> Iterator[list[str]]:
    """Ctrl-C fills the list and waits for the end of the step, where the state is whole; a second one stops at once."""
    pressed: list[str] = []

    def note(_number: int, _frame: Any) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append("Ctrl-C")
        print("\nstopping after this step (Ctrl-C again: at once)", file=sys.stderr, flush=True)

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield pressed
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _save(folder: Path, session: Session) -> None:
    checkpoint.save(folder / "checkpoints", session.state())
    lines = "".join(json.dumps(finite(record)) + "\n" for record in session.progress.history)
    write_text(folder / "history.jsonl", lines)


def _session(recipe: Recipe, prepared: Prepared, model: nn.Module, gradients: Gradients | None) -> Session:
    train = recipe.train
    batches = prepared.batches(_step_rows(recipe))
    if hasattr(prepared, "optimizer"):  # its steps are not those of a model on batches
        optimizer = prepared.optimizer(model)
    else:
        optimizer = parts.build(
            "optimizers", {**_config(train.optimizer), "lr": train.lr, "weight_decay": train.weight_decay}, model
        )
    schedule = (
        parts.build("schedules", train.schedule)
        if _is_class("schedules", train.schedule)
        else parts.bind("schedules", train.schedule)
    )
    total = train.steps or int(train.epochs or 1) * batches.steps
    options = StepOptions(
        seed=train.seed,
        clip=train.clip,
        accumulate=train.accumulate,
        precision=train.precision,
        device=device_of(recipe).type,
    )
    plan = Plan(
        total,
        patience=train.early_stop or 0,
        monitor=train.monitor or "loss",
        time_limit=train.time_limit,
    )

    def validate(model: nn.Module) -> dict[str, Any]:
        return prepared.validate(model, options)

    apply(model, Speed(train.precision, bool(train.channels_last), bool(train.compile)))
    average = Average(model, train.ema) if train.ema else None
    session = Session(model, optimizer, schedule, batches, validate, plan=plan, options=options, average=average)
    session.gradients = gradients
    return session


def _gradients(recipe: Recipe, prepared: Any, given: Gradients | None) -> Gradients | None:
    """How gradients are made: as given, or as the recipe asks. Raises RunError where a private recipe would be trained
    without noise."""
    if recipe.privacy and not getattr(given, "private", False):
        reason = "its rows are private, and this would learn from them without noise."
        raise RunError(reason, where="privacy", hint="Take the key privacy out of its recipe to give the guarantee up.")
    return _attacked(recipe, prepared, given) if recipe.train.adversarial is not None else given


def _attacked(recipe: Recipe, prepared: Any, given: Gradients | None) -> Gradients:
    """Gradients of attacked batches. Raises RecipeError where nothing can be attacked, or others are asked for too."""
    asked, reach = recipe.train.adversarial, {}
    if recipe.model.kind != "language":
        reach = adversarial.reach_of(model_sources(recipe, prepared.columns), prepared.encoded.inputs)
    message = "" if reach else "the model reads no numbers, pictures or vectors, which alone have small steps."
    if given is not None:
        message = "attacks cannot be joined with another way of making gradients."
    if message or asked is None:
        raise recipe.error([Problem(("train", "adversarial"), message, "Leave it out.")])
    return adversarial.gradients(reach, epsilon=asked.epsilon, steps=asked.steps)


def _step_rows(recipe: Recipe) -> int:
    """Rows of one optimiser step."""
    assert isinstance(recipe.train.batch, int), "decided before training"
    return recipe.train.batch * recipe.train.accumulate


def decide(recipe: Recipe, prepared: Prepared, model: nn.Module, decided: dict[str, Any]) -> None:
    """Settle everything that measurement decides, once: it stands in the recipe before step 1."""
    train, rows = recipe.train, prepared.train_rows
    if train.batch == "all":
        train.batch = rows
    if train.batch == "auto":

        def make(size: int) -> Any:
            return next(prepared.batches(size).epoch(0))

        train.batch, tried = find_batch(model, make, "fp32", rows, _free_memory())
        decided["batch"] = {"value": train.batch, "seconds_per_row": {str(k): v for k, v in tried.items()}}
    batches = prepared.batches(_step_rows(recipe))
    total = train.steps or int(train.epochs or 1) * batches.steps
    if "speed" not in decided:
        speed = choose_speed(model, next(batches.epoch(0)), train, total)
        train.precision, train.channels_last, train.compile = speed.precision, speed.channels_last, speed.compile  # type: ignore[assignment]
        train.threads = speed.threads or train.threads
        decided["speed"] = {"reason": speed.reason, "seconds_per_step": speed.timings}
    if train.lr == "auto":
        trial = copy.deepcopy(model)
        config = {**_config(train.optimizer), "lr": 1e-3, "weight_decay": train.weight_decay}
        train.lr, curve = find_rate(
            trial, batches, parts.build("optimizers", config, trial), StepOptions(seed=train.seed)
        )
        decided["lr"] = {"value": train.lr, "curve": curve}


def _config(config: Any) -> dict[str, Any]:
    return {"kind": config} if isinstance(config, str) else dict(config)


def _is_class(room: str, config: Any) -> bool:
    return isinstance(parts.find(room, parts.split(config)[0]), type)


def _free_memory() -> float:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 0.5
    except (ValueError, OSError):
        return 2e9


def device_of(recipe: Recipe) -> torch.device:
    """The device of `train.device`. Raises RecipeError when it cannot be used."""
    name = recipe.train.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition(":")[0].splitlines()[0].rstrip(".")
        message = f"the device '{name}' cannot be used ({reason})."
        raise recipe.error([Problem(("train", "device"), message, "Use cpu or auto.")]) from None


def _start_from(model: nn.Module, path: Path) -> None:
    """Load the weights of another run wherever name and shape agree."""
    given = checkpoint.load_tensors(path / "model.safetensors")
    own = model.state_dict()
    same = {name: value for name, value in given.items() if name in own and own[name].shape == value.shape}
    if not same:
        raise RunError(
            "none of its weights fits this model.", where=str(path), hint="Use the same encoders, or leave out --from."
        )
    model.load_state_dict({**own, **same})
    print(f"{path}: {len(same)} of the model's {len(own)} weights begin as there.", file=sys.stderr)


def _listeners(watch: Watch, folder: Path | None, session: Session, rows: int) -> list[Any]:
    listeners: list[Any] = []
    if watch.bar:
        listeners.append(Bar(session.plan.steps, rows, session.progress.step))
    if watch.track == "tensorboard" and folder:
        listeners.append(TensorBoard(folder))
    elif watch.track:
        raise UserError(f"'{watch.track}' is not a tracker.", where="--track", hint="Known: tensorboard.")
    if watch.on_step:
        listeners.append(watch.on_step)
    return listeners


def write_resolved(folder: Path, recipe: Recipe, more: dict[str, Any]) -> None:
    values = {**recipe.plain(), **finite(more), "transforms": []}
    write_text(folder / "resolved.yaml", yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
