"""The report of a supervised training: rank, advice, curves, what its predictions say, and the account of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import evaluation, parts
from ..data.encoding import keys
from ..fitting import Trained
from ..prediction import Measured
from ..privacy import differential
from ..reconstruction import between, sample
from ..report import Report, Section, Table, Text
from ..run import Run

PICTURES = 10  # in a row of them


def build_report(
    run: Run, trained: Trained, test: Measured, validation: Measured, baselines: dict, values: dict
) -> Report:
    """The whole report of a training."""
    prepared, history = trained.prepared, trained.session.progress.history
    report = Report(f"{run.recipe.name()}: {', '.join(run.kinds)}", data={"run": str(run.path), **values})
    ours = entry(run, values)
    others = [{"name": name, "kinds": ours["kinds"], **found} for name, found in baselines.items()]
    report.blocks.append(evaluation.leaderboard([ours, *others]))
    report.blocks += evaluation.advice(
        history,
        values["test"],
        values["validation"],
        values["baselines"],
        run.kinds,
        values["rows"],
        balance={n: c.sizes()["counts"] for n, c in run.targets.items() if "counts" in c.sizes()},
        leaks=[n for n, guess in prepared.inferred.items() if n in prepared.columns and "leak" in guess.doubt],
    )
    if "privacy" in values:
        report.blocks += differential.blocks(values["privacy"], prepared.columns)
    for name, inferred in prepared.inferred.items():
        known = name in prepared.rows.targets  # a named data set knows its own target
        if inferred.doubt and not known:
            report.blocks.append(Text(f"Column {name}", inferred.doubt, "warning"))
    unread = [problem for column in prepared.columns.values() for problem in column.problems]
    report.blocks += [Text("Note", note, "warning") for note in [*prepared.rows.notes, *unread]]
    report.blocks += evaluation.learning_curves(history)
    for name in test.predicted:
        costs = run.recipe.targets.get(name, {}).get("costs")
        report.blocks += target_blocks(
            name, run, test, prepared.rows.table, prepared.encoded, validation=validation, costs=costs
        )
        if conditions := getattr(run.columns.get(name), "slices", None):
            models = {"modelwright": values["test"], **values["baselines"]}
            report.blocks.append(
                evaluation.slices(name, conditions, {m: s[name] for m, s in models.items() if name in s})
            )
    report.blocks += _over_folds(values["test"]) if "folds" in values else []
    report.blocks += _account(run, trained)
    return report


def _over_folds(scores: dict[str, dict[str, Any]]) -> list[Any]:
    """The mean of each score over the folds, and how much it differs from fold to fold."""
    found: list[Any] = []
    for target, each in scores.items():
        shown = {name: value for name, value in each.items() if isinstance(value, float) and not name.endswith("_sd")}
        rows = [
            [evaluation.NAMES.get(name, name.replace("_", " ")), value, each.get(f"{name}_sd")]
            for name, value in shown.items()
        ]
        found.append(Table(f"Over {each.get('folds', 0)} folds: {target}", ["score", "mean", "sd"], rows))
    return found


def target_blocks(
    name: str,
    run: Run,
    measured: Measured,
    table: Any,
    encoded: Any,
    *,
    validation: Measured | None = None,
    costs: Any = None,
) -> list[Any]:
    """What there is to say about the predictions of one target."""
    if run.kinds[name] == "reconstruct":
        return _rebuilt_blocks(name, run, measured, table, encoded)
    column, tensors = run.columns[name], measured.predicted[name]
    checked = None
    if validation is not None and name in validation.predicted:
        checked = (validation.predicted[name], column.truth(encoded.targets[name][validation.index]))
    predicted, truth = column.comparable(tensors), column.truth(encoded.targets[name][measured.index])
    sizes, more = column.sizes(), []
    if "outside" in sizes:
        predicted = {**predicted, "outside": sizes["outside"]}
        margin, label = float(run.model.head(name).margin), sizes["classes"][sizes["outside"]]
        more = [evaluation.outside_block(predicted, truth, margin, label, checked and checked[1])]
    return (
        evaluation.blocks(
            parts.kind_of("columns", column),
            name,
            predicted,
            truth,
            sizes.get("classes"),
            costs=costs,
            examples=examples_of(table, encoded, measured.index, run.columns),
            validation=checked,
        )
        + more
    )


def _rebuilt_blocks(name: str, run: Run, measured: Measured, table: Any, encoded: Any) -> list[Any]:
    """What there is to say about a target that is an input too."""
    tensors = measured.predicted[name]
    samples = way = None
    if "picture" in tensors:
        samples = sample(run.model, 2 * PICTURES)[name]["picture"] if hasattr(run.model.fuse, "prior") else None
        way = (
            between(run.model, encoded.batch(measured.index[:2]))[name]["picture"] if len(measured.index) > 1 else None
        )
    examples = examples_of(table, encoded, measured.index, run.columns)
    return evaluation.reconstruction_blocks(name, measured.scores[name], tensors, examples, samples, way)


def examples_of(table: Any, encoded: Any, index: np.ndarray, columns: dict[str, Any]) -> evaluation.Examples:
    """The raw rows behind scored ones, with their pictures."""
    inputs = {name: column for name, column in columns.items() if not column.target}
    place = keys(inputs)
    pictures = {n: encoded.inputs[place[n]] for n, c in inputs.items() if c.source == "image"}
    return evaluation.Examples(table, index, list(inputs), pictures)


def entry(run: Run, values: dict[str, Any]) -> dict[str, Any]:
    """The model's line of a leaderboard."""
    return {
        "name": "modelwright",
        "kinds": run.kinds,
        "scores": values["test"],
        "parameters": values["parameters"],
        "flops": values["flops"],
        "fit_seconds": values["seconds"]["train"],
        "predict_seconds": values["seconds"]["test"],
        "bytes": values["bytes"],
        "note": "",
    }


def _account(run: Run, trained: Trained) -> list[Any]:
    """What was done: columns, choices, timings."""
    prepared = trained.prepared
    columns = [
        [
            name,
            "target" if c.target else "input and target" if name in run.kinds else "input",
            parts.kind_of("columns", c),
            "; ".join(filter(None, [prepared.inferred[name].reason if name in prepared.inferred else "", c.chosen])),
        ]
        for name, c in prepared.columns.items()
    ]
    columns += [[n, "left out", "drop", i.reason] for n, i in prepared.inferred.items() if n not in prepared.columns]
    found = [Section("Account"), Table("Columns", ["column", "role", "kind", "why"], columns)]
    if prepared.choices:
        found.append(
            Table("Choices", ["key", "value", "why"], [[c.key, str(c.value), c.reason] for c in prepared.choices])
        )
    speed = trained.decided.get("speed", {})
    steps = [[name, seconds * 1000] for name, seconds in speed.get("seconds_per_step", {}).items()]
    found.append(Table("Speed", ["variant", "ms a step"], steps, note=speed.get("reason", "")))
    found.append(Table("Time", ["stage", "seconds"], [[k, round(v, 2)] for k, v in trained.seconds.items()]))
    return found
