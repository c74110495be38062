"""Sequences from models that give the next token's logits: greedy, sampled or by beam search, for any `Generates`.

Language models and heads that write sequences are decoded here and nowhere else. Knows no vocabulary and no text.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from .errors import UserError


class Generates(Protocol):
    """The ability to go on with sequences, token by token. A state is whatever the model remembers of its rows."""

    def step(self, ids: Tensor, state: Any, mask: Tensor | None = None) -> tuple[Tensor, Any]:
        """Take in ids (B, T); mask (B, T) is False where a prompt is padded on its left. Gives the logits (B, V) of the
        token that follows, and the new state."""

    def select(self, state: Any, rows: Tensor) -> Any:
        """The state of the rows at these positions, each as often as it is named."""


class Decoded(NamedTuple):
    """The ids after the prompt, without the one that ended them, and their score: the sum of their log probabilities
    (before temperature and filters), divided by `tokens ** length_penalty`."""

    ids: list[int]
    score: float


@dataclass(frozen=True)
class DecodingOptions:
    """How the next token is chosen.

    max_tokens: at most so many tokens after the prompt
    temperature: 0 takes the likeliest token, 1 draws from the model's distribution
    top_k: draw among so many likeliest tokens only; 0 is off
    top_p: draw among the likeliest tokens that together have this probability (Holtzman 2020)
    min_p: draw among tokens at least this share as likely as the likeliest (Nguyen 2024)
    repetition_penalty: logits of tokens that occurred are divided (negative: multiplied) by it (Keskar 2019)
    beams: hypotheses kept side by side; 1 keeps one
    length_penalty: hypotheses compete by sum of log probabilities / tokens ** length_penalty; larger favours longer ones
    ends: ids that end a sequence
    seed: of the draws
    """

    max_tokens: int = 256
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    beams: int = 1
    length_penalty: float = 1.0
    ends: tuple[int, ...] = field(default=())
    seed: int = 0

    def __post_init__(self) -> None:
        checks = {
            "max_tokens": (self.max_tokens >= 1, "at least 1"),
            "temperature": (0 <= self.temperature < math.inf, "0 or more"),
            "top_k": (self.top_k >= 0, "0 (off) or more"),
            "top_p": (0 < self.top_p <= 1, "more than 0 and at most 1"),
            "min_p": (0 <= self.min_p < 1, "at least 0 and less than 1"),
            "repetition_penalty": (0 < self.repetition_penalty < math.inf, "more than 0"),
            "beams": (self.beams >= 1, "at least 1"),
            "length_penalty": (math.isfinite(self.length_penalty), "a finite number"),
        }
        for name, (good, expected) in checks.items():
            if not good:
                raise UserError(f"expected {expected}, given {getattr(self, name)}.", where=name)
        if self.beams > 1 and self.temperature:
            hint = "Give temperature 0 or one beam."
            raise UserError("beam search takes the likeliest sequences and draws nothing.", where="beams", hint=hint)


@torch.inference_mode()
def decode(
    model: Generates,
    state: Any,
    prompt: Tensor,
    options: DecodingOptions,
    *,
    mask: Tensor | None = None,
    seeds: Sequence[int] | None = None,
    stops: Callable[[int, list[int]], bool] | None = None,
    on_tokens: Callable[[dict[int, int]], None] | None = None,
) -> list[Decoded]:
    """Go on from the prompts (B, T), at least one token each; mask (B, T) is False where they are padded on the left.

    seeds (B,): one a row, by default `options.seed` for each. What a row draws depends on its own seed and tokens
    alone, never on the rows beside it. stops(row, ids): whether a sequence ends here (for stop strings, over decoded
    text). on_tokens is given {row: token} after each step. Beam search knows no `stops` and reports no steps.
    """
    seen = _Seen(prompt, mask, options.repetition_penalty)
    logits, state = model.step(prompt, state, mask)
    if options.beams > 1:
        return _beam_search(model, state, logits, seen, options)
    rows = list(range(len(prompt)))  # those still going on, by their number in the prompt
    seeds = [options.seed] * len(rows) if seeds is None else list(seeds)
    ids: list[list[int]] = [[] for _ in rows]
    scores = [0.0] * len(rows)
    for step in range(options.max_tokens):
        logits = logits.float()
        chosen = choose(seen.penalised(logits), options, [_uniform(seeds[row], step) for row in rows])
        gained = logits.log_softmax(-1).gather(1, chosen[:, None])[:, 0].tolist()
        tokens = chosen.tolist()
        for row, token, gain in zip(rows, tokens, gained):
            scores[row] += gain
            ids[row].append(token)
        if on_tokens is not None:
            on_tokens({row: token for row, token in zip(rows, tokens) if token not in options.ends})
        alive = [
            place
            for place, (row, token) in enumerate(zip(rows, tokens))
            if token not in options.ends and not (stops and stops(row, ids[row]))
        ]
        if not alive or step == options.max_tokens - 1:
            break
        if len(alive) < len(rows):
            kept = torch.tensor(alive, device=prompt.device)
            rows, chosen, state = [rows[place] for place in alive], chosen[kept], model.select(state, kept)
            seen.keep(kept)
        seen.add(chosen[:, None])
        logits, state = model.step(chosen[:, None], state)
    return [
        Decoded(row[:-1] if row[-1] in options.ends else row, score / len(row) ** options.length_penalty)
        for row, score in zip(ids, scores)
    ]


def choose(logits: Tensor, options: DecodingOptions, uniform: Sequence[float]) -> Tensor:
    """(B, V) logits -> (B,) tokens: the likeliest, or the ones that uniform numbers of [0, 1) fall upon."""
    if options.temperature == 0:
        return logits.argmax(-1)
    logits = (logits / options.temperature).double()
    if options.top_k and options.top_k < logits.shape[-1]:
        logits = logits.masked_fill(logits < logits.topk(options.top_k).values[:, -1:], -math.inf)
    probability = logits.softmax(-1)
    least = options.min_p * probability.amax(-1, keepdim=True)
    if options.top_p < 1:
        falling = probability.sort(-1, descending=True).values
        likelier = falling.cumsum(-1) - falling  # of all tokens before this one
        least = least.maximum(falling.masked_fill(likelier >= options.top_p, math.inf).amin(-1, keepdim=True))
    # in the order of the ids: in that of the probabilities, rounding would exchange tokens that are equally likely
    reached = probability.masked_fill(probability < least, 0.0).cumsum(-1)
    goal = reached[:, -1] * torch.tensor(uniform, dtype=torch.double, device=logits.device)
    return torch.searchsorted(reached, goal[:, None], right=True)[:, 0]


def _uniform(seed: int, step: int) -> float:
    """A number of [0, 1) that depends on nothing but these two."""
    digest = hashlib.blake2b(f"{seed} {step}".encode(), digest_size=7).digest()
    return (int.from_bytes(digest, "little") >> 3) / 2**53


class _Seen:
    """Which tokens each row has had, and the penalty on repeating them."""

    def __init__(self, prompt: Tensor, mask: Tensor | None, penalty: float) -> None:
        self.penalty = penalty
        self.ids = prompt if mask is None else prompt.where(mask, -1)  # (B, T)

    def add(self, ids: Tensor) -> None:
        if self.penalty != 1:
            self.ids = torch.cat([self.ids, ids], 1)

    def keep(self, rows: Tensor) -> None:
        self.ids = self.ids[rows]

    def penalised(self, logits: Tensor) -> Tensor:
        if self.penalty == 1:
            return logits
        found = torch.zeros(len(logits), logits.shape[1] + 1, dtype=torch.bool, device=logits.device)
        found = found.scatter(1, self.ids + 1, True)[:, 1:]  # the first place is padding's
        return torch.where(found, torch.where(logits > 0, logits / self.penalty, logits * self.penalty), logits)


def _beam_search(model: Generates, state: Any, logits: Tensor, seen: _Seen, options: DecodingOptions) -> list[Decoded]:
    """The best sequence of each row among `beams` kept side by side (Graves 2012; Sutskever 2014).

    Of the 2 x beams best continuations, the endings among the first `beams` join the finished hypotheses, of which
    `beams` are kept, and the best that go on fill the beam. A row is done when so many are finished and none in the beam
    is better, at its length, than the worst of them. Done rows are no longer computed.
    """
    beams, device = options.beams, logits.device
    rows = torch.arange(len(logits), device=device)  # those not done
    best: dict[int, Decoded] = {}
    sums = torch.full((len(rows), beams), -math.inf, device=device)
    sums[:, 0] = 0.0  # all beams begin equal: one is enough
    state, logits = model.select(state, rows.repeat_interleave(beams)), logits.repeat_interleave(beams, 0)
    seen.keep(rows.repeat_interleave(beams))
    ids = torch.empty(len(rows), beams, 0, dtype=torch.long, device=device)
    finished = _Finished(len(rows), options, device)
    for step in range(1, options.max_tokens + 1):
        gains = seen.penalised(logits.float()).log_softmax(-1)
        vocabulary = gains.shape[1]
        totals = (sums.view(-1, 1) + gains).view(len(rows), -1)
        values, places = totals.topk(min(2 * beams, totals.shape[1]), -1)
        tokens, origins = places % vocabulary, places // vocabulary
        grown = torch.cat([ids.gather(1, origins[..., None].expand(-1, -1, step - 1)), tokens[..., None]], -1)
        ending = torch.isin(tokens, torch.tensor(options.ends, dtype=torch.long, device=device))
        finished.add(grown[:, :beams], values[:, :beams].masked_fill(~ending[:, :beams], -math.inf))
        sums, going = values.masked_fill(ending, -math.inf).topk(beams, -1)
        ids = grown.gather(1, going[..., None].expand(-1, -1, step))
        done = finished.worst() >= sums[:, 0] / step**options.length_penalty
        if step == options.max_tokens:
            finished.add(ids, sums)  # what has not ended competes too
            done = torch.ones_like(done)
        if done.any():
            best |= dict(zip(rows[done].tolist(), finished.best(done)))
            if done.all():
                break
        kept = (~done).nonzero()[:, 0]
        source = (origins.gather(1, going) + torch.arange(len(rows), device=device)[:, None] * beams)[kept].view(-1)
        rows, sums, ids = rows[kept], sums[kept], ids[kept]
        finished.keep(kept)
        last = ids[:, :, -1].reshape(-1, 1)
        seen.keep(source)
        seen.add(last)
        logits, state = model.step(last, model.select(state, source))
    return [best[row] for row in range(len(best))]


class _Finished:
    """The best `beams` hypotheses of each row that have ended: ids (B, beams, T), -1 after the last, and scores."""

    def __init__(self, rows: int, options: DecodingOptions, device: torch.device) -> None:
        self.options = options
        self.scores = torch.full((rows, options.beams), -math.inf, device=device)
        self.ids = torch.empty(rows, options.beams, 0, dtype=torch.long, device=device)

    def add(self, ids: Tensor, sums: Tensor) -> None:
        """Let hypotheses (B, N, T) compete; a sum of minus infinity is none."""
        steps = ids.shape[-1]
        scores = torch.cat([self.scores, sums / steps**self.options.length_penalty], 1)
        earlier = torch.nn.functional.pad(self.ids, (0, steps - self.ids.shape[-1]), value=-1)
        self.scores, places = scores.topk(self.options.beams, -1)
        self.ids = torch.cat([earlier, ids], 1).gather(1, places[..., None].expand(-1, -1, steps))

    def worst(self) -> Tensor:
        """(B,) the score that a further hypothesis has to beat."""
        return self.scores[:, -1]

    def keep(self, rows: Tensor) -> None:
        self.scores, self.ids = self.scores[rows], self.ids[rows]

    def best(self, rows: Tensor) -> list[Decoded]:
        """The best hypothesis of each row."""
        found = zip(self.ids[rows, 0].tolist(), self.scores[rows, 0].tolist())
        return [Decoded([i for i in ids if i >= 0 and i not in self.options.ends], score) for ids, score in found]


def select_rows(state: Any, rows: Tensor) -> Any:
    """`Generates.select` for a state of nested tuples of tensors that have their rows first."""
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    return None if state is None else tuple(select_rows(part, rows) for part in state)
