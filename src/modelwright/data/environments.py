"""Environments of gymnasium by name: several side by side in one process, their rows, and their state to go on from.

Knows no model: whoever acts is handed in as a `Player`. Needs the extra `games`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError, MissingExtra, TrainingError, did_you_mean

OWN = {"TicTacToe-v0": "modelwright.data.tic_tac_toe:TicTacToe"}
SEEN, LEGAL, ACTION, RETURN, EPISODE = "observation", "legal", "action", "return", "episode"
WIDEST = 1024  # numbers of an observation
TOGETHER = 32  # environments that play side by side where nobody says how many

Player = Callable[[pa.Table], np.ndarray]
"""Observations, a row each -> actions: (N,) numbers of discrete ones, (N, D) continuous ones."""


def make(name: str, options: Mapping[str, Any] | None = None) -> Any:
    """The environment of a gymnasium name (`module:Name` imports the module that registers it).

    Raises MissingExtra without gymnasium, DataError for an unknown name, one that cannot be made, or spaces that no
    policy here can read.
    """
    try:
        import gymnasium
    except ImportError:
        raise MissingExtra("gymnasium", "games") from None
    where = f"environment '{name}'"
    for own, place in OWN.items():
        if own not in gymnasium.registry:
            gymnasium.register(own, entry_point=place)
    if ":" not in name and name not in gymnasium.registry:
        raise DataError("there is no such environment.", where=where, hint=did_you_mean(name, gymnasium.registry))
    try:
        made = gymnasium.make(name, disable_env_checker=True, **(options or {}))
    except Exception as error:  # whatever the environment's own code raises
        message = f"it cannot be made ({type(error).__name__}: {str(error).partition(chr(10))[0]})."
        raise DataError(message, where=where) from None
    seen, acted, spaces = made.observation_space, made.action_space, gymnasium.spaces
    if not isinstance(seen, spaces.Box) or len(seen.shape) != 1 or not 0 < seen.shape[0] <= WIDEST:
        hint = f"What is read is a Box of one dimension, of {WIDEST:,} numbers at most."
        raise DataError(f"its observations are {seen}, which are not read.", where=where, hint=hint)
    bounded = isinstance(acted, spaces.Box) and len(acted.shape) == 1 and acted.is_bounded()
    if not bounded and not (isinstance(acted, spaces.Discrete) and acted.start == 0 and acted.n > 1):
        hint = "What is written is Discrete from 0, or a Box of one dimension with bounds."
        raise DataError(f"its actions are {acted}, which are not written.", where=where, hint=hint)
    return made


@dataclass(frozen=True)
class Ended:
    """An episode that has ended: its number, the rewards added up (in a game of two sides as the first mover sees them),
    and its steps."""

    number: int
    total: float
    steps: int


@dataclass(frozen=True)
class Step:
    """What N environments answered: rewards (N,), which episodes are over or were cut off (N,), what was seen last before a
    new episode began (N, D) with its legal actions (N, A), and the episodes that ended."""

    rewards: np.ndarray
    over: np.ndarray
    cut: np.ndarray
    last: np.ndarray
    last_legal: np.ndarray
    ended: list[Ended]


class Environments:
    """N environments side by side. Environment i plays the episodes i, i + N, i + 2N, ...; each is seeded by (seed, number),
    so that an environment in the middle of one is restored by its actions since then.

    `two_sided`: the sides of a game alternate, each step is seen and rewarded from the side that moves.
    """

    def __init__(self, name: str, count: int, seed: int, options: Mapping[str, Any] | None = None) -> None:
        self.name, self.seed = name, seed
        self.envs = [make(name, options) for _ in range(count)]
        first = self.envs[0]
        self.two_sided = bool(getattr(first.unwrapped, "two_sided", False))
        self.turn = -1 if self.two_sided else 1  # of what follows a step, to whoever makes it
        self.actions = int(getattr(first.action_space, "n", 0))  # how many; 0: continuous
        self.bounds: Any = None if self.actions else (first.action_space.low, first.action_space.high)
        self.numbers = list(range(count))
        self.done: list[list[Any]] = [[] for _ in range(count)]
        self.totals = np.zeros(count)
        self.seen = np.zeros((count, first.observation_space.shape[0]), np.float32)
        self.legal = np.ones((count, self.actions), bool)
        self.masked = False  # whether the environment says what is legal
        for i in range(count):
            self._begin(i)

    def _begin(self, i: int) -> None:
        self.done[i], self.totals[i] = [], 0.0
        seed = int(np.random.SeedSequence([self.seed, self.numbers[i]]).generate_state(1)[0])
        try:
            seen, info = self.envs[i].reset(seed=seed)
        except Exception as error:
            raise self._broken(i, f"it raised {type(error).__name__} at its start ({error})") from None
        self._see(i, seen, info)

    def _see(self, i: int, seen: Any, info: Mapping[str, Any]) -> None:
        self.seen[i] = seen
        if not np.isfinite(self.seen[i]).all():
            place = int(np.flatnonzero(~np.isfinite(self.seen[i]))[0])
            raise self._broken(i, f"number {place} of what is seen is {self.seen[i][place]}")
        legal = info.get(LEGAL, info.get("action_mask"))
        if legal is not None and self.actions:
            self.legal[i], self.masked = np.asarray(legal, bool), True

    def _broken(self, i: int, what: str) -> TrainingError:
        where = f"environment '{self.name}', episode {self.numbers[i]}, step {len(self.done[i])}"
        return TrainingError(f"{what}.", where=where, hint="Mend the environment; what was trained so far is kept.")

    def step(self, actions: np.ndarray) -> Step:
        """One step of each; an episode that ends is followed by the next one. Raises TrainingError where an environment
        raises, or gives a number that is not finite."""
        count = len(self.envs)
        rewards, over, cut, ended = np.zeros(count), np.zeros(count, bool), np.zeros(count, bool), list[Ended]()
        last, last_legal = np.empty_like(self.seen), np.empty_like(self.legal)
        for i, env in enumerate(self.envs):
            action: Any = int(actions[i]) if self.actions else np.clip(actions[i], *self.bounds).astype(np.float32)
            self.done[i].append(action if self.actions else action.tolist())
            try:
                seen, reward, over[i], cut[i], info = env.step(action)
                rewards[i] = reward
            except Exception as error:
                raise self._broken(i, f"it raised {type(error).__name__} ({error})") from None
            if not np.isfinite(rewards[i]):
                raise self._broken(i, f"its reward is {rewards[i]}")
            self.totals[i] += rewards[i] * self.sign(len(self.done[i]) - 1)
            self._see(i, seen, info)
            last[i], last_legal[i] = self.seen[i], self.legal[i]
            if over[i] or cut[i]:
                ended.append(Ended(self.numbers[i], float(self.totals[i]), len(self.done[i])))
                self.numbers[i] += count
                self._begin(i)
        return Step(rewards, over, cut & ~over, last, last_legal, ended)

    def sign(self, step: int) -> int:
        """-1 at the steps of the second side of a game of two."""
        return self.turn**step

    def table(self, seen: np.ndarray | None = None, legal: np.ndarray | None = None) -> pa.Table:
        """What is seen now (or `seen`, `legal`) as rows."""
        return table(
            self.seen if seen is None else seen, (self.legal if legal is None else legal) if self.masked else None
        )

    def state_dict(self) -> dict[str, Any]:
        """Which episodes are running, and the actions since they began."""
        return {"numbers": list(self.numbers), "actions": [list(actions) for actions in self.done]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Begin these episodes again and repeat their actions."""
        for i, (number, actions) in enumerate(zip(state["numbers"], state["actions"])):
            self.numbers[i] = number
            self._begin(i)
            for action in actions:
                given = action if self.actions else np.array(action, np.float32)
                seen, reward, _, _, info = self.envs[i].step(given)
                self.totals[i] += reward * self.sign(len(self.done[i]))
                self.done[i].append(action)
                self._see(i, seen, info)


