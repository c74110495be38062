"""Policies: trained by playing (PPO), or by cloning a run that plays (`data: {environment: ..., policy: RUN}`), and measured on
episodes that nobody has seen. What later verbs look at are the steps that the policy itself makes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from .. import evaluation, metrics, parts, preparation
from ..choices import Choice
from ..data import environments
from ..data.environments import ACTION, LEGAL, RETURN, Ended, Environments, Player
from ..errors import DataError, UserError
from ..files import write_json
from ..fitting import Trained, Watch
from ..preparation import Prepared
from ..privacy import federated
from ..publication import publish
from ..readers.environment import Environment, player_of
from ..recipe import Recipe
from ..recipe_checks import reader_of
from ..report import Block, Report, Section, Table, Text
from ..run import Run
from . import assembled
from ._rollouts import Rollouts

TOGETHER = 25  # environments that are played side by side to measure
FRESH = 2**31  # added to the seed of the episodes that measure: no training has so large a one
NET = {"hidden": [64, 64], "activation": "tanh", "dropout": 0.0, "numbers": "none"}
TRAINING = {  # key -> value, why
    "optimizer": ("adam", "usual for PPO"),
    "lr": (5e-4, "usual for PPO"),
    "weight_decay": (0.0, "what is learned from changes as the policy does"),
    "schedule": ("linear", "ends with small steps, which settles the weights"),
    "clip": (0.5, "usual for PPO"),
    "batch": (256, "steps of a rollout that are learned from at once"),
    "epochs": (200, "rollouts"),
    "early_stop": (0, "returns go up and down; model.solved ends the training"),
}
calibration, look = assembled.calibration, assembled.look


def reader(recipe: Recipe) -> Environment:
    """The environment that a recipe names. Raises UserError where it names none."""
    if reader_of(recipe.data) != "environment":
        hint = "For example data: {environment: CartPole-v1}."
        raise UserError("a policy acts in an environment.", where="data", hint=hint)
    options = {key: value for key, value in recipe.data.items() if key not in ("environment", "split")}
    return parts.build("readers", {"kind": "environment", **options}, recipe.data["environment"])


def prepare(recipe: Recipe, sample: int | None = None, fit: Any = preparation.fit) -> Any:
    """Rows of the environment, by which columns are fitted, and with them the rollouts; or, to be cloned, those rows alone."""
    with recipe.places():
        source, cloned = reader(recipe), bool(recipe.data.get("policy"))
        _check(recipe, cloned)
    choices = [] if cloned else _choose(recipe)
    recipe.target, recipe.targets = None, {ACTION: {}, RETURN: {}}
    recipe.columns.setdefault(RETURN, {"kind": "number"})
    rows = preparation.open_rows(recipe)
    _encoders(recipe, LEGAL in rows.table.column_names)
    prepared = preparation.prepare(recipe, rows=rows, sample=sample, fit=fit)
    _fill_options(recipe)
    played = Environments(source.name, int(recipe.model.options["environments"]), recipe.train.seed, source.options)
    known = prepared.columns[ACTION].sizes().get("classes", [])
    if len(known) < played.actions and (played.masked or not cloned):
        message = f"only {len(known)} of its {played.actions} actions are in the {rows.table.num_rows:,} rows."
        raise DataError(message, where=f"environment '{source.name}'", hint="Raise data.steps.")
    if cloned:
        return prepared
    prepared.choices[:0] = choices
    return Rollouts(prepared, played, source.discount)


def _fill_options(recipe: Recipe) -> None:
    """Write every option of the model into the recipe: an old run must keep its meaning."""
    for name, option in parts.options(parts.find("models", "policy")).items():
        if name not in {*recipe.model.options, *type(recipe.model).model_fields} and option.default is not None:
            setattr(recipe.model, name, option.default)


def _check(recipe: Recipe, cloned: bool) -> None:
    """Raise UserError for keys that a policy cannot have."""
    if set(recipe.target_names()) - {ACTION, RETURN}:
        raise UserError(f"a policy has the targets {ACTION} and {RETURN}.", where="targets", hint="Leave them out.")
    rows = "this needs a model that learns from given rows; a policy makes its own by acting."
    for key in ("federated", "privacy"):
        if getattr(recipe, key) is not None and (not cloned or key == "privacy"):
            hint = "Clone a trained one: data: {environment: ..., policy: RUN}."
            raise UserError(rows, where=key, hint=hint)
    if recipe.train.lr == "auto" and not cloned:
        raise UserError("a rate is found on rows that stay the same.", where="train.lr", hint="Give a number, as 5e-4.")


def _choose(recipe: Recipe) -> list[Choice]:
    """Fill in how PPO is trained."""
    chosen, train = [], recipe.train
    for key, (value, reason) in TRAINING.items():
        if getattr(train, key) is None and not (key == "epochs" and train.steps):
            setattr(train, key, value)
            chosen.append(Choice(f"train.{key}", value, reason))
    return chosen


def _encoders(recipe: Recipe, masked: bool) -> None:
    """The usual nets: small ones, without dropout, which would make a policy judge itself by another's actions."""
    given = recipe.model.encoders
    kind, options = parts.split(given.get("table", "mlp"))
    if kind in ("", "mlp") and recipe.model.size is None:
        given["table"] = {"kind": "mlp", **NET, **options}
    if masked:
        given.setdefault(LEGAL, {"kind": "mlp", "hidden": []})


