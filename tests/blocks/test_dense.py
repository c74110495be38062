"""The stack of dense layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from modelwright.blocks.dense import dense_stack


def test_order_of_a_layer():
    layers = dense_stack(4, (8, 2), "gelu", dropout=0.5, norm="layer")
    kinds = [nn.Linear, nn.LayerNorm, nn.GELU, nn.Dropout] * 2
    assert [type(layer) for layer in layers] == kinds


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("members", [1, 3])
def test_shapes_and_one_row(norm, members):
    layers = dense_stack(4, (8, 2), "relu", norm=norm)
    assert layers(torch.randn(5, members, 4)).shape == (5, members, 2)
    assert layers(torch.randn(1, members, 4)).isfinite().all()


def test_no_layers_hand_on_what_they_get():
    x = torch.randn(2, 1, 3)
    assert dense_stack(3, (), "relu")(x) is x
