"""The verb `train`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..provenance import recorded


@recorded
def train(
    recipe: str | Path | Mapping[str, Any] | None = None,
    *overrides: str,
    target: str | None = None,
    out: str | None = None,
    resume: str | None = None,
    from_: str | None = None,
    baselines: bool = True,
    report: bool = True,
    track: str | None = None,
    on_step: Callable | None = None,
) -> Any:
    """Train a recipe, or a data file with --target, into a run folder.

    Args:
        recipe: a recipe (.yaml), or a data file, folder or named data set
        overrides: key=value, for example train.lr=3e-4 train.epochs=20
        target: the column to predict, when a data file is given; several with commas
        out: the run folder to make (default: runs/<name>-<n>)
        resume: continue this run folder exactly where it stopped
        from_: start from the trained weights of this run folder
        baselines: also fit majority, linear, tree, SVM and boosting models to compare with
        report: write report.html and card.md
        track: also write the curves for a tracker (tensorboard)
    """
    from .. import training
    from ..fitting import Watch
    from ..recipe import load

    watch = Watch(on_step=on_step, bar=True, track=track, report=report)
    if resume:
        if recipe is not None:
            raise UserError(
                "--resume takes no recipe: the run holds its own.",
                where="command line",
                hint=f"modelwright train --resume {resume}",
            )
        return training.resume(Path(resume), watch)
    if recipe is None:
        raise UserError(
            "what is to be trained?",
            where="command line",
            hint="modelwright train data.csv --target y, or modelwright train recipe.yaml",
        )
    loaded = load(recipe, overrides, target=target)
    if from_ is not None:
        loaded.model.start = str(Path(from_).resolve())
    if not baselines:
        loaded.baselines = False
    return training.train(loaded, Path(out) if out else None, watch)
