"""Convolution layers against torch's own, with masks and at all sizes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from modelwright.blocks.convolution import ConvolutionLayer
from modelwright.blocks.norm import BatchNorm


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("same", [True, False])
def test_is_torchs_convolution(kernel, same):
    torch.manual_seed(0)
    layer, x = ConvolutionLayer((2, 3), kernel, same=same), torch.randn(2, 2, 9, 8)
    padding = "same" if same else "valid"
    expected = F.conv2d(x, layer.filter.weight, layer.filter.bias, padding=padding).relu()
    assert torch.allclose(layer(x)[0], expected, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "leaky_relu"])
def test_max_pooling_before_a_rising_activation_gives_the_same_value(activation):
    torch.manual_seed(0)
    layer, x = ConvolutionLayer((1, 4), 3, shrink=2, activation=activation), torch.randn(2, 1, 8, 8)
    late = F.max_pool2d(layer.activation(layer.filter(x).clone()), 2)
    assert torch.allclose(layer(x)[0], late)


@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("shrink_by", ["max", "average", "stride"])
@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("same", [True, False])
def test_size_is_the_output_size(sequence, shrink_by, kernel, same):
    for shrink in (1, 2, 3):
        for side in range(kernel, 12):
            layer = ConvolutionLayer((1, 2), kernel, shrink=shrink, shrink_by=shrink_by, same=same, sequence=sequence)
            height = 1 if sequence else side + 1
            size = layer.size((height, side))
            if min(size) < 1:
                continue
            assert tuple(layer(torch.randn(1, 1, height, side))[0].shape[2:]) == size


@pytest.mark.parametrize("shrink_by", ["max", "average", "stride"])
@pytest.mark.parametrize("kernel", [2, 3])
def test_padding_of_sequences_changes_nothing(shrink_by, kernel):
    torch.manual_seed(0)
    layers = [ConvolutionLayer((3, 3), kernel, shrink=2, shrink_by=shrink_by, sequence=True) for _ in range(2)]
    for length in range(1, 8):
        x = torch.randn(1, 3, 1, 8)
        mask = (torch.arange(8) < length)[None, None, None]
        y, short, where = x, x[..., :length], mask
        for layer in layers:
            y, where = layer(y, where)
            short, _ = layer(short)
        kept = int(where.sum())
        assert kept == short.shape[-1]
        assert torch.allclose(y[..., :kept], short, atol=1e-6)


def test_windows_of_padding_alone_leave_batch_norm_finite():
    torch.manual_seed(0)
    layer = ConvolutionLayer((3, 4), 3, shrink=2, norm=True, sequence=True)
    mask = (torch.arange(8) < torch.tensor([[3], [8]]))[:, None, None]
    y, short = layer(torch.randn(2, 3, 1, 8), mask)
    assert y.isfinite().all() and layer.norm.norm.running_var.max() < 10
    assert short[:, 0, 0].tolist() == [[True, True, False, False], [True] * 4]


def test_residual_adds_the_input_where_shapes_agree():
    torch.manual_seed(0)
    x = torch.randn(1, 3, 5, 5)
    layer = ConvolutionLayer((3, 3), 3, residual=True)
    assert torch.allclose(layer(x)[0], x + layer.filter(x).relu(), atol=1e-6)
    assert not ConvolutionLayer((3, 4), 3, residual=True).residual
    assert not ConvolutionLayer((3, 3), 3, shrink=2, residual=True).residual


def test_batch_norm_is_torchs_but_for_a_single_value():
    torch.manual_seed(0)
    ours, theirs, x = BatchNorm(3), nn.BatchNorm2d(3), torch.randn(4, 3, 2, 2)
    assert torch.allclose(ours(x), theirs(x)) and torch.allclose(ours.norm.running_var, theirs.running_var)
    single = torch.randn(1, 3, 1, 1)
    assert torch.allclose(ours(single), theirs.eval()(single), atol=1e-6)
    flat = BatchNorm(3, flat=True)
    assert torch.allclose(flat(x.permute(0, 2, 3, 1).flatten(1, 2)).mean((0, 1)), torch.zeros(3), atol=1e-5)


def test_channels_last_stays_channels_last():
    layer = ConvolutionLayer((3, 8), 3, shrink=2, norm=True)
    x = torch.randn(2, 8, 8, 3).permute(0, 3, 1, 2)
    assert layer(x)[0].is_contiguous(memory_format=torch.channels_last)


def test_windows_of_padding_stay_out_of_the_norms_statistics():
    torch.manual_seed(0)
    layer = ConvolutionLayer((3, 4), 3, shrink=2, norm=True, sequence=True).train()
    x, mask = (
        torch.randn(5, 3, 1, 6),
        torch.arange(6)[None, None, None] < torch.tensor([6, 2, 3, 1, 4])[:, None, None, None],
    )
    y, _ = layer(x, mask)
    y.sum().backward()
    statistics = next(module for module in layer.modules() if isinstance(module, nn.BatchNorm2d))
    assert statistics.running_var.max() < 10
    assert all(torch.isfinite(parameter.grad).all() for parameter in layer.parameters())
