"""The verb `federate`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..provenance import recorded


@recorded
def federate(
    recipe: str | Path | Mapping[str, Any],
    *overrides: str,
    target: str | None = None,
    clients: int | None = None,
    split: str | None = None,
    alpha: float | None = None,
    fraction: float | None = None,
    rounds: int | None = None,
    epochs: int | None = None,
    batch: int | None = None,
    rule: str | None = None,
    secure: bool = False,
    clip: float | None = None,
    noise: float | None = None,
    malicious: float | None = None,
    compare: bool = False,
    out: str | None = None,
    on_step: Callable | None = None,
) -> Any:
    """Train a recipe by clients that keep their rows.

    The clients are simulated on this machine; the result is a run folder.

    Args:
        recipe: a recipe (.yaml), or a data file, folder or named data set
        overrides: key=value, for example train.lr=0.1 federated.mu=0.1
        target: the column to predict, when a data file is given; several with commas
        clients: how many there are (default: 100)
        split: who has which rows; iid, dirichlet (unequally by the target) or a column, each value a client (default: iid)
        alpha: how equal the shares of a dirichlet split are (default: 0.3)
        fraction: share of the clients that are asked in a round (default: 0.1)
        rounds: how many there are (default: 20)
        epochs: passes of a client over its rows in a round (default: 5)
        batch: rows in a client's step (default: 10)
        rule: fedavg, fedprox, fedadam, median or trimmed (default: fedavg)
        secure: add the answers under masks, so that the server sees no single one
        clip: largest norm of a client's update
        noise: Gaussian noise on the sum, in multiples of the clip; makes whole clients differentially private
        malicious: share of the clients that send ten times their update turned round, for measuring
        compare: also train the recipe in one place, with as many passes, and report both
        out: the run folder to make (default: runs/<name>-<n>)
    """
    asked = locals()
    from .. import parts, training
    from ..fitting import Watch
    from ..privacy.federated import Federated
    from ..recipe import load

    given = {name: asked[name] for name in parts.options(Federated) if asked.get(name) not in (None, "")}
    told = [f"federated.{name}={json.dumps(value)}" for name, value in given.items() if value is not False]
    loaded = load(recipe, [*overrides, *told], target=target)
    loaded.federated = loaded.federated or {}
    watch = Watch(on_step=on_step, bar=True)
    run: Any = training.train(loaded, Path(out) if out else None, watch)
    if compare:
        _compare(run, load(recipe, [*overrides, "federated=null"], target=target), watch)
    _tell(run)
    return run


def _tell(run: Any) -> None:
    """Add what the federation cost to what the run says of itself."""
    from ..status import read_json

    run.metrics["federated"] = found = read_json(run.path / "privacy.json")
    down, up = (found["bytes"][way] / 2**20 for way in ("down", "up"))
    private = (
        f"; epsilon {found['epsilon']:.2f} for whole clients, delta {found['delta']:g}" if "epsilon" in found else ""
    )
    run.notes.append(
        f"{found['clients']} clients, {found['rounds']} rounds, {down:,.1f} MiB sent to clients, {up:,.1f} MiB back"
        f"{private}; more in {run.path}/report.html"
    )


def _compare(run: Any, central: Any, watch: Any) -> None:
    """Train the same recipe in one place into `<run>-central`, and add both scores to the run's report."""
    from .. import training
    from ..privacy.federated import Federated
    from ..publication import publish
    from ..report import Report, Table

    options = Federated(**run.recipe.federated)
    central.train.steps = None
    central.train.epochs = max(1, round(options.rounds * options.fraction * options.epochs))
    central.baselines = False
    beside = training.train(central, run.path.with_name(f"{run.path.name}-central"), watch)
    file = run.path / "reports" / "federate.json"
    report = Report.from_json(file.read_text("utf-8"))
    both = {"federated": run, f"in one place, {central.train.epochs} epochs": beside}
    rows = [
        [name, target, metric, value]
        for name, one in both.items()
        for target, scores in one.metrics["test"].items()
        for metric, value in scores.items()
        if isinstance(value, float)
    ]
    report.blocks.insert(1, Table("Beside training in one place, test rows", ["how", "target", "score", "value"], rows))
    publish(report, run.path, "federate")
