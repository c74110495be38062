"""Which weights decay, which go to Muon, and that every optimiser steps, saves and goes on."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
import torch
from torch import nn

from modelwright import optimizers, parts


class Net(nn.Module):
    """One of each: embedding, filters, recurrent and dense weights, norm, position, output."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(9, 4)
        self.positions = nn.Parameter(torch.zeros(5, 4))
        self.filter = nn.Conv1d(4, 6, 3, padding=1)
        self.cell = nn.GRU(6, 4, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.dense = nn.Linear(4, 4)
        self.output = nn.Linear(4, 2)

    def forward(self, ids):
        x = self.filter((self.table(ids) + self.positions).transpose(1, 2)).transpose(1, 2)
        return self.output(self.dense(self.norm(self.cell(x)[0])).mean(1))


DECAYED = {"filter.weight", "cell.weight_ih_l0", "cell.weight_hh_l0", "dense.weight", "output.weight"}


def build() -> Net:
    torch.manual_seed(0)
    return Net()


def loss(model: Net) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    ids = torch.randint(0, 9, (16, 5), generator=random)
    return nn.functional.cross_entropy(model(ids), (ids[:, 0] > 4).long())


def train(model: Net, optimizer, steps: int) -> list[float]:
    values = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model)
        value.backward()
        optimizer.step()
        values.append(value.item())
    return values


def names(model: nn.Module, group: dict) -> set[str]:
    ids = {id(weight) for weight in group["params"]}
    return {name for name, weight in model.named_parameters() if id(weight) in ids}


@pytest.mark.parametrize("name", optimizers.__all__)
def test_every_optimizer_learns_is_documented_and_goes_on_from_its_state(name):
    kind = getattr(optimizers, name)
    assert set(parts.options(kind)) == set(parts.option_help(kind))
    model = build()
    optimizer = kind(model)
    assert all(group["initial_lr"] == group["lr"] > 0 for group in optimizer.param_groups)
    assert {id(w) for g in optimizer.param_groups for w in g["params"]} == {id(w) for w in model.parameters()}
    values = train(model, optimizer, 12)
    assert values[-1] < values[0]

    file = io.BytesIO()
    torch.save([model.state_dict(), optimizer.state_dict()], file)
    file.seek(0)
    weights, state = torch.load(file, weights_only=True)
    other = build()
    again = kind(other)
    other.load_state_dict(weights)
    again.load_state_dict(state)
    assert all("initial_lr" in group for group in again.param_groups)
    assert train(model, optimizer, 3) == train(other, again, 3)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "momentum", "rmsprop", "gradient_descent"])
def test_only_matrices_of_layers_decay(name):
    model = build()
    optimizer = getattr(optimizers, name)(model, weight_decay=0.1)
    decayed, kept = optimizer.param_groups
    assert names(model, decayed) == DECAYED and decayed["weight_decay"] == 0.1 and kept["weight_decay"] == 0


def test_fused_kernels_are_used():
    for name in ("adam", "adamw", "sgd", "momentum", "gradient_descent"):
        assert all(group["fused"] for group in getattr(optimizers, name)(build()).param_groups)


@pytest.mark.parametrize("name, kind", [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_adam_equals_torch_bit_for_bit_also_with_unused_weights_and_channels_last(name, kind):
    def net() -> nn.Module:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2), nn.Linear(2, 2))
        return model.to(memory_format=torch.channels_last)

    ours, theirs = net(), net()
    first = getattr(optimizers, name)(ours, lr=0.01, weight_decay=0.1)
    groups = optimizers._groups(theirs, 0.1)
    second = kind(groups, lr=0.01, betas=(0.9, 0.999), fused=True)
    for step in range(5):
        x = torch.randn(2, 3, 4, 4)
        for model, optimizer in ((ours, first), (theirs, second)):
            hidden = model[:3](x)
            (model[3](hidden) if step % 2 else hidden).square().sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    for (name, own), other in zip(ours.state_dict().items(), theirs.state_dict().values()):
        assert torch.equal(own, other), name


def test_adam_does_not_load_the_compiler():
    code = (
        "import sys, torch; from modelwright import optimizers; m = torch.nn.Linear(2, 1);"
        "o = optimizers.adamw(m); m(torch.ones(1, 2)).sum().backward(); o.step(); o.zero_grad();"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_muon_takes_hidden_matrices_and_adamw_the_rest():
    model = build()
    options = {"lr": 0.04, "adam_ratio": 0.25, "embedding_ratio": 3.0, "weight_decay": 0.1}
    hidden, outputs, others, embeddings = optimizers.muon(model, **options).param_groups
    assert names(model, hidden) == DECAYED - {"output.weight"} and hidden["lr"] == 0.04
    assert names(model, outputs) == {"output.weight"} and outputs["lr"] == others["lr"] == 0.01
    assert outputs["weight_decay"] == 0.1 and others["weight_decay"] == embeddings["weight_decay"] == 0
    assert names(model, embeddings) == {"table.weight"} and embeddings["lr"] == embeddings["initial_lr"] == 0.03


def test_muon_without_hidden_matrices():
    model = nn.Sequential()
    model.output = nn.Linear(3, 2)
    optimizer = optimizers.muon(model)
    model.output(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    assert len(optimizer.param_groups) == 2


@pytest.mark.parametrize("shape", [(8, 8), (12, 5), (5, 12)])
def test_muon_equals_torch_on_matrices(shape):
    torch.manual_seed(0)
    ours = nn.Linear(shape[1], shape[0], bias=False)
    theirs = nn.Linear(shape[1], shape[0], bias=False)
    theirs.load_state_dict(ours.state_dict())
    options = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.1}
    pairs = [(ours, optimizers.muon(ours, **options)), (theirs, torch.optim.Muon(theirs.parameters(), **options))]
    for _ in range(4):
        gradient = torch.randn(shape)
        for layer, optimizer in pairs:
            layer.weight.grad = gradient.clone()
            optimizer.step()
    assert torch.allclose(ours.weight, theirs.weight, atol=2e-3)  # bfloat16 rounds the direction
    assert (ours.weight - theirs.weight).abs().max() < 0.05 * 4 * 0.02


def test_muon_treats_a_filter_as_a_row_and_channels_last_alike():
    torch.manual_seed(0)
    filters, gradient = torch.randn(6, 2, 3, 3), torch.randn(6, 2, 3, 3)
    results = []
    for memory in (torch.contiguous_format, torch.channels_last):
        layer = nn.Conv2d(2, 6, 3, bias=False)
        layer.weight.data = filters.clone().to(memory_format=memory)
        layer.weight.grad = gradient.clone().to(memory_format=memory)
        optimizers.muon(layer, weight_decay=0.0).step()
        results.append(layer.weight.detach())
    matrix = nn.Linear(18, 6, bias=False)
    matrix.weight.data, matrix.weight.grad = filters.flatten(1).clone(), gradient.flatten(1).clone()
    optimizers.muon(matrix, weight_decay=0.0).step()
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0].flatten(1), matrix.weight)


def test_frozen_and_shared_weights():
    model = build()
    model.table.weight.requires_grad_(False)
    model.again = model.dense
    groups = optimizers.adamw(model).param_groups
    weights = [id(weight) for group in groups for weight in group["params"]]
    assert len(weights) == len(set(weights)) and id(model.table.weight) not in weights
