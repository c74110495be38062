"""From a recipe to everything a training needs: rows, fitted columns, encoded tensors, a complete recipe, a model.

Shared by training and the dry run. Writes nothing but the cache of encoded data.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
import yaml
from torch import nn

from . import parts
from .blocks.stream import Batch
from .building import build_model, model_sources, own_encoders, targets_of
from .choices import Choice, choose
from .columns import Inferred, infer, maskers
from .columns import dump as dump_columns
from .columns import load as load_columns
from .data import augmentation, balancing, twins
from .data.batches import Batches
from .data.encoding import TABLE, Encoded, encode, fit, require_aligned, share
from .data.reading import read
from .data.rows import Rows
from .data.splitting import folds, split
from .data.walking import columns_of, walk_forward
from .errors import DataError, Problem, RunError, UserError, did_you_mean
from .loop import StepOptions
from .prediction import settle_heads, validation_scores
from .recipe import Recipe
from .recipe_checks import FOLDS
from .status import intact, read_json, read_status


@dataclass
class Prepared:
    """A recipe made complete, with its data ready to train on. `part` is 0 train, 1 validation, 2 test a row."""

    recipe: Recipe
    rows: Rows
    part: np.ndarray
    columns: dict[str, Any]
    encoded: Encoded
    inferred: dict[str, Inferred]
    choices: list[Choice]
    seconds: dict[str, float] = field(default_factory=dict)
    total: int = 0  # rows there are, of which `sampled` were kept
    sampled: int = 0
    draw: Callable[[Batches], Any] | None = None  # makes other batches of the same rows

    def index(self, part: int) -> np.ndarray:
        """The row numbers of a part."""
        return np.flatnonzero(self.part == part)

    @property
    def train_rows(self) -> int:
        """How many rows there are to train on."""
        return int((self.part == 0).sum())

    def build(self) -> nn.Module:
        """The model, initialised from the recipe's seed, with the pretrained weights of its parts, and with what they take from
        the training rows (200,000 of them at most, evenly spread), where these are neither private nor with clients."""
        recipe, model = self.recipe, build_model(self.recipe, self.columns)
        if recipe.model.start:
            return model
        beginning: list[Any] = [module for module in model.modules() if hasattr(module, "load_pretrained")]
        for module in beginning:
            module.load_pretrained()
        begin: Any = getattr(model, "begin", None)
        if begin is not None and recipe.privacy is None and recipe.federated is None:
            index = self.index(0)[:: -(-max(1, self.train_rows) // 200_000)]
            chunks = np.array_split(index, -(-max(1, len(index)) // 4_096))
            begin(lambda: map(self.encoded.batch, chunks))
        return model

    def batches(self, size: int) -> Any:
        """The training rows in batches of `size`, augmented as the recipe says."""
        recipe = self.recipe
        sources = model_sources(recipe, self.columns)
        images = [source.name for source in sources if source.kind == "image"]
        texts = [source.name for source in sources if source.kind == "text" and "pieces" not in source.sizes]
        targets = targets_of(recipe, self.columns).items()
        classes = {name: len(sizes["classes"]) for name, (_, sizes) in targets if "classes" in sizes}
        zeros = {name: _zero(self.columns[name]) for name, (kind, _) in targets if kind == "number"}
        train, index = recipe.train, self.index(0)
        with recipe.places():
            augment = augmentation.build(train.augment, images, classes, zeros, texts)
            weights = self._weights(index)
        usual = Batches(self.encoded, index, size, train.seed, augment, train.bucket, weights=weights)
        return self.draw(usual) if self.draw else usual

    def _weights(self, index: np.ndarray) -> np.ndarray | None:
        """How often each training row is drawn, where the recipe balances a target."""
        asked = self.recipe.train.balance
        if asked is None:
            return None
        if asked.target not in self.encoded.targets:
            hint = did_you_mean(asked.target, self.encoded.targets)
            raise UserError(f"'{asked.target}' is not a target.", where="train.balance.target", hint=hint)
        codes: Any = self.encoded.targets[asked.target]
        return balancing.weights(codes[index], bins=asked.bins, share=asked.share)

    def first_batch(self) -> Batch:
        """The first rows as training sees them, augmented."""
        train = self.recipe.train
        batches = self.batches((train.batch if isinstance(train.batch, int) else 64) * train.accumulate)
        batch = self.encoded.batch(self.index(0)[: batches.size])
        with self.recipe.places():
            return batches.augment(batch, torch.Generator().manual_seed(train.seed), 0) if batches.augment else batch

    def validate(self, model: nn.Module, options: StepOptions) -> dict[str, Any]:
        """Scores of the validation rows; nothing where there are none."""
        rows = self.index(1)
        return validation_scores(model, self.encoded, rows, self.columns, options) if len(rows) else {}

    def settle_heads(self, model: Any, options: StepOptions) -> None:
        """Let the heads choose on the validation rows what their decisions hang on."""
        settle_heads(model, self.encoded, self.index(1), options.device)


def _zero(column: Any) -> float:
    """The code of 0 in a target of numbers."""
    return float(column.encode(pa.array([0.0]))[0])


def open_rows(recipe: Recipe) -> Rows:
    """The recipe's rows; adds the data set's own target when the recipe names none."""
    with recipe.places():
        rows = read(recipe.data, recipe.base, maskers(recipe.columns))
    if not recipe.target_names():
        if not rows.targets:
            raise UserError(
                "which column is to be predicted?",
                where=recipe.source,
                hint=f"Name one as target (--target NAME): {', '.join(rows.table.column_names[:20])}.",
            )
        recipe.targets = {name: {} for name in rows.targets}
    problems = unknown_names(recipe.model_dump(exclude={"data"}), rows)
    if problems:
        raise recipe.error(problems)
    return rows


def unknown_names(recipe: Mapping[str, Any], rows: Rows) -> list[Problem]:
    """Every name in a recipe's values that is not a column (or an input, or a target) of the rows."""
    known, problems = rows.table.column_names, list[Problem]()

    def check(path: tuple[str, ...], names: Any, among: list[str], what: str) -> None:
        for name in names if isinstance(names, Mapping) else ():
            if name not in among:
                problems.append(Problem((*path, name), what, did_you_mean(str(name), among)))

    if isinstance(recipe.get("target"), str) and recipe["target"] not in known:
        message = f"'{recipe['target']}' is not a column of {rows.name}."
        problems.append(Problem(("target",), message, did_you_mean(recipe["target"], known)))
    absent = f"{rows.name} has no such column."
    options = recipe["targets"] if isinstance(recipe.get("targets"), Mapping) else {}
    rebuilds = any(isinstance(given, Mapping) and "head" in given for given in options.values())
    check(("targets",), recipe.get("targets"), [*known, TABLE] if rebuilds else known, absent)
    check(("columns",), recipe.get("columns"), known, absent)
    model = recipe.get("model")
    if isinstance(model, Mapping):
        targets = [recipe["target"]] if isinstance(recipe.get("target"), str) else list(recipe.get("targets") or ())
        check(("model", "encoders"), model.get("encoders"), ["table", *known], "there is no such input.")
        check(("model", "heads"), model.get("heads"), targets or list(rows.targets), "there is no such target.")
    return problems


