"""Series: so many steps of one or several channels in a cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..parts import Count, Share
from . import _parsing, _series_blocks
from ._column import Column
from ._intervals import margin
from ._statistics import Moments
from ._windows import Windows

LENGTHS = 16  # different lengths remembered while fitting


class Series(Column):
    """Steps of a series, each channel standardised: lists of numbers, lists of lists (a list of channels a step), or text.

    The number of steps is the commonest one in training; a cell of another length counts as missing, and is said. Cells
    that are views of one long array (as the reader `series` makes them) stay views: T numbers in place of N times the
    length. Input: float32 (N, steps, channels), 0 where missing. Target: the same, NaN where missing.

    Options:
        names: of the channels.
        deviation: what errors are divided by to be compared between channels, one number a channel; where left out, \
the deviation of the training cells.
        interval: share of the true values that the interval around a forecast is to hold, from the errors on \
validation rows; 0 for none.
        season: steps after which the series repeats, for the seasonal baseline.
        ahead: the steps are known beforehand, as a calendar is, and are read by a dense network.
    """

    group = None
    ends = ("low", "high")
    fitted = ("length", "mean", "scale", "margins")
    examples: ClassVar[list[Any]] = [
        [[1.0, 5.0], [2.0, 3.0], [4.0, 4.0], [3.0, 1.0]],
        [[0.0, 2.0], [2.0, 2.5], [1.0, 4.0], [7.0, 0.0]],
        [[1.5, 1.0], [-2.0, 3.0], [4.5, 2.0], [3.0, 6.0]],
        None,
        [[3.0, 2.0], [3.0, 3.0], [2.0, 8.0], [1.0, 1.0]],
        [[9.0, 5.0], [8.0, 7.0], [7.0, 7.5], [6.0, 5.0]],
        [[0.5, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 0.5]],
        [[2.0, 4.0], [2.0, 4.5], [2.5, 4.0], [2.0, 3.0]],
    ]
    measure: ClassVar[tuple[str, bool]] = ("mse", False)
    answer: ClassVar[tuple[str, str]] = ("the prediction along its own direction", "")  # what is explained

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        names: tuple[str, ...] = (),
        deviation: tuple[float, ...] = (),
        interval: Share = 0.0,
        season: Count = 1,
        ahead: bool = False,
    ) -> None:
        super().__init__(name, target)
        self.names, self.deviation, self.interval = tuple(names), tuple(deviation), interval
        self.season, self.ahead = season, ahead
        self.length = 0
        self.mean: list[float] = []
        self.scale: list[float] = []
        self.margins: list[list[float]] = []
        self._moments: dict[tuple[int, int], Moments] = {}  # (steps, channels) -> moments of the cells of that shape
        self._cells: dict[tuple[int, int], int] = {}

    def fit(self, values: pa.Array) -> None:
        flat, starts, lengths = _cells(values, len(self.names))
        for length in np.unique(lengths[lengths > 0]).tolist():
            shape = (length, flat.shape[1])
            if shape not in self._moments and len(self._moments) >= LENGTHS:
                continue
            here = starts[lengths == length]
            count = len(flat) + 1  # steps that several cells share count once
            inside = np.cumsum(np.bincount(here, minlength=count) - np.bincount(here + length, minlength=count)) > 0
            self._moments.setdefault(shape, Moments((flat.shape[1],))).add(flat[inside[:-1]])
            self._cells[shape] = self._cells.get(shape, 0) + len(here)

    def merge(self, other: Series) -> None:
        for shape, moments in other._moments.items():
            self._moments.setdefault(shape, Moments((shape[1],))).merge(moments)
            self._cells[shape] = self._cells.get(shape, 0) + other._cells[shape]

    def finish(self) -> None:
        if not self._cells:
            self.refuse_target("has no series in the training rows.", "A series is a list of numbers in each cell.")
            self.length, self.mean, self.scale = 1, [0.0], [1.0]
            return
        shape = max(self._cells, key=lambda each: (self._cells[each], each))
        moments = self._moments[shape]
        if self.target and not (moments.squares > 0).any():
            self.refuse_target("has one value only.", "A constant needs no model.")
        self.length, self.mean, self.scale = shape[0], moments.mean.tolist(), moments.deviation.tolist()

    @property
    def channels(self) -> int:
        """How many numbers a step has."""
        return len(self.mean)

    def encode(self, values: pa.Array) -> Windows:
        flat, starts, lengths = _cells(values, self.channels)
        fits = (lengths == self.length) & (flat.shape[1] == self.channels)
        if wrong := int(((lengths > 0) & ~fits).sum()):
            shape = f"{self.length} steps" + (f" of {self.channels} channels" if self.channels > 1 else "")
            self.note(f"{wrong} cells are not {shape} (the first is row {int(np.argmax((lengths > 0) & ~fits))}).")
        if not fits.any():
            flat = np.zeros((0, self.channels))
        scaled = np.clip((flat - np.array(self.mean)) / np.array(self.scale), -1e30, 1e30).astype(np.float32)
        if not fits.all():  # cells that are missing read steps of their own, at the end
            scaled = np.concatenate([scaled, np.full((self.length, self.channels), np.nan, np.float32)])
            starts = np.where(fits, starts, len(scaled) - self.length)
        return Windows(scaled if self.target else np.nan_to_num(scaled), starts, self.length)

    def calibrate(self, tensors: dict[str, np.ndarray], codes: np.ndarray) -> None:
        """Set how far the interval reaches, for each step and channel, from predictions that were not learned from."""
        if self.interval:
            self.margins = margin(tensors, np.asarray(codes), self.interval).tolist()

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        found = {"": self.truth(tensors["value"])} | {
            end: values for end, values in self.comparable(tensors).items() if end in ("low", "high")
        }
        return {end: self._listed(values) for end, values in found.items()}

    def _listed(self, values: np.ndarray) -> pa.Array:
        """(N, steps, channels) -> lists of steps, each a list of channels where there are several."""
        flat = pa.array(values.ravel(), pa.float64())
        steps = flat if self.channels == 1 else pa.FixedSizeListArray.from_arrays(flat, self.channels)
        return pa.FixedSizeListArray.from_arrays(steps, self.length)

    def truth(self, codes: Any) -> Any:
        if isinstance(codes, Windows):
            return codes.with_values(self.truth(codes.values))
        return np.asarray(codes, np.float64) * np.array(self.scale) + np.array(self.mean)

    @property
    def units(self) -> dict[str, np.ndarray]:
        """What scores and blocks want beside values: what errors are divided by, and the channels' names (C,)."""
        names = self.names or [str(place) for place in range(self.channels)]
        return {"deviation": np.array(self.deviation or self.scale), "names": np.array(names)}

    def comparable(self, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        found: dict[str, Any] = {"value": self.truth(tensors["value"]), **self.units}
        if self.interval and len(self.margins):
            margins = np.array(self.margins)
            low, high = tensors.get("low", tensors["value"]), tensors.get("high", tensors["value"])
            found |= {"low": self.truth(low - margins), "high": self.truth(high + margins)}
        return found

    def baselines(self, inputs: Mapping[str, Any], codes: Any, test: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """What a forecast is worth that learns nothing, for the rows `test`: inputs has the histories in the unit of the
        data; the first channels of the first one are those of the target."""
        history = next((each for each in inputs.values() if isinstance(each, Windows)), None)
        if history is None or history.values.shape[1] < self.channels:
            return {}
        values, ends = history.values[:, : self.channels], history.starts[test] + history.length
        means = history.moments()[0][test, None, : self.channels]
        found = {"repeating the last value": values[ends - 1][:, None], "the mean of the history": means}
        if 1 < self.season <= history.length:
            found["repeating the last season"] = values[
                (ends - self.season)[:, None] + np.arange(self.length) % self.season
            ]
        shape = (len(test), self.length, self.channels)
        codes_of = {name: (each - np.array(self.mean)) / np.array(self.scale) for name, each in found.items()}
        return {name: {"value": np.broadcast_to(each, shape)} for name, each in codes_of.items()}

    def summary(self, values: Any) -> np.ndarray:
        """(N, 3 channels): each channel's last value, mean and deviation, for methods that read few numbers."""
        if not isinstance(values, Windows):
            return np.concatenate([values[:, -1], values.mean(1), values.std(1)], 1)
        last = values.values[values.starts + values.length - 1]
        return np.concatenate([last, *values.moments()], 1).astype(np.float32)

    def sizes(self) -> dict[str, Any]:
        """`length`, `channels`, `mean` and `scale` (what a code of 0 and of 1 is worth); of a target also `interval`."""
        found = {
            "length": self.length,
            "channels": self.channels,
            "mean": self.mean,
            "scale": self.scale,
            "ahead": self.ahead,
        }
        return {**found, "interval": self.interval} if self.target else found

    @staticmethod
    def encoder(sizes: dict[str, Any]) -> str:
        """The usual encoder."""
        return "mlp" if sizes["ahead"] else "linear"

    @staticmethod
    def scores(predicted: dict[str, np.ndarray], truth: np.ndarray, intervals: bool = True) -> dict[str, Any]:
        """`mse` and `mae` of standardised values, all channels alike, as the literature has them; `rmse` and
        `absolute_error` in the unit of the data where there is one channel."""
        error = np.asarray(predicted["value"], np.float64) - truth
        known = np.isfinite(truth)
        rows = int(known.any((1, 2)).sum()) if known.size else 0
        if not rows:
            return {"rows": 0, **dict.fromkeys(["mse", "mae"])}
        deviation = predicted.get("deviation", np.ones(1))
        scaled = np.where(known, error, 0.0) / deviation
        found: dict[str, Any] = {"rows": rows, "mse": float((scaled**2).sum() / known.sum())}
        if intervals:
            found["mse_interval"] = _interval((scaled**2).sum((1, 2)) / known.sum((1, 2)).clip(1), truth.shape[1])
        found["mae"] = float(np.abs(scaled).sum() / known.sum())
        if truth.shape[2] == 1:
            found["rmse"] = float(np.sqrt((error[known] ** 2).mean()))
            found["absolute_error"] = float(np.abs(error[known]).mean())
        return found

    blocks = staticmethod(_series_blocks.blocks)


def _interval(errors: np.ndarray, length: int) -> list[float] | None:
    """95 % of the mean error (N,), as if only every `length`-th window were a new one: neighbours overlap."""
    if len(errors) < 2:
        return None
    half = 1.96 * float(errors.std(ddof=1)) / max(len(errors) / length, 1.0) ** 0.5
    return [max(float(errors.mean()) - half, 0.0), float(errors.mean()) + half]


def _cells(values: pa.Array, channels: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells -> the steps of all of them (T, channels) float64, and where each cell's begin and how many there are (N,). A
    missing cell has none. Text is read as numbers in a row, `channels` a step."""
    values = _parsing.flat(values)
    if not _parsing.is_list(values.type) and not _is_view(values.type):
        text = pc.replace_substring_regex(_parsing.strings(values), r"[\[\](){},;\s]+", " ")
        items, offsets, _ = _parsing.lists(pc.split_pattern(pc.utf8_trim_whitespace(text), " "))
        width = max(channels, 1)
        lengths = np.diff(offsets)
        fits = lengths % width == 0
        kept = np.repeat(fits, lengths)
        steps = np.where(fits, lengths // width, 0)
        return _parsing.numbers(items)[kept].reshape(-1, width), np.cumsum(steps) - steps, steps
    if _is_view(values.type):
        steps = np.where(values.is_valid().to_numpy(zero_copy_only=False), values.sizes.to_numpy(), 0).astype(np.int64)
        starts, here = values.offsets.to_numpy().astype(np.int64), steps > 0
        first = int(starts[here].min()) if here.any() else 0
        inner = values.values.slice(first, int((starts + steps)[here].max()) - first if here.any() else 0)
        starts = np.where(here, starts - first, 0)
    else:
        inner, offsets, _ = _parsing.lists(values)
        starts, steps = offsets[:-1], np.diff(offsets)
    if not _parsing.is_list(inner.type):
        return _parsing.numbers(inner)[:, None], starts, steps
    numbers, within, _ = _parsing.lists(inner)
    each = np.diff(within)
    width = int(np.bincount(each[each > 0]).argmax()) if (each > 0).any() else max(channels, 1)
    found = np.full((len(inner), width), np.nan)
    whole = np.flatnonzero(each == width)
    found[whole] = _parsing.numbers(numbers)[within[whole][:, None] + np.arange(width)]
    return found, starts, steps


def _is_view(kind: pa.DataType) -> bool:
    return pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind)
