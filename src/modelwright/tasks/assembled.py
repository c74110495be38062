"""Everything supervised: test scores, baselines, folds, and the report that says it all.

Thin over `fitting.fit`, `evaluation` and `baselines`; writes the measured files of a run folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from .. import baselines, evaluation, metrics, parts
from ..blocks.stream import Batch
from ..building import own_encoders
from ..columns import Ragged, Windows, dump, maskers
from ..data.batches import Batches
from ..data.encoding import encode, keys, require_aligned, summaries
from ..errors import DataError
from ..files import write_json
from ..fitting import Trained, Watch, fit
from ..prediction import Measured, measure_rows, predict_encoded, scored, target_scores
from ..preparation import Prepared, fold_count, open_rows, prepare
from ..privacy import differential, federated
from ..publication import publish
from ..recipe import Recipe
from ..report import Report, Table, Text
from ..run import Run
from . import _report


def reopen(run: Run, recipe: Recipe | None = None) -> Prepared:
    """The data of a run again, split and encoded as when it was trained; or those of a student's recipe in its columns.
    Raises DataError where they lived in memory."""
    if recipe is None and str(run.recipe.data).startswith("<"):
        raise DataError("the data of this run lived in memory.", where=str(run.path), hint="Train from a file.")
    return prepare(recipe or run.recipe, columns=run.columns)


def calibration(prepared: Prepared, rows: int, size: int | None = None, part: int = 0) -> list[Batch]:
    """Rows of a part, evenly spread and in order, nothing augmented, in batches of `size`."""
    index = prepared.index(part)
    count = min(rows, len(index))
    return (
        list(Batches(prepared.encoded, index[np.arange(count) * len(index) // count], size or 64).in_order())
        if count
        else []
    )


def scores(model: Any, prepared: Prepared) -> dict[str, dict[str, dict[str, Any]]]:
    """Every score with its interval, of each target, on the validation and the test rows, as far as there are any."""
    parts_ = {"validation": 1, "test": 2}
    return {n: measure_part(model, prepared, p).scores for n, p in parts_.items() if len(prepared.index(p))}


def measure_part(model: Any, prepared: Prepared, part: int) -> Measured:
    """Predict and score one part (1 validation, 2 test)."""
    return measure_rows(model, prepared.encoded, prepared.index(part), prepared.columns)


def calibrate(model: Any, prepared: Prepared) -> None:
    """Tell the targets that ask for intervals how large errors are on rows that were not learned from."""
    index = prepared.index(1)
    asked = [name for name, column in prepared.columns.items() if column.target and getattr(column, "interval", 0)]
    if asked and not len(index):
        hint = "Give the split a share of them, or leave the option interval out."
        raise DataError("intervals need validation rows.", where=f"target '{asked[0]}'", hint=hint)
    predicted = predict_encoded(model, prepared.encoded, index, only=asked) if asked else {}
    for name, tensors in predicted.items():
        prepared.columns[name].calibrate(tensors, prepared.encoded.targets[name][index])


def measure(recipe: Recipe, folder: Path, watch: Watch, resolved: dict | None) -> Run:
    """Train and measure a recipe in its run folder, with its folds if it asks for them."""
    rows = open_rows(recipe)
    number = fold_count(recipe, rows)
    across = _measure_folds(recipe, rows, folder, number) if number else None
    fit_columns, learn = federated.ways(recipe)
    prepared = prepare(recipe, rows=rows, fit=fit_columns)
    private = differential.begin(recipe, prepared, folder)

    def keep(model: nn.Module) -> None:  # before anything else can go wrong
        Run(recipe, prepared.columns, path=folder, model=model).save(folder)

    how = {"gradients": private.gradients} if private else {}
    trained = learn(recipe, prepared, folder, watch, resolved, keep, **how)
    run = Run(recipe, prepared.columns, path=folder, model=trained.model)
    return _publish(run, trained, folder, watch, across)


def _publish(run: Run, trained: Trained, folder: Path, watch: Watch, across: dict | None) -> Run:
    prepared = trained.prepared
    calibrate(trained.model, prepared)
    write_json(folder / "columns.json", dump(prepared.columns))
    test, validation = measure_part(trained.model, prepared, 2), measure_part(trained.model, prepared, 1)
    for measured in (test, validation):
        _add_costs(run.recipe, prepared, measured)
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
    if run.recipe.privacy:
        values["privacy"] = differential.finish(folder, trained.session.progress.step)
    if across:
        values["folds"] = across["folds"]
    write_json(folder / "metrics.json", values)
    run.metrics = values
    report = _report.build_report(run, trained, test, validation, fitted, values)
    publish(report, folder, page=watch.report)
    return run


def _add_costs(recipe: Recipe, prepared: Prepared, measured: Measured) -> None:
    """Scores of what decisions cost, for the targets whose costs are given."""
    for name, tensors in measured.predicted.items():
        if (costs := recipe.targets.get(name, {}).get("costs")) is not None:
            column = prepared.columns[name]
            truth = column.truth(prepared.encoded.targets[name][measured.index])
            kind = parts.kind_of("columns", column)
            measured.scores[name] |= evaluation.cost_scores(kind, column.comparable(tensors), truth, costs)


def _baselines(recipe: Recipe, prepared: Prepared, seconds: float) -> dict[str, dict[str, Any]]:
    """Traditional models on the same rows: name -> scores by target, times, a note."""
    if not recipe.baselines or not len(prepared.index(2)):
        return {}
    own = {name: c for name, c in prepared.columns.items() if hasattr(c, "classical") and not c.target}
    classical = [*baselines.DEFAULTS, *(kind for column in own.values() for kind in column.usual_baselines)]
    texts = {name for name, c in prepared.columns.items() if parts.kind_of("columns", c) == "text" and not c.target}
    test, result = prepared.index(2), dict[str, dict[str, Any]]()
    usual = {name: getattr(column, "usual_baselines", ()) for name, column in prepared.columns.items()}
    codes_of = {n: codes for n, codes in prepared.encoded.targets.items() if usual[n] or not isinstance(codes, Ragged)}
    for name, column in prepared.columns.items():
        if column.target and hasattr(column, "baselines"):
            _own_baselines(name, prepared, result)
    if not codes_of:  # no traditional method here writes sequences
        return result
    inputs = summaries(prepared.encoded.inputs, prepared.columns, own_encoders(recipe, prepared.columns))
    features = baselines.Features(
        inputs,
        {n: prepared.rows.table.column(n).to_pylist() for n in texts},
        {key: own[name] for name, key in keys(prepared.columns).items() if name in own},
    )
    for name, codes in codes_of.items():
        column = prepared.columns[name]
        truth = column.truth(codes)
        methods = usual[name] or (() if hasattr(column, "baselines") else classical)
        chosen = methods if recipe.baselines is True else recipe.baselines
        kind, share = parts.kind_of("columns", column), max(10.0, seconds) / len(codes_of)
        outcome = baselines.run(chosen, kind, features, truth, prepared.index(0), test, share, recipe.train.seed)
        for baseline, found in outcome.items():
            entry = result.setdefault(baseline, {"scores": {}, "fit_seconds": 0.0, "predict_seconds": 0.0, "note": ""})
            if found.get("predicted") is not None:
                predicted, costs = found["predicted"], recipe.targets.get(name, {}).get("costs")
                scores = scored(column, predicted, truth[test])
                scores |= evaluation.cost_scores(kind, predicted, truth[test], costs) if costs is not None else {}
                entry["scores"][name] = scores
            entry["fit_seconds"] += found.get("fit_seconds") or 0.0
            entry["predict_seconds"] += found.get("predict_seconds") or 0.0
            entry["note"] = found.get("note", "") or entry["note"]
    return result


def _own_baselines(name: str, prepared: Prepared, result: dict[str, dict[str, Any]]) -> None:
    """What a kind of target brings to be compared with."""
    column, codes, test = prepared.columns[name], prepared.encoded.targets[name], prepared.index(2)
    own = own_encoders(prepared.recipe, prepared.columns)
    inputs = {n: prepared.encoded.inputs[key] for n, key in keys(prepared.columns, own).items()}
    inputs = {n: prepared.columns[n].truth(v) if isinstance(v, Windows) else v for n, v in inputs.items()}
    for baseline, predicted in column.baselines(inputs, codes, test).items():
        scores = target_scores(column, predicted, codes[test])
        for figure in ("coverage", "interval_width"):  # of the model's errors
            scores.pop(figure, None)
        result[baseline] = {"scores": {name: scores}, "fit_seconds": 0.0, "predict_seconds": 0.0, "note": ""}


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
            calibrate(trained.model, prepared)
            test = measure_part(trained.model, prepared, 2)
            _add_costs(copy, prepared, test)
            baselines = _baselines(copy, prepared, trained.seconds["train"])
            predictions = {
                n: next(
                    iter(Run(copy, prepared.columns, model=trained.model)._decode({n: t}, False).values())
                ).to_pylist()
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


def evaluate(run: Run, data: Any = None) -> Report:
    """Score a run on its own test rows, or on `data`."""
    if data is None and run.metrics.get("folds"):
        return _across_folds(run)
    table, encoded, index = _own_rows(run) if data is None else _other_rows(run, data)
    where = "the run's own test rows" if data is None else str(data) if isinstance(data, (str, Path)) else "rows"
    if not len(index):
        raise DataError("there is no row to score.", where=where)
    measured = measure_rows(run.model, encoded, index, run.columns)
    if not any(scores["rows"] for scores in measured.scores.values()):
        raise DataError("no row has a target that the run knows.", where=where, hint=_known(run.targets))
    values = {
        "test": measured.scores,
        "baselines": run.metrics.get("baselines", {}) if data is None else {},
        "seconds": {"predict": round(measured.seconds, 3)},
        "rows": len(index),
    }
    report = Report(f"{run.path or 'run'} on {where} ({len(index):,} rows)", data=values)
    for name in measured.predicted:
        report.blocks += _report.target_blocks(name, run, measured, table, encoded)
    return report


def entry(run: Run) -> dict[str, Any]:
    """The run's line of a leaderboard."""
    return _report.entry(run, run.metrics)


