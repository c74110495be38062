"""The verb `explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..provenance import recorded
from ..report import Report


@recorded
def explain(
    run: str,
    data: str | Any = None,
    *,
    method: str = "",
    rows: str = "5",
    target: str = "",
    samples: int = 500,
    out: str | None = None,
) -> Report:
    """Say why a run says what it says, and how far to believe it.

    Row by row, or as a whole.

    Args:
        run: a run folder
        data: the rows to explain (default: the run's own test rows)
        method: shap, lime, gradients, occlusion, permutation, tree or selection (default: chosen by the run's inputs)
        rows: how many rows, or their numbers, such as 3,17
        target: what is explained, where the run has several targets
        samples: evaluations of the model a row, for shap, lime and occlusion
        out: a file for all that was found (.json); of tree, the tree itself
    """
    from ..explainers import explain
    from ..files import finite, write_json
    from ..publication import publish
    from ..run import Run

    loaded = run if isinstance(run, Run) else Run.load(run)
    report = explain(loaded, data, method=method, rows=str(rows), target=target, samples=samples)
    if out:
        write_json(Path(out), finite(report.data.get("tree", report.data)))
    if loaded.path is not None and (loaded.path / "status").exists():
        publish(report, loaded.path, "explain")
    return report
