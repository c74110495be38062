"""The verb `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import RunError, UserError
from ..provenance import recorded
from ..report import Report


@recorded
def compare(*runs: str, sizes: str = "", target: str | None = None, out: str | None = None) -> Report:
    """Compare runs, or the sizes of one recipe, in one table.

    Args:
        runs: run folders, or one recipe (and key=value) together with --sizes
        sizes: train the recipe at these sizes first, for example small,medium,large
        target: the column to predict, when --sizes is given a data file
        out: the folder for the runs that --sizes makes (default: runs/<name>-sizes)
    """
    from .. import evaluation, tasks
    from ..run import Run

    if not runs:
        raise UserError(
            "what is to be compared?",
            where="command line",
            hint="modelwright compare RUN RUN, or compare recipe.yaml --sizes small,large",
        )
    if sizes:
        loaded = _train_sizes(runs, sizes, target, out)
    else:
        loaded = [run if isinstance(run, Run) else Run.load(run) for run in runs]
    found: list[dict[str, Any]] = []
    for run in loaded:
        if not run.metrics.get("test"):
            hint = "Leave it out, or train it with test rows."
            raise RunError("the run has no test scores to compare.", where=str(run.path), hint=hint)
        ours = tasks.find(run.recipe.model.kind).entry(run)
        found.append({**ours, "name": str(run.path)})
    targets = {tuple(run.kinds) for run in loaded}
    if len(targets) > 1:
        raise UserError(
            f"the runs predict different targets ({'; '.join(', '.join(t) for t in sorted(targets))}).",
            where="command line",
            hint="Compare runs of the same targets.",
        )
    kinds = found[0]["kinds"]
    beside = next((run for run in loaded if run.metrics.get("baselines")), loaded[0])
    seconds = beside.metrics.get("baseline_seconds", {})
    for name, scores in beside.metrics.get("baselines", {}).items():
        times = {f"{what}_seconds": seconds.get(name, {}).get(what) for what in ("fit", "predict")}
        blank = {"parameters": None, "flops": None, "bytes": None, "note": f"baseline of {beside.path}"}
        found.append({"name": name, "kinds": kinds, "scores": scores, **times, **blank})
    values = {
        entry["name"]: {
            "test": entry["scores"],
            **{k: entry.get(k) for k in ("parameters", "flops", "fit_seconds", "predict_seconds", "bytes")},
        }
        for entry in found
    }
    return Report("Comparison", [evaluation.leaderboard(found)], data={"runs": values})


def _train_sizes(recipes: tuple[str, ...], sizes: str, target: str | None, out: str | None) -> list[Any]:
    from .. import training
    from ..fitting import Watch
    from ..recipe import load

    overrides = [text for text in recipes if "=" in text and not Path(text).exists()]
    names = [text for text in recipes if text not in overrides]
    if len(names) != 1:
        raise UserError("--sizes takes exactly one recipe.", where="command line")
    wanted = [name.strip() for name in sizes.split(",") if name.strip()]
    if not wanted:
        raise UserError("no size is given.", where="--sizes", hint="For example --sizes small,medium,large")
    loaded = [load(names[0], [*overrides, f"model.size={size}"], target=target) for size in wanted]
    folder = Path(out) if out else Path("runs") / f"{loaded[0].name()}-sizes"
    runs: list[Any] = []
    for size, recipe in zip(wanted, loaded):
        recipe.baselines = recipe.baselines if not runs else False
        runs.append(training.train(recipe, folder / size, Watch(bar=True)))
    return runs
