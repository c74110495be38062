"""The last season again and again."""

from __future__ import annotations

import numpy as np

from ..parts import NoneOrMore
from ._features import Features
from ._forecast import Forecast


class Seasonal(Forecast):
    """Repeats the last season: the same hour of the day before, the same day of the week before.

    Options:
        season: its steps; 0 takes those of the target's column.
    """

    says = "repeating the last season"

    def __init__(self, kind: str, *, season: NoneOrMore = 0) -> None:
        super().__init__(kind)
        self.season = season

    def forecast(self, features: Features, steps: int, channels: int) -> np.ndarray:
        season = self.season or features.season
        if season < 2:
            raise ValueError("no season is known: set columns.<target>.season")
        last = features.history(season)[:, :, :channels]
        return last[:, np.arange(steps) % season]