def build_columns(recipe: Recipe, rows: Rows) -> tuple[dict[str, Any], dict[str, Inferred]]:
    """Unfitted column objects for every column that is used, and what was inferred about each."""
    rebuilt = recipe.rebuilt_names()
    targets = set(recipe.target_names()) - set(rebuilt)
    for name, given in recipe.model.encoders.items():
        kind, options = parts.split(given)
        if kind and hasattr(found := parts.find("encoders", kind), "settle"):
            options, asked = found.settle(options, recipe.base)
            recipe.model.encoders[name] = {"kind": kind, **options}
            own = recipe.columns.get(name, {})
            recipe.columns[name] = {**asked, **({"kind": own} if isinstance(own, str) else own)}
    known = {name: _config(config)["kind"] for name, config in rows.columns.items()}
    inferred = infer(rows.table, targets, known)
    columns: dict[str, Any] = {}
    for name in rows.table.column_names:
        config = _config(recipe.columns.get(name, {}))
        own, guess = _config(rows.columns.get(name, {})), inferred[name]
        if own and config.get("kind", own["kind"]) == own["kind"]:
            config = {**own, **config}
        if "kind" not in config:
            config = {"kind": guess.kind, **guess.options, **config}
        if (config["kind"] == "drop" and name not in targets) or _is_beside(name, recipe, rows):
            continue
        if config["kind"] == "drop":
            given = "it is to be dropped" if name in recipe.columns else guess.reason
            message = f"the target '{name}' cannot be learned: {given}."
            raise recipe.error([Problem(("columns", name), message, "Give it a kind that can be predicted.")])
        recipe.columns[name] = config
        columns[name] = parts.build("columns", config, name, name in targets)
        if name in rows.beside and hasattr(columns[name], "refer"):
            columns[name].refer(rows.beside[name])
    if len(columns) == len(targets):
        left = [f"{name} ({inferred[name].reason})" for name in rows.table.column_names if name not in columns]
        message = "no input column is left" + (f"; left out: {', '.join(left[:5])}." if left else ".")
        raise DataError(message, where=rows.name, hint="Give some of them a kind under columns.")
    return columns, inferred


def _config(given: Any) -> dict[str, Any]:
    return {"kind": given} if isinstance(given, str) else dict(given)


