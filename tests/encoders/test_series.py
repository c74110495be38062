"""Encoders that keep the channels of a series apart, against their papers' equations."""

from __future__ import annotations

import pytest
import torch

from modelwright.blocks.stream import Source
from modelwright.encoders.linear import Linear
from modelwright.encoders.patches import Patches
from modelwright.heads.series import Series as Head

MEAN, SCALE = [1.0, -2.0, 0.5], [2.0, 0.5, 1.0]
SOURCE = Source("history", "series", {"length": 12, "channels": 3, "mean": MEAN, "scale": SCALE, "ahead": False})
TARGET = {"length": 4, "channels": 2, "mean": [0.0, 5.0], "scale": [1.0, 3.0]}


def forecast(encoder, head, x):
    """In the unit of the data."""
    value = head.predict(encoder({"history": x}))["value"]
    return value * torch.tensor(TARGET["scale"]) + torch.tensor(TARGET["mean"])


def raw(x):
    return x * torch.tensor(SCALE) + torch.tensor(MEAN)


def test_nlinear_is_its_equation():
    torch.manual_seed(0)
    encoder, x = Linear(SOURCE), torch.randn(5, 12, 3)
    head = Head(encoder.width, TARGET)
    weight, bias = head.outputs[0].weight, head.outputs[0].bias
    series = x[:, :, :2].transpose(1, 2)
    last = series[..., -1:]
    wanted = ((series - last) @ weight.T + bias + last).transpose(1, 2)
    assert torch.allclose(
        forecast(encoder, head, x), wanted * torch.tensor(SCALE[:2]) + torch.tensor(MEAN[:2]), atol=1e-5
    )


def test_dlinear_adds_two_linear_maps():
    torch.manual_seed(0)
    encoder, x = Linear(SOURCE, level="none", trend=5), torch.randn(5, 12, 3)
    head = Head(encoder.width, TARGET)
    remainder, trend = head.outputs[0].weight.split(12, 1)
    series = x[:, :, :2].transpose(1, 2)
    padded = torch.cat([series[..., :1].expand(-1, -1, 2), series, series[..., -1:].expand(-1, -1, 2)], -1)
    smooth = padded.unfold(-1, 5, 1).mean(-1)
    wanted = ((series - smooth) @ remainder.T + smooth @ trend.T + head.outputs[0].bias).transpose(1, 2)
    assert torch.allclose(
        forecast(encoder, head, x), wanted * torch.tensor(SCALE[:2]) + torch.tensor(MEAN[:2]), atol=1e-5
    )


@pytest.mark.parametrize(
    "make", [lambda: Linear(SOURCE, level="window"), lambda: Patches(SOURCE, patch=4, stride=2, width=8)]
)
def test_a_window_that_is_moved_and_stretched_moves_and_stretches_its_forecast(make):
    torch.manual_seed(0)
    encoder, x = make().eval(), torch.randn(5, 12, 3)
    head = Head(encoder.width, TARGET).eval()
    moved = (raw(x) * 3 + 7 - torch.tensor(MEAN)) / torch.tensor(SCALE)
    assert torch.allclose(forecast(encoder, head, moved), forecast(encoder, head, x) * 3 + 7, atol=2e-3)


def test_channels_do_not_mix():
    torch.manual_seed(0)
    encoder, x = Patches(SOURCE, patch=4, stride=2, width=8).eval(), torch.randn(2, 12, 3)
    head, other = Head(encoder.width, TARGET).eval(), x.clone()
    other[:, :, 1:] = 0
    assert torch.equal(forecast(encoder, head, x)[..., 0], forecast(encoder, head, other)[..., 0])


def test_quantiles_are_learned():
    torch.manual_seed(0)
    sizes = {"length": 2, "channels": 1, "mean": [0.0], "scale": [1.0], "interval": 0.8}
    source = Source("history", "series", {"length": 3, "channels": 1, "mean": [0.0], "scale": [1.0], "ahead": False})
    encoder, head = Linear(source, level="none"), Head(3, sizes, quantiles=True)
    x, y = torch.zeros(4000, 3, 1), torch.randn(4000, 2, 1) * torch.tensor([1.0, 3.0])[:, None]
    optimizer = torch.optim.Adam(head.parameters(), 0.05)
    for _ in range(300):
        total, count = head.loss(encoder({"history": x}), y)
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()
    found = head.predict(encoder({"history": x[:1]}))
    assert torch.allclose(found["high"].flatten(), torch.tensor([1.2816, 3 * 1.2816]), atol=0.2)
    assert torch.allclose(found["low"].flatten(), -torch.tensor([1.2816, 3 * 1.2816]), atol=0.2)
