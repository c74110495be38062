"""CTC: loss and decoding against the sum over all ways of writing a text."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest
import torch

import modelwright as mw
from modelwright.blocks.stream import Stream
from modelwright.heads.ctc import Ctc, beam_search

SIZES = {"vocabulary": 4, "length": 5, "end": 0, "unknown": 1}


def texts_of(gains: torch.Tensor) -> dict[tuple[int, ...], float]:
    """Every text that (T, V) log probabilities can write, and its probability."""
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(gains.shape[1]), repeat=len(gains)):
        text = tuple(token for token, _ in itertools.groupby(path) if token)
        found[text] += float(sum(gains[t, token] for t, token in enumerate(path)).exp())
    return found


def case() -> tuple[Ctc, Stream]:
    torch.manual_seed(0)
    head = Ctc(6, SIZES).eval()
    return head, Stream(torch.randn(3, 5, 6) * 3, torch.arange(5) < torch.tensor([5, 3, 4])[:, None])


def test_the_loss_sums_over_all_alignments_and_leaves_the_end_out():
    head, stream = case()
    gains, _ = head._gains(stream)
    target = torch.tensor([[2, 2, 3, 0], [3, 0, -1, -1], [-1, -1, -1, -1]])
    total, count = head.loss(stream, target)
    wanted = texts_of(gains[0])[2, 2, 3], texts_of(gains[1, :3])[(3,)]
    assert float(total) == pytest.approx(-float(torch.tensor(wanted).log().sum()), rel=1e-4)
    assert count == 4 == head.count(target)


def test_a_wide_beam_finds_the_likeliest_text_and_greedy_the_likeliest_steps():
    head, stream = case()
    gains, lengths = head._gains(stream)
    greedy = head.predict(stream)["ids"]
    for row, length in enumerate(lengths.tolist()):
        every = texts_of(gains[row, :length])
        assert tuple(beam_search(gains[row, :length].tolist(), 0, 300)) == max(every, key=every.__getitem__)
        steps = gains[row, :length].argmax(-1).tolist()
        assert greedy[row][greedy[row] >= 0].tolist() == [token for token, _ in itertools.groupby(steps) if token]
    head.beams = 300
    assert head.predict(stream)["ids"].shape[0] == 3


@pytest.mark.slow
def test_strips_of_digits_are_read():
    recipe = {
        "data": "digit_strips",
        "target": "text",
        "columns": {"text": {"kind": "text", "tokenizer": "characters"}},
        "model": {
            "encoders": {"image": {"kind": "rnn", "hidden": 48, "bidirectional": True, "by_columns": True}},
            "heads": {"text": "ctc"},
        },
        "train": {"epochs": 5, "batch": 32, "lr": 1e-2, "speed": "fixed"},
        "baselines": False,
    }
    run = mw.train(recipe)
    assert run.metrics["test"]["text"]["cer"] < 0.4  # guessing is wrong in about nine of ten
