"""Dates and times: where in the years, and where in the cycles of month, week and day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from . import _dates, _parsing
from ._column import Column
from ._statistics import Moments, Sample

TREND_LIMIT = 10.0  # deviations: a year far outside training must not drown the rest
SAMPLED = 8192


class Date(Column):
    """A date or a moment: text in common forms, timestamps, years, or numbers since 1970.

    Input: float32 (N, w): the standardised time, then sine and cosine of month, day of the month, weekday and (if
    times of day vary) hour, then (if training had missing values) 1 where missing. Missing is 0 elsewhere. Zones
    written in text are left out: the hour is the one on the wall.

    Options:
      format: how text is written, as in strptime (%d/%m/%Y); by default the common forms are tried
    """

    group = "date"
    fitted = ("mean", "deviation", "formats", "has_times", "has_missing")

    def __init__(self, name: str, target: bool = False, *, format: str | None = None) -> None:
        super().__init__(name, target)
        self.format = format
        self.mean, self.deviation = 0.0, 1.0
        self.formats = [format] if format else list(_dates.FORMATS)
        self.has_times = self.has_missing = False
        self._nulls = 0
        self._texts, self._stamps = Sample(SAMPLED), Sample(SAMPLED)

    def fit(self, values: pa.Array) -> None:
        values = _parsing.flat(values)
        if not _parsing.is_text(values.type):
            seconds = _dates.read(values)
            self._stamps.add(seconds[~np.isnan(seconds)])
            self._nulls += int(np.isnan(seconds).sum())
            return
        text = _parsing.strings(values).drop_null()
        self._nulls += len(values) - len(text)
        index, priority = self._texts.chosen(len(text))
        self._texts.join(np.array(text.take(pa.array(index)).to_pylist(), object), priority)

    def merge(self, other: Date) -> None:
        self._nulls += other._nulls
        self._texts.merge(other._texts)
        self._stamps.merge(other._stamps)

    def finish(self) -> None:
        self.refuse_target("a date cannot be a target.", "Set its kind to number or category.")
        parts = [self._stamps.values]
        if len(self._texts.values):
            text = pa.array(self._texts.values, pa.string())
            reads = {style: int((~np.isnan(_dates.read(text, [style]))).sum()) for style in self.formats}
            self.formats.sort(key=lambda style: -reads[style])
            parts.append(_dates.read(text, self.formats))
        seconds = np.concatenate(parts)
        known = np.sort(seconds[~np.isnan(seconds)])
        self.has_missing = self._nulls > 0 or len(known) < len(seconds)
        self.has_times = bool(len(known)) and len(np.unique(known % 86400)) > 1
        moments = Moments()
        moments.add(known)
        self.mean, self.deviation = float(moments.mean), float(moments.deviation)

    def encode(self, values: pa.Array) -> np.ndarray:
        seconds = _dates.read(values, self.formats)
        missing = np.isnan(seconds)
        seconds = np.where(missing, self.mean, seconds)
        features = [np.clip((seconds - self.mean) / self.deviation, -TREND_LIMIT, TREND_LIMIT)]
        for name, position in _dates.calendar(seconds).items():
            if name != "hour" or self.has_times:
                features += [np.sin(2 * np.pi * position), np.cos(2 * np.pi * position)]
        out = np.stack(features, axis=1).astype(np.float32)
        out[missing] = 0.0
        return np.column_stack([out, missing.astype(np.float32)]) if self.has_missing else out

    def sizes(self) -> dict[str, Any]:
        """`width`: 1 trend, 2 for each cycle, 1 if training had missing values."""
        return {"width": 7 + 2 * self.has_times + self.has_missing}
