"""Numbers: one scaled value each, as the networks want it."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ..parts import Share
from . import _parsing
from ._column import Column
from ._intervals import margin
from ._slices import Slices, chosen
from ._statistics import Moments, Sample

EDGES = 48
KNOTS = 512


class Number(Column):
    """A measured number, scaled from the training rows.

    Input: float32 (N, w), the scaled value (0 where missing) and, if training had missing values, 1 where missing.
    Target: float32 (N,), zero mean and unit deviation, NaN where missing.
    Numbers beyond 1e100 are taken as 1e100.

    Options:
      scale: how inputs are scaled; robust is (x - median) / interquartile range, bent smoothly to stay within -3..3 \
(RealMLP, Holzmueller et al. 2024); quantile makes them normal; minmax is 0..1
      log: learn log(1 + x), for positive targets (or inputs) with a long tail
      decimal: the decimal sign of numbers written in text
      interval: of a target: share of the true values that the interval around a prediction is to hold, from the errors on validation rows; 0 for none
      slices: rows of a target that are scored apart too, by a name: {turning: "!= 0"} compares their true values
    """

    group = "number"
    ends = ("low", "high")
    fitted = ("center", "factor", "bends", "knots", "scores", "edges", "has_missing", "margin")

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        scale: Literal["robust", "standard", "quantile", "minmax", "none"] = "robust",
        log: bool = False,
        decimal: Literal[".", ","] = ".",
        interval: Share = 0.0,
        slices: Slices | None = None,
    ) -> None:
        super().__init__(name, target)
        self.scale, self.log, self.decimal = scale, log, decimal
        self.interval, self.slices = interval, slices
        self.margin: float | None = None
        self.center, self.factor, self.bends = 0.0, 1.0, False
        self.knots: list[float] = []
        self.scores: list[float] = []
        self.edges: list[float] = []
        self.has_missing = False
        self._moments, self._sample, self._low, self._high = Moments(), Sample(), np.inf, -np.inf

    def fit(self, values: pa.Array) -> None:
        x = self._read(values)
        here = x[~np.isnan(x)]
        self.has_missing |= len(here) < len(x)
        if len(here):
            self._moments.add(here)
            self._sample.add(here)
            self._low, self._high = min(self._low, here.min()), max(self._high, here.max())

    def merge(self, other: Number) -> None:
        self._moments.merge(other._moments)
        self._sample.merge(other._sample)
        self._low, self._high = min(self._low, other._low), max(self._high, other._high)
        self.has_missing |= other.has_missing

    def finish(self) -> None:
        if not len(self._sample.values):
            self.refuse_target("has no numbers in the training rows.", "Choose another target, or its kind.")
            self.factor = 0.0
            return
        if self.target:
            if self._low == self._high:
                self.refuse_target(f"has one value only, {self._low:g}.", "A constant needs no model.")
            self.center, self.factor = float(self._moments.mean), float(1 / self._moments.deviation)
            return
        self._scale_input()
        scaled = self._scaled(self._sample.values).astype(np.float32)
        edges = np.unique(scaled)
        if len(edges) > EDGES:
            edges = np.unique(np.quantile(scaled, np.linspace(0, 1, EDGES)).astype(np.float32))
        self.edges = edges.tolist()

    def _scale_input(self) -> None:
        """Center and factor of the chosen scale; a column without spread gets 0 everywhere (except `none`)."""
        quarter, median, three = np.quantile(self._sample.values, [0.25, 0.5, 0.75])
        span = self._high - self._low
        if span <= 0 and self.scale != "none":
            self.center, self.factor = float(self._low), 0.0
            return
        if self.scale == "standard":
            self.center, spread = float(self._moments.mean), float(self._moments.deviation)
        elif self.scale == "minmax":
            self.center, spread = float(self._low), span
        elif self.scale == "robust":
            # a column that is mostly one value has no interquartile range: half the span instead, as RealMLP does
            self.center, spread, self.bends = float(median), float(three - quarter) or span / 2, True
        elif self.scale == "quantile":
            levels = np.linspace(0, 1, KNOTS)
            normal = NormalDist()
            knots = np.quantile(self._sample.values, levels)
            scores = np.array([normal.inv_cdf(min(max(level, 1e-3), 1 - 1e-3)) for level in levels])
            distinct, place = np.unique(knots, return_inverse=True)  # a repeated value scores its middle
            mean_score = np.bincount(place, scores) / np.bincount(place)
            self.knots, self.scores = distinct.tolist(), mean_score.tolist()
            return
        else:
            return
        self.factor = 1 / max(spread, 1e-100)

    def _read(self, values: pa.Array) -> np.ndarray:
        """(N,) float64, NaN missing, after the logarithm."""
        x = _parsing.numbers(values, self.decimal)
        if self.log:
            x = np.log1p(np.where(x > -1, x, np.nan))  # no logarithm: missing
        return x

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        if self.knots:
            return np.where(np.isnan(x), x, np.interp(x, self.knots, self.scores))
        z = np.clip((x - self.center) * self.factor, -1e30, 1e30)  # within float32, and so that squares do not overflow
        return z / np.sqrt(1 + (z / 3) ** 2) if self.bends else z

    def encode(self, values: pa.Array) -> np.ndarray:
        z = self._scaled(self._read(values)).astype(np.float32)
        if self.target:
            return z
        missing = np.isnan(z)
        z[missing] = 0.0
        return np.stack([z, missing.astype(np.float32)], axis=1) if self.has_missing else z[:, None]

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        found = self.comparable(tensors)
        return {"" if end == "value" else end: pa.array(values, pa.float64()) for end, values in found.items()}

    def calibrate(self, tensors: dict[str, np.ndarray], codes: np.ndarray) -> None:
        """Set how far the interval reaches, from predictions for rows that were not learned from."""
        self.margin = float(margin(tensors, codes, self.interval))

    def comparable(self, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        found = {"value": self.truth(tensors["value"])}
        if self.margin is not None:
            found["low"] = self.truth(tensors.get("low", tensors["value"]) - self.margin)
            found["high"] = self.truth(tensors.get("high", tensors["value"]) + self.margin)
        return found

    def restore(self, state: dict[str, Any]) -> None:
        super().restore({"margin": None, **state})  # runs from before there were intervals

    def truth(self, codes: np.ndarray) -> np.ndarray:
        x = np.asarray(codes, np.float64)
        if self.knots:
            x = np.interp(x, self.scores, self.knots)
        elif self.bends:
            x = x / np.sqrt(1 - (np.clip(x, -2.99, 2.99) / 3) ** 2)
        x = x / (self.factor or 1.0) + self.center
        return np.expm1(np.minimum(x, 700.0)) if self.log else x

    def slice_of(self, name: str, truth: np.ndarray) -> np.ndarray:
        """(N,) which rows, by their true values, are in one of the `slices`."""
        return chosen((self.slices or {})[name], truth, 1 / (self.factor or 1.0))

    def invert(self, codes: np.ndarray) -> pa.Array:
        return pa.array(self.truth(codes[:, 0]), pa.float64())

    def sizes(self) -> dict[str, Any]:
        """`width`; for inputs `edges`, one list a feature: up to 48 quantiles of the scaled values, for
        piecewise-linear embeddings (Gorishniy et al. 2022)."""
        if self.target:
            return {"width": 1, "interval": self.interval}
        edges = [self.edges, [0.0, 1.0]] if self.has_missing else [self.edges]
        return {"width": len(edges), "edges": edges}
