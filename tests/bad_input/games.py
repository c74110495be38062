"""Environments and games that cannot be played or read."""

from __future__ import annotations

import importlib.util

from ._case import Case
from ._case import check_recipe as _check

POLICY = "model: {kind: policy}\n"
WRONG = "error: 1 mistake in the recipe:\n  recipe.yaml:"


def _policy(name: str, data: str, message: str, more: str = POLICY) -> Case:
    return _check(name, more, message, start=f"data: {data}\n")


def _environments() -> list[Case]:
    return [
        _policy(
            "environment that is not there",
            "{environment: CartPol-v1}",
            "error: environment 'CartPol-v1': there is no such environment. Did you mean 'CartPole-v1' or 'CartPole-v0'?",
        ),
        _policy(
            "environment with an option that it has not",
            "{environment: CartPole-v1, options: {colour: red}}",
            "error: environment 'CartPole-v1': it cannot be made (TypeError: CartPoleEnv.__init__() got an unexpected keyword "
            "argument 'colour' was raised from the environment creator for CartPole-v1 with kwargs ({'colour': 'red'})).",
        ),
        _policy(
            "environment of numbered states",
            "{environment: FrozenLake-v1}",
            "error: environment 'FrozenLake-v1': its observations are Discrete(16), which are not read. What is read is a Box of "
            "one dimension, of 1,024 numbers at most.",
        ),
        _policy(
            "key of an environment that there is not",
            "{environment: CartPole-v1, stesp: 10}",
            WRONG + "1:34: data.stesp: no such option. Did you mean 'steps'?",
        ),
        _policy(
            "policy without an environment",
            "data.csv",
            WRONG + "1:1: data: a policy acts in an environment. For example data: {environment: CartPole-v1}.",
        ),
        _policy(
            "rate of a policy by measurement",
            "{environment: CartPole-v1}",
            WRONG + "3:9: train.lr: a rate is found on rows that stay the same. Give a number, as 5e-4.",
            POLICY + "train: {lr: auto}\n",
        ),
        Case(
            "clone of a run that does not act",
            "check recipe.yaml",
            "error: run: it predicts no 'action'. Name a run that was trained on an environment.",
            recipe="data: {environment: CartPole-v1, policy: run}\n" + POLICY,
            prepare=lambda folder: None,  # a run is there
        ),
        Case(
            "observation without one of its numbers",
            "predict played seen.csv",
            "error: seen.csv: the column 'observation_3' is missing. Found: observation_0, observation_1, observation_2. Did you "
            "mean 'observation_2' or 'observation_1'?",
            files={"seen.csv": "observation_0,observation_1,observation_2\n0.1,0.2,0.3\n"},
            prepare=_played,
        ),
    ]


def _played(folder) -> None:
    from modelwright import train

    small = {"environments": 2, "rollout": 8, "passes": 1, "episodes": 2}
    recipe = {"data": {"environment": "CartPole-v1", "steps": 100}, "model": {"kind": "policy", **small}}
    train(
        {**recipe, "train": {"epochs": 1, "batch": 8, "speed": "fixed"}, "baselines": False},
        out=str(folder / "played"),
        report=False,
    )


def _games() -> list[Case]:
    start = "data: {chess: games.pgn}\n"
    return [
        Case(
            "file of games that is not there",
            "check recipe.yaml",
            WRONG + "1:1: data: games.pgn: the file does not exist.",
            recipe=start,
        ),
        Case(
            "file of games without a move",
            "check recipe.yaml",
            WRONG + "1:1: data: games.pgn: there is no move in it. Name a file of games in PGN.",
            recipe=start,
            files={"games.pgn": "a,b\n1,2\n"},
        ),
        Case(
            "player who is in no game",
            "check recipe.yaml",
            WRONG + "1:1: data: games.pgn: there is no move of 'Tal' in it. Name a file of games in PGN.",
            recipe="data: {chess: games.pgn, player: Tal}\n",
            files={"games.pgn": '[White "A"]\n[Black "B"]\n\n1. e4 e5 1-0\n'},
        ),
        Case(
            "packed games that are cut off",
            "check recipe.yaml",
            WRONG
            + "1:1: data: games.pgn: it cannot be read as text (Compressed file ended before the end-of-stream marker was reached). "
            "Name its encoding.",
            recipe=start,
            files={"games.pgn": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"},
        ),
    ]


def _has(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


CASES = [*(_environments() if _has("gymnasium") else []), *(_games() if _has("chess") else [])]
