"""Forecast windows: a table in time order becomes a row for each place from which the next steps are forecast."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from ..columns import _parsing
from ..data import reading
from ..data.rows import Rows
from ..errors import DataError, did_you_mean
from ..parts import Count, NoneOrMore
from . import _steps
from ._steps import Steps

SHARES = (0.7, 0.1, 0.2)


class Series:
    """A table with a row for each step -> `history` (the last `window` steps), `future` (the `horizon` steps after them, the
    target), `ahead` (what is known of these beforehand), and `time` and `until`, when they begin and end.

    Training, validation and test follow one another in time. A window belongs to the part in which all its future lies; its
    history may reach back into an earlier part. No window is left out but those whose future lies in two parts. Windows
    are views of one array. Steps are put in the order of `time`; windows do not cross gaps.

    Options:
        window: steps of history that a forecast reads.
        horizon: steps that are forecast.
        time: the column that says when a step is; without it the order of the file counts.
        by: the column that tells several series in one file apart.
        columns: the columns that are read; all of numbers where left out.
        targets: those of them that are forecast; all where left out.
        known: columns whose future is known beforehand, as holidays are; they are read over the horizon.
        calendar: read hour, weekday, day of the month and of the year over the horizon (needs `time`).
        stride: steps from one window to the next.
        season: steps after which the series repeats, for the seasonal baseline; 0 takes a day of hours, a week of days and the like.
        parts: shares of training, validation and test, or the steps at which they end; a named data set may know its own.
        gaps: whether windows end at a gap between times, or gaps are not looked for.
    """

    def __init__(
        self,
        path: str,
        *,
        window: Count = 336,
        horizon: Count = 96,
        time: str = "",
        by: str = "",
        columns: tuple[str, ...] = (),
        targets: tuple[str, ...] = (),
        known: tuple[str, ...] = (),
        calendar: bool = False,
        stride: Count = 1,
        season: NoneOrMore = 0,
        parts: tuple[float, ...] = (),
        gaps: Literal["cut", "ignore"] = "cut",
    ) -> None:
        self.path, self.window, self.horizon, self.time, self.by = path, window, horizon, time, by
        self.columns, self.targets, self.known, self.calendar = tuple(columns), tuple(targets), tuple(known), calendar
        self.stride, self.season, self.parts, self.gaps = stride, season, tuple(parts), gaps

    def read(self, base: Path, masks: reading.Masks) -> Rows:
        """The windows. Raises DataError for a table that has none, and for cells and times that cannot be."""
        source = reading.read(self.path, base, masks)
        steps = self._steps(source.table)
        first, part = self._origins(steps), self._parts(steps, source.part)
        last = part[first + self.horizon - 1]
        first, last = (each[(part[first] == last) & (last >= 0)] for each in (first, last))
        if not (last == 0).any():
            raise self._too_short(steps)
        return replace(
            source, table=self._table(steps, first), part=last.astype(np.int8), notes=[*source.notes, *steps.notes],
            targets=("future",), columns=self._configs(steps, part == 0), times=("time", "until"),
        )  # fmt: skip

    def again(self, table: pa.Table, latest: bool) -> pa.Table:
        """Rows for a finished run from a table of steps: every window with its future, or, with `latest`, the history at
        the end of each series, from which what comes next is forecast."""
        steps = self._steps(table)
        return self._latest(steps) if latest else self._table(steps, self._origins(steps))

    def _steps(self, table: pa.Table) -> Steps:
        """The table as numbers in the order of time, series after series, cut at gaps."""
        for name in (self.time, self.by, *self.columns, *self.targets, *self.known):
            if name and name not in table.column_names:
                hint = did_you_mean(name, table.column_names)
                raise DataError(f"there is no column '{name}'.", where=str(self.path), hint=hint)
        if table.num_rows < 2:
            rows = "one row" if table.num_rows else "no rows"
            raise DataError(f"a series needs more than {rows}.", where=str(self.path))
        notes = list[str]()
        names = self._names(table, notes)
        seconds = _steps.times(table, self.time) if self.time else None
        series = _parsing.distinct(table.column(self.by))[0] if self.by else np.zeros(table.num_rows, np.int64)
        order = np.lexsort((np.arange(len(series)) if seconds is None else seconds, series))
        if not self.by and (np.diff(order) < 0).any():
            notes.append(f"The rows were not in the order of '{self.time}'; they are put in it.")
        values = np.stack([_steps.numbers(table, name)[order] for name in names], 1)
        known = [_steps.numbers(table, name)[order, None] for name in self.known]
        series, usual, cuts = series[order], 1.0, np.zeros(0, np.int64)
        if seconds is not None:
            seconds = seconds[order]
            self._refuse_duplicates(table, seconds, series, order)
            usual, cuts = _steps.gaps(seconds, series)
            if len(cuts) and self.gaps == "cut":
                cell = table.column(self.time)[int(order[cuts[0]])].as_py()
                notes.append(f"{len(cuts)} gaps between times (the first before {cell}): no window crosses one.")
        if self.calendar:
            if seconds is None:
                raise DataError(
                    "a calendar needs times.", where=f"{self.path}: calendar", hint="Name their column: time."
                )
            known.append(_steps.calendar(seconds))
        if missing := int(np.isnan(values).sum()):
            notes.append(
                f"{missing} cells are missing: a history repeats the value before them; as a future they do not count."
            )
        cuts = np.union1d(cuts if self.gaps == "cut" else [], np.flatnonzero(np.diff(series)) + 1)
        bounds = np.concatenate([[0], cuts, [len(values)]]).astype(np.int64)
        beforehand = np.concatenate([np.zeros((len(values), 0)), *known], 1)
        return Steps(names, values, beforehand, seconds, usual, order, series, bounds, notes)

    def _names(self, table: pa.Table, notes: list[str]) -> list[str]:
        """The columns that are read, those that are forecast first."""
        beside = {self.time, self.by, *self.known, *self.targets}
        others = [name for name in self.columns or table.column_names if name not in beside]
        if not self.columns:
            left = [name for name in others if not _steps.mostly_numbers(table.column(name))]
            if left:
                notes.append(f"Columns that do not hold numbers are left out: {', '.join(left)}.")
            others = [name for name in others if name not in left]
        if not self.targets and not others:
            hint = "Name them: columns: [...]."
            raise DataError("no column holds numbers.", where=str(self.path), hint=hint)
        return [*self.targets, *others]

    def _refuse_duplicates(self, table: pa.Table, seconds: np.ndarray, series: np.ndarray, order: np.ndarray) -> None:
        twice = np.flatnonzero((np.diff(seconds) == 0) & (np.diff(series) == 0))
        if len(twice):
            cell = table.column(self.time)[int(order[twice[0] + 1])].as_py()
            hint = (
                "Leave one row for each time." if self.by else "Where there are several series, name their column: by."
            )
            raise DataError(
                f"{len(twice)} times stand twice, the first is {cell}.", where=f"column '{self.time}'", hint=hint
            )

    def _origins(self, steps: Steps) -> np.ndarray:
        """The first step of each future that has a whole history before it."""
        ends = zip(steps.bounds[:-1], steps.bounds[1:])
        found = [np.arange(begin + self.window, end - self.horizon + 1, self.stride) for begin, end in ends]
        first = np.concatenate(found).astype(np.int64)
        if not len(first):
            raise self._too_short(steps)
        return first

    def _too_short(self, steps: Steps) -> DataError:
        longest = int(np.diff(steps.bounds).max())
        message = (
            f"no window of {self.window} steps and horizon of {self.horizon} fits into the training part; the longest "
        )
        message += f"stretch without a gap has {longest} steps in all parts together."
        return DataError(message, where=str(self.path), hint="Shorten window or horizon, or give more rows.")

    def _parts(self, steps: Steps, given: np.ndarray | None) -> np.ndarray:
        """The part of each step, -1 beyond the last border."""
        if given is not None and not self.parts:
            return np.asarray(given)[steps.owner]
        place, count = steps.places()
        parts = self.parts or SHARES
        if len(parts) == 3 and parts[0] > 0 and min(parts) >= 0 and abs(sum(parts) - 1) < 1e-6:
            ends = [count - int(count * parts[2]) - int(count * parts[1]), count - int(count * parts[2]), count]
            ends[0] = min(int(count * parts[0]), ends[0]) if parts[1] else ends[1]
        elif len(parts) == 3 and parts[0] >= 1 and list(parts) == sorted(parts) and all(p == int(p) for p in parts):
            ends = [int(each) for each in parts]
        else:
            message = f"expected three shares that sum to 1, or three rising numbers of steps, given {list(parts)}."
            raise DataError(message, where=f"{self.path}: parts", hint="For example parts: [0.7, 0.1, 0.2].")
        found = np.searchsorted(ends, place, side="right")
        return np.where(found > 2, -1, found)

    def _configs(self, steps: Steps, train: np.ndarray) -> dict[str, Any]:
        """What the columns are; `train` says which steps are learned from."""
        count = len(self.targets) or len(steps.names)
        values = steps.values[train, :count]
        deviation = [float(each) if each > 0 else 1.0 for each in np.nanstd(values, axis=0)]
        season = self.season or _steps.SEASONS.get(steps.usual, 1) if steps.seconds is not None else self.season or 1
        found: dict[str, Any] = dict.fromkeys(("time", "until", "series"), "drop")
        found["history"] = {"kind": "series", "names": steps.names}
        found["future"] = {"kind": "series", "names": steps.names[:count], "deviation": deviation, "season": season}
        return {**found, "ahead": {"kind": "series", "ahead": True}}

    def _table(self, steps: Steps, first: np.ndarray) -> pa.Table:
        """The rows whose futures begin at the steps `first`."""
        columns = {"history": _steps.views(steps.filled(), first - self.window, self.window)}
        if steps.known.shape[1]:
            columns["ahead"] = _steps.views(steps.known, first, self.horizon)
        columns["time"], columns["until"] = steps.when(first), steps.when(first + self.horizon - 1)
        if self.by:
            columns["series"] = steps.series[first]
        count = len(self.targets) or len(steps.names)
        return pa.table({**columns, "future": _steps.views(steps.values[:, :count], first, self.horizon)})

    def _latest(self, steps: Steps) -> pa.Table:
        """The last history of each series. Its last steps may hold only what is known beforehand."""
        count = len(self.targets) or len(steps.names)
        is_open = np.isnan(steps.values[:, :count]).all(1)
        first, ahead, moments = [], [], []
        for begin, end in zip(steps.bounds[:-1], steps.bounds[1:]):
            if end < len(steps.series) and steps.series[end] == steps.series[begin]:
                continue  # a gap: the series goes on
            now = end
            while now > begin and is_open[now - 1]:
                now -= 1
            if now - begin < self.window:
                message = f"a series ends with {now - begin} steps, and the run reads {self.window}."
                raise DataError(message, where="rows", hint="Give more of its past.")
            if self.known and end - now < self.horizon:
                names = ", ".join(self.known)
                message = (
                    f"the rows end {end - now} steps after the last known value; {self.horizon} of {names} are needed."
                )
                raise DataError(message, where="rows", hint="Add rows with them, and leave the other cells empty.")
            later = np.arange(1, self.horizon + 1) * steps.usual + (
                now - 1 if steps.seconds is None else steps.seconds[now - 1]
            )
            named = steps.known[now : now + self.horizon, : len(self.known)]
            pieces = ([named] if self.known else []) + ([_steps.calendar(later)] if self.calendar else [])
            ahead += [np.concatenate(pieces, 1)] if pieces else []
            first.append(now)
            moments.append(later[[0, -1]])
        at = np.array(first)
        columns = {"history": _steps.views(steps.filled(), at - self.window, self.window)}
        if steps.known.shape[1]:
            columns["ahead"] = _steps.views(np.concatenate(ahead), np.arange(len(at)) * self.horizon, self.horizon)
        if self.by:
            columns["series"] = steps.series[at - 1]
        begins, ends = np.array(moments).T
        times = {"time": _steps.stamps(begins, bool(self.time)), "until": _steps.stamps(ends, bool(self.time))}
        return pa.table({**columns, **times})
