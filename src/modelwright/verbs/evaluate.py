"""The verb `evaluate`."""

from __future__ import annotations

from typing import Any

from ..provenance import recorded
from ..report import Report


@recorded
def evaluate(run: str, data: str | Any = None) -> Report:
    """Score a run on its test rows or on other data.

    Args:
        run: a run folder
        data: a file, folder or named data set (default: the run's own test rows)
    """
    from .. import tasks
    from ..run import Run

    loaded = run if isinstance(run, Run) else Run.load(run)
    return tasks.find(loaded.recipe.model.kind).evaluate(loaded, data)
