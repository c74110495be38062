"""The way to run a step is measured where that can pay, and remembered."""

from __future__ import annotations

import torch
from torch import nn

from modelwright.recipe import TrainOptions
from modelwright.speed import choose_speed


class Net(nn.Module):
    """A small model with the forward of a model: loss terms."""

    def __init__(self):
        super().__init__()
        self.weights = {}
        self.filter = nn.Conv2d(1, 4, 3)

    def forward(self, batch):
        return {"y": (self.filter(batch["image"]).square().sum(), torch.tensor(2.0))}


def test_a_short_training_does_not_settle_the_way_of_a_long_one(monkeypatch, tmp_path):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path))
    model, batch, train = Net(), {"image": torch.ones(2, 1, 8, 8)}, TrainOptions(threads=1)
    short = choose_speed(model, batch, train, 3)
    assert len(short.timings) == 1 and short.channels_last and short.precision == "fp32"
    assert choose_speed(model, batch, train, 2) == short
    long = choose_speed(model, batch, train, 1_000_000)
    assert len(long.timings) >= 3 and long.complete
    assert choose_speed(model, batch, train, 3) == long
