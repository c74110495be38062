"""Encoders, fuse and heads put together."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from modelwright import parts
from modelwright.blocks.stream import Source, Stream
from modelwright.checks.networks import sample
from modelwright.errors import UserError
from modelwright.models.assembled import Assembled

KINDS = ["table", "text", "image", "vector"]
TARGETS = {"species.": ("category", {"classes": list("abc")}), "weight": ("number", {}), "keys": ("boolean", {})}


def sources_and_batch() -> tuple[list[Source], dict[str, torch.Tensor]]:
    sources, batch = [], {}
    for kind in KINDS:
        source, part = sample(kind)
        sources.append(Source(kind, kind, source.sizes))
        batch |= {key.replace("sample", kind): value for key, value in part.items()}
    nan = float("nan")
    targets = {
        "target.species.": torch.tensor([0, 1, 2, -1, 0, 1]),
        "target.weight": torch.tensor([0.5, nan, nan, 1.0, 0.0, 2.0]),
        "target.keys": torch.tensor([nan] * 6),
    }
    return sources, batch | targets


def test_every_kind_of_source_and_target_at_once():
    torch.manual_seed(0)
    sources, batch = sources_and_batch()
    model = Assembled(sources, TARGETS, weights={"weight": 0.5}).eval()
    terms, counts, predicted = model(batch), model.counts(batch), model.predict(batch)
    assert {name: float(count) for name, (_, count) in terms.items()} == {"species.": 5, "weight": 4, "keys": 0}
    assert {name: float(count) for name, count in counts.items()} == {"species.": 5, "weight": 4, "keys": 0}
    assert model.weights == {"weight": 0.5}
    shapes = {name: {key: tuple(x.shape) for key, x in tensors.items()} for name, tensors in predicted.items()}
    assert shapes == {"species.": {"probabilities": (6, 3)}, "weight": {"value": (6,)}, "keys": {"probability": (6,)}}
    assert torch.allclose(predicted["species."]["probabilities"].sum(1), torch.ones(6))


def test_prediction_needs_no_targets():
    sources, batch = sources_and_batch()
    inputs = {key: value for key, value in batch.items() if not key.startswith("target.")}
    assert set(Assembled(sources, TARGETS).predict(inputs)) == set(TARGETS)


def test_micro_batches_add_up_to_the_big_batch():
    """Gradients of the parts' sums, divided by the whole count, are the gradient of the whole."""
    torch.manual_seed(0)
    sources, batch = sources_and_batch()
    model = Assembled(sources, {"weight": ("number", {})}).eval()
    slices = [slice(0, 6)], [slice(0, 2), slice(2, 6)]
    gradients = []
    for cuts in slices:
        model.zero_grad()
        for cut in cuts:
            total, _ = model({key: value[cut] for key, value in batch.items()})["weight"]
            (total / model.counts(batch)["weight"]).backward()
        gradients.append([weight.grad.clone() for weight in model.parameters()])
    for one, other in zip(*gradients):
        assert torch.allclose(one, other, atol=1e-5)


def test_encoders_pools_fuse_and_heads_are_chosen_by_name():
    sources, batch = sources_and_batch()
    model = Assembled(
        sources[:2],
        TARGETS,
        encoders={
            "text": {"kind": "rnn", "cell": "gru", "bidirectional": True},
            "table": {"kind": "mlp", "ensemble": 3},
        },
        fuse={"kind": "concat", "hidden": [16]},
        heads={"weight": {"kind": "number", "loss": "huber"}},
    )
    stream = model.streams(batch)["weight"]
    assert stream.x.shape == (6, 3, 16)
    assert type(model.encoders["of_text"]).__name__ == "Rnn"
    assert model.predict(batch)["weight"]["value"].shape == (6,)


