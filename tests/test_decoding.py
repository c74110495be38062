"""Decoding: against brute force on a table, and row by row on an untrained recurrent network."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

from modelwright.decoding import Decoded, DecodingOptions, choose, decode, select_rows
from modelwright.decoding import _beam_search as beam_search
from modelwright.decoding import _Seen as Seen
from modelwright.errors import UserError

VOCABULARY, END = 4, 0


class Table:
    """Next-token logits from a table of the last two tokens; the state is the last token."""

    def __init__(self, seed: int = 0) -> None:
        self.logits = torch.randn(VOCABULARY, VOCABULARY, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 2

    def step(self, ids, state, mask=None):
        before = state if ids.shape[1] == 1 else ids[:, -2]
        return self.logits[before, ids[:, -1]], ids[:, -1]

    def select(self, state, rows):
        return state[rows]

    def log_probability(self, first: int, ids: list[int]) -> float:
        total, before, last = 0.0, torch.tensor(first), torch.tensor(first)
        for token in ids:
            total += float(self.logits[before, last].log_softmax(-1)[token])
            before, last = last, torch.tensor(token)
        return total


class Recurrent(nn.Module):
    """An untrained GRU that reads left-padded prompts."""

    def __init__(self, vocabulary: int = 30) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table, self.cell, self.output = nn.Embedding(vocabulary, 16), nn.GRUCell(16, 16), nn.Linear(16, vocabulary)

    def step(self, ids, state, mask=None):
        (hidden,) = state
        for place in range(ids.shape[1]):
            new = self.cell(self.table(ids[:, place]), hidden)
            hidden = new if mask is None else torch.where(mask[:, place : place + 1], new, hidden)
        return self.output(hidden) * 4, (hidden,)

    def select(self, state, rows):
        return select_rows(state, rows)


def start(rows: int) -> tuple:
    return (torch.zeros(rows, 16),)


def padded(prompts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, prompts))
    ids = torch.tensor([[9] * (longest - len(p)) + p for p in prompts])
    return ids, torch.tensor([[False] * (longest - len(p)) + [True] * len(p) for p in prompts])


def all_sequences(longest: int) -> list[list[int]]:
    """Every sequence that ends, and those that are cut at `longest`."""
    found = []
    for length in range(1, longest + 1):
        for ids in itertools.product(range(VOCABULARY), repeat=length):
            if END not in ids[:-1] and (ids[-1] == END or length == longest):
                found.append(list(ids))
    return found


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0, 1.5])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_wide_enough_finds_the_best_of_all_sequences(length_penalty, seed):
    table, firsts = Table(seed), [1, 2, 3]
    options = DecodingOptions(max_tokens=4, beams=200, length_penalty=length_penalty, ends=(END,))
    found = decode(table, torch.tensor(firsts), torch.tensor(firsts)[:, None], options)
    for first, decoded in zip(firsts, found):
        scores = {tuple(s): table.log_probability(first, s) / len(s) ** length_penalty for s in all_sequences(4)}
        best = max(scores, key=scores.__getitem__)
        assert decoded.ids == [token for token in best if token != END]
        assert decoded.score == pytest.approx(scores[best], abs=1e-5)


def test_a_narrow_beam_is_never_worse_than_greedy_and_sometimes_better():
    better = 0
    for seed in range(20):
        table, prompt = Table(seed), torch.tensor([[1], [2], [3]])
        runs = []
        for beams in (1, 3):
            options = DecodingOptions(max_tokens=6, beams=beams, length_penalty=0.0, ends=(END,))
            runs.append(decode(table, prompt[:, 0], prompt, options))
        for greedy, beam in zip(*runs):
            assert beam.score >= greedy.score - 1e-5
            better += beam.score > greedy.score + 1e-5
    assert better > 5


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_one_beam_is_greedy(length_penalty):
    for seed in range(10):
        table, prompt = Table(seed), torch.tensor([[1], [2], [3]])
        options = DecodingOptions(max_tokens=7, length_penalty=length_penalty, ends=(END,))
        greedy = decode(table, prompt[:, 0], prompt, options)
        logits, state = table.step(prompt, prompt[:, 0])
        beam = beam_search(table, state, logits, Seen(prompt, None, 1.0), options)
        assert [one.ids for one in beam] == [one.ids for one in greedy]
        assert [one.score for one in beam] == pytest.approx([one.score for one in greedy], abs=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        DecodingOptions(max_tokens=12, ends=(3,)),
        DecodingOptions(max_tokens=12, ends=(3,), temperature=1.0, seed=5),
        DecodingOptions(max_tokens=12, ends=(3,), temperature=1.3, top_k=8, top_p=0.9, min_p=0.02, seed=1),
        DecodingOptions(max_tokens=12, ends=(3, 4), beams=4, length_penalty=1.5),
        DecodingOptions(max_tokens=12, ends=(3,), repetition_penalty=1.8),
        DecodingOptions(max_tokens=12, ends=(3,), beams=3, repetition_penalty=1.8),
    ],
    ids=str,
)
def test_a_row_does_not_depend_on_the_rows_beside_it(options):
    model, prompts = Recurrent(), [[5, 6, 7], [8], [2, 9], [20, 21, 22, 23], [8]]
    ids, mask = padded(prompts)
    together = decode(model, start(len(prompts)), ids, options, mask=mask)
    for prompt, found in zip(prompts, together):
        (alone,) = decode(model, start(1), torch.tensor([prompt]), options)
        assert alone.ids == found.ids and alone.score == pytest.approx(found.score, abs=1e-4)
    assert len({tuple(found.ids) for found in together}) > 2


def test_seeds_decide_what_is_drawn():
    model, options = Recurrent(), DecodingOptions(max_tokens=10, temperature=1.0, seed=3)
    prompt = torch.tensor([[5]] * 4)
    drawn = [found.ids for found in decode(model, start(4), prompt, options, seeds=[3, 4, 3, 5])]
    assert drawn[0] == drawn[2] and drawn[0] != drawn[1] != drawn[3]
    assert decode(model, start(1), prompt[:1], options)[0].ids == drawn[0]


def test_draws_follow_the_distribution():
    logits = torch.tensor([[1.0, 0.0, -1.0, 2.0]]).expand(4000, -1)
    uniform = [(i + 0.5) / 4000 for i in range(4000)]
    for options, wanted in [
        (DecodingOptions(temperature=1.0), logits[0].softmax(-1)),
        (DecodingOptions(temperature=0.5), (logits[0] * 2).softmax(-1)),
        (DecodingOptions(temperature=1.0, top_k=2), torch.tensor([1.0, -math.inf, -math.inf, 2.0]).softmax(-1)),
        (DecodingOptions(temperature=1.0, top_p=0.7), torch.tensor([1.0, -math.inf, -math.inf, 2.0]).softmax(-1)),
        (DecodingOptions(temperature=1.0, top_p=0.6), torch.tensor([0.0, 0, 0, 1])),
        (DecodingOptions(temperature=1.0, min_p=0.1), torch.tensor([1.0, 0.0, -math.inf, 2.0]).softmax(-1)),
    ]:
        shares = torch.bincount(choose(logits, options, uniform), minlength=4) / 4000
        assert torch.allclose(shares, wanted, atol=1e-3), options


def test_a_repetition_is_punished():
    logits, prompt = torch.tensor([[2.0, 1.9, -1.0, -1.1]]), torch.tensor([[0, 2]])
    found = Seen(prompt, None, 2.0).penalised(logits)
    assert found.tolist() == [[1.0, pytest.approx(1.9), -2.0, pytest.approx(-1.1)]]
    assert torch.equal(Seen(prompt, torch.tensor([[False, True]]), 2.0).penalised(logits)[0, :1], logits[0, :1])


def test_rows_stop_and_are_computed_no_more():
    class Counting(Recurrent):
        rows = 0

        def step(self, ids, state, mask=None):
            self.rows += len(ids)
            return super().step(ids, state, mask)

    model, steps = Counting(), []
    options = DecodingOptions(max_tokens=9)
    found = decode(
        model,
        start(2),
        torch.tensor([[5], [6]]),
        options,
        stops=lambda row, ids: len(ids) == 3 + row,
        on_tokens=steps.append,
    )
    assert [len(one.ids) for one in found] == [3, 4]
    assert model.rows == 2 * 3 + 1
    assert [sorted(step) for step in steps] == [[0, 1], [0, 1], [0, 1], [1]]
    assert [step[1] for step in steps] == found[1].ids


def test_scores_are_sums_of_log_probabilities():
    table, prompt = Table(1), torch.tensor([[2]])
    options = DecodingOptions(max_tokens=5, temperature=1.0, length_penalty=0.0)
    (found,) = decode(table, prompt[:, 0], prompt, options)
    assert isinstance(found, Decoded) and len(found.ids) == 5
    assert found.score == pytest.approx(table.log_probability(2, found.ids), abs=1e-5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"temperature": -1.0}, "temperature: expected 0 or more, given -1.0"),
        ({"top_p": 0.0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens: expected at least 1, given 0"),
        ({"beams": 4, "temperature": 1.0}, "one beam"),
        ({"repetition_penalty": float("nan")}, "repetition_penalty"),
    ],
)
def test_options_out_of_range_are_refused(given, words):
    with pytest.raises(UserError, match=words):
        DecodingOptions(**given)