def reopen(run: Run, recipe: Recipe | None = None) -> Prepared:
    """Rows that the run itself plays, as many as it was given, in their columns; recipe: a student's that learns from them."""
    found = recipe or run.recipe
    played = {"policy": str(Path(str(run.path)).resolve()), "seed": reader(found).seed + 1}
    found = found.model_copy(update={"data": {**found.data, **played}})
    _encoders(found, LEGAL in run.columns)
    _fill_options(found)
    return preparation.prepare(found, columns=run.columns)


def scores(model: Any, prepared: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """How well the held rows are predicted, and on the test part the return of episodes."""
    found = assembled.scores(model, prepared)
    if "test" in found:
        run = Run(prepared.recipe, prepared.columns, model=model)
        found["test"][ACTION] |= measured(run, None)[0]
    return found


def measured(run: Run, player: Player | None, seed: int = 0) -> tuple[dict[str, Any], list[Ended]]:
    """The scores of fresh episodes, played by the run or by another player, and the episodes."""
    source, episodes = reader(run.recipe), int(run.recipe.model.options.get("episodes", 100))
    played = Environments(source.name, min(TOGETHER, episodes), FRESH + seed, source.measured)
    ended = environments.play(played, player or player_of(run, played), episodes, seed)
    totals = np.array([one.total for one in ended])
    half = metrics.Z * float(totals.std(ddof=1)) / len(totals) ** 0.5
    found = {
        "return": float(totals.mean()),
        "return_interval": [float(totals.mean()) - half, float(totals.mean()) + half],
        "deviation": float(totals.std(ddof=1)),
        "worst": float(totals.min()),
        "best": float(totals.max()),
        "steps": float(np.mean([one.steps for one in ended])),
        "episodes": len(ended),
    }
    return found, ended


def baselines(run: Run) -> dict[str, dict[str, Any]]:
    """What chance, and whoever was cloned, reach on the same episodes."""
    source, found = reader(run.recipe), dict[str, dict[str, Any]]()
    one = Environments(source.name, 1, 0, source.measured)
    players: dict[str, Player] = {"random": environments.random_player(one, run.recipe.train.seed)}
    if source.policy:
        players["teacher"] = player_of(Run.load(run.recipe.base / Path(source.policy).expanduser()), one)
    for name, player in players.items():
        began = time.perf_counter()
        scored = measured(run, player)[0]
        seconds = round(time.perf_counter() - began, 3)
        found[name] = {"scores": {ACTION: scored}, "fit_seconds": 0.0, "predict_seconds": seconds, "note": ""}
    return found


def measure(recipe: Recipe, folder: Path, watch: Watch, resolved: dict | None) -> Run:
    """Train and measure a recipe in its run folder."""
    fit_columns, learn = federated.ways(recipe)
    prepared = prepare(recipe, fit=fit_columns)

    def keep(model: nn.Module) -> None:  # before anything else can go wrong
        Run(recipe, prepared.columns, path=folder, model=model).save(folder)

    trained = learn(recipe, prepared, folder, watch, resolved, keep)
    run = Run(recipe, prepared.columns, path=folder, model=trained.model.cpu())
    return _publish(run, trained, folder, watch)


def _publish(run: Run, trained: Trained, folder: Path, watch: Watch) -> Run:
    prepared, session = trained.prepared, trained.session
    began = time.perf_counter()
    scored, ended = measured(run, None)
    games = examined(run)
    scored |= {"lines_lost": _lost(games)} if games else {}
    trained.seconds["test"] = round(time.perf_counter() - began, 3)
    others = baselines(run) if run.recipe.baselines else {}
    history = session.progress.history
    values = {
        "test": {ACTION: scored},
        "validation": {},
        "baselines": {name: entry["scores"] for name, entry in others.items()},
        "seconds": trained.seconds,
        "baseline_seconds": {n: {"fit": 0.0, "predict": e["predict_seconds"]} for n, e in others.items()},
        "parameters": sum(p.numel() for p in trained.model.parameters()),
        "flops": evaluation.flops(trained.model, prepared.encoded.batch(prepared.index(0)[:1])),
        "bytes": (folder / "model.safetensors").stat().st_size,
        "rows": {name: int((prepared.part == part).sum()) for part, name in enumerate(("train", "validation", "test"))},
        "steps_played": len(history) * prepared.train_rows if isinstance(prepared, Rollouts) else 0,
        "best_epoch": session.progress.best_epoch,
        "stopped": session.progress.stopped,
    }
    values |= {"games": games} if games else {}
    write_json(folder / "metrics.json", values)
    run.metrics = values
    report = Report(f"{run.recipe.name()}: policy", data={"run": str(run.path), **values})
    report.blocks.append(evaluation.leaderboard([entry(run), *_lines(others)]))
    report.blocks += _blocks(run, scored, ended, games)
    report.blocks += [Text("Note", note, "warning") for note in prepared.rows.notes]
    report.blocks += evaluation.learning_curves(history)
    report.blocks += [Section("Account"), *look(prepared)]
    chosen = [[choice.key, str(choice.value), choice.reason] for choice in prepared.choices]
    report.blocks.append(Table("Choices", ["key", "value", "why"], chosen))
    report.blocks.append(Table("Time", ["stage", "seconds"], [[k, round(v, 2)] for k, v in trained.seconds.items()]))
    publish(report, folder, page=watch.report)
    return run


def _lines(others: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, "kinds": {ACTION: "policy"}, **found} for name, found in others.items()]


