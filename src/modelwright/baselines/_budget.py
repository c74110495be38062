"""Fits baselines within a time limit: each grows from a small subsample as far as its share of the time allows."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import parts
from ._estimator import has_target
from ._features import Features


@dataclass(frozen=True)
class Budget:
    """How long all baselines together may take, and how that is found out.

    A method is first fitted on `start` rows or fewer (all of a small table). Its measured time, raised by `growth` and
    `predict_growth` of its class, tells how many rows fit into its share: a half, a quarter, an eighth... of all, so
    that a faster or slower machine often still takes the same rows.
    """

    seconds: float
    clock: Callable[[], float] = time.perf_counter
    start: int = 2_000
    most: int = 100_000  # rows a baseline is fitted on; more costs memory and moves no score worth the wait
    probe: int = 1_000  # rows predicted to measure predicting
    piece: int = 20_000  # rows predicted at once
    threads: int = 1  # on a busy machine OpenMP's second thread made boosting on 1,437 rows 16 times slower, not faster


@dataclass(frozen=True)
class _Task:
    """What every baseline of one target is given."""

    kind: str
    features: Features
    target: np.ndarray
    rows: np.ndarray  # training rows, in an order of which every beginning is a fair sample
    test: Features
    truth: np.ndarray  # of the test rows
    seed: int
    budget: Budget


def run(
    names: Sequence[str | Mapping[str, Any]],
    kind: str,
    features: Features,
    target: np.ndarray,
    index_train: np.ndarray,
    index_test: np.ndarray,
    seconds: float | Budget,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """name -> `predicted` (as heads predict, for `index_test`; None where it failed), `fit_seconds`, `predict_seconds`,
    `rows` (training rows used), `note`.

    `target` is the truth of all rows as the metrics want it (numbers in their unit). No baseline's failure or warning
    reaches the caller: it becomes its note.
    """
    import sklearn.ensemble  # noqa: F401  only thread pools that are loaded can be limited
    from threadpoolctl import threadpool_limits

    budget = seconds if isinstance(seconds, Budget) else Budget(seconds)
    began = budget.clock()
    index_train = index_train[has_target(kind, target[index_train])]
    all_rows = len(index_train)
    if all_rows > 10 * budget.most:  # a fair order of very many rows would cost more memory than all the rest
        index_train = np.sort(np.random.default_rng(seed).choice(index_train, 10 * budget.most, replace=False))
    order = fair_order(kind, target[index_train], seed)[: budget.most]
    results: dict[str, dict[str, Any]] = {}
    with threadpool_limits(budget.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        features.fit(index_train)
        task = _Task(
            kind, features, target, index_train[order], features.take(index_test), target[index_test], seed, budget
        )
        for done, config in enumerate(names):
            left = budget.seconds - (budget.clock() - began)
            results[parts.split(config)[0]] = _attempt(config, task, left / (len(names) - done), all_rows)
    if kind == "category":
        _pad(results, int(target.max(initial=0)) + 1)
    return results


def fair_order(kind: str, target: np.ndarray, seed: int) -> np.ndarray:
    """A permutation of which every beginning holds the classes in about their shares."""
    draw = np.random.default_rng(seed)
    shuffled = draw.permutation(len(target))
    if kind not in ("category", "boolean"):
        return shuffled
    codes = target[shuffled].astype(np.int64)
    by_code = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=1)
    within = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = np.empty(len(codes))
    place[by_code] = (within + draw.random(len(codes))) / np.repeat(counts, counts)
    return shuffled[np.argsort(place, kind="stable")]


def _attempt(config: Any, task: _Task, share: float, all_rows: int) -> dict[str, Any]:
    result: dict[str, Any] = {"predicted": None, "fit_seconds": None, "predict_seconds": None, "rows": 0, "note": ""}
    name = parts.split(config)[0]
    able = getattr(parts.find("baselines", name), "kinds", None) if name in parts.kinds("baselines") else None
    if able is not None and task.kind not in able:
        return {**result, "note": f"left out: {name} predicts no {task.kind}"}
    if not len(task.rows) or share <= 0:
        return {**result, "note": "left out: " + ("no training rows" if share > 0 else "no time was left")}
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        try:
            baseline, rows, fit_seconds, forecast = _grow(config, task, share)
            result.update(rows=rows, fit_seconds=fit_seconds)
            if forecast > 2 * share:
                return {**result, "note": f"left out: predicting {len(task.test):,} rows would take {forecast:.0f} s"}
            began = task.budget.clock()
            result["predicted"] = _predict(baseline, task)
            result["predict_seconds"] = task.budget.clock() - began
        except Exception as error:  # whatever goes wrong in a method that is only there to be compared with
            lines = str(error).strip().splitlines()
            return {**result, "note": f"failed: {type(error).__name__}: {lines[0] if lines else ''}"[:200]}
    notes = [] if rows == all_rows else [f"fitted on {rows:,} of {all_rows:,} rows to keep the time short"]
    if any(warning.category.__name__ == "ConvergenceWarning" for warning in raised):
        notes.append("stopped before it converged")
    return {**result, "note": "; ".join(notes)}


def _grow(config: Any, task: _Task, share: float) -> tuple[Any, int, float, float]:
    """The baseline on as many rows as fit into its share; those rows, its fitting time, and the time that predicting
    all test rows is expected to take."""
    budget, began, total = task.budget, task.budget.clock(), len(task.rows)
    sizes = [total]
    while sizes[-1] > budget.start:
        sizes.append((sizes[-1] + 1) // 2)
    size, probe = sizes[-1], np.arange(min(budget.probe, len(task.test)))
    if len(sizes) > 1:  # a few rows first: what the method imports must not count as its time
        few = task.rows[:100]
        parts.build("baselines", config, task.kind).fit(task.features.take(few), task.target[few], task.seed)
    while True:
        chosen = task.rows[:size]
        before = budget.clock()
        baseline = parts.build("baselines", config, task.kind)
        baseline.fit(task.features.take(chosen), task.target[chosen], task.seed)
        fitted = budget.clock()
        _told(baseline, task, probe)
        now = budget.clock()
        fit_seconds, forecast = fitted - before, (now - fitted) * len(task.test) / max(1, len(probe))
        larger = [
            (more, (more / size) ** baseline.growth, (more / size) ** baseline.predict_growth)
            for more in sizes
            if more > size
        ]
        left = share - (now - began)
        fitting = [more for more, fits, predicts in larger if fit_seconds * fits + forecast * predicts <= left]
        if not fitting:
            return baseline, size, fit_seconds, forecast
        size = max(fitting)


def _predict(baseline: Any, task: _Task) -> dict[str, np.ndarray]:
    rows, piece = len(task.test), task.budget.piece
    if rows <= piece:  # as one, whose views all baselines share
        return _told(baseline, task)
    pieces = [np.arange(start, min(start + piece, rows)) for start in range(0, rows, piece)]
    found = [_told(baseline, task, chosen) for chosen in pieces]
    return {name: np.concatenate([each[name] for each in found]) for name in found[0]}


def _told(baseline: Any, task: _Task, chosen: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """What it predicts for the test rows, or the chosen of them; one that ranks is told which item is to be found."""
    features = task.test if chosen is None else task.test.take(chosen)
    truth = task.truth if chosen is None else task.truth[chosen]
    return baseline.predict(features, truth) if hasattr(baseline, "ranks") else baseline.predict(features)


def _pad(results: Mapping[str, dict[str, Any]], size: int) -> None:
    """Give classes that a subsample did not hold their column of zeros."""
    for result in results.values():
        if result["predicted"] is not None:
            given = result["predicted"]["probabilities"]
            result["predicted"]["probabilities"] = np.pad(given, ((0, 0), (0, max(0, size - given.shape[1]))))