def _is_beside(name: str, recipe: Recipe, rows: Rows) -> bool:
    """Whether a column has no part in a recipe that only rebuilds inputs: it is not rebuilt, and nothing names it."""
    rebuilt, named = recipe.rebuilt_names(), {*recipe.columns, *recipe.target_names(), *recipe.model.encoders}
    if not rebuilt or len(rebuilt) < len(recipe.target_names()) or name in named:
        return False
    return TABLE not in rebuilt or name in rows.targets


def prepare(
    recipe: Recipe,
    *,
    fold: tuple[int, int] | None = None,
    rows: Rows | None = None,
    columns: dict[str, Any] | None = None,
    sample: int | None = None,
    fit: Callable[..., None] = fit,
) -> Prepared:
    """Read, split, fit, encode, choose.

    `fold` is (number, of how many) for cross-validation; `columns` are fitted ones to use as they are; `sample` keeps
    that many rows only (for a dry run); `fit(table, columns, mask)` fits columns.
    """
    clock, seconds = _Clock(), {}
    rows = rows or open_rows(recipe)
    seconds["read"], total = clock(), rows.table.num_rows
    with recipe.places():
        fold_count(recipe, rows)  # says so where there are too many
        part = _split(recipe, rows, fold)
    if sample is not None and rows.table.num_rows > sample:
        keep = np.sort(np.random.default_rng(0).choice(len(part), sample, replace=False))
        rows, part = replace(rows, table=rows.table.take(keep)), part[keep]
    inferred: dict[str, Inferred] = {}
    if columns is None:
        start = _start(recipe, rows) if recipe.model.start else {}
        columns, inferred = build_columns(recipe, rows)
        columns = _kept(start, columns, recipe) if recipe.model.start else columns
        fit_columns(rows, {n: c for n, c in columns.items() if start.get(n) is not c}, part == 0, fit)
        share(columns)
    seconds["fit"] = clock()
    encoded = encode(rows.table, columns, own_encoders(recipe, columns))
    seconds["encode"] = clock()
    if inferred and (fold is None or fold[0] == 0):  # the first time that these rows are split
        rows.notes.extend(twins.warnings(rows.table, encoded, columns, part))
    choices = choose(recipe, model_sources(recipe, columns), targets_of(recipe, columns), int((part == 0).sum()))
    require_aligned(encoded, columns, recipe.model.heads, rows.name)
    _check_choices(recipe, columns, int((part == 0).sum()))
    _fill_options(recipe, columns)
    return Prepared(
        recipe, rows, part, columns, encoded, inferred, choices, seconds, total=total, sampled=rows.table.num_rows
    )


def _start(recipe: Recipe, rows: Rows) -> dict[str, Any]:
    """The fitted columns of the run that training starts from: with them its weights keep their meaning. What the
    recipe leaves open (the columns' options, the encoders) is taken from that run."""
    path = Path(recipe.model.start or "")
    read_status(path)  # says so where it is no run
    with intact(path / "resolved.yaml"):
        saved = yaml.safe_load((path / "resolved.yaml").read_text("utf-8"))["model"]
    with intact(path / "columns.json"):
        columns = load_columns(read_json(path / "columns.json"))
    columns = {name: column for name, column in columns.items() if name in rows.table.column_names}
    for name, entry in dump_columns(columns).items():
        if name not in recipe.columns and not entry["target"] and name not in recipe.target_names():
            recipe.columns[name] = {"kind": entry["kind"], **entry["options"]}
    if recipe.model.size is None:
        for name, config in saved["encoders"].items():
            if name == "table" or name in columns:
                recipe.model.encoders.setdefault(name, config)
        recipe.model.fuse = recipe.model.fuse or saved.get("fuse")
    return columns