def _blocks(run: Run, scored: dict[str, Any], ended: list[Ended], games: dict[str, Any]) -> list[Block]:
    """What there is to say about episodes, and about every line of a game that can be played through."""
    totals = np.array([one.total for one in ended])
    rows = [
        [f"{share:.0%} of the episodes return at most", float(np.quantile(totals, share))]
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    shown = [*rows, ["mean return", scored["return"]], ["mean steps", scored["steps"]]]
    note = f"{len(ended)} episodes that no training has seen; the likeliest action is taken."
    blocks: list[Block] = [Section("Play"), Table("Episodes", ["what", "value"], shown, note=note)]
    if games:
        lines = [[name, *counts.values()] for name, counts in games.items()]
        lost = _lost(games)
        blocks.append(Table("Every line of play", ["as", "won", "drawn", "lost"], lines))
        blocks.append(
            Text("Verdict", "No line of play is lost.", "good")
            if not lost
            else Text("Verdict", f"{lost:,} lines of play are lost.", "warning")
        )
    return blocks


def _lost(games: dict[str, dict[str, int]]) -> int:
    """Lines of play that are lost, of all."""
    return sum(counts["lost"] for counts in games.values())


def examined(run: Run) -> dict[str, dict[str, int]]:
    """What a game that can be played through says of the run in every line of play; nothing for others."""
    source = reader(run.recipe)
    one = Environments(source.name, 1, 0, source.measured)
    examine = getattr(one.envs[0].unwrapped, "examine", None)
    if examine is None:
        return {}
    player = player_of(run, one)
    return examine(lambda seen, legal: player(environments.table(seen, legal if one.masked else None)))


def evaluate(run: Run, data: Any = None) -> Report:
    """Play fresh episodes, or score the run on rows: whether it would have done the same, and what it expected of it."""
    if data is not None:
        return assembled.evaluate(run, data)
    began = time.perf_counter()
    scored, ended = measured(run, None)
    games = examined(run)
    scored |= {"lines_lost": _lost(games)} if games else {}
    seconds = {"predict": round(time.perf_counter() - began, 3)}
    values = {"test": {ACTION: scored}, "baselines": run.metrics.get("baselines", {}), "seconds": seconds}
    report = Report(f"{run.path or 'run'} in {reader(run.recipe).name} ({len(ended):,} episodes)", data=values)
    report.data |= {"games": games} if games else {}
    report.blocks += _blocks(run, scored, ended, games)
    return report


def entry(run: Run) -> dict[str, Any]:
    """The run's line of a leaderboard."""
    values = run.metrics
    return {
        "name": "modelwright",
        "kinds": {ACTION: "policy"},
        "scores": values["test"],
        **{key: values[key] for key in ("parameters", "flops", "bytes")},
        "fit_seconds": values["seconds"]["train"],
        "predict_seconds": values["seconds"]["test"],
        "note": "",
    }
