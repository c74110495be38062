"""Measures a trained model: test scores, baselines, folds, and the report that says it all.

Thin over `fitting.fit`, `evaluation` and `baselines`; writes the measured files of a run folder.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import baselines, evaluation, metrics, parts
from .data.encoding import keys
from .files import write_json, write_text
from .fitting import Trained, Watch, fit
from .pages import render_html
from .prediction import predict_encoded, target_scores
from .preparation import Prepared, fold_count, open_rows, prepare
from .recipe import Recipe
from .report import Report, Section, Table, Text, render_markdown
from .run import Run


@dataclass
class Measured:
    """Predictions and scores of one part of the data."""

    index: np.ndarray
    predicted: dict[str, dict[str, np.ndarray]]  # target -> the head's tensors
    scores: dict[str, dict[str, Any]]  # target -> metrics
    seconds: float


def measure_part(model: Any, prepared: Prepared, part: int) -> Measured:
    """Predict and score one part (1 validation, 2 test)."""
    return measure_rows(model, prepared.encoded, prepared.index(part), prepared.columns)


def measure_rows(model: Any, encoded: Any, index: np.ndarray, columns: dict[str, Any]) -> Measured:
    """Predict and score the rows `index`."""
    began = time.perf_counter()
    predicted = predict_encoded(model, encoded, index) if len(index) else {}
    seconds = time.perf_counter() - began
    scores = {
        name: target_scores(columns[name], tensors, encoded.targets[name][index]) for name, tensors in predicted.items()
    }
    return Measured(index, predicted, scores, seconds)


def measure(recipe: Recipe, folder: Path, watch: Watch, resolved: dict | None) -> Run:
    """Train and measure a recipe in its run folder, with its folds if it asks for them."""
    rows = open_rows(recipe)
    number = fold_count(recipe, rows)
    across = _measure_folds(recipe, rows, folder, number) if number else None
    prepared = prepare(recipe, rows=rows)
    trained = fit(recipe, prepared, folder, watch, resolved)
    run = Run(recipe, prepared.columns, path=folder, model=trained.model)
    run.save(folder)  # before anything else can go wrong
    return _publish(run, trained, folder, watch, across)


def _publish(run: Run, trained: Trained, folder: Path, watch: Watch, across: dict | None) -> Run:
    prepared = trained.prepared
    test, validation = measure_part(trained.model, prepared, 2), measure_part(trained.model, prepared, 1)
    trained.seconds["test"] = round(test.seconds, 3)
    fitted = across["baselines"] if across else _baselines(run.recipe, prepared, trained.seconds["train"])
    values = {
        "test": across["test"] if across else test.scores,
        "validation": validation.scores,
        "baselines": {name: entry["scores"] for name, entry in fitted.items()},
        "seconds": trained.seconds,
        "baseline_seconds": {
            name: {"fit": entry["fit_seconds"], "predict": entry["predict_seconds"]} for name, entry in fitted.items()
        },
        "parameters": sum(p.numel() for p in trained.model.parameters()),
        "flops": evaluation.flops(trained.model, prepared.encoded.batch(prepared.index(0)[:1])),
        "bytes": (folder / "model.safetensors").stat().st_size,
        "rows": {name: int((prepared.part == part).sum()) for part, name in enumerate(("train", "validation", "test"))},
        "best_epoch": trained.session.progress.best_epoch,
        "stopped": trained.session.progress.stopped,
    }
    if across:
        values["folds"] = across["folds"]
    write_json(folder / "metrics.json", values)
    run.metrics = values
    report = build_report(run, trained, test, validation, fitted, values)
    (folder / "reports").mkdir(exist_ok=True)
    write_json(folder / "reports" / "train.json", report.to_json())
    if watch.report:
        write_text(folder / "report.html", render_html(report))
        write_text(folder / "card.md", render_markdown(report))
    return run


def build_report(
    run: Run, trained: Trained, test: Measured, validation: Measured, baselines: dict, values: dict
) -> Report:
    """The whole report of a training."""
    prepared, history = trained.prepared, trained.session.progress.history
    report = Report(f"{run.recipe.name()}: {', '.join(run.targets)}", data={"run": str(run.path), **values})
    report.blocks.append(evaluation.leaderboard(entries(run, values, baselines)))
    report.blocks += evaluation.advice(
        history,
        values["test"],
        values["validation"],
        values["baselines"],
        {n: parts.kind_of("columns", c) for n, c in run.targets.items()},
        values["rows"],
        balance={n: c.sizes()["counts"] for n, c in run.targets.items() if "counts" in c.sizes()},
        leaks=[n for n, guess in prepared.inferred.items() if n in prepared.columns and "leak" in guess.doubt],
    )
    for name, inferred in prepared.inferred.items():
        known = name in prepared.rows.targets  # a named data set knows its own target
        if inferred.doubt and not known:
            report.blocks.append(Text(f"Column {name}", inferred.doubt, "warning"))
    report.blocks += [Text("Note", note, "warning") for note in prepared.rows.notes]
    report.blocks += evaluation.learning_curves(history)
    for name, tensors in test.predicted.items():
        costs = run.recipe.targets.get(name, {}).get("costs")
        report.blocks += _target_blocks(name, tensors, prepared, test, validation, costs)
    report.blocks += _account(run, trained)
    return report


def _target_blocks(
    name: str, tensors: dict, prepared: Prepared, test: Measured, validation: Measured, costs: Any = None
) -> list[Any]:
    column = prepared.columns[name]
    truth = column.truth(prepared.encoded.targets[name][test.index])
    predicted = {key: column.truth(value) if key == "value" else value for key, value in tensors.items()}
    checked = None
    if name in validation.predicted:
        checked = (validation.predicted[name], column.truth(prepared.encoded.targets[name][validation.index]))
    return evaluation.blocks(
        parts.kind_of("columns", column),
        name,
        predicted,
        truth,
        column.sizes().get("classes"),
        costs=costs,
        examples=examples_of(prepared.rows.table, prepared.encoded, test.index, prepared.columns),
        validation=checked,
    )


def examples_of(table: Any, encoded: Any, index: np.ndarray, columns: dict[str, Any]) -> evaluation.Examples:
    """The raw rows behind scored ones, with their pictures."""
    inputs = {name: column for name, column in columns.items() if not column.target}
    place = keys(inputs)
    pictures = {n: encoded.inputs[place[n]] for n, c in inputs.items() if parts.kind_of("columns", c) == "image"}
    return evaluation.Examples(table, index, list(inputs), pictures)


def entries(run: Run, values: dict, baselines: dict) -> list[dict[str, Any]]:
    """One entry a model for the leaderboard, ours first; sorted by the leaderboard itself."""
    kinds = {name: parts.kind_of("columns", column) for name, column in run.targets.items()}
    ours = {
        "name": "modelwright",
        "kinds": kinds,
        "scores": values["test"],
        "parameters": values["parameters"],
        "flops": values["flops"],
        "fit_seconds": values["seconds"]["train"],
        "predict_seconds": values["seconds"]["test"],
        "bytes": values["bytes"],
        "note": "",
    }
    return [ours] + [{"name": name, "kinds": kinds, **entry} for name, entry in baselines.items()]


def _account(run: Run, trained: Trained) -> list[Any]:
    """What was done: columns, choices, timings."""
    prepared = trained.prepared
    columns = [
        [
            name,
            "target" if c.target else "input",
            parts.kind_of("columns", c),
            prepared.inferred[name].reason if name in prepared.inferred else "",
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


def _baselines(recipe: Recipe, prepared: Prepared, seconds: float) -> dict[str, dict[str, Any]]:
    """Traditional models on the same rows: name -> scores by target, times, a note."""
    if not recipe.baselines or not len(prepared.index(2)):
        return {}
    chosen = baselines.DEFAULTS if recipe.baselines is True else recipe.baselines
    texts = {name for name, c in prepared.columns.items() if parts.kind_of("columns", c) == "text" and not c.target}
    test, result = prepared.index(2), dict[str, dict[str, Any]]()
    targets = {name: column for name, column in prepared.columns.items() if column.target}
    features = baselines.Features(
        prepared.encoded.inputs, {n: prepared.rows.table.column(n).to_pylist() for n in texts}
    )
    for name, column in targets.items():
        kind, codes = parts.kind_of("columns", column), prepared.encoded.targets[name]
        share = max(10.0, seconds) / len(targets)
        outcome = baselines.run(
            chosen, kind, features, column.truth(codes), prepared.index(0), test, share, recipe.train.seed
        )
        for baseline, found in outcome.items():
            entry = result.setdefault(baseline, {"scores": {}, "fit_seconds": 0.0, "predict_seconds": 0.0, "note": ""})
            if found.get("predicted") is not None:
                entry["scores"][name] = metrics.score(
                    kind, found["predicted"], column.truth(codes[test]), column.sizes().get("classes")
                )
            entry["fit_seconds"] += found.get("fit_seconds") or 0.0
            entry["predict_seconds"] += found.get("predict_seconds") or 0.0
            entry["note"] = found.get("note", "") or entry["note"]
    return result


def _measure_folds(recipe: Recipe, rows: Any, folder: Path, number: int) -> dict[str, Any]:
    """Train and score every fold; each finished fold is kept, so that a killed run goes on with the next one."""
    found: list[dict[str, Any]] = []
    out_of_fold: dict[str, dict[int, Any]] = {}
    for fold in range(number):
        file = folder / "folds" / f"{fold}.json"
        if not file.exists():
            copy = recipe.model_copy(
                deep=False, update={k: getattr(recipe, k).model_copy(deep=True) for k in ("model", "train")}
            )
            copy.columns, copy.targets = dict(recipe.columns), dict(recipe.targets)
            prepared = prepare(copy, fold=(fold, number), rows=rows)
            trained = fit(copy, prepared, None, Watch())
            test = measure_part(trained.model, prepared, 2)
            baselines = _baselines(copy, prepared, trained.seconds["train"])
            predictions = {
                n: Run(copy, prepared.columns, model=trained.model)._decode({n: t}, False)[n].to_pylist()
                for n, t in test.predicted.items()
            }
            write_json(
                file,
                {
                    "test": test.scores,
                    "baselines": baselines,
                    "rows": test.index.tolist(),
                    "predictions": predictions,
                    "seconds": trained.seconds,
                },
            )
        found.append(json.loads(file.read_text(encoding="utf-8")))
        for name, values in found[-1]["predictions"].items():
            out_of_fold.setdefault(name, {}).update(zip(found[-1]["rows"], values))
    write_json(
        folder / "out_of_fold.json",
        {n: [v.get(row) for row in range(rows.table.num_rows)] for n, v in out_of_fold.items()},
    )
    names = list(found[0]["baselines"])
    baselines = {
        name: {
            "scores": _summaries([f["baselines"][name]["scores"] for f in found]),
            "note": found[0]["baselines"][name]["note"],
            **{k: sum(f["baselines"][name][k] for f in found) for k in ("fit_seconds", "predict_seconds")},
        }
        for name in names
    }
    return {"test": _summaries([f["test"] for f in found]), "baselines": baselines, "folds": [f["test"] for f in found]}


def _summaries(scores: list[dict[str, dict]]) -> dict[str, dict]:
    return {name: metrics.summary([s[name] for s in scores]) for name in scores[0]}
