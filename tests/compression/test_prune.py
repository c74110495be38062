"""Magnitude pruning: which weights go, when, and that they stay away."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import modelwright as mw
from modelwright import Run, parts
from modelwright.compression._layers import matrices, prune
from modelwright.compression._work import Work
from modelwright.compression.prune import _Group, _Schedule
from modelwright.loop import StepOptions

QUICKLY = {"epochs": 2, "batch": 32, "speed": "fixed", "threads": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    return mw.train(
        {"data": "digits", "train": QUICKLY, "baselines": False}, out=str(tmp_path_factory.mktemp("prune") / "run")
    )


def pruned(run: Run, **options: object) -> Work:
    work = Work(run)
    parts.build("compression", {"kind": "prune", **options}).apply(work)
    return work


def share(weights: list[torch.Tensor]) -> float:
    return 1 - sum(int(w.count_nonzero()) for w in weights) / sum(w.numel() for w in weights)


def test_the_smallest_weights_go():
    weights = [torch.tensor([[1.0, -4.0], [3.0, -2.0]]), torch.tensor([[0.5, 6.0]])]
    prune(weights, 0.5)
    assert weights[0].tolist() == [[0, -4], [3, 0]] and weights[1].tolist() == [[0, 6]]
    prune(weights, 0.999)
    assert sum(int(w.count_nonzero()) for w in weights) == 1  # one is always left


def test_norms_biases_and_embeddings_stay():
    model = nn.ModuleDict(
        {"table": nn.Embedding(5, 4), "norm": nn.LayerNorm(4), "dense": nn.Linear(4, 4), "cell": nn.LSTM(4, 4)}
    )
    assert matrices(model).keys() == {"dense", "cell"} and len(matrices(model)["cell"]) == 2
    assert matrices(model, embeddings=True).keys() == {"table", "dense", "cell"}


def test_global_compares_layers_and_layer_does_not(run):
    work = pruned(run, sparsity=0.6, epochs=0)
    shares = [share(weights) for weights in matrices(work.model).values()]
    everything = [weight for weights in matrices(work.model).values() for weight in weights]
    assert share(everything) == pytest.approx(0.6, abs=1e-3) and max(shares) - min(shares) > 0.1
    for weights in matrices(pruned(run, sparsity=0.6, epochs=0, scope="layer").model).values():
        assert share(weights) == pytest.approx(0.6, abs=2e-3)


def test_single_layers_can_be_named(run):
    name = list(matrices(run.model))[1]
    work = pruned(run, layers={name: 0.9}, epochs=0)
    shares = {layer: share(weights) for layer, weights in matrices(work.model).items()}
    assert shares.pop(name) == pytest.approx(0.9, abs=1e-3) and max(shares.values()) < 0.01


def test_zeros_stay_while_the_rest_is_trained(run):
    work = pruned(run, sparsity=0.9, epochs=3)
    weights = [weight for weights in matrices(work.model).values() for weight in weights]
    assert share(weights) == pytest.approx(0.9, abs=1e-3)
    assert work.score()["accuracy"] > pruned(run, sparsity=0.9, epochs=0).score()["accuracy"] + 0.1
    assert not torch.equal(next(work.model.parameters()), next(run.model.parameters()))
    assert work.transforms == [] and len(work.history) == 3


def test_the_schedule_is_cubic():
    layer = nn.Linear(100, 100, bias=False)
    schedule = _Schedule([_Group([layer.weight], 0.8)], steps=100)
    layer.weights, layer.forward = {}, lambda batch: {"y": (layer.weight.sum(), torch.tensor(1.0))}
    seen = []
    for _ in range(100):
        schedule.gradients(layer, {}, StepOptions())
        seen.append(share([layer.weight]))
        layer.weight.data += 0.001  # what an optimiser does to zeros is undone before the next step
    expected = [0.8 * (1 - max(1 - step / 70, 0) ** 3) for step in range(1, 101)]
    assert seen == pytest.approx(expected, abs=2e-3)


def test_pruning_more_begins_where_it_stands(run):
    work = pruned(run, sparsity=0.7, epochs=0)
    group = _Group([weight for weights in matrices(work.model).values() for weight in weights], 0.9)
    assert group.begun == pytest.approx(0.7, abs=1e-3)
