"""A table as steps in the order of time: numbers, times, series, gaps. Knows no windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..columns import _dates, _parsing
from ..errors import DataError

REGULAR = 0.9  # share of the steps between times that must be alike before a longer one counts as a gap
DAY = 86400.0
SEASONS = {900.0: 96, 1800.0: 48, 3600.0: 24, DAY: 7}  # seconds of a step -> steps of a day, or of a week


@dataclass(frozen=True)
class Steps:
    """T steps, series after series, each in the order of time.

    values (T, C), NaN where missing; known (T, K): columns whose future is known; seconds (T,), None without times; usual: the
    commonest distance between times; owner (T,): the row of the table; series (T,): the number of its series; bounds: where
    stretches without a gap begin, and T.
    """

    names: list[str]
    values: np.ndarray
    known: np.ndarray
    seconds: np.ndarray | None
    usual: float
    owner: np.ndarray
    series: np.ndarray
    bounds: np.ndarray
    notes: list[str]

    def filled(self) -> np.ndarray:
        """The values with each missing one replaced by the value before it in its stretch, where there is one."""
        if not np.isnan(self.values).any():
            return self.values
        steps = np.arange(len(self.values))[:, None]
        seen = np.maximum.accumulate(np.where(np.isnan(self.values), -1, steps), axis=0)
        begins = np.repeat(self.bounds[:-1], np.diff(self.bounds))[:, None]
        found = np.take_along_axis(self.values, np.maximum(seen, 0), axis=0)
        return np.where(seen >= begins, found, np.nan)

    def places(self) -> tuple[np.ndarray, int]:
        """(T,) the place of each step in time, over all series together, and how many places there are."""
        if self.seconds is not None:
            found = np.unique(self.seconds, return_inverse=True)[1]
        else:
            found = np.arange(len(self.series)) - np.searchsorted(self.series, self.series)
        return found, int(found.max()) + 1

    def when(self, steps: np.ndarray) -> pa.Array:
        """The times of steps, or their numbers where there are none."""
        return stamps(
            steps.astype(np.float64) if self.seconds is None else self.seconds[steps], self.seconds is not None
        )


def stamps(seconds: np.ndarray, are_times: bool) -> pa.Array:
    """Seconds as time stamps, or numbers of steps."""
    if are_times:
        return pa.array(np.round(seconds * 1e6).astype(np.int64)).cast(pa.timestamp("us"))
    return pa.array(seconds.astype(np.int64))


def numbers(table: pa.Table, name: str) -> np.ndarray:
    """(N,) float64, NaN where a cell is empty. Raises DataError for a cell that holds something else."""
    found, cells = _parsing.numbers(table.column(name)), table.column(name)
    wrong = np.isnan(found) & _parsing.strings(cells).is_valid().to_numpy(zero_copy_only=False)
    if wrong.any():
        row = int(wrong.argmax())
        message = f"row {row} has {cells[row].as_py()!r}, which is no number; {int(wrong.sum())} cells are like it."
        hint = "Empty cells count as missing. A column that is no part of the series is left out by naming the others: columns."
        raise DataError(message, where=f"column '{name}'", hint=hint)
    return found


def mostly_numbers(cells: pa.ChunkedArray) -> bool:
    """Whether more than half of the cells that hold something hold numbers."""
    filled = _parsing.strings(cells).is_valid().to_numpy(zero_copy_only=False)
    return bool(filled.any()) and float(np.isfinite(_parsing.numbers(cells))[filled].mean()) > 0.5


def times(table: pa.Table, name: str) -> np.ndarray:
    """(N,) seconds. Raises DataError for a cell that is no time."""
    found = _dates.read(table.column(name))
    if np.isnan(found).any():
        row = int(np.isnan(found).argmax())
        message = f"row {row} has {table.column(name)[row].as_py()!r}, which is no time; {int(np.isnan(found).sum())} rows have none."
        raise DataError(message, where=f"column '{name}'")
    return found


def gaps(seconds: np.ndarray, series: np.ndarray) -> tuple[float, np.ndarray]:
    """The usual distance between times, and the steps before which a longer one lies; none where times are irregular."""
    distance, same = np.diff(seconds), np.diff(series) == 0
    if not same.any():
        return 1.0, np.zeros(0, np.int64)
    values, counts = np.unique(distance[same], return_counts=True)
    usual = float(values[counts.argmax()])
    if counts.max() < REGULAR * counts.sum():
        return usual, np.zeros(0, np.int64)
    return usual, np.flatnonzero(same & (distance > 1.5 * usual)) + 1


def calendar(seconds: np.ndarray) -> np.ndarray:
    """(N, 6): where in the day, the week and the year, as points on circles."""
    week = seconds / (7 * DAY) + 3 / 7  # 1970 began on a Thursday
    turns = (seconds / DAY, week, seconds / (365.2425 * DAY))
    return np.stack([wave(2 * np.pi * turn) for turn in turns for wave in (np.sin, np.cos)], 1)


def views(values: np.ndarray, first: np.ndarray, length: int) -> pa.Array:
    """Cells of `length` steps from each of `first` on, which share the values (T, C)."""
    steps: Any = pa.array(np.ascontiguousarray(values).ravel(), from_pandas=True)
    if values.shape[1] > 1:
        steps = pa.FixedSizeListArray.from_arrays(steps, values.shape[1])
    sizes = pa.array(np.full(len(first), length, np.int64))
    return pa.LargeListViewArray.from_arrays(pa.array(first.astype(np.int64)), sizes, steps)
