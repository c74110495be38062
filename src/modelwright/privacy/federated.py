"""Federated training: the rows stay with their clients, and only what these learned travels (McMahan et al. 2017).

A round is one step of an optimiser on the server, whose gradient is what the clients' answers say (Reddi et al. 2021):
so the one session drives it, saves it and resumes it, like any training. Rounds themselves are made in `rounds`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field
from torch import nn

from .. import fitting, parts
from ..data import encoding
from ..errors import UserError
from ..files import write_json
from ..fitting import Trained, Watch
from ..parts import Count, NotNegative, Positive, Share
from ..publication import publish
from ..recipe import Recipe
from ._federated_report import build, epsilon
from .aggregation import ROBUST
from .partition import Clients, deal
from .rounds import Rounds

ELSEWHERE: ContextVar[Any] = ContextVar("elsewhere", default=None)
"""Where clients are hosts of their own: what reaches them (`flower.Hosts`). The server's rows are then only looked at."""
Fraction = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True, kw_only=True)
class Federated:
    """How a recipe is trained by clients that keep their rows; `train` says what each client does with its own.

    Options:
        clients: how many there are; a split by a column makes each of its values one.
        split: who has which rows, iid (at random), dirichlet (by the target, unequally) or a column's name.
        alpha: how equal the shares of a dirichlet split are.
        fraction: share of the clients that are asked in a round.
        rounds: how many there are.
        epochs: passes of a client over its rows in a round.
        batch: rows in a client's step.
        rule: how answers are joined; fedprox also holds clients near the server's weights.
        mu: strength of fedprox.
        server_lr: learning rate of fedadam's server.
        trim: share of the answers that trimmed leaves out at each end.
        secure: add answers under masks, so that the server sees no single one.
        clip: largest norm of a client's update.
        noise: Gaussian noise on the sum of clipped updates, as a multiple of the clip; makes whole clients private.
        delta: the probability beside epsilon.
        malicious: share of clients that attack, for measuring.
        attack: what they send, ten times their update turned round, or no numbers.
        vanish: share of the answers that never arrive, for measuring.
    """

    clients: Count = 100
    split: str = "iid"
    alpha: Positive = 0.3
    fraction: Fraction = 0.1
    rounds: Count = 20
    epochs: Count = 5
    batch: Count = 10
    rule: Literal["fedavg", "fedprox", "fedadam", "median", "trimmed"] = "fedavg"
    mu: NotNegative = 0.01
    server_lr: Positive = 0.01
    trim: Annotated[float, Field(ge=0, lt=0.5)] = 0.3
    secure: bool = False
    clip: Positive | None = None
    noise: NotNegative = 0.0
    delta: Fraction = 1e-5
    malicious: Share = 0.0
    attack: Literal["flip", "nan"] = "flip"
    vanish: Share = 0.0

    def __post_init__(self) -> None:
        """Raise UserError for options that exclude each other."""
        robust = self.rule in ROBUST
        if self.secure and robust:
            message = f"a secure sum hides the single updates that {self.rule} compares."
            raise UserError(message, where="federated.secure", hint="Use fedavg, fedprox or fedadam with it.")
        if self.noise and (robust or self.clip is None):
            message = (
                f"noise is added to a sum of clipped updates, given {'rule ' + self.rule if robust else 'no clip'}."
            )
            raise UserError(message, where="federated.noise", hint="Set a clip, with fedavg, fedprox or fedadam.")

    def deal(self, recipe: Recipe, rows: np.ndarray, table: pa.Table | None) -> Clients:
        """Who has which of the training rows, which are `rows` of the table; a text has none."""
        rebuilt = recipe.rebuilt_names()
        target = next((name for name in recipe.target_names() if name not in rebuilt), None)
        told = [] if table is None else [name for name in table.column_names if name in (target, self.split)]
        known = pa.table({}) if table is None else table.select(told).take(rows)
        seed = recipe.train.seed
        return deal(len(rows), known, by=self.split, clients=self.clients, alpha=self.alpha, target=target, seed=seed)

    def fit_columns(self, recipe: Recipe, table: pa.Table, columns: dict[str, Any], train: np.ndarray) -> None:
        """Fit columns by each client on its own rows, and merge their statistics: no row leaves its client."""
        if ELSEWHERE.get():
            return encoding.fit(table, columns, train)
        rows = np.flatnonzero(train)
        clients = self.deal(recipe, rows, table)
        encoding.fit_shards(table, columns, [rows[own] for own in clients.values() if len(own)])

    def fit(
        self,
        recipe: Recipe,
        prepared: Any,
        folder: Path | None = None,
        watch: Watch | None = None,
        resolved: dict | None = None,
        keep: Callable[[nn.Module], None] | None = None,
    ) -> Trained:
        """In the place of `fitting.fit`: train a prepared recipe in rounds, and write `privacy.json` and a report."""
        table = getattr(prepared.rows, "table", None)
        rows = np.arange(prepared.train_rows) if table is None else prepared.index(0)
        elsewhere = ELSEWHERE.get()
        clients = elsewhere.join(self, prepared) if elsewhere else self.deal(recipe, rows, table)
        if self.noise:
            epsilon(self, self.rounds)  # says so now where it cannot be told at the end
        decided = dict((resolved or {}).get("decided", {}))
        with recipe.places():
            rounds = Rounds(self, prepared, clients, elsewhere and elsewhere.ask)
            rounds.settle(decided)
        choices = [vars(choice) for choice in prepared.choices] or (resolved or {}).get("choices", [])
        seen = max(1, round(self.fraction * self.epochs * prepared.train_rows))  # rows of a round, for the progress bar
        steps = {"epochs": self.rounds, "steps": None, "batch": seen, "accumulate": 1, "lr": 1.0, "early_stop": 0}
        plain = {"schedule": "constant", "clip": None, "ema": None}
        server = recipe.model_copy(update={"train": recipe.train.model_copy(update={**steps, **plain})})
        known = {"decided": decided, "choices": choices}
        trained = fitting.fit(server, rounds, folder, watch, known, keep, gradients=rounds.gradients)
        if folder:
            report = build(self, rounds, trained)
            write_json(folder / "privacy.json", report.data)
            publish(report, folder, "federate", page=False)
        return dataclasses.replace(trained, prepared=prepared)


def ways(recipe: Recipe) -> tuple[Callable[..., None], Callable[..., Trained]]:
    """How the columns and the model of a recipe are fitted: by clients, if it asks for a federation, whose epochs and
    batch then become those of its training; otherwise in one place."""
    if recipe.federated is None:
        return encoding.fit, fitting.fit
    with recipe.places():
        federation = Federated(**parts.validate(Federated, recipe.federated)[0])
    recipe.train.epochs, recipe.train.batch, recipe.train.steps = federation.epochs, federation.batch, None
    recipe.federated = dataclasses.asdict(federation)
    return partial(federation.fit_columns, recipe), federation.fit