def _kept(start: dict[str, Any], columns: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """The columns with those of the other run, in its order, where they mean the same: inputs of one kind, same options."""
    kept = {}
    for name, entry in dump_columns(start).items():
        column = columns.get(name)
        if column is None or entry["target"] or column.target or parts.kind_of("columns", column) != entry["kind"]:
            continue
        if all(getattr(column, option) == value for option, value in entry["options"].items()):
            kept[name] = start[name]
    if not kept:
        hint = "Some columns must have the same names, kinds and options in both."
        raise RunError("none of its input columns is in these data.", where=str(recipe.model.start), hint=hint)
    return {**kept, **{name: column for name, column in columns.items() if name not in kept}}


def _check_choices(recipe: Recipe, columns: dict[str, Any], rows: int) -> None:
    """Raise RecipeError for heads of another kind than their targets and for batches that the optimiser cannot use."""
    problems = []
    for name, (kind, sizes) in targets_of(recipe, columns).items():
        costs, classes = recipe.targets.get(name, {}).get("costs"), sizes.get("classes", [])
        if costs is not None and (kind not in ("category", "boolean") or len(costs) != len(classes)):
            message = f"costs of {len(costs)} classes do not fit a {kind} of {len(classes)} classes."
            problems.append(Problem(("targets", name, "costs"), message, f"In this order: {', '.join(classes[:10])}."))
        head = parts.split(recipe.model.heads[name])[0]
        if head != kind and head in parts.kinds("columns"):
            message = f"a head of kind {head} cannot learn a target of kind {kind}."
            hint = f"Leave it out, or set columns.{name}.kind to {head}."
            problems.append(Problem(("model", "heads", name), message, hint))
    train, optimizer = recipe.train, parts.split(recipe.train.optimizer)[0]
    full = getattr(parts.find("optimizers", optimizer), "full_batch", False)
    if full and isinstance(train.batch, int) and train.batch * train.accumulate < rows:
        hint = "Write batch: all, or optimizer: sgd."
        problems.append(Problem(("train", "batch"), f"{optimizer} takes all rows a step, given {train.batch}.", hint))
    if problems:
        raise recipe.error(problems)


class _Clock:
    """Seconds since the last call."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def __call__(self) -> float:
        before, self.last = self.last, time.perf_counter()
        return round(self.last - before, 4)


def fit_columns(rows: Rows, columns: dict[str, Any], train: np.ndarray, fit: Callable[..., None] = fit) -> None:
    """Fit columns on the training rows; an error names the data."""
    try:
        fit(rows.table, columns, train)
    except DataError as error:
        raise DataError(
            error.message, where=f"{rows.name}: {error.where}" if error.where else rows.name, hint=error.hint
        ) from None
    for name, column in columns.items():
        if getattr(column, "unusable", ""):
            hint = "Paths begin at the folder of the table; a column of another kind is named under columns."
            raise DataError(column.unusable, where=f"{rows.name}: column '{name}'", hint=hint)


def fold_count(recipe: Recipe, rows: Rows) -> int:
    """How many folds the recipe asks for, 0 for none. Raises RecipeError for more folds than rows."""
    config = recipe.data.get("split") if isinstance(recipe.data, dict) else None
    if not isinstance(config, dict) or config.get("kind") not in FOLDS:
        return 0
    number, most = int(config.get("folds", 10 if config["kind"] == "folds" else 5)), rows.table.num_rows
    if number > most:
        message = f"{number} folds of {most} rows cannot be made."
        raise recipe.error([Problem(("data", "split", "folds"), message, f"Give {most} at most.")])
    return number


def _split(recipe: Recipe, rows: Rows, fold: tuple[int, int] | None) -> np.ndarray:
    config = recipe.data.get("split") if isinstance(recipe.data, dict) else None
    rebuilt, seed = recipe.rebuilt_names(), recipe.train.seed
    names = [name for name in recipe.target_names() if name not in rebuilt]
    if isinstance(config, dict) and config.get("official") is False:
        rows = replace(rows, part=None)
    walk = config if isinstance(config, dict) and config.get("kind") == "walk_forward" else None
    if walk and fold is not None:
        return walk_forward(rows, walk, fold[1], validation=walk.get("validation", 0.1))[fold[0]]
    if walk:
        column, known = columns_of(rows, walk)  # the folds have tested: the model gets all rows
        config = {"kind": "time", "column": column, "known": known, "fractions": [0.9, 0.1, 0.0]}
    elif fold is None and isinstance(config, dict) and config.get("kind") == "folds":
        config = {"kind": "stratified", "fractions": [0.9, 0.1, 0.0]}  # the folds have tested: the model gets all rows
    if fold is not None:
        given = config if isinstance(config, dict) else {}
        group, validation = given.get("column"), given.get("validation", 0.1)
        part = folds(rows, names, fold[1], seed, group=group, validation=validation)[fold[0]]
    else:
        part = split(rows, names, config, seed)
    if not (part == 0).any():
        raise DataError("no row is left to train on.", where=rows.name)
    return part


def _fill_options(recipe: Recipe, columns: dict[str, Any]) -> None:
    """Write every option of every part, defaults included, into the recipe: an old run must keep its meaning."""
    complete = parts.complete
    recipe.columns = {**recipe.columns, **{name: complete("columns", recipe.columns[name]) for name in columns}}
    recipe.model.encoders = {name: complete("encoders", config) for name, config in recipe.model.encoders.items()}
    recipe.model.heads = {name: complete("heads", config) for name, config in recipe.model.heads.items()}
    recipe.model.fuse = complete("fuse", recipe.model.fuse)
    recipe.train.optimizer = complete("optimizers", recipe.train.optimizer)
    recipe.train.schedule = complete("schedules", recipe.train.schedule)
    recipe.train.augment = [complete("data.augmentation", config) for config in recipe.train.augment]
