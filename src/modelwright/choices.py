"""Chooses model, optimiser and training plan for the data at hand, each with its reason.

Only fills in what a recipe leaves out. Looks at sizes and kinds of columns, never at the test rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from . import parts
from .blocks.stream import Source, usual_encoder
from .recipe import Recipe

BATCHES = ((2000, 32), (8000, 64), (50_000, 128), (500_000, 256), (float("inf"), 4096))  # rows below -> batch
FEW_ROWS = 500  # below, intervals of numbers are learned by heart
PRIVATE_STEPS = 30  # an epoch with privacy
RATES = {"muon": 0.02, "sgd": 0.05, "momentum": 0.02, "gradient_descent": 0.1, "rmsprop": 1e-3}  # others: 2e-3


@dataclass(frozen=True)
class Choice:
    """A recipe key, the value chosen for it and why."""

    key: str
    value: Any
    reason: str


def choose(recipe: Recipe, sources: list[Source], targets: dict[str, tuple[str, dict]], rows: int) -> list[Choice]:
    """Fill the open keys of `recipe.model` and `recipe.train` in place and return what was chosen.

    `targets` maps a target to its column's kind and sizes, `rows` counts the training rows.
    """
    chosen = _Chosen(recipe)
    for name, (column, _) in targets.items():
        head = recipe.model.heads.get(name, recipe.targets.get(name, {}).get("head", {}))
        known = column in parts.kinds("columns")
        usual = {"kind": getattr(parts.find("columns", column), "head", column) if known else column}
        recipe.model.heads[name] = {**usual, **(head if isinstance(head, dict) else {"kind": head})}
    found = [parts.find("heads", parts.split(head)[0]) for head in recipe.model.heads.values()]
    steps = any(getattr(head, "reads", "pooled") == "sequence" for head in found)
    causal = any(getattr(head, "causal", False) for head in found)
    for source in sources:
        given = recipe.model.encoders.get(source.name)
        kind = given if isinstance(given, str) else (given or {}).get("kind")
        default, reason = _encoder(source, rows, kind, steps)
        if causal and source.kind == "text":
            default = {"kind": "transformer", "causal": True}
            reason = "what comes next is asked of every step: a transformer that does not look ahead"
        options = {} if isinstance(given, str) or given is None else {k: v for k, v in given.items() if k != "kind"}
        if kind is None:
            chosen.note(f"model.encoders.{source.name}", default["kind"], reason)
        elif recipe.model.size is None and not options:
            default = default if default["kind"] == kind else {"kind": kind}
        else:
            default = {"kind": kind}
        if recipe.model.size is not None:
            default = {"kind": default["kind"], **_sized(default["kind"], recipe.model.size)}
        config = recipe.model.encoders[source.name] = {**_unmixed(recipe, default), **options}
        if config["kind"] == "ensemble" and not config.get("members"):
            usual = parts.find("encoders", "ensemble").usual[source.kind]
            members = [{"kind": kind, **_sized(kind, recipe.model.size)} for kind in usual]
            config["members"] = [_unmixed(recipe, member) for member in members]
            chosen.note(f"model.encoders.{source.name}.members", ", ".join(usual), "their errors differ")
    if recipe.model.fuse is None:
        recipe.model.fuse = "concat"
    if recipe.privacy:
        _private(recipe, chosen, rows)
    _training(recipe, chosen, sources, targets, rows)
    return chosen.choices


class _Chosen:
    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.choices = recipe, list[Choice]()

    def note(self, key: str, value: Any, reason: str) -> None:
        self.choices.append(Choice(key, value, reason))

    def train(self, key: str, value: Any, reason: str) -> None:
        if getattr(self.recipe.train, key) is None:
            setattr(self.recipe.train, key, value)
            self.note(f"train.{key}", value, reason)


def _private(recipe: Recipe, chosen: _Chosen, rows: int) -> None:
    """What differential privacy asks for: large batches, in which the noise drowns less, and nothing that looks at the
    rows unaccounted for."""
    batch = min(rows, max(64, 2 ** round(math.log2(rows / PRIVATE_STEPS)))) if rows else 1
    chosen.train("batch", batch, "privacy: the noise of a step is the same for many rows as for few")
    chosen.train("early_stop", 0, "privacy: the scores that would end the training are not accounted for")
    recipe.train.speed = "fixed"
    if recipe.baselines is True:
        recipe.baselines = False
        chosen.note("baselines", False, "privacy: they would learn from the same rows without it")


def _unmixed(recipe: Recipe, config: dict[str, Any]) -> dict[str, Any]:
    """With privacy, a network without its usual batch norm, which mixes rows."""
    return {**config, "norm": "none"} if recipe.privacy and config["kind"] == "cnn" else config


def _sized(kind: str, size: str | None) -> dict[str, Any]:
    return dict(getattr(parts.find("encoders", kind), "sizes", {}).get(size, {}))


def _encoder(source: Source, rows: int, kind: str | None, steps: bool) -> tuple[dict[str, Any], str]:
    if source.kind == "table":
        small = rows < 3000
        net: dict[str, Any] = (
            {"hidden": [128, 128], "dropout": 0.2} if small else {"hidden": [256, 256], "dropout": 0.1}
        )
        if rows < FEW_ROWS:
            return {
                "kind": "mlp",
                **net,
                "numbers": "none",
            }, "a small table: a dense network on the numbers as they are"
        return {"kind": "mlp", **net, "numbers": "piecewise"}, (
            "a table: a dense network; numbers are cut into intervals, as trees do, and categories embedded"
        )
    if source.kind == "text" and steps:
        net = {"cell": "lstm", "hidden": 128, "bidirectional": True, "dropout": 0.3}
        return {"kind": "rnn", **net}, "text of which every word is asked: a recurrent network in two directions"
    if source.kind == "text":
        return {
            "kind": "bag",
            "buckets": min(50_000, max(2_000, 5 * rows)),
            "dropout": 0.3,
        }, "text: word and character n-grams carry most of the meaning at this number of rows"
    if source.kind == "image":
        side = min(source.sizes["height"], source.sizes["width"])
        if side <= 12:
            net = {"channels": [32, 64, 64], "kernel": 3, "shrink": [1, 2, 2], "norm": "batch", "dropout": 0.1}
        elif side <= 48:
            net = {"channels": [32, 64, 128], "kernel": 3, "shrink": [2, 2, 2], "norm": "batch", "dropout": 0.1}
        else:
            net = {"channels": [32, 64, 128, 128], "kernel": 3, "shrink": [2, 2, 2, 2], "norm": "batch", "pool": "mean"}
        return {
            "kind": "cnn",
            **net,
        }, f"images of {source.sizes['height']}x{source.sizes['width']} pixels: convolutions share weights over places"
    if source.kind != "vector":
        return {"kind": usual_encoder(source)}, f"{source.kind}: the usual encoder of this kind"
    return {"kind": "mlp", "hidden": [256, 128], "dropout": 0.1}, "a vector: a dense network"


def _training(recipe: Recipe, chosen: _Chosen, sources: list[Source], targets: dict[str, Any], rows: int) -> None:
    train, kinds = recipe.train, {source.kind for source in sources}
    if train.optimizer is None:
        train.optimizer = "adamw"
        chosen.note("train.optimizer", "adamw", "adapts the step of every weight and needs little tuning")
    name, options = parts.split(train.optimizer)
    if getattr(parts.find("optimizers", name), "full_batch", False):
        chosen.train("batch", "all", f"{name} takes the gradient of all training rows")
    batch = next(size for limit, size in BATCHES if rows < limit)
    chosen.train("batch", batch, f"{rows:,} training rows")
    for key in ("lr", "weight_decay"):  # also understood as options of the optimiser
        if getattr(train, key) is None:
            setattr(train, key, options.get(key))
    chosen.train("lr", RATES.get(name, 2e-3), f"the usual start for {name}")
    chosen.train("weight_decay", 0.01 if name in ("adamw", "muon") else 0.0, "mild shrinkage against over-fitting")
    chosen.train(
        "schedule", "one_cycle" if kinds & {"image"} else "cosine", "ends with small steps, which settles the weights"
    )
    if train.steps is None:
        epochs = 12 if "image" in kinds and rows > 20_000 else 8 if kinds == {"text"} and rows > 5000 else 30
        if kinds == {"table"}:
            epochs = 60 if rows < 3000 else 30 if rows < 50_000 else 8 if rows < 1_000_000 else 2
        chosen.train("epochs", epochs, "enough passes for this many rows; early stopping may end it before")
    chosen.train("early_stop", _patience(train, kinds), "epochs without a better validation score before stopping")
    accurate = kinds & {"image"} and all(kind == "category" for kind, _ in targets.values())
    chosen.train(
        "monitor", "metric" if accurate else "loss", "the validation score that decides which weights are kept"
    )


def _patience(train: Any, kinds: set[str]) -> int:
    """A schedule that ends with small steps gains most at its end: pictures are given the whole of it, and the best
    weights are kept. Tables and texts over-fit early and are stopped."""
    epochs = train.epochs or 20
    return epochs if "image" in kinds else max(5, epochs // 4)
