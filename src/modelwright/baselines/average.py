"""The mean of the history."""

from __future__ import annotations

import numpy as np

from ._features import Features
from ._forecast import Forecast


class Average(Forecast):
    """Says the mean of each channel's history."""

    says = "the mean of the history"

    def forecast(self, features: Features, steps: int, channels: int) -> np.ndarray:
        mean = np.nanmean(features.history()[:, :, :channels], axis=1, keepdims=True)
        return np.repeat(mean, steps, axis=1)