def table(seen: np.ndarray, legal: np.ndarray | None) -> pa.Table:
    """Observations (N, D) and legal actions (N, A) as rows: a column `observation_0`, ... a number, and `legal`."""
    columns: dict[str, Any] = {f"{SEEN}_{i}": pa.array(seen[:, i].astype(np.float64)) for i in range(seen.shape[1])}
    if legal is not None:
        flat = pa.array(legal.astype(np.float32).ravel())
        columns[LEGAL] = pa.FixedSizeListArray.from_arrays(flat, legal.shape[1])
    return pa.table(columns)


def random_player(environments: Environments, seed: int) -> Player:
    """One that takes any legal action, each as likely as the others."""
    draw = np.random.default_rng(seed)

    def act(rows: pa.Table) -> np.ndarray:
        if environments.bounds is not None:
            low, high = environments.bounds
            return draw.uniform(low, high, (rows.num_rows, len(low)))
        chances = draw.random((rows.num_rows, environments.actions))
        if LEGAL in rows.column_names:
            flat = rows.column(LEGAL).combine_chunks().flatten().to_numpy()
            chances *= flat.reshape(rows.num_rows, -1)
        return chances.argmax(1)

    return act


def play(environments: Environments, player: Player, episodes: int, seed: int) -> list[Ended]:
    """The first so many episodes, in order. In a game of two sides the player moves first in the even ones and second in
    the odd ones, a random player moves for the other side, and the totals are as the player sees them."""
    found: dict[int, Ended] = {}
    other = random_player(environments, seed)
    while len(found) < episodes:
        rows = environments.table()
        actions = player(rows)
        if environments.two_sided:
            turns = [(number + len(done)) % 2 for number, done in zip(environments.numbers, environments.done)]
            actions = np.where(np.array(turns, bool), other(rows), actions)
        for one in environments.step(actions).ended:
            if one.number < episodes:
                found[one.number] = one
    ordered = [found[number] for number in sorted(found)]
    if not environments.two_sided:
        return ordered
    return [Ended(one.number, one.total * (-1) ** (one.number % 2), one.steps) for one in ordered]


