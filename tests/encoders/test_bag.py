"""Bags of words and n-grams."""

from __future__ import annotations

import pytest
import torch

from modelwright.blocks.stream import Source
from modelwright.checks import check_encoder
from modelwright.encoders.bag import Bag
from modelwright.errors import UserError

NOTE = Source("note", "text", {"vocabulary": 20, "length": 6})


@pytest.mark.parametrize("combine", ["mean", "sum"])
@pytest.mark.parametrize("longest", [1, 2, 3])
def test_contract_with_options(longest, combine):
    check_encoder(Bag, longest=longest, combine=combine, width=8, buckets=50)


@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_is_the_mean_or_sum_of_words_and_runs(combine):
    torch.manual_seed(0)
    bag = Bag(NOTE, width=4, longest=3, buckets=1000, combine=combine)
    ids = torch.tensor([[3, 5, 7, 9, 0, 0]])
    rows = bag.table.weight[torch.cat([ids[:, :4], *bag._runs(ids[:, :4])], 1)][0]
    assert len(rows) == 4 + 3 + 2
    expected = rows.mean(0) if combine == "mean" else rows.sum(0)
    assert torch.allclose(bag({"note": ids}).x[0, 0], expected, atol=1e-6)


def test_runs_know_their_order_and_words_alone_do_not():
    torch.manual_seed(0)
    batch = {"note": torch.tensor([[3, 5], [5, 3]])}
    with_runs, words = Bag(NOTE, width=4)(batch).x, Bag(NOTE, width=4, longest=1)(batch).x
    assert torch.allclose(words[0], words[1]) and not torch.allclose(with_runs[0], with_runs[1])


def test_hashes_spread_over_all_buckets():
    bag = Bag(NOTE, width=1, buckets=64)
    pairs = torch.cartesian_prod(torch.arange(1, 60), torch.arange(1, 60))
    rows = bag._runs(pairs)[0].flatten() - bag.words
    counts = torch.bincount(rows, minlength=64).float()
    assert rows.min() >= 0 and len(counts) == 64 and counts.max() < 3 * counts.mean()


def test_empty_texts_are_zeros_and_other_sources_refused():
    assert not Bag(NOTE)({"note": torch.zeros(2, 3, dtype=torch.int32)}).x.any()
    assert Bag(NOTE)({"note": torch.zeros(2, 0, dtype=torch.int32)}).x.shape == (2, 1, 64)
    with pytest.raises(UserError, match="a bag of words cannot read vector"):
        Bag(Source("v", "vector", {"size": 3}))


@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_what_is_said_twice_counts_once(combine):
    torch.manual_seed(0)
    check_encoder(Bag, once=True, longest=2, combine=combine, width=8, buckets=50)
    bag = Bag(NOTE, width=4, longest=2, combine=combine, once=True)
    batch = {"note": torch.tensor([[3, 5, 3, 5, 3, 0]])}  # 3, 5, and the pairs 3-5 and 5-3
    rows = bag.table.weight[torch.cat([torch.tensor([[3, 5]]), bag._runs(torch.tensor([[3, 5, 3]]))[0]], 1)][0]
    expected = rows.mean(0) if combine == "mean" else rows.sum(0)
    assert len(rows) == 4 and torch.allclose(bag(batch).x[0, 0], expected, atol=1e-6)
    assert torch.allclose(bag.by_token(batch)[0].sum(0), expected, atol=1e-6)
    assert not bag.by_token(batch)[0, 4].any()
