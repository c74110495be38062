"""Curves of a training, from its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..report import Block, Curve, Section
from ._targets import NAMES


def learning_curves(history: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Loss, loss terms, metrics and learning rate over epochs.

    history: a record an epoch with `epoch`, `loss`, and where there are any `validation_loss`, `metrics` (name -> value
    on the validation rows), `terms` (name -> training loss) and `lr`.
    """
    if not history:
        return []
    found: list[Block] = [Section("Training"), _losses(history)]
    for name in _names(history, "metrics"):
        found.append(
            Curve(
                NAMES.get(name, name.capitalize()),
                "epoch",
                name.split()[-1],
                {"validation": _inner(history, "metrics", name)},
            )
        )
    terms = {name: _inner(history, "terms", name) for name in _names(history, "terms")}
    if terms:
        found.append(Curve("Loss terms", "epoch", "training loss", terms))
    rates = _line(history, lambda record: record.get("lr"))
    if len(set(rates[1])) > 1:
        found.append(Curve("Learning rate", "epoch", "learning rate", {"learning rate": rates}))
    return found


def _losses(history: Sequence[Mapping[str, Any]]) -> Curve:
    lines = {"training": _line(history, lambda record: record.get("loss"))}
    checked = _line(history, lambda record: record.get("validation_loss"))
    note = ""
    if checked[0]:
        lines["validation"] = checked
        lowest = min(range(len(checked[1])), key=checked[1].__getitem__)
        note = f"The validation loss was lowest after epoch {checked[0][lowest]:g}: {checked[1][lowest]:.4g}."
    return Curve("Loss", "epoch", "loss", lines, note=note)


def _line(history: Sequence[Mapping[str, Any]], value: Any) -> tuple[list[float], list[float]]:
    pairs = [(record["epoch"], value(record)) for record in history]
    return [float(x) for x, y in pairs if y is not None], [float(y) for _, y in pairs if y is not None]


def _names(history: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return list(dict.fromkeys(name for record in history for name in record.get(key) or {}))


def _inner(history: Sequence[Mapping[str, Any]], key: str, name: str) -> tuple[list[float], list[float]]:
    return _line(history, lambda record: (record.get(key) or {}).get(name))