def _known(targets: dict[str, Any]) -> str:
    """What the targets of a run may be."""
    named = [f"{name}: {', '.join(column.sizes().get('classes', ['a number']))}" for name, column in targets.items()]
    return f"Known are {'; '.join(named)}."


def _own_rows(run: Any) -> tuple[Any, Any, Any]:
    """The run's data again, with the rows that it was tested on."""
    if str(run.recipe.data).startswith("<"):
        hint = "Give the data to score as second argument."
        raise DataError("the data of this run lived in memory.", where=str(run.path), hint=hint)
    prepared = prepare(run.recipe, columns=run.columns)
    return prepared.rows.table, prepared.encoded, prepared.index(2)


def _other_rows(run: Any, data: Any) -> tuple[Any, Any, Any]:
    table = run.through_reader(data, maskers(run.recipe.columns))
    run.require(table, targets=True, where=str(data) if isinstance(data, (str, Path)) else "rows")
    encoded = encode(table, run.columns, own_encoders(run.recipe, run.columns), cache=False)
    require_aligned(
        encoded, run.columns, run.recipe.model.heads, str(data) if isinstance(data, (str, Path)) else "rows"
    )
    return table, encoded, np.arange(table.num_rows)


def _across_folds(run: Any) -> Report:
    """The scores of a run over folds: its final model has seen every row, so that none is left to score it on."""
    metrics = run.metrics
    values = {key: metrics[key] for key in ("test", "baselines", "seconds", "folds")}
    report = Report(f"{run.path}: mean and deviation over {len(metrics['folds'])} folds", data=values)
    for target, scores in metrics["test"].items():
        rows = [[name, value] for name, value in scores.items() if isinstance(value, (int, float))]
        report.blocks.append(Table(target, ["score", "value"], rows))
    return report


def look(prepared: Prepared) -> list[Any]:
    """What a dry run says of the data: each column, what it is and why."""
    problems = [problem for column in prepared.columns.values() for problem in column.problems]
    warnings = [Text("Note", note, "warning") for note in [*prepared.rows.notes, *problems]]
    return [Table("Columns", ["column", "role", "kind", "first", "why", "doubt"], _columns(prepared)), *warnings]


def _columns(prepared: Prepared) -> list[list[Any]]:
    table = []
    for name, guess in prepared.inferred.items():
        used = prepared.columns.get(name)
        role = "left out" if used is None else "target" if used.target else "input"
        kind = "drop" if used is None else parts.kind_of("columns", used)
        first = "".join(c if c.isprintable() else " " for c in str(prepared.rows.table.column(name)[0])[:40])
        reason = guess.reason if kind == guess.kind else "given in the recipe"
        reason = "; ".join(filter(None, [reason, used.chosen if used else ""]))
        table.append([name, role, kind, first, reason, guess.doubt])
    return table
