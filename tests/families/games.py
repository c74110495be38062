"""Families of policies."""

from __future__ import annotations

from pathlib import Path

import pytest

_NET = {"kind": "mlp", "hidden": [8], "activation": "tanh", "dropout": 0.0, "numbers": "none"}
_MODEL = {"kind": "policy", "environments": 4, "rollout": 16, "passes": 1, "episodes": 4, "encoders": {"table": _NET}}


def _policy(name: str, **options: object) -> dict:
    return {"data": {"environment": name, "steps": 300, **options}, "model": _MODEL}


FAMILIES = {
    "policy": _policy("CartPole-v1"),
    "policy with legal moves": _policy("TicTacToe-v0", options={"openings": 4}, measured={"openings": 0}),
    "policy of continuous actions": _policy("Pendulum-v1", steps=900),
}
_ROWS = "a model that learns from given rows"
UNABLE = {("generate", family): "a model that writes text" for family in FAMILIES} | {
    (verb, family): _ROWS for verb in ("federate", "train privately") for family in FAMILIES
}
ROWS = {family: f"{number}.jsonl" for number, family in enumerate(FAMILIES)}


def write(folder: Path) -> None:
    """Rows that chance plays."""
    pytest.importorskip("gymnasium")
    import pandas

    from modelwright.data.reading import read

    for family, file in ROWS.items():
        table = read({**FAMILIES[family]["data"], "steps": 60, "seed": 5}, folder).table
        pandas.DataFrame(table.to_pydict()).to_json(folder / file, orient="records", lines=True)
