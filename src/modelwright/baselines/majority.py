"""The score of knowing nothing but the target's distribution."""

from __future__ import annotations

from ._estimator import Estimator


class Majority(Estimator):
    """Says of every row: the classes' shares in training, or the mean."""

    growth = 1.0
    view = "nothing"  # without a feature, every method predicts a constant

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
