"""PPO's source of batches (Schulman et al. 2017): the policy plays, its steps are judged, and are learned from a few times."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from ..blocks.stream import Batch
from ..building import own_encoders
from ..data.batches import generator
from ..data.encoding import encode
from ..data.environments import ACTION, RETURN, Ended, Environments, Step
from ..loop import StepOptions
from ..preparation import Prepared

RECENT = 100  # episodes that the mean return is of


class Rollouts:
    """In the place of `fitting.Prepared` (whose attributes it hands on) and of `session.Epochs`: an epoch is a rollout and
    the steps that are made from it.

    A pure function of the seed, the weights at the beginning of each epoch and `state_dict()`: which episodes are running and
    what was done in them, and the rollout at hand.
    """

    def __init__(self, prepared: Prepared, environments: Environments, discount: float) -> None:
        self.prepared, self.environments, self.discount = prepared, environments, discount
        self.recipe, self.size = prepared.recipe, 1
        self.number, self.rollout = -1, dict[str, torch.Tensor]()
        self.recent: deque[float] = deque(maxlen=RECENT)
        self.episodes = 0
        self.model: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.prepared, name)

    def build(self) -> Any:
        self.model = self.prepared.build()
        return self.model

    def batches(self, size: int) -> Rollouts:
        self.size = min(size, self.train_rows)
        return self

    @property
    def train_rows(self) -> int:
        """Steps of a rollout."""
        return self.model.rollout * len(self.environments.envs)

    total = sampled = train_rows

    @property
    def steps(self) -> int:
        """Optimiser steps made from one rollout."""
        return self.model.passes * -(-self.train_rows // self.size)

    def rows_of(self, number: int, step: int) -> list[int]:
        """Steps of the rollout in one batch."""
        passed, place = divmod(step, -(-self.train_rows // self.size))
        order = torch.randperm(self.train_rows, generator=generator(self.recipe.train.seed, number, passed))
        return order[place * self.size : (place + 1) * self.size].tolist()

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The rollout of an epoch in shuffled batches, from step `start` on."""
        if number != self.number:
            self.rollout, self.number = self.collect(number), number
        train = self.recipe.train
        done = number / (train.epochs or max(1, int(train.steps or 1) // self.steps))
        self.model.weights["entropy"] = self.model.entropy * max(0.0, 1 - done)
        for step in range(start, self.steps):
            index = torch.tensor(self.rows_of(number, step))
            yield {key: value[index].to(self._device) for key, value in self.rollout.items()}

    def first_batch(self) -> Batch:
        return next(self.epoch(0))

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    @torch.no_grad()
    def collect(self, number: int) -> dict[str, torch.Tensor]:
        """Play a rollout: (T N, ...) what was seen, `taken`, its `log_chance`, its `advantage`, and `target.return`."""
        draw, played, model = generator(self.recipe.train.seed, number, -1), self.environments, self.model
        was_training = model.training
        model.eval()
        seen: list[dict[str, torch.Tensor]] = []
        answers: list[Step] = []
        after: list[np.ndarray] = []  # what the critic expects at the end of an episode that was cut off
        for _ in range(model.rollout):
            batch = self.inputs_of(played.table())
            chance, value = model.act({key: given.to(self._device) for key, given in batch.items()})
            taken = _drawn(chance, draw)
            told = {"log_chance": chance.log_prob(taken.to(self._device)).cpu(), "value": value.cpu()}
            seen.append({**batch, "taken": taken, **told})
            answers.append(played.step(self.decoded(taken)))
            after.append(self._after_cut(answers[-1]))
            for ended in answers[-1].ended:
                self._note(ended)
        values = np.stack([self._worth(step.pop("value")) for step in [*seen, {"value": self._value(played.table())}]])
        model.train(was_training)
        advantages = advantage(values, answers, after, self.discount * played.turn, model.trace)
        found = {key: torch.cat([step[key] for step in seen]) for key in seen[0]}
        flat = torch.from_numpy(advantages.ravel().astype(np.float32))
        expected = self.columns[RETURN].encode(pa.array((advantages + values[:-1]).ravel()))
        return {
            **found,
            "advantage": (flat - flat.mean()) / (flat.std() + 1e-8),
            f"target.{RETURN}": torch.from_numpy(expected),
        }

    def _after_cut(self, step: Step) -> np.ndarray:
        """(N,) what the critic expects behind the end of episodes that were cut off, 0 for others."""
        found = np.zeros(len(step.cut))
        if step.cut.any():
            rows = self.environments.table(step.last, step.last_legal)
            found[step.cut] = self._worth(self._value(rows))[step.cut]
        return found

    def _value(self, rows: pa.Table) -> torch.Tensor:
        return self.model.act({key: given.to(self._device) for key, given in self.inputs_of(rows).items()})[1].cpu()

    def _worth(self, value: torch.Tensor) -> np.ndarray:
        """The critic's values in units of reward."""
        return self.columns[RETURN].truth(value.double().numpy())

    def inputs_of(self, rows: pa.Table) -> Batch:
        """Observations as the model reads them."""
        inputs = {name: column for name, column in self.columns.items() if not column.target}
        found = encode(rows, inputs, own_encoders(self.recipe, self.columns), cache=False)
        return found.batch(np.arange(rows.num_rows))

    def decoded(self, taken: torch.Tensor) -> np.ndarray:
        """Actions in their column's code -> as the environment takes them."""
        return taken.numpy() if self.environments.actions else self.columns[ACTION].truth(taken.numpy())

    def _note(self, ended: Ended) -> None:
        self.episodes += 1
        self.recent.append(ended.total)

    def validate(self, model: Any, options: StepOptions) -> dict[str, Any]:
        """The mean return of the last 100 episodes, which may end the training."""
        if not self.recent:
            return {}
        mean = float(np.mean(self.recent))
        told: dict[str, Any] = {"metrics": {"return": mean}, "episodes": self.episodes}
        if model.solved is not None and len(self.recent) == RECENT and mean >= model.solved:
            told["stopped"] = f"solved: the mean return of {RECENT} episodes is {mean:g}"
        return told

    def state_dict(self) -> dict[str, Any]:
        return {
            "environments": self.environments.state_dict(),
            "number": self.number,
            "rollout": self.rollout,
            "recent": list(self.recent),
            "episodes": self.episodes,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.environments.load_state_dict(state["environments"])
        self.number, self.rollout, self.episodes = state["number"], state["rollout"], state["episodes"]
        self.recent = deque(state["recent"], RECENT)


def advantage(
    values: np.ndarray, answers: list[Step], after: list[np.ndarray], discount: float, trace: float
) -> np.ndarray:
    """(T, N) the generalised advantage estimate (Schulman et al. 2016, equation 16) of values (T + 1, N): `A_t = d_t + discount
    trace A_(t+1)` with `d_t = r_t + discount V_(t+1) - V_t`, up to the end of an episode. after: V behind it where it was cut off.
    A negative discount: what follows is seen from the other side of a game."""
    found = np.zeros_like(values[:-1])
    following = np.zeros(values.shape[1])
    for t in reversed(range(len(answers))):
        goes_on = ~(answers[t].over | answers[t].cut)
        expected = np.where(goes_on, values[t + 1], after[t])
        following = answers[t].rewards + discount * expected - values[t] + discount * trace * following * goes_on
        found[t] = following
    return found


def _drawn(chance: Any, draw: torch.Generator) -> torch.Tensor:
    """One action of each distribution, (B,) or (B, D), from a generator of the CPU: the same on every device."""
    if hasattr(chance, "logits"):
        return torch.multinomial(chance.probs.cpu(), 1, generator=draw)[:, 0]
    mean = chance.mean.cpu()
    return mean + chance.stddev.cpu() * torch.randn(mean.shape, generator=draw)