def record(environments: Environments, player: Player, steps: int, discount: float) -> pa.Table:
    """Whole episodes, in order, until they have `steps` rows: what was seen, `legal`, `action`, `return` (the rewards to
    come, each step later worth `discount` of it) and `episode`."""
    running: dict[int, list[tuple]] = {}
    whole: dict[int, list[tuple]] = {}
    count, following = 0, 0
    while count < steps:
        actions = player(environments.table())
        seen, legal, numbers = environments.seen.copy(), environments.legal.copy(), list(environments.numbers)
        step = environments.step(actions)
        for i, number in enumerate(numbers):
            running.setdefault(number, []).append((seen[i], legal[i], actions[i], step.rewards[i]))
        for one in step.ended:
            whole[one.number] = running.pop(one.number)
        while following in whole and count < steps:
            count += len(whole[following])
            following += 1
    episodes = [whole[number] for number in range(following)]
    return _rows(environments, episodes, discount)


def _rows(environments: Environments, episodes: list[list[tuple]], discount: float) -> pa.Table:
    seen, legal, actions, rewards = (np.array([row[k] for rows in episodes for row in rows]) for k in range(4))
    returns, place = np.zeros(len(rewards)), 0
    for rows in episodes:
        worth = 0.0
        for step in reversed(range(place, place + len(rows))):
            returns[step] = worth = rewards[step] + environments.turn * discount * worth
        place += len(rows)
    if environments.actions:
        acted = pa.array(actions.astype(np.int64))
    else:
        acted = pa.FixedSizeListArray.from_arrays(pa.array(actions.astype(np.float64).ravel()), actions.shape[1])
    numbers = np.repeat(np.arange(len(episodes)), [len(rows) for rows in episodes])
    found = table(seen, legal if environments.masked else None)
    for name, values in ((ACTION, acted), (RETURN, pa.array(returns)), (EPISODE, pa.array(numbers))):
        found = found.append_column(name, values)
    return found
