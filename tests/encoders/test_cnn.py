"""Convolutional nets: the articles', Kim's, one for CIFAR, and what cannot be built."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from modelwright.blocks.stream import Source
from modelwright.checks import check_encoder
from modelwright.encoders.cnn import Cnn
from modelwright.errors import UserError
from modelwright.models.assembled import Assembled

DIGIT = {"classes": list("0123456789")}


def picture(side: int, channels: int = 1) -> Source:
    sizes = {"height": side, "width": side, "channels": channels}
    return Source("x", "image", {**sizes, "mean": [0.0] * channels, "deviation": [1.0] * channels})


@pytest.mark.parametrize(
    "options",
    [
        {"kernel": 2, "shrink": 3, "shrink_by": "average", "norm": "none"},
        {"kernel": (5, 4), "channels": (8, 8), "shrink": (1, 2), "shrink_by": "stride", "activation": "tanh"},
        {"channels": (8, 8, 8), "shrink": 1, "residual": True, "dropout": 0.2, "pool": "attention"},
        {"channels": (6,), "kernel": (3, 4, 5), "parallel": True, "norm": "none"},
        {"channels": (6, 7), "kernel": (2, 3), "parallel": True, "pool": "mean"},
    ],
)
def test_contract_with_options(options):
    check_encoder(Cnn, **options)


@pytest.mark.parametrize(
    ("encoder", "dense", "parameters"),
    [
        ({"channels": [32, 64, 64], "padding": "valid", "shrink": [2, 2, 1]}, 64, 93_322),
        ({"channels": [32, 64], "kernel": 5, "shrink": 2}, 128, 454_922),
    ],
    ids=["first", "second"],
)
def test_nets_of_the_articles(encoder, dense, parameters):
    """As many weights as Keras and torch count for the articles' code."""
    encoders = {"x": {"kind": "cnn", "norm": "none", **encoder}}
    fuse = {"kind": "concat", "hidden": [dense]}
    model = Assembled([picture(28)], {"y": ("category", DIGIT)}, encoders=encoders, fuse=fuse)
    assert sum(weight.numel() for weight in model.parameters()) == parameters


def test_equals_a_bare_sequential():
    """The introductory articles' net, its weights copied into plain torch modules in the articles' order (pooling after ReLU)."""
    torch.manual_seed(0)
    encoder = Cnn(picture(28), channels=(32, 64, 64), padding="valid", shrink=(2, 2, 1), norm="none")
    bare = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(),
    )  # fmt: skip
    bare.load_state_dict(dict(zip(bare.state_dict(), encoder.state_dict().values())))
    pixels = torch.randint(0, 256, (4, 28, 28, 1), dtype=torch.uint8)
    stream = encoder({"x": pixels})
    expected = bare(pixels.permute(0, 3, 1, 2) / 255)
    assert stream.grid == (3, 3) and encoder.length == 9 and encoder.pool == "flatten"
    assert torch.allclose(stream.x.transpose(1, 2).unflatten(2, (3, 3)), expected, atol=1e-5)


def test_a_net_like_airbench():
    """64-128-256, each group convolution, pooling, norm, GELU, convolution, norm, GELU (Jordan 2024, 2404.00498)."""
    encoder = Cnn(
        picture(32, 3),
        channels=(64, 64, 128, 128, 256, 256),
        shrink=(2, 1, 2, 1, 2, 1),
        activation="gelu",
        pool="max",
    )
    stream = encoder({"x": torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)})
    assert stream.x.shape == (2, 16, 256) and stream.grid == (4, 4)


def test_parallel_filters_stand_side_by_side():
    """Kim 2014: widths 3, 4, 5 over the words, the largest answer of each filter."""
    torch.manual_seed(0)
    note = Source("note", "text", {"vocabulary": 20, "length": 9})
    encoder = Cnn(note, channels=(10,), kernel=(3, 4, 5), parallel=True, shrink=1, norm="none", embedding=6)
    ids = torch.randint(1, 20, (2, 9))
    stream = encoder({"note": ids})
    assert encoder.width == 30 and encoder.pool == "max" and encoder.length is None
    embedded = encoder.inputs.table(ids).transpose(1, 2)
    for number, layer in enumerate(encoder.layers):
        alone = nn.functional.conv1d(embedded, layer.filter.weight[:, :, 0], layer.filter.bias, padding="same").relu()
        assert torch.allclose(stream.x[..., 10 * number : 10 * number + 10], alone.transpose(1, 2), atol=1e-5)


def test_one_shrink_for_all_layers_stops_where_nothing_is_left():
    encoder = Cnn(picture(4), channels=(4, 4, 4, 4))
    assert [layer.shrink for layer in encoder.layers] == [2, 2, 1, 1] and encoder.length == 1


@pytest.mark.parametrize("pool", ["flatten", "mean"])
def test_auto_pool_keeps_small_outputs(pool):
    assert Cnn(picture(8), channels=(8,)).pool == "flatten"
    assert Cnn(picture(64), channels=(8,)).pool == "mean"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel": (3, 3)}, r"model\.encoders\.x\.kernel: \[3, 3\] does not give one positive number for each of 3"),
        ({"shrink": (2, 0, 1)}, "does not give one positive number"),
        ({"shrink": (2, 2, 3)}, "nothing is left of 2 x 2 after layer 3"),
        ({"padding": "valid", "channels": (4,), "kernel": 9}, "nothing is left of 8 x 8 after layer 1"),
        ({"padding": "valid", "parallel": True, "kernel": (2, 3)}, "need padding: same"),
    ],
)
def test_what_cannot_be_built(options, message):
    with pytest.raises(UserError, match=message):
        Cnn(picture(8), **{"channels": (4, 4, 4), **options})


def test_texts_need_padding():
    with pytest.raises(UserError, match="texts may be shorter than the filter"):
        Cnn(Source("note", "text", {"vocabulary": 5, "length": 3}), padding="valid")
