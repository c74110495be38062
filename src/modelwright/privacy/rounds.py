"""The rounds of a federation, simulated in one process: who is asked, what each learns, and what the server makes of it.

To the session that drives them a round is a step: `batches` gives round numbers, `gradients` makes the server's gradient.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .. import fitting, parts
from ..blocks.stream import Batch, Model
from ..data.batches import generator
from ..errors import TrainingError, UserError
from ..loop import NotFinite, StepOptions, Terms, batch_gradients, total_loss, train_steps
from .aggregation import ROBUST, Weights, clipped, median, trimmed_mean
from .partition import Clients, shard

if TYPE_CHECKING:
    from .federated import Federated

LOOKED_AT = 200  # rows of a client, for its score
TURNED = -10.0  # what an attacker multiplies its update by


@dataclass
class Answer:
    """What a client says after a round: its update (P,), how many rows it has, its losses added up over its steps."""

    name: str
    update: Tensor
    rows: int
    terms: Terms


Ask = Callable[[Model, Tensor, list[str], int], Iterable[Answer]]
"""(model, the server's weights (P,), the clients' names, the round) -> the answers that arrive."""


class Rounds:
    """A federation, in the place of `fitting.Prepared` (whose attributes it hands on) and of `session.Epochs`.

    Every draw is a function of (seed, round, client), so that a federation resumes exactly. ask: how the clients are
    reached where they are not simulated.
    """

    steps = size = 1

    def __init__(self, options: Federated, prepared: Any, clients: Clients, ask: Ask | None = None) -> None:
        self.ask, self.simulated = ask or self._simulated, ask is None
        self.options, self.prepared, self.clients = options, prepared, clients
        self.recipe, self.seed = prepared.recipe, prepared.recipe.train.seed
        self.names = [name for name, rows in clients.items() if len(rows)]
        order = torch.randperm(len(self.names), generator=generator(self.seed, -1)).tolist()
        self.attackers = {self.names[i] for i in order[: round(options.malicious * len(order))]}
        self.record: dict[str, Any] = {}  # what happened in the last round
        self.schedule = parts.bind("schedules", self.recipe.train.schedule)
        if isinstance(self.schedule.func, type):
            hint = "Use constant, cosine or exponential: they are followed from round to round."
            raise UserError("this schedule watches a single training.", where="train.schedule", hint=hint)
        if options.secure:
            from .secure_sum import add

            self.add = add

    def __getattr__(self, name: str) -> Any:
        return getattr(self.prepared, name)

    def batches(self, size: int) -> Rounds:
        """Rounds are their own batches."""
        return self

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """One round."""
        if start == 0:
            yield {"round": torch.tensor([number])}

    def rows_of(self, number: int, step: int) -> list[int]:
        """No rows: the server sees none."""
        return []

    def validate(self, model: nn.Module, options: StepOptions) -> dict[str, Any]:
        """The scores on the server's own validation rows, and what happened in the round."""
        return {**self.prepared.validate(model, options), "federated": self.record}

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """The server's: a step of 1 along the answers, or Adam (FedAdam, Reddi 2021, with the bias correction)."""
        weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        found: torch.optim.Optimizer = torch.optim.SGD(weights, lr=1.0)
        if self.options.rule == "fedadam":
            found = torch.optim.Adam(weights, lr=self.options.server_lr, betas=(0.9, 0.99), eps=1e-3)
        for group in found.param_groups:
            group["initial_lr"] = group["lr"]
        return found

    def settle(self, decided: dict[str, Any]) -> None:
        """Decide what is measured (precision, threads) once for all clients, on the rows of the largest."""
        rows = max(self.clients.values(), key=len)
        train, options = self.recipe.train, self.options
        times = options.rounds * max(1, round(options.fraction * len(self.names)))
        longer = train.model_copy(update={"epochs": options.epochs * times, "steps": None})
        trial = self.recipe.model_copy(update={"train": longer})
        trial.train.compile = False if train.compile == "auto" else train.compile
        model = self.prepared.build()
        if options.noise and any(isinstance(module, _BatchNorm) for module in model.modules()):
            message = "the running statistics of a batch norm cannot be made private."
            raise UserError(message, where="federated.noise", hint="Set norm: none, or another one, for the encoder.")
        fitting.decide(trial, shard(self.prepared, rows), model, decided)
        self.recipe.train = longer.model_copy(update={"epochs": train.epochs, "steps": train.steps})

    def scores(self, model: nn.Module) -> dict[str, dict[str, Any]]:
        """How good the model is on some of each client's own rows, where these are rows of a table: client -> metrics."""
        if not self.simulated or not hasattr(self.prepared, "encoded"):
            return {}
        options = StepOptions(device=next(model.parameters()).device.type)
        held = {name: shard(self.prepared, self.clients[name][:LOOKED_AT], part=1) for name in self.names}
        return {name: rows.validate(model, options)["metrics"] for name, rows in held.items()}

    def chosen(self, number: int) -> list[str]:
        """Who is asked in a round: as many as `fraction` says, or, where noise is added, each with that probability,
        which is what the accountant of epsilon assumes."""
        random, fraction = generator(self.seed, number), self.options.fraction
        if self.options.noise:
            drawn = (torch.rand(len(self.names), generator=random) < fraction).nonzero().flatten()
            return [self.names[place] for place in drawn.tolist()]
        count = max(1, round(fraction * len(self.names)))
        return [self.names[place] for place in torch.randperm(len(self.names), generator=random)[:count].tolist()]

    def gradients(self, model: Model, batch: Batch, options: StepOptions) -> Terms:
        """A round: the clients that are asked learn from the server's weights, and what they answer becomes the gradient.

        Clients whose answer is not finite are left out and named; those that vanish are missing in the sum.
        """
        number, weights = int(batch["round"]), Weights(model)
        start, asked = weights.read(), self.chosen(number)
        answers = {answer.name: answer for answer in self.ask(model, start, asked, number)}
        bad = [name for name, answer in answers.items() if not answer.update.isfinite().all()]
        vanished = [name for name in asked if name not in answers]
        good = [answer for name, answer in answers.items() if name not in bad]
        weights.write(start)
        if not good and not self.options.noise:
            told = f"{len(bad)} of their answers are not finite ({', '.join(bad[:5])})" if bad else "all vanished"
            message = f"none of the {len(asked)} clients of round {number + 1} gave an answer: {told}."
            raise TrainingError(message, hint="Lower train.lr, set a clip, or look at these clients' rows.")
        sent = {"down": 4 * len(start) * len(asked), "up": 4 * len(start) * len(good)}
        update = self._joined(good, len(asked) - len(good), start, number, sent)
        if not self.options.noise:  # what is not learned is then left alone: noise would spoil it
            weights.write(start + update, buffers_only=True)
        weights.descend(update)
        losses = {answer.name: _mean(answer.terms, model.weights) for answer in good}
        self.record = {"asked": len(asked), "left_out": bad, "vanished": vanished, "losses": losses, "bytes": sent}
        return _added(answer.terms for answer in good) or {"none": (torch.zeros(()), torch.zeros(()))}

    def _simulated(self, model: Model, start: Tensor, asked: list[str], number: int) -> Iterator[Answer]:
        """The clients that are asked, one after the other on this machine; some attack, some vanish."""
        for name in asked:
            answer = self.learn(model, start, name, number)
            if name in self.attackers:
                answer.update *= TURNED if self.options.attack == "flip" else torch.nan
            if self._draw(number, name, 1) >= self.options.vanish:
                yield answer

    def learn(self, model: Model, start: Tensor, name: str, number: int) -> Answer:
        """What one client makes of the server's weights in a round; its update is NaN where its loss is not finite."""
        train, own, weights = self.recipe.train, shard(self.prepared, self.clients[name]), Weights(model)
        weights.write(start)
        model.train()
        kind, config = parts.split(train.optimizer)
        config |= {"kind": kind, "lr": train.lr, "weight_decay": train.weight_decay}
        optimizer, device = parts.build("optimizers", config, model), next(model.parameters()).device
        batches, factor = own.batches(train.batch), self.schedule(number, self.options.rounds)
        batches.seed = int(self._draw(number, name, 0) * 2**31)
        count = self.options.epochs * -(-own.train_rows // batches.size)
        endless = itertools.chain.from_iterable(batches.epoch(epoch) for epoch in itertools.count())
        rows = ({key: value.to(device) for key, value in batch.items()} for batch in itertools.islice(endless, count))
        steps = train_steps(
            model,
            rows,
            optimizer,
            factor=lambda step: factor,
            options=StepOptions(seed=batches.seed, clip=train.clip, precision=train.precision, device=device.type),
            start=number * count,
            gradients=self._held_near(model) if self.options.rule == "fedprox" else None,
        )
        try:
            terms = _added(steps)
        except NotFinite:
            return Answer(name, start * torch.nan, own.train_rows, {})
        return Answer(name, weights.read() - start, own.train_rows, terms)

    def _held_near(self, model: Model) -> Any:
        """Gradients with those of mu / 2 * |w - w_server|^2 added (FedProx, Li et al. 2020, equation 2)."""
        anchors = {p: p.detach().clone() for p in model.parameters() if p.requires_grad}

        def gradients(model: Model, batch: Batch, options: StepOptions) -> Terms:
            terms = batch_gradients(model, batch, options)
            moved = [parameter for parameter in anchors if parameter.grad is not None]
            away = torch._foreach_sub([p.detach() for p in moved], [anchors[p] for p in moved])
            torch._foreach_add_([p.grad for p in moved], away, alpha=self.options.mu)
            return terms

        return gradients

    def _joined(self, answers: list[Answer], missing: int, start: Tensor, number: int, sent: dict[str, int]) -> Tensor:
        """(P,) the answers made one by the rule. With noise every client counts the same, and the sum is divided by how
        many are expected, so that no number but the noisy sum depends on one client."""
        options = self.options
        updates = [clipped(answer.update, options.clip) for answer in answers]
        if options.rule in ROBUST:
            found = torch.stack(updates)
            return median(found) if options.rule == "median" else trimmed_mean(found, options.trim)
        rows = [1 if options.noise else answer.rows for answer in answers]
        if options.secure:
            vectors = [np.append((update * own).cpu().numpy(), own) for update, own in zip(updates, rows)]
            opened, server = self.add([*vectors, *([None] * missing)])
            sent["up"] = server.bytes_received
            summed, total = torch.from_numpy(opened[:-1]).to(start), float(opened[-1])
        else:
            summed, total = sum((update * own for update, own in zip(updates, rows)), start * 0), sum(rows)
        if not options.noise:
            return summed / total
        random = generator(self.seed, number, -2)
        if not self.simulated:  # hosts know the seed
            random.manual_seed(secrets.randbits(63))
        deviation = options.noise * float(options.clip or 0)
        noise = deviation * torch.randn(len(start), generator=random).to(start)
        return (summed + noise) / (options.fraction * len(self.names))

    def _draw(self, number: int, name: str, use: int) -> float:
        """A number of [0, 1) for one client, one round and one use."""
        return float(torch.rand((), generator=generator(self.seed, number, name, use), dtype=torch.double))


def _added(steps: Iterable[Terms]) -> Terms:
    """The loss terms of all steps, added up."""
    sums: Terms = {}
    for terms in steps:
        for name, (value, count) in terms.items():
            before = sums.get(name)
            sums[name] = (value, count) if before is None else (before[0] + value, before[1] + count)
    return sums


def _mean(terms: Terms, weights: dict[str, float]) -> float:
    """The loss that terms added up over steps amount to."""
    return float(total_loss(terms, {name: count for name, (_, count) in terms.items()}, weights))
