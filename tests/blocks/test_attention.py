"""Attention against its formula, masks and positions."""

from __future__ import annotations

import math

import pytest
import torch

from modelwright.blocks.attention import SelfAttention, TransformerLayers, attend, sinusoids
from modelwright.errors import UserError


@pytest.mark.parametrize("heads", [1, 2])
def test_equals_the_formula(heads):
    torch.manual_seed(0)
    layer, x = SelfAttention(8, heads), torch.randn(3, 5, 8)
    mask = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    size, outputs = 8 // heads, []
    query, key, value = layer.queries_keys_values(x).split(8, -1)
    for part in (slice(size * h, size * (h + 1)) for h in range(heads)):
        scores = query[..., part] @ key[..., part].transpose(1, 2) / math.sqrt(size)
        outputs.append(scores.masked_fill(~mask[:, None], -torch.inf).softmax(-1) @ value[..., part])
    assert torch.allclose(layer(x, mask), layer.mix(torch.cat(outputs, -1)), atol=1e-5)


@pytest.mark.parametrize("rotary", [False, True])
def test_padding_is_not_looked_at_and_empty_rows_are_finite(rotary):
    torch.manual_seed(0)
    layers, x = TransformerLayers(8, 2, 2, rotary=rotary).eval(), torch.randn(3, 6, 8)
    mask = torch.arange(6) < torch.tensor([6, 2, 0])[:, None]
    other = torch.where(mask.unsqueeze(-1), x, 50.0)
    assert torch.allclose((layers(x, mask) - layers(other, mask)) * mask.unsqueeze(-1), torch.zeros(1), atol=1e-5)
    assert layers(x, mask).isfinite().all()
    assert torch.allclose(layers(x[1:2, :2]), layers(x, mask)[1:2, :2], atol=1e-5)


def test_without_positions_order_does_not_matter_and_rotary_makes_it_matter():
    torch.manual_seed(0)
    x, order = torch.randn(1, 6, 8), torch.tensor([3, 1, 5, 0, 2, 4])
    plain = SelfAttention(8, 2)
    assert torch.allclose(plain(x[:, order]), plain(x)[:, order], atol=1e-6)
    rotary = SelfAttention(8, 2, rotary=True)
    assert not torch.allclose(rotary(x[:, order]), rotary(x)[:, order], atol=1e-3)


def test_rotary_sees_distances_alone():
    """The same tokens further to the right (behind masked positions) give the same result."""
    torch.manual_seed(0)
    layer, x = SelfAttention(8, 2, rotary=True), torch.randn(1, 3, 8)
    moved = torch.cat([torch.randn(1, 4, 8), x], 1)
    mask = torch.tensor([[False] * 4 + [True] * 3])
    assert torch.allclose(layer(moved, mask)[:, 4:], layer(x), atol=1e-5)


def test_sinusoids_are_those_of_the_paper():
    code = sinusoids(7, 6, torch.device("cpu"))
    for position in range(7):
        for pair in range(3):
            angle = position / 10000 ** (2 * pair / 6)
            assert code[position, pair] == pytest.approx(math.sin(angle), abs=1e-5)
            assert code[position, pair + 3] == pytest.approx(math.cos(angle), abs=1e-5)
    assert sinusoids(4, 5, torch.device("cpu")).shape == (4, 5)


def test_a_width_that_heads_cannot_share():
    with pytest.raises(UserError, match="a width of 10 cannot be shared by 4 heads"):
        SelfAttention(10, 4)
    with pytest.raises(UserError):
        SelfAttention(6, 2, rotary=True)


def test_plain_products_equal_the_kernel():
    torch.manual_seed(0)
    query, key, value = (torch.randn(3, 2, 7, 8) for _ in range(3))
    seen = (torch.rand(3, 1, 7, 7) < 0.5) | torch.eye(7, dtype=torch.bool)
    wanted = attend(query, key, value, seen)
    found = attend(*(x.bfloat16() for x in (query, key, value)), seen)
    assert found.dtype == torch.bfloat16 and torch.allclose(found.float(), wanted, atol=0.05)
