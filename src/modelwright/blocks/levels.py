"""What windows of series are measured from: a location and a scale of each channel, taken out of it and put back."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .stream import Source

Level = Literal["last", "window", "none"]
LEAST = 1e-5  # added to variances (Kim et al. 2022)


def channels_of(x: Tensor, source: Source, how: Level) -> tuple[Tensor, Tensor]:
    """(B, steps, C) standardised values -> (B, C, steps) without their level, and the level (B, C, 2) in the unit of the data.

    last: less the last value (NLinear, Zeng et al. 2023). window: less the window's mean, divided by its deviation (reversible
    instance normalisation, Kim et al. 2022). none: as they are.
    """
    x = x.float().transpose(1, 2)
    location, scale = torch.zeros_like(x[..., :1]), torch.ones_like(x[..., :1])
    if how == "last":
        location = x[..., -1:]
    elif how == "window":
        variance, location = torch.var_mean(x, -1, keepdim=True, correction=0)
        scale = (variance + LEAST).sqrt()
    mean, deviation = (x.new_tensor(source.sizes[name])[:, None] for name in ("mean", "scale"))
    level = torch.cat([location * deviation + mean, scale * deviation], -1)
    return (x - location) / scale, level