def test_uncertainty_learns_the_factors_while_training_and_reports_plain_losses():
    """Kendall 2018: L / variance + log variance; a noisy term is turned down."""
    torch.manual_seed(0)
    sources, batch = sources_and_batch()
    targets = {"weight": ("number", {}), "species.": TARGETS["species."]}
    model = Assembled(sources[:1], targets, encoders={"table": {"kind": "mlp", "dropout": 0}}, weights="uncertainty")
    assert model.weights == {}
    with torch.no_grad():
        model.uncertainty.copy_(torch.tensor([1.0, -0.5]))
    trained, plain = model.train()(batch), model.eval()(batch)
    for name, log_variance in (("weight", 1.0), ("species.", -0.5)):
        (total, count), (loss, _) = trained[name], plain[name]
        expected = torch.exp(torch.tensor(-log_variance)) * loss / count + log_variance
        assert torch.allclose(total / count, expected, atol=1e-5)
    sum(total for total, _ in trained.values()).backward()
    assert model.uncertainty.grad.all()


def test_the_seed_decides_the_weights():
    sources, _ = sources_and_batch()
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(Assembled(sources, TARGETS).state_dict())
    assert all(torch.equal(one, other) for one, other in zip(states[0].values(), states[1].values()))


@pytest.mark.parametrize("name", ["a.b", "a%b", "training", "keys", "forward", "", "类别", "of_x", "__init__"])
def test_any_column_name_will_do(name):
    source = Source(name, "vector", {"size": 3})
    model = Assembled([source], {name: ("number", {})})
    batch = {name: torch.randn(2, 3), f"target.{name}": torch.zeros(2)}
    assert set(model(batch)) == {name}
    model.load_state_dict(model.state_dict())


class Noisy(torch.nn.Module):
    """An encoder with a loss term of its own.

    Options:
        pool: none.
    """

    reads = ("vector",)

    def __init__(self, source: Source, *, pool: str = "none") -> None:
        super().__init__()
        self.name, self.pool, self.width, self.length = source.name, pool, 3, 1

    def forward(self, batch):
        x = batch[self.name]
        return Stream(x.unsqueeze(1), aux={"size": (x.square().sum(), torch.tensor(float(len(x))))})

    def counts(self, batch):
        return {"size": torch.tensor(float(len(batch[self.name])))}


def test_terms_of_encoders_join_those_of_the_heads(monkeypatch):
    monkeypatch.setattr(parts, "_registered", {})
    kind = parts.register("encoders", Noisy)
    source, batch = Source("v", "vector", {"size": 3}), {"v": torch.ones(2, 3), "target.y": torch.zeros(2)}
    for pool in ("none", "mean"):
        model = Assembled([source], {"y": ("number", {})}, encoders={"v": {"kind": kind, "pool": pool}})
        assert {name: float(count) for name, (_, count) in model(batch).items()} == {"size": 2, "y": 2}
        assert set(model.counts(batch)) == {"size", "y"} and model(batch)["size"][0] == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoders": {"tabel": "mlp"}}, "model.encoders.tabel: there is no 'tabel'. Did you mean 'table'?"),
        ({"heads": {"wieght": "number"}}, "model.heads.wieght: there is no 'wieght'. Did you mean 'weight'?"),
        (
            {"encoders": {"table": "rnn"}},
            "model.encoders.table: rnn does not read table, only text, image, vector, series.",
        ),
        ({"encoders": {"table": "mpl"}}, "'mpl' is not a kind of encoders. Did you mean 'mlp'?"),
        ({"encoders": {"text": {"kind": "rnn", "pool": "flatten"}}}, "pool 'flatten' needs a fixed length"),
        ({"fuse": {"kind": "concat", "hidden": "x"}}, "fuse.concat.hidden"),
    ],
)
def test_mistakes_say_where(options, message):
    sources, _ = sources_and_batch()
    sources = [replace(one, sizes={k: v for k, v in one.sizes.items() if k != "sites"}) for one in sources]
    with pytest.raises(UserError) as caught:
        Assembled(sources, TARGETS, **options)
    assert message in str(caught.value)
