"""Layers with weights in few bits compute what their codes stand for, and their files hold no more than the codes."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from modelwright.blocks import quantized
from modelwright.blocks.decoder import Tokens
from modelwright.blocks.quantized import Int4Linear, Int8Embedding, Int8Linear, store_int8


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def size(module: nn.Module) -> int:
    """Bytes of the state, as a file holds them."""
    return sum(value.numel() * value.element_size() for value in module.state_dict().values())


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


LAYERS = {
    "int8": lambda layer: Int8Linear(layer),
    "int8 dynamic": lambda layer: Int8Linear(layer, "dynamic"),
    "int8 static": lambda layer: Int8Linear(layer, "static"),
    "int4": lambda layer: Int4Linear(layer, 32),
}
CLOSE = {"int8": 0.02, "int8 dynamic": 0.03, "int8 static": 0.03, "int4": 0.15}


@pytest.fixture(params=LAYERS)
def layers(request):
    """A dense layer, the same in few bits, its input, and how near they must be."""
    plain = nn.Linear(64, 37)  # outputs that no kernel's block divides
    x = torch.randn(3, 5, 64)
    rounded = LAYERS[request.param](plain)
    if request.param == "int8 static":
        rounded.input_scale.copy_(x.abs().max() / 127)
    return plain, rounded, x, CLOSE[request.param]


@torch.inference_mode()
def test_a_layer_in_few_bits_is_near_the_plain_one(layers):
    plain, rounded, x, close = layers
    assert 0 < relative(rounded(x), plain(x)) < close
    assert relative(rounded.weight, plain.weight) < close
    assert size(rounded) < size(plain) / 3


def test_kernels_compute_what_the_codes_stand_for(layers, monkeypatch):
    _, rounded, x, _ = layers
    with torch.no_grad():
        fast = rounded(x)
        monkeypatch.setattr(quantized, "_has_kernel", lambda name, x: False)
        slow = rounded(x)
        assert relative(fast, slow) < 5e-3
        if getattr(rounded, "activations", "none") == "none":
            assert relative(slow, F.linear(x, rounded.weight, rounded.bias)) < 1e-6


def test_the_gradient_reaches_the_input(layers):
    plain, rounded, x, _ = layers
    x.requires_grad_()
    (found,) = torch.autograd.grad(rounded(x).square().sum(), x)
    (expected,) = torch.autograd.grad(plain(x).square().sum(), x)
    assert relative(found, expected) < 0.3


def test_a_state_is_loaded_bit_by_bit(layers):
    _, rounded, x, _ = layers
    with torch.no_grad():
        expected, state = rounded(x), copy.deepcopy(rounded.state_dict())
        rounded.bias.data.zero_()
        for buffer in rounded.buffers():
            buffer.zero_()
        assert not torch.equal(rounded(x), expected)
        rounded.load_state_dict(state, strict=True)
        assert torch.equal(rounded(x), expected)


@torch.inference_mode()
def test_a_table_of_tokens_is_the_output_too():
    plain = Tokens(50, 32)
    table, ids, x = Int8Embedding(plain), torch.tensor([[3, 49], [0, 7]]), torch.randn(2, 3, 32)
    assert torch.equal(table(ids), table.weight[ids])
    assert relative(table(ids), plain(ids)) < 0.01
    assert relative(table.product(x), x @ table.weight.T) < 5e-3


STORED = {
    "convolution": (lambda: nn.Conv2d(3, 8, 3), "weight", lambda: torch.randn(2, 3, 6, 6)),
    "lstm": (lambda: nn.LSTM(6, 8, batch_first=True), "weight_hh_l0", lambda: torch.randn(2, 5, 6)),
    "embedding": (lambda: nn.Embedding(20, 8), "weight", lambda: torch.arange(6).view(2, 3)),
}


@pytest.mark.parametrize("name", STORED)
@torch.no_grad()
def test_any_weight_is_stored_as_int8(name):
    build, weight, inputs = STORED[name]
    plain, x = build(), inputs()
    rounded = copy.deepcopy(plain)
    store_int8(rounded, weight)
    assert rounded.state_dict()[weight].dtype == torch.int8
    again = build()
    store_int8(again, weight)
    again.load_state_dict(rounded.state_dict(), strict=True)
    first = [module(x) for module in (plain, rounded, again)]
    first = [each[0] if isinstance(each, tuple) else each for each in first]
    assert torch.equal(first[1], first[2])
    assert 0 < relative(first[1], first[0]) < 0.02
    assert torch.equal(copy.deepcopy(rounded).state_dict()[weight], rounded.state_dict()[weight])


@pytest.mark.parametrize("kind", ["dense", "convolution"])
@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.9, 1.0])
@torch.no_grad()
def test_zeros_cost_a_bit(kind, zeros):
    layer = nn.Linear(400, 101, bias=False) if kind == "dense" else nn.Conv2d(20, 50, 5, bias=False)
    layer.weight *= torch.rand_like(layer.weight) >= zeros
    real = int((layer.weight != 0).sum())
    rounded = Int8Linear(layer) if kind == "dense" else layer
    if kind == "convolution":
        store_int8(layer, "weight")
    weights, outputs = layer.weight.numel(), layer.weight.shape[0]
    least = weights if zeros == 0 else real + weights / 8
    assert size(rounded) <= least + 4 * outputs + 1
    before = rounded.weight.clone()
    state = copy.deepcopy(rounded.state_dict())
    for tensor in [*rounded.parameters(), *rounded.buffers()]:
        tensor.zero_()
    rounded.load_state_dict(state, strict=True)
    assert torch.equal(rounded.weight, before)


@pytest.mark.parametrize("activations", ["dynamic", "static"])
@pytest.mark.parametrize("inputs", [1, 2, 3, 17])
def test_a_product_of_few_inputs_is_exact(inputs, activations):
    torch.manual_seed(0)
    layer = Int8Linear(torch.nn.Linear(inputs, 8), activations)
    x = torch.randint(-127, 128, (5, inputs)).float()
    x[:, 0] = 127.0  # the step is 1: nothing is rounded
    for _ in range(5):
        torch.testing.assert_close(layer(x), torch.nn.functional.linear(x, layer.weight, layer.bias))
