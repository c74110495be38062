"""The smallest model within a budget: a search that never sees the test rows."""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import dataclass
from typing import Any

from torch import nn

from .. import parts
from ..errors import UserError, did_you_mean
from ..report import Block, Section, Table, shown
from . import _costs, _sensitivity
from ._work import Work

NARROWER = (0.25, 0.5, 0.75)  # shares of the channels that may go where time is short
ROUNDS = 5  # of halving
COSTS = ("size", "latency")
FALLING = ("loss", "perplexity", "rmse", "cer", "wer", "kl")  # scores that are better when smaller
HINT = 'For example "accuracy -1pt, size /8", "latency /2" or "perplexity +5%".'


@dataclass(frozen=True)
class Limit:
    """One condition: `size` or `latency` divided by `amount`, or a score that loses at most `amount`, a share of itself
    where `relative`."""

    name: str
    amount: float
    relative: bool = False

    @property
    def falling(self) -> bool:
        """Whether the score is better when smaller."""
        return self.name.split()[-1] in FALLING


def read(text: str) -> list[Limit]:
    """The conditions of a budget. Raises UserError for one that cannot be read."""
    return [_limit(clause.strip()) for clause in text.split(",") if clause.strip()]


def _limit(clause: str) -> Limit:
    found = re.fullmatch(r"(\w[^-+/]*?)\s*([-+/])\s*(\d+\.?\d*|\.\d+)\s*(%|pt|pts|points?)?", clause)
    if not found:
        raise UserError(f"'{clause}' cannot be read.", where="budget", hint=HINT)
    limit = Limit(found[1], float(found[3]) / (100 if found[4] else 1), found[4] == "%")
    cost = limit.name in COSTS
    if cost != (found[2] == "/") or (cost and (found[4] or limit.amount <= 1)):
        reason = "size and latency are divided by more than 1, a score loses a little."
        raise UserError(f"'{clause}': {reason}", where="budget", hint=HINT)
    if not cost and limit.falling != (found[2] == "+"):
        better, sign = ("smaller", "+") if limit.falling else ("larger", "-")
        reason = f"{limit.name} is better when {better}: what it may lose is written with {sign}."
        raise UserError(f"'{clause}': {reason}", where="budget", hint=HINT)
    return limit


@dataclass(frozen=True)
class Trial:
    """A candidate: the steps that make it, its validation scores, how many times smaller it is, and how far it stays
    within each limit, as a share of the limit; below 0 is beyond."""

    steps: list[dict[str, Any]]
    scores: dict[str, Any]
    smaller: float
    left: dict[Limit, float]

    @property
    def words(self) -> str:
        """Its steps in short."""
        return " ".join(_step(step) for step in self.steps)

    @property
    def account(self) -> str:
        """What it reaches, for a person."""
        return f"{self.words}, {_shown(self.scores)}, {self.smaller:.1f} times smaller"

    @property
    def fits(self) -> bool:
        """Whether every limit is kept."""
        return all(left >= 0 for left in self.left.values())


