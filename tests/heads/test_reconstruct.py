"""Likelihoods of what is written again: pictures, tables with missing cells, vectors."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Bernoulli, Categorical, Normal

from modelwright.blocks.stream import Source, Stream
from modelwright.checks import check_head
from modelwright.errors import UserError
from modelwright.heads.reconstruct import Reconstruct

IMAGE = Source("image", "image", {"height": 6, "width": 5, "channels": 2, "mean": [0.5] * 2, "deviation": [0.2] * 2})
TABLE = Source("table", "table", {"number": 3, "indicators": [1], "boolean": 1, "category": [3, 5]})
PICTURES = torch.randint(0, 256, (4, 6, 5, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def built(source, **options):
    torch.manual_seed(0)
    return Reconstruct(3, {"source": source}, **options).eval(), Stream(torch.randn(4, 1, 3))


def outputs(head, stream):
    return head.decoder(stream.x[:, 0])


@pytest.mark.parametrize("options", [{"hidden": ()}, {"variance": "unit", "activation": "relu"}])
def test_contract_with_options(options):
    check_head(Reconstruct, **options)


@pytest.mark.parametrize("decoder", ["dense", "convolution"])
def test_pixels_as_probabilities(decoder):
    head, stream = built(IMAGE, decoder=decoder)
    shares = PICTURES.flatten(1) / 255
    law = Bernoulli(logits=outputs(head, stream))
    wanted = -(shares * law.log_prob(torch.ones(())) + (1 - shares) * law.log_prob(torch.zeros(()))).sum(1)
    assert torch.allclose(head.nats(stream, PICTURES), wanted, rtol=1e-4)
    assert head.predict(stream)["picture"].shape == PICTURES.shape
    total, count = head.loss(stream, PICTURES)
    assert count == 4
    assert torch.allclose(total, wanted.sum(), rtol=1e-4)


def test_pixels_as_measured_values():
    head, stream = built(IMAGE, likelihood="gaussian")
    with torch.no_grad():
        head.likelihood.log_variance.fill_(-2.0)
    law = Normal(outputs(head, stream), torch.tensor(-1.0).exp())
    assert torch.allclose(head.nats(stream, PICTURES), -law.log_prob(PICTURES.flatten(1) / 255).sum(1), rtol=1e-4)


def test_binarised_pixels_are_drawn_with_their_share():
    head, _ = built(IMAGE, binarise="stochastic")
    pixels = torch.tensor([0, 51, 204, 255], dtype=torch.uint8).repeat(20_000, 1)
    drawn = head.train().likelihood._shares(pixels)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert torch.allclose(drawn.mean(0), torch.tensor([0.0, 0.2, 0.8, 1.0]), atol=0.02)
    assert drawn.mean(0)[[0, 3]].tolist() == [0.0, 1.0]


def test_evaluation_draws_the_same_in_any_batch():
    head, stream = built(IMAGE, binarise="stochastic")
    whole = head.nats(stream, PICTURES)
    turned = head.nats(Stream(stream.x.flip(0)), PICTURES.flip(0)).flip(0)
    assert torch.allclose(whole, turned, rtol=1e-5)
    assert torch.allclose(head.nats(Stream(stream.x[:1]), PICTURES[:1]), whole[:1], rtol=1e-5)


def test_a_table_has_a_law_for_each_kind_of_cell():
    head, stream = built(TABLE)
    with torch.no_grad():
        head.likelihood.log_variance.copy_(torch.tensor([0.5, 9.0, -1.0, 9.0]))
    batch = {
        "number": torch.tensor([[0.3, 0.0, 1.0], [0.0, 1.0, -2.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.5]]),
        "boolean": torch.tensor([[1.0], [-1.0], [0.0], [1.0]]),
        "category": torch.tensor([[2, 4], [0, 1], [1, 0], [2, 2]], dtype=torch.int32),
    }
    found, out = head.nats(stream, head.target_of(batch)), outputs(head, stream)
    first = -Normal(out[:, 0], torch.tensor(0.25).exp()).log_prob(batch["number"][:, 0])
    wanted = torch.where(batch["number"][:, 1] == 1, 0.0, first)  # missing in the second row
    wanted = wanted - Bernoulli(logits=out[:, 1]).log_prob(batch["number"][:, 1])
    wanted = wanted - Normal(out[:, 2], torch.tensor(-0.5).exp()).log_prob(batch["number"][:, 2])
    answer = -Bernoulli(logits=out[:, 3]).log_prob((batch["boolean"][:, 0] > 0).float())
    wanted = wanted + torch.where(batch["boolean"][:, 0] == 0, 0.0, answer)
    wanted = wanted - Categorical(logits=out[:, 4:7]).log_prob(batch["category"][:, 0])
    wanted = wanted - Categorical(logits=out[:, 7:]).log_prob(batch["category"][:, 1])
    assert torch.allclose(found, wanted, rtol=1e-4)
    likeliest = head.predict(stream)
    assert {name: tuple(value.shape) for name, value in likeliest.items()} == {
        "number": (4, 3),
        "boolean": (4, 1),
        "category": (4, 2),
    }
    assert torch.equal(likeliest["category"][:, 1], out[:, 7:].argmax(1))


def test_text_is_refused():
    with pytest.raises(UserError, match="cannot write text"):
        built(Source("note", "text", {"vocabulary": 9, "length": 4}))
