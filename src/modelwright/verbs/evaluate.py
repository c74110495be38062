"""The verb `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..report import Report, Table


def evaluate(run: str, data: str | Any | None = None) -> Report:
    """Score a run on its test rows or on other data.

    Args:
        run: a run folder
        data: a file, folder or named data set (default: the run's own test rows)
    """
    import numpy as np

    from .. import evaluation, parts
    from ..data.encoding import encode
    from ..data.reading import read
    from ..errors import DataError
    from ..preparation import own_encoders, prepare
    from ..results import examples_of, measure_rows
    from ..run import Run

    loaded = run if isinstance(run, Run) else Run.load(run)
    if data is None and loaded.metrics.get("folds"):
        return _across_folds(loaded)
    if data is None and str(loaded.recipe.data).startswith("<"):
        hint = "Give the data to score as second argument."
        raise DataError("the data of this run lived in memory.", where=str(loaded.path), hint=hint)
    if data is None:
        prepared = prepare(loaded.recipe, columns=loaded.columns)
        table, encoded, index = prepared.rows.table, prepared.encoded, prepared.index(2)
        where = "the run's own test rows"
    else:
        table = read(data, Path(".")).table
        loaded.require(table, targets=True, where=str(data))
        encoded, index, where = (
            encode(table, loaded.columns, own_encoders(loaded.recipe, loaded.columns), cache=False),
            np.arange(table.num_rows),
            str(data),
        )
    if not len(index):
        raise DataError("there is no row to score.", where=where)
    measured = measure_rows(loaded.model, encoded, index, loaded.columns)
    if not any(scores["rows"] for scores in measured.scores.values()):
        known = [f"{name}: {', '.join(column.sizes().get('classes', ['a number']))}" for name, column in loaded.targets.items()]
        raise DataError("no row has a target that the run knows.", where=where, hint=f"Known are {'; '.join(known)}.")
    baselines = loaded.metrics.get("baselines", {}) if data is None else {}
    values = {
        "test": measured.scores,
        "baselines": baselines,
        "seconds": {"predict": round(measured.seconds, 3)},
        "rows": len(index),
    }
    report = Report(f"{loaded.path or 'run'} on {where} ({len(index):,} rows)", data=values)
    for name, tensors in measured.predicted.items():
        column = loaded.columns[name]
        predicted = {key: column.truth(value) if key == "value" else value for key, value in tensors.items()}
        report.blocks += evaluation.blocks(
            parts.kind_of("columns", column),
            name,
            predicted,
            column.truth(encoded.targets[name][index]),
            column.sizes().get("classes"),
            examples=examples_of(table, encoded, index, loaded.columns),
        )
    return report


def _across_folds(run: Any) -> Report:
    """The scores of a run over folds: its final model has seen every row, so that none is left to score it on."""
    metrics = run.metrics
    values = {key: metrics[key] for key in ("test", "baselines", "seconds", "folds")}
    report = Report(f"{run.path}: mean and deviation over {len(metrics['folds'])} folds", data=values)
    for target, scores in metrics["test"].items():
        rows = [[name, value] for name, value in scores.items() if isinstance(value, (int, float))]
        report.blocks.append(Table(target, ["score", "value"], rows))
    return report
