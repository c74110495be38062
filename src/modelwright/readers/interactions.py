"""Who took what, and when: a user's items so far, and what came next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import Ragged
from ..data import _actions
from ..data._files import File
from ..data.reading import Masks, read
from ..data.rows import Rows
from ..data.splitting import times
from ..errors import DataError, UserError, did_you_mean
from ..parts import Count

FEWEST = 3  # actions of a user of whom some are held out


class Interactions:
    """A table of actions, or a file of "user item" or "user item item ..." lines in time order -> rows of a `user`, the items
    so far as `history`, and what came `next`.

    With `leave_one_out` a user's last item is the test, the one before it the validation, the items before these train;
    who has fewer than three only trains. With `none` the usual split divides the users.

    Options:
        user: the table's column of users.
        item: of items.
        time: of times, by which actions are sorted; without it they are in the order of the rows.
        rating: of ratings, needed for `least`.
        least: actions with a lower rating are left out.
        repeats: whether an item that a user takes again is dropped or kept.
        length: items kept of a history, the last ones.
        each: a training row is a user, of whom every step is learned, or an action, of which one is.
        hold_out: what is kept back for validation and test.
    """

    def __init__(
        self,
        given: Any,
        *,
        user: str = "user",
        item: str = "item",
        time: str = "",
        rating: str = "",
        least: float | None = None,
        repeats: Literal["drop", "keep"] = "drop",
        length: Count = 50,
        each: Literal["user", "action"] = "user",
        hold_out: Literal["leave_one_out", "none"] = "leave_one_out",
    ) -> None:
        self.given, self.user, self.item, self.time, self.rating = given, user, item, time, rating
        self.least, self.repeats, self.length, self.each, self.hold_out = least, repeats, length, each, hold_out
        if least is not None and not rating:
            raise UserError(
                "the option least needs the column of ratings.", where="data.least", hint="Name it as rating."
            )

    def read(self, base: Path, masks: Masks) -> Rows:
        """The rows. Raises DataError naming the column that is missing or the cell that is no time."""
        rows = self._actions(base, masks)
        users, items, names, notes = self._sorted(rows)
        found = _sequences(users, items)
        spans = self._spans(found.lengths)
        if not (spans.end > spans.first).any():
            hint = "A user needs two actions at least."
            raise DataError("no user has an item that came next.", where=rows.name, hint=hint)
        alone = int((found.lengths < FEWEST).sum())
        if alone and self.hold_out != "none":
            notes.append(f"Users with fewer than {FEWEST} actions only train: {alone:,} of {len(found):,}.")
        starts = found.offsets[:-1][spans.user]
        table = pa.table(
            {
                "user": names[0].take(pa.array(spans.user)),
                "history": _lists(found.values, names[1], starts + spans.begin, starts + spans.now),
                "next": _lists(found.values, names[1], starts + spans.first, starts + spans.end),
            }
        )
        kind = {"kind": "items", "max_length": self.length}
        columns = {
            "user": {"kind": "drop"},
            "history": kind,
            "next": {**kind, "shares": "history", "catalogue": len(names[1])},
        }
        part = None if self.hold_out == "none" else spans.part
        return Rows(table, part, rows.name, rows.root, [*rows.notes, *notes], ("next",), columns)

    def _actions(self, base: Path, masks: Masks) -> Rows:
        """The actions as they were read."""
        path = base / self.given if isinstance(self.given, str | Path) else None
        if path is not None and path.is_file() and _actions.are_in(File(path)):
            table = _actions.read(File(path)).rename_columns([self.user, self.item])
            rows = Rows(table, name=path.name.partition(".")[0], root=path.parent)
        else:
            rows = read(self.given, base, masks)
        known = rows.table.column_names
        wanted = {"user": self.user, "item": self.item, "time": self.time, "rating": self.rating}
        for option, name in wanted.items():
            if name and name not in known:
                hint = f"Name it: data: {{interactions: ..., {option}: {known[0]}}}. {did_you_mean(name, known)}"
                raise DataError(f"there is no column '{name}' for the {option}.", where=f"data.{option}", hint=hint)
            if name and pa.types.is_nested(rows.table.schema.field(name).type):
                message = "its cells hold several values; a row is one action."
                raise DataError(message, where=f"column '{name}'", hint="Write a row for each item.")
        if not rows.table.num_rows:
            raise DataError("there is no action.", where=rows.name)
        return rows

    def _sorted(self, rows: Rows) -> tuple[np.ndarray, np.ndarray, tuple[pa.Array, pa.Array], list[str]]:
        """Codes of users and items, in time order within a user, users in the order of their first row; what the codes
        stand for; and notes."""
        table, notes = rows.table, list[str]()
        kept = np.ones(table.num_rows, bool)
        for name in (self.user, self.item):
            kept &= _present(table.column(name))
        if not kept.all():
            notes.append(f"Actions without a user or an item are left out: {int((~kept).sum()):,}.")
        if self.least is not None:
            low = kept & ~(_numbers(table.column(self.rating), self.rating) >= self.least)
            kept &= ~low
            notes.append(f"Actions rated below {self.least:g} are left out: {int(low.sum()):,}.")
        take = np.flatnonzero(kept)
        users, items = (_codes(table.column(name).take(take)) for name in (self.user, self.item))
        order = np.lexsort((np.arange(len(take)), users[0]))
        if self.time:
            when = times(rows, take, self.time)
            sorted_ = np.lexsort((np.arange(len(take)), when, users[0]))
            if (sorted_ != order).any():
                notes.append(f"The actions are not in the order of '{self.time}'; they were sorted.")
            order = sorted_
        codes = users[0][order], items[0][order]
        if self.repeats == "drop":
            _, first = np.unique(codes[0] * len(items[1]) + codes[1], return_index=True)
            if len(first) < len(order):
                notes.append(f"Actions that repeat an item of the same user are left out: {len(order) - len(first):,}.")
            first.sort()
            codes = codes[0][first], codes[1][first]
        return *codes, (users[1], items[1]), notes

    def _spans(self, lengths: np.ndarray) -> _Spans:
        """The rows, from how many items each user has: those to train on, then validation, then test."""
        user = np.arange(len(lengths))
        held = np.where((lengths >= FEWEST) & (self.hold_out == "leave_one_out"), 2, 0)
        train, full = lengths - held, np.flatnonzero(held > 0)
        if self.each == "user":
            own, now, first, end = user, np.maximum(train - 1, 1), np.ones_like(train), np.maximum(train, 1)
        else:
            counts = np.maximum(train - 1, 1)
            own = np.repeat(user, counts)
            now = 1 + np.arange(len(own)) - np.repeat(np.cumsum(counts) - counts, counts)
            first, end = now, np.minimum(now + 1, train[own])
        last = lengths[full]
        now = np.concatenate([now, last - 2, last - 1])
        first, end = np.concatenate([first, last - 2, last - 1]), np.concatenate([end, last - 1, last])
        part = np.repeat(np.arange(3, dtype=np.int8), [len(own), len(full), len(full)])
        begin = np.maximum(now - self.length, 0)
        return _Spans(np.concatenate([own, full, full]), begin, now, np.maximum(first, end - self.length), end, part)


@dataclass(frozen=True)
class _Spans:
    """Rows as places among a user's items: the history is [begin, now), what came next [first, end)."""

    user: np.ndarray
    begin: np.ndarray
    now: np.ndarray
    first: np.ndarray
    end: np.ndarray
    part: np.ndarray


def _sequences(users: np.ndarray, items: np.ndarray) -> Ragged:
    """Each user's items; users are sorted."""
    return Ragged(items, np.concatenate([[0], np.cumsum(np.bincount(users))]).astype(np.int64))


def _lists(values: np.ndarray, names: pa.Array, starts: np.ndarray, ends: np.ndarray) -> pa.Array:
    """The names of values[start:end], a list a row."""
    lengths = ends - starts
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    place = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names.take(pa.array(values[place])))


def _codes(values: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """(N,) int64 codes in the order in which values first occur, and the values."""
    encoded = values.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary


def _present(values: pa.ChunkedArray) -> np.ndarray:
    """(N,) whether a cell holds anything."""
    found = values.is_valid()
    if pa.types.is_string(values.type):
        found = pc.and_(found, pc.not_equal(pc.fill_null(values, ""), ""))
    return found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy()


def _numbers(values: pa.ChunkedArray, name: str) -> np.ndarray:
    """Cells as float64, NaN where missing. Raises DataError where they are no numbers."""
    try:
        return pc.cast(values, pa.float64()).to_numpy().astype(np.float64)
    except pa.ArrowInvalid as error:
        raise DataError(f"ratings are numbers ({error}).", where=f"column '{name}'") from None
