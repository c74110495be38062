"""Streams that attend to one another."""

from __future__ import annotations

import torch

from modelwright.blocks.stream import Stream
from modelwright.checks import check_fuse
from modelwright.fuse.transformer import Transformer


def test_contract_with_options():
    check_fuse(Transformer, width=8, heads=2, layers=2)


def test_streams_of_any_length_and_padding():
    torch.manual_seed(0)
    fuse = Transformer([3, 5], width=8, heads=2).eval()
    short, vector = torch.randn(2, 2, 3), Stream(torch.randn(2, 1, 5))
    longer = torch.cat([short, torch.randn(2, 4, 3)], 1)
    mask = (torch.arange(6) < 2).expand(2, 6)
    found = fuse([Stream(longer, mask), vector])
    assert found.x.shape == (2, 1, 8) and found.mask is None
    assert torch.allclose(found.x, fuse([Stream(short), vector]).x, atol=1e-5)
