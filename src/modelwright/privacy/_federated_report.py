"""What a federation did and cost: the report of `federate` and the values of `privacy.json`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MissingExtra
from ..fitting import Trained
from ..report import Block, Curve, Number, Report, Table, Text
from .rounds import LOOKED_AT, Rounds

if TYPE_CHECKING:
    from .federated import Federated

QUANTILES = {"lowest": 0.0, "lower quarter": 0.25, "middle": 0.5, "upper quarter": 0.75, "highest": 1.0}


def build(options: Federated, rounds: Rounds, trained: Trained) -> Report:
    """Curves over rounds, spread over clients, bytes, and what is private."""
    history, sizes = trained.session.progress.history, [len(rounds.clients[name]) for name in rounds.names]
    records = [record["federated"] for record in history]
    sent = {way: sum(record["bytes"][way] for record in records) for way in ("down", "up")}
    missing = {what: sorted({name for record in records for name in record[what]}) for what in ("left_out", "vanished")}
    empty = [name for name, rows in rounds.clients.items() if not len(rows)]
    scores = rounds.scores(trained.model)
    found: dict[str, Any] = {
        "kind": "federated",
        "options": dataclasses.asdict(options),
        "clients": len(rounds.clients),
        "rounds": len(history),
        "bytes": sent,
        **missing,
        "empty": empty,
        "attackers": sorted(rounds.attackers),
        "rows": _spread(sizes),
        "scores": {metric: _spread([s[metric] for s in scores.values()]) for metric in next(iter(scores.values()), {})},
    }
    if options.noise:
        found |= {"epsilon": epsilon(options, len(history)), "delta": options.delta, "unit": "client"}
    blocks: list[Block] = [Text("", _summary(options, found)), *_curves(history, records)]
    spreads = {"rows": found["rows"], **found["scores"]}
    note = f"Scores: the final model on up to {LOOKED_AT} of each client's own training rows." if scores else ""
    blocks.append(Table("Over clients", ["", *QUANTILES], [[k, *v.values()] for k, v in spreads.items()], note=note))
    traffic = [[way, total / 2**20, total / len(history) / 2**20] for way, total in sent.items()]
    blocks.append(Table("Sent", ["way", "MiB", "MiB a round"], traffic, note="down: weights; up: answers."))
    blocks += [
        Text(words, f"{len(names)} clients: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}.", "warning")
        for words, names in (
            ("Left out, their answers were not finite", missing["left_out"]),
            ("Vanished", missing["vanished"]),
            ("Never asked, they have no rows", empty),
        )
        if names
    ]
    if options.noise:
        blocks.append(Number("epsilon", found["epsilon"], note=f"for whole clients, delta {options.delta:g}"))
    return Report("Federated training", blocks, data=found)


def epsilon(options: Federated, rounds: int) -> float:
    """What the rounds have spent: Renyi differential privacy of Poisson-sampled Gaussian sums (Mironov, Talwar & Zhang
    2019), for the presence of a whole client."""
    try:
        from opacus.accountants import RDPAccountant
    except ImportError:
        raise MissingExtra("opacus", "privacy") from None
    accountant = RDPAccountant()
    accountant.history = [(options.noise, options.fraction, rounds)]
    return float(accountant.get_epsilon(options.delta))


def _summary(options: Federated, found: dict[str, Any]) -> str:
    asked = f"{options.fraction:.0%} of them a round"
    rule = options.rule + (", added under masks" if options.secure else "")
    return (
        f"{found['clients']} clients (split: {options.split}), {asked}, {found['rounds']} rounds of {options.epochs} "
        f"epochs in batches of {options.batch}; rule: {rule}. No row left its client; the kinds of columns were told from all rows."
    )


def _curves(history: list[dict[str, Any]], records: list[dict[str, Any]]) -> list[Block]:
    x = [record["epoch"] for record in history]
    blocks: list[Block] = []
    for metric in history[0].get("metrics", {}):
        ys = [record["metrics"].get(metric) for record in history]
        blocks.append(Curve(f"{metric} on the server's validation rows", "round", metric, {metric: (x, ys)}))
    losses = [list(record["losses"].values()) or [float("nan")] for record in records]
    lines = {
        name: (x, [float(np.quantile(values, share)) for values in losses])
        for name, share in (("highest", 1.0), ("middle", 0.5), ("lowest", 0.0))
    }
    return [*blocks, Curve("Loss of the clients asked, while they trained", "round", "loss", lines)]


def _spread(values: Sequence[float | None]) -> dict[str, float]:
    known = [value for value in values if value is not None]
    return {name: float(np.quantile(known, share)) if known else float("nan") for name, share in QUANTILES.items()}