class Search:
    """Looks for the smallest model within the limits; where no score is limited, for the best one.

    First each layer alone is pruned and rounded (`_sensitivity`). A tolerance then gives each layer the largest
    sparsity that loses no more; pruned so, trained further and stored as int8, the model is measured. The largest
    tolerance whose model keeps the scores is found by halving; int8 and int4 alone are candidates too. Where latency is
    limited, channels go first: the smallest share that makes the model fast enough.
    """

    def __init__(self, work: Work, limits: list[Limit]) -> None:
        self.work, self.limits = work, limits
        begun = work.branch()
        begun.model = work.run.model
        self.scores, self.bytes = begun.score(), _bytes(begun.model)
        known = [*COSTS, *(name for name in self.scores if name != "main")]
        for limit in limits:
            if limit.name not in known:
                raise UserError(f"there is no '{limit.name}'.", where="budget", hint=did_you_mean(limit.name, known))
        self.first: list[dict[str, Any]] = []  # steps that the work has behind it
        self.trials: list[Trial] = []
        self.best: tuple[Trial, Work] | None = None

    def run(self) -> tuple[Trial, Work, list[Block]]:
        """The best candidate, what made it, and the account of the search."""
        self._try({"kind": "int8"})
        self._narrow()
        for kind in ("int8", "int4"):  # of the narrower model, if it is one
            self._try({"kind": kind})
        found = _sensitivity.measure(self.work)
        tolerances = found.tolerances()
        low, high = 0, len(tolerances) - 1
        for _ in range(ROUNDS):
            if low > high:
                break
            middle = (low + high) // 2
            layers = found.bearable(tolerances[middle])
            trial = self._try(*[{"kind": "prune", "layers": layers}] * bool(layers), {"kind": "int8"})
            low, high = (middle + 1, high) if self._bears_more(trial) else (low, middle - 1)
        assert self.best
        return *self.best, [Section("Budget"), self._table(self.best[0]), *found.blocks()]

    def _bears_more(self, trial: Trial) -> bool:
        """Whether a larger tolerance is worth a look: the scores are kept, or none is limited and the size is missed."""
        left = [left for limit, left in trial.left.items() if limit.name not in COSTS]
        return min(left) >= 0 if left else not trial.fits

    def _narrow(self) -> None:
        """Take away the smallest share of channels that makes the model fast enough, where int8 does not."""
        limit = next((limit for limit in self.limits if limit.name == "latency"), None)
        if limit is None or self.trials[0].left[limit] >= 0:
            return
        whole = self.work
        for share in NARROWER:
            self.first, self.work = [{"kind": "structured", "ratio": share}], whole.branch()
            parts.build("compression", self.first[0]).apply(self.work)
            if self._left(limit, self.work, {}) >= 0:
                return

    def _try(self, *steps: dict[str, Any]) -> Trial:
        """Make a candidate and measure it; the best so far is kept."""
        all_steps = [*self.first, *steps]
        if done := next((trial for trial in self.trials if trial.steps == all_steps), None):
            return done
        work = self.work.branch()
        for step in steps:
            parts.build("compression", step).apply(work)
        scores = work.score()
        left = {limit: self._left(limit, work, scores) for limit in self.limits}
        trial = Trial(all_steps, scores, self.bytes / _bytes(work.model), left)
        self.trials.append(trial)
        print(trial.account, file=sys.stderr)
        if self.best is None or self._rank(trial) > self._rank(self.best[0]):
            self.best = (trial, work)
        return trial

    def _rank(self, trial: Trial) -> tuple[bool, float]:
        """Larger is better: the smallest of those that fit, or the best where only costs are limited; else the nearest."""
        if not trial.fits:
            return False, min(trial.left.values())
        return True, trial.scores["main"] if all(limit.name in COSTS for limit in self.limits) else trial.smaller

    def _left(self, limit: Limit, work: Work, scores: dict[str, Any]) -> float:
        """How far a candidate stays within a limit."""
        if limit.name == "size":
            return math.log(self.bytes / _bytes(work.model) / limit.amount, limit.amount)
        if limit.name == "latency":
            gain = _costs.latency(work.run.model, work.model, _costs.rows(work, 1)).gain
            return math.log(gain / limit.amount, limit.amount)
        before, after = self.scores[limit.name], scores[limit.name]
        allowed = limit.amount * abs(before) if limit.relative else limit.amount
        return (allowed - (after - before) * (1 if limit.falling else -1)) / max(allowed, 1e-9)

    def _table(self, best: Trial) -> Table:
        names = [name for name in self.scores if name != "main"]
        rows = [["as it was", *(self.scores[name] for name in names), 1.0, ""]]
        for trial in self.trials:
            fits = "chosen" if trial is best else "yes" if trial.fits else "no"
            rows.append([trial.words, *(trial.scores[name] for name in names), trial.smaller, fits])
        note = "Scores on the validation rows; the test rows are measured once, above."
        return Table("Candidates", ["steps", *names, "times smaller", "within the budget"], rows, note=note)


def _step(step: dict[str, Any]) -> str:
    shares = step.get("layers", {}).values()
    return f"{step['kind']}" + (
        f" {min(shares):.0%} to {max(shares):.0%}" if shares else f" {step['ratio']:.0%}" if "ratio" in step else ""
    )


def _bytes(model: nn.Module) -> int:
    """Of its file: the tensors, and the header that names them."""
    state = model.state_dict()
    header = [
        {name: {"dtype": "F32", "shape": list(t.shape), "data_offsets": [9**7, 9**7]}} for name, t in state.items()
    ]
    return len(json.dumps(header, separators=(",", ":"))) + sum(t.numel() * t.element_size() for t in state.values())


def _shown(scores: dict[str, Any]) -> str:
    return ", ".join(f"{name} {shown(value)}" for name, value in scores.items() if name != "main")
