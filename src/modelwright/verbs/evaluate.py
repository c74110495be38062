"""The verb `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import DataError
from ..report import Report, Table


def evaluate(run: str, data: str | Any = None) -> Report:
    """Score a run on its test rows or on other data.

    Args:
        run: a run folder
        data: a file, folder or named data set (default: the run's own test rows)
    """
    from ..results import measure_rows
    from ..run import Run

    loaded = run if isinstance(run, Run) else Run.load(run)
    if data is None and loaded.metrics.get("folds"):
        return _across_folds(loaded)
    table, encoded, index = _own_rows(loaded) if data is None else _other_rows(loaded, data)
    where = "the run's own test rows" if data is None else str(data) if isinstance(data, (str, Path)) else "rows"
    if not len(index):
        raise DataError("there is no row to score.", where=where)
    measured = measure_rows(loaded.model, encoded, index, loaded.columns)
    if not any(scores["rows"] for scores in measured.scores.values()):
        raise DataError("no row has a target that the run knows.", where=where, hint=_known(loaded.targets))
    values = {
        "test": measured.scores,
        "baselines": loaded.metrics.get("baselines", {}) if data is None else {},
        "seconds": {"predict": round(measured.seconds, 3)},
        "rows": len(index),
    }
    report = Report(f"{loaded.path or 'run'} on {where} ({len(index):,} rows)", data=values)
    for name in measured.predicted:
        report.blocks += _blocks(loaded, name, measured, table, encoded)
    return report


def _known(targets: dict[str, Any]) -> str:
    """What the targets of a run may be."""
    named = [f"{name}: {', '.join(column.sizes().get('classes', ['a number']))}" for name, column in targets.items()]
    return f"Known are {'; '.join(named)}."


def _own_rows(run: Any) -> tuple[Any, Any, Any]:
    """The run's data again, with the rows that it was tested on."""
    from ..preparation import prepare

    if str(run.recipe.data).startswith("<"):
        hint = "Give the data to score as second argument."
        raise DataError("the data of this run lived in memory.", where=str(run.path), hint=hint)
    prepared = prepare(run.recipe, columns=run.columns)
    return prepared.rows.table, prepared.encoded, prepared.index(2)


def _other_rows(run: Any, data: Any) -> tuple[Any, Any, Any]:
    import numpy as np

    from ..data.encoding import encode
    from ..data.reading import read
    from ..preparation import own_encoders

    table = read(data, Path(".")).table
    run.require(table, targets=True, where=str(data) if isinstance(data, (str, Path)) else "rows")
    encoded = encode(table, run.columns, own_encoders(run.recipe, run.columns), cache=False)
    return table, encoded, np.arange(table.num_rows)


def _blocks(run: Any, name: str, measured: Any, table: Any, encoded: Any) -> list[Any]:
    """What there is to say about the predictions of one target."""
    from .. import evaluation, parts
    from ..results import examples_of

    column, index, tensors = run.columns[name], measured.index, measured.predicted[name]
    return evaluation.blocks(
        parts.kind_of("columns", column),
        name,
        {key: column.truth(value) if key == "value" else value for key, value in tensors.items()},
        column.truth(encoded.targets[name][index]),
        column.sizes().get("classes"),
        examples=examples_of(table, encoded, index, run.columns),
    )


def _across_folds(run: Any) -> Report:
    """The scores of a run over folds: its final model has seen every row, so that none is left to score it on."""
    metrics = run.metrics
    values = {key: metrics[key] for key in ("test", "baselines", "seconds", "folds")}
    report = Report(f"{run.path}: mean and deviation over {len(metrics['folds'])} folds", data=values)
    for target, scores in metrics["test"].items():
        rows = [[name, value] for name, value in scores.items() if isinstance(value, (int, float))]
        report.blocks.append(Table(target, ["score", "value"], rows))
    return report
