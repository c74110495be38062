"""What forecasts without learning share: they look at the last steps of the history."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ._features import Features


class Forecast:
    """Says of each future (N, steps, channels) what it reads off the history's first channels, in the unit of the data."""

    kinds: ClassVar[tuple[str, ...]] = ("series",)
    growth = 0.0
    predict_growth = 0.0
    says = ""

    def __init__(self, kind: str) -> None:
        self.shape: tuple[int, ...] = ()

    def fit(self, features: Features, target: np.ndarray, seed: int = 0) -> Forecast:
        """Only the shape of a future is learned."""
        self.shape = target.shape[1:]
        return self

    def predict(self, features: Features) -> dict[str, np.ndarray]:
        """`value` (N, steps, channels)."""
        return {"value": self.forecast(features, *self.shape)}

    def forecast(self, features: Features, steps: int, channels: int) -> np.ndarray:
        """(N, steps, channels)."""
        raise NotImplementedError
