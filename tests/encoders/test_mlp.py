"""The perceptron, its articles' nets, and the ensemble."""

from __future__ import annotations

import pytest
import torch

from modelwright.blocks.stream import Source
from modelwright.checks import check_encoder
from modelwright.encoders.mlp import Mlp
from modelwright.errors import UserError
from modelwright.models.assembled import Assembled

VECTOR = Source("signal", "vector", {"size": 6})


@pytest.mark.parametrize(
    "options",
    [
        {"norm": "batch", "activation": "gelu", "numbers": "none"},
        {"norm": "layer", "ensemble": 3},
        {"norm": "batch", "ensemble": 3, "numbers": "piecewise"},
        {"numbers": "periodic", "pool": "mean", "ensemble": 2},
        {"hidden": ()},
        {"hidden": (), "ensemble": 2},
    ],
)
def test_contract_with_options(options):
    check_encoder(Mlp, **options)


@pytest.mark.parametrize(
    ("side", "hidden", "parameters"),
    [(28, [256, 128], 235_146), (8, [64, 64], 8_970)],
    ids=["first", "second"],
)
def test_nets_of_the_articles(side, hidden, parameters):
    """784-256-128-10 and, on 64 pixels, 64-64-10: as many weights as Keras counts."""
    picture = Source("x", "image", {"height": side, "width": side, "channels": 1, "mean": [0.0], "deviation": [1.0]})
    encoders = {"x": {"kind": "mlp", "hidden": hidden, "dropout": 0}}
    model = Assembled([picture], {"y": ("category", {"classes": list("0123456789")})}, encoders=encoders)
    assert sum(weight.numel() for weight in model.parameters()) == parameters


def test_each_member_is_the_perceptron_of_its_own_factors():
    torch.manual_seed(0)
    encoder = Mlp(VECTOR, hidden=(5, 3), ensemble=4, dropout=0.0)
    x = torch.randn(7, 6)
    found = encoder({"signal": x}).x
    assert found.shape == (7, 4, 3) and encoder.length == 4 and encoder.pool == "none"
    layers = encoder.layers
    for weight in (*layers.outward, *layers.biases, *layers.inward):
        torch.nn.init.normal_(weight)
    found = encoder({"signal": x}).x
    for member in range(4):
        y = x
        for inward, matrix, outward, bias in zip(layers.inward, layers.matrices, layers.outward, layers.biases):
            y = (((y * inward[member]) @ matrix.weight.T) * outward[member] + bias[member]).relu()
        assert torch.allclose(found[:, member], y, atol=1e-5)


def test_members_start_different():
    torch.manual_seed(0)
    found = Mlp(VECTOR, ensemble=4, dropout=0.0)({"signal": torch.randn(7, 6)}).x
    assert all(not torch.allclose(found[:, 0], found[:, member]) for member in range(1, 4))


def test_text_is_refused():
    with pytest.raises(UserError, match="cannot read text"):
        Mlp(Source("note", "text", {"vocabulary": 5, "length": 3}))
