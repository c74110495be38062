"""Rows of an environment: what was seen, what was done, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ..data import environments
from ..data.environments import ACTION, EPISODE, LEGAL, RETURN, Environments, Player
from ..data.rows import Rows
from ..errors import DataError, TrainingError
from ..parts import Count, NoneOrMore
from ..run import Run

TOGETHER = 16  # environments that play side by side


class Environment:
    """Whole episodes of a gymnasium environment, played by chance or by a trained run, a row a step.

    Columns: `observation_0`, ..., the numbers that were seen; `legal`, which actions were allowed, where the environment says so;
    `action`, the usual target (a category, or a vector where actions are continuous); `return` and `episode`, which are left out of
    the inputs. The last tenth of the episodes is the test part, the tenth before it validation: steps of one episode are much alike.

    name: as gymnasium knows it; `package:Name-v0` imports the package that registers it. `TicTacToe-v0` is one of our own.

    Options:
        steps: rows, at least.
        policy: a run that plays, any that reads these observations and predicts `action`; left out, every action is as likely.
        options: of the environment.
        measured: other options of it for the episodes that a trained policy is measured on.
        seed: of its episodes.
        discount: what a reward is worth a step later, in the column return.
    """

    def __init__(
        self,
        name: str,
        *,
        steps: Count = 5000,
        policy: str | None = None,
        options: dict[str, Any] | None = None,
        measured: dict[str, Any] | None = None,
        seed: NoneOrMore = 0,
        discount: Annotated[float, Field(ge=0, le=1)] = 0.99,
    ) -> None:
        self.name, self.steps, self.policy, self.seed, self.discount = name, steps, policy, seed, discount
        self.options, self.measured = options or {}, {**(options or {}), **(measured or {})}

    def read(self, base: Path, masks: Any = None) -> Rows:
        found = Environments(self.name, TOGETHER, self.seed, self.options)
        player = environments.random_player(found, self.seed)
        if self.policy:
            player = player_of(Run.load(base / Path(self.policy).expanduser()), found)
        try:
            table = environments.record(found, player, self.steps, self.discount)
        except TrainingError as error:
            raise DataError(error.message, where=error.where, hint="Mend the environment.") from None
        columns: dict[str, Any] = {name: {"kind": "number", "scale": "standard"} for name in table.column_names}
        columns |= {ACTION: "category" if found.actions else "vector", RETURN: "drop", EPISODE: "drop"}
        columns |= {LEGAL: {"kind": "vector", "scale": False}} if found.masked else {}
        episodes = table.column(EPISODE).to_numpy()
        return Rows(table, _parts(episodes), self.name, targets=(ACTION,), columns=columns)


def player_of(run: Run, played: Environments) -> Player:
    """A run as a player: the likeliest action. Raises DataError for one that reads other observations or predicts none."""
    where = str(run.path or "run")
    if ACTION not in run.targets:
        raise DataError(
            f"it predicts no '{ACTION}'.", where=where, hint="Name a run that was trained on an environment."
        )
    run.require(played.table(), where=f"{where}: environment '{played.name}'")

    def act(rows: Any) -> np.ndarray:
        found = run.predict(rows).column(ACTION).combine_chunks()
        return found.to_numpy() if played.actions else found.flatten().to_numpy().reshape(rows.num_rows, -1)

    return act


def _parts(episodes: np.ndarray) -> np.ndarray | None:
    """0 train, 1 validation, 2 test a row, by episode; None where there are fewer than three."""
    count = int(episodes[-1]) + 1
    held = max(1, count // 10)
    return np.digitize(episodes, [count - 2 * held, count - held]).astype(np.int8) if count > 2 else None
