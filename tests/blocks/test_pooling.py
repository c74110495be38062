"""Pooling against a loop over rows, with any mask."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.blocks.members import average, shares
from modelwright.blocks.pooling import Pool
from modelwright.blocks.stream import Stream
from modelwright.errors import UserError

KINDS = ["mean", "max", "last", "first"]


def stream_of(lengths: list[int], width: int = 3, steps: int = 6) -> Stream:
    torch.manual_seed(len(lengths))
    mask = torch.arange(steps) < torch.tensor(lengths)[:, None]
    return Stream(torch.randn(len(lengths), steps, width), mask)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=4))
def test_pooling_reads_the_tokens_alone(kind, lengths):
    stream = stream_of(lengths)
    pooled = Pool(kind, 3, None)(stream)
    assert pooled.x.shape == (len(lengths), 1, 3) and pooled.mask is None
    row = {"mean": lambda x: x.mean(0), "max": lambda x: x.amax(0), "last": lambda x: x[-1], "first": lambda x: x[0]}
    for x, length, found in zip(stream.x, lengths, pooled.x[:, 0]):
        assert torch.allclose(found, row[kind](x[:length]) if length else torch.zeros(3), atol=1e-6)


@pytest.mark.parametrize("kind", [*KINDS, "attention"])
def test_no_mask_is_a_mask_of_all(kind):
    torch.manual_seed(0)
    pool, stream = Pool(kind, 3, None), stream_of([6, 6])
    assert torch.allclose(pool(stream).x, pool(Stream(stream.x)).x, atol=1e-6)


def test_attention_ignores_padding_and_empty_rows_are_zero():
    torch.manual_seed(0)
    pool, stream = Pool("attention", 3, None), stream_of([2, 0])
    other = Stream(torch.where(stream.mask.unsqueeze(-1), stream.x, 99.0), stream.mask)
    assert torch.allclose(pool(stream).x, pool(other).x) and not pool(stream).x[1].any()


def test_last_takes_the_backward_half_from_the_first_token():
    stream = stream_of([3, 6])
    found = Pool("last", 3, None, backward=1)(stream).x[:, 0]
    assert torch.equal(found[:, :2], torch.stack([stream.x[0, 2, :2], stream.x[1, 5, :2]]))
    assert torch.equal(found[:, 2], stream.x[:, 0, 2])


def test_flatten_keeps_everything_and_needs_a_length():
    stream = Stream(torch.randn(2, 4, 3))
    pool = Pool("flatten", 3, 4)
    assert pool.width == 12 and torch.equal(pool(stream).x.view(2, 4, 3), stream.x)
    with pytest.raises(UserError, match=r"model\.encoders\.note\.pool: pool 'flatten' needs a fixed length"):
        Pool("flatten", 3, None, where="model.encoders.note.pool")


def test_none_hands_on_everything_and_members_count_evenly():
    stream = stream_of([2, 0, 6])
    assert Pool("none", 3, None)(stream) is stream
    weights = shares(stream)
    assert torch.allclose(weights.sum(1), torch.ones(3)) and torch.equal(
        weights[0], torch.tensor([0.5, 0.5, 0, 0, 0, 0])
    )
    assert torch.allclose(average(stream.x, stream)[2], stream.x[2].mean(0), atol=1e-6)
    assert shares(Stream(torch.randn(2, 1, 3))) is None
