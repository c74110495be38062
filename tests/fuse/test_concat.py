"""Streams side by side."""

from __future__ import annotations

import pytest
import torch

from modelwright.blocks.stream import Stream
from modelwright.checks import check_fuse
from modelwright.errors import UserError
from modelwright.fuse.concat import Concat


def test_contract_with_dense_layers():
    check_fuse(Concat, hidden=(7, 4), norm="batch", dropout=0.2)


def test_is_a_concatenation_with_members_kept():
    one, other = Stream(torch.randn(2, 1, 3)), Stream(torch.randn(2, 4, 5))
    joined = Concat([3, 5])([one, other]).x
    assert joined.shape == (2, 4, 8)
    for member in range(4):
        assert torch.equal(joined[:, member], torch.cat([one.x[:, 0], other.x[:, member]], 1))


def test_masks_of_unpooled_streams_are_kept():
    mask = torch.tensor([[True, False]])
    streams = [Stream(torch.randn(1, 2, 3), mask), Stream(torch.randn(1, 1, 2))]
    assert torch.equal(Concat([3, 2])(streams).mask, mask)
    assert torch.equal(Concat([3])(streams[:1]).mask, mask)


def test_different_ensembles_do_not_fit():
    with pytest.raises(UserError, match=r"streams of \[2, 3\] positions"):
        Concat([1, 1])([Stream(torch.zeros(1, 2, 1)), Stream(torch.zeros(1, 3, 1))])
