"""What to do next: a policy that acts in an environment, and what it expects to come of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from ..blocks.stream import Batch, Source, Stream
from ..losses import Loss
from ..parts import Count, NotNegative, Positive
from ._assembly import Assembly

ACTION, RETURN, LEGAL = "action", "return", "legal"  # columns: two targets, and an input
Chance = torch.distributions.Distribution


class Policy(Assembly):
    """An actor and a critic (Schulman et al. 2017, PPO) that share nothing but what they read.

    Two targets: `action`, of kind category (discrete ones) or vector (continuous ones, the mean of a normal distribution whose
    deviation is learned too), and `return`, the discounted rewards to come, of kind number. An input `legal` (B, A) of zeros
    and ones rules actions out.
    A batch with `advantage` (B,) gives the three terms of PPO: `action`, minus the mean of `min(r A, clip(r, 1 - e, 1 + e) A)` with
    r the probability of the action that was taken now over that when it was taken; `return`, the squared error of the critic; `entropy`,
    minus the policy's. Any other batch gives the supervised loss of both targets, which is how a policy is cloned.
    Dense layers begin orthogonal, with the usual gains; the actor's last one small, so that all actions are tried at first.

    Options:
        encoders: source name -> encoder config, of the actor and of the critic; a source left out gets the usual one of its kind.
        fuse: config of what joins the encoders' outputs.
        heads: target name -> head config; a target left out gets the head of its column's kind.
        weights: term name -> factor of its loss; those of return and entropy are options of their own.
        environments: how many are played side by side.
        rollout: steps of each between two updates; an epoch of training is the updates from one rollout.
        passes: times each step of a rollout is learned from.
        trace: lambda of the generalised advantage estimate (Schulman 2016); 1 trusts rewards alone, 0 the critic alone.
        clip: how far a probability may move, as a share, before moving it further is no longer rewarded.
        entropy: weight of the policy's entropy, which keeps it trying; it falls to 0 over the training.
        value: weight of the critic's error.
        solved: the mean return of 100 episodes at which training ends; left out, it goes on for all its epochs.
        episodes: that a trained policy is measured on.
    """

    def __init__(
        self,
        sources: list[Source],
        targets: dict[str, tuple[str, dict[str, Any]]],
        *,
        encoders: dict[str, Any] | None = None,
        fuse: Any = "concat",
        heads: dict[str, Any] | None = None,
        weights: Any = None,
        environments: Count = 8,
        rollout: Count = 128,
        passes: Count = 4,
        trace: Annotated[float, Field(ge=0, le=1)] = 0.95,
        clip: Positive = 0.2,
        entropy: NotNegative = 0.01,
        value: NotNegative = 0.5,
        solved: float | None = None,
        episodes: Annotated[int, Field(ge=2)] = 100,
    ) -> None:
        acted, configs = {name: given for name, given in targets.items() if name != RETURN}, heads or {}
        acting = {name: config for name, config in configs.items() if name in acted}
        super().__init__(sources, acted, encoders=encoders, fuse=fuse, heads=acting)
        judged = {name: config for name, config in configs.items() if name not in acted}
        self.critic = Assembly(sources, {RETURN: targets[RETURN]}, encoders=encoders, fuse=fuse, heads=judged)
        self.targets = list(targets)
        self.weights = {RETURN: value, "entropy": entropy}
        self.clip, self.trace, self.entropy = clip, trace, entropy
        self.environments, self.rollout, self.passes = environments, rollout, passes
        self.solved, self.episodes = solved, episodes
        self.log_deviation = None
        if targets[ACTION][0] == "vector":
            self.log_deviation = nn.Parameter(torch.zeros(targets[ACTION][1]["size"]))
        self._begin()

    def _begin(self) -> None:
        """Orthogonal weights, no biases (Huang et al. 2022, details 2 and 3)."""
        lasts = {self.heads: 0.01, self.critic.heads: 1.0}
        gains = {module: gain for heads, gain in lasts.items() for module in heads.modules()}
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.orthogonal_(module.weight, gains.get(module, 2**0.5))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def head(self, name: str) -> Any:
        return self.critic.head(name) if name == RETURN else super().head(name)

    def streams(self, batch: Batch, drawn: bool = False) -> dict[str, Stream]:
        return {**super().streams(batch, drawn), **self.critic.streams(batch, drawn)}

    def predict(self, batch: Batch, only: Collection[str] | None = None) -> dict[str, dict[str, Tensor]]:
        found = super().predict(batch, only)
        if LEGAL in batch and "probabilities" in found.get(ACTION, {}):
            allowed = found[ACTION]["probabilities"] * (batch[LEGAL] > 0)
            found[ACTION]["probabilities"] = allowed / allowed.sum(1, keepdim=True).clamp(min=1e-12)
        return found

    def act(self, batch: Batch) -> tuple[Chance, Tensor]:
        """The distribution of the actions in their column's code, (B,) or (B, D), and the critic's value (B,)."""
        found = self.predict(batch)
        if self.log_deviation is not None:
            normal = torch.distributions.Normal(found[ACTION]["value"], self.log_deviation.exp(), validate_args=False)
            return torch.distributions.Independent(normal, 1, validate_args=False), found[RETURN]["value"]
        logits = found[ACTION]["probabilities"].clamp(min=1e-12).log()
        return torch.distributions.Categorical(logits=logits, validate_args=False), found[RETURN]["value"]

    def forward(self, batch: Batch) -> dict[str, Loss]:
        if "advantage" not in batch:
            return super().forward(batch)
        chance, _ = self.act(batch)
        ratio = (chance.log_prob(batch["taken"]) - batch["log_chance"]).exp()
        gained = torch.min(ratio * batch["advantage"], ratio.clamp(1 - self.clip, 1 + self.clip) * batch["advantage"])
        count = self.counts(batch)
        critic = self.critic.forward(batch)[RETURN]
        return {
            ACTION: (-gained.sum(), count[ACTION]),
            RETURN: critic,
            "entropy": (-chance.entropy().sum(), count[ACTION]),
        }

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        if "advantage" not in batch:
            return super().counts(batch)
        count = torch.tensor(float(len(batch["advantage"])), device=batch["advantage"].device)
        return {ACTION: count, RETURN: self.critic.counts(batch)[RETURN], "entropy": count}
