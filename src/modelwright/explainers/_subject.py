"""Rows of a run with the parts that can be taken out of them: columns of a table, words of a text, patches of a picture.

A part that is taken out is replaced by the background: the mean of training rows for numbers and pixels, a training row's
value for categories and the like; a word is not there any more. Knows no method of explanation.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..blocks.stream import Batch
from ..errors import RunError
from ._answer import Answer

UNKNOWN = 1  # the id of a word that is not known, of which an empty text has one
CELLS = 2**22  # of the inputs, that are evaluated at once
AT_ONCE = 2048  # rows, at most


@dataclass(frozen=True)
class Field:
    """An input and where its parts stand among the F of a row: one of a column, as many as words, patches, runs of numbers
    or stretches of a signal otherwise. grid: rows and columns of patches."""

    name: str
    kind: str  # column, text, image, vector, signal, tokens, or parts that the column names itself
    start: int
    stop: int
    key: str
    grid: tuple[int, int] = (1, 1)
    unit: str = "words"  # what the parts of a text are


@dataclass
class Subject:
    """R rows to explain.

    place[key] (R or 1, cells): the part that each cell of an input belongs to, F where it always stays. names (R, F):
    what a part is called, "" where a row has no such part. background[key] (K, ...): what replaces a cell; `fills`: the
    id that replaces a word where words are not simply left out; of steps of several values, the value that replaces each,
    -1 where it stays.
    """

    answer: Answer
    batch: Batch
    goal: Tensor
    numbers: list[int]  # of the rows, in their table
    fields: list[Field]
    names: np.ndarray
    place: dict[str, Tensor]
    background: Batch = field(default_factory=dict)
    fills: dict[str, int | Tensor] = field(default_factory=dict)
    deleted: Collection[str] = ()  # of these keys words are left out, not replaced
    drawn: bool = False  # whether background rows differ

    def __len__(self) -> int:
        return len(self.names)

    @property
    def valid(self) -> np.ndarray:
        """(R, F) whether a row has the part."""
        return self.names != ""

    @property
    def draws(self) -> int:
        """How many backgrounds there are."""
        return len(next(iter(self.background.values()))) if self.drawn else 1

    def only(self, rows: np.ndarray, answer: Answer | None = None) -> Subject:
        """The same for some of the rows, and with another model."""
        index, found = torch.as_tensor(rows), copy.copy(self)
        found.batch = {key: value[index] for key, value in self.batch.items()}
        found.goal, found.names = self.goal[index], self.names[rows]
        found.numbers = [self.numbers[row] for row in rows]
        found.place = {key: value[index] if len(value) > 1 else value for key, value in self.place.items()}
        found.answer = answer or self.answer
        return found

    def without(self, owner: Tensor, keep: Tensor, draw: Tensor, deletes: bool = True) -> Batch:
        """Row owner[n] with only the parts that keep[n] (N, F) names, the others from background draw[n]."""
        keep = F.pad(keep, (0, 1), value=True)
        batch: Batch = {}
        for key, given in self.batch.items():
            rows = given[owner]
            if key not in self.place:
                batch[key] = rows
                continue
            place = self.place[key]
            kept = keep.gather(1, place[owner]) if len(place) > 1 else keep[:, place[0]]
            if key in self.fills:
                batch[key] = _filled(rows, kept, self.fills[key])
                continue
            kept = kept.view(*rows.shape[:3])  # of a picture the channels of a pixel go together
            other = self.background[key][draw]
            batch[key] = torch.where(kept.unsqueeze(-1) if rows.ndim == 4 else kept, rows, other)
        for key in self.deleted if deletes else ():
            place = self.place[key]
            _delete(batch, key, keep.gather(1, place[owner] if len(place) > 1 else place.expand(len(keep), -1)))
        return batch

    @torch.inference_mode()
    def values(self, owner: np.ndarray, keep: np.ndarray, draw: np.ndarray | None = None) -> np.ndarray:
        """(N,) the answers for `without`, in pieces that fit the memory."""
        size = sum(value[0].numel() for value in self.batch.values())
        step = max(min(CELLS // max(size, 1), AT_ONCE), 1)
        draw = np.zeros(len(owner), np.int64) if draw is None else draw
        found = []
        for rows in torch.arange(len(owner)).split(step):
            whose = torch.as_tensor(owner)[rows]
            batch = self.without(whose, torch.as_tensor(keep)[rows], torch.as_tensor(draw)[rows])
            found.append(self.answer(batch, self.goal[whose]).double())
        return torch.cat(found).numpy()

    def whole(self) -> np.ndarray:
        """(R,) the answer for the rows as they are."""
        found = self.values(np.arange(len(self)), np.ones(self.names.shape, bool))
        if not np.isfinite(found).all():
            where = str(self.answer.run.path or "run")
            raise RunError("the model's answers are not finite.", where=where, hint="Train it again at a lower rate.")
        return found

    def empty(self) -> np.ndarray:
        """(R,) the mean answer with every part taken out, over all backgrounds."""
        owner, draw = np.repeat(np.arange(len(self)), self.draws), np.tile(np.arange(self.draws), len(self))
        nothing = np.zeros((len(owner), self.names.shape[1]), bool)
        return self.values(owner, nothing, draw).reshape(len(self), -1).mean(1)

    def groups(self, most: int) -> np.ndarray:
        """(R, F) the player that a part belongs to, -1 where there is none: neighbouring words of a long text go together,
        so that there are about `most` players a row at most."""
        found = np.full(self.names.shape, -1)
        words = np.zeros(self.names.shape[1], bool)
        for one in self.fields:
            words[one.start : one.stop] = one.kind in ("text", "tokens")
        for row, valid in enumerate(self.valid):
            alone, together = np.flatnonzero(valid & ~words), np.flatnonzero(valid & words)
            found[row, alone] = np.arange(len(alone))
            size = -(-len(together) // max(most - len(alone), 8))
            found[row, together] = len(alone) + np.arange(len(together)) // max(size, 1)
        return found

    def of_players(self, rows: np.ndarray, members: np.ndarray, groups: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """(rows, S) the answers where only the players of members (S, G) are there."""
        keep = np.pad(members, ((0, 0), (0, 1)), constant_values=True)[:, groups[rows]].transpose(1, 0, 2)
        owner = np.repeat(rows, len(members))
        return self.values(owner, keep.reshape(len(owner), -1), np.tile(draw, len(rows))).reshape(len(rows), -1)


def by_players(groups: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each number of players there is, and the rows that have so many."""
    counts = groups.max(1, initial=-1) + 1
    for players in np.unique(counts[counts > 0]):
        yield int(players), np.flatnonzero(counts == players)


def shared(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(rows, G) values of players -> (rows, F) of parts, in equal shares."""
    sizes = (groups[:, :, None] == np.arange(values.shape[1])).sum(1)
    each = np.pad(values / np.maximum(sizes, 1), ((0, 0), (0, 1)))
    return np.take_along_axis(each, groups, 1)


def _filled(rows: Tensor, kept: Tensor, fill: int | Tensor) -> Tensor:
    """(B, T) or (B, T, K) with another id, or other values, at the steps that are not kept."""
    if isinstance(fill, int):
        return rows.masked_fill(~kept, fill)
    return torch.where(kept.unsqueeze(-1) | (fill < 0), rows, fill.to(rows))


def _delete(batch: Batch, key: str, kept: Tensor) -> None:
    """Leave words out of a text: the others move together, and an empty text has one unknown word."""
    mask = batch[f"{key}.mask"] & kept
    order = (~mask).long().argsort(dim=1, stable=True)[:, : max(int(mask.sum(1).max()), 1)]
    ids, mask = batch[key].gather(1, order), mask.gather(1, order)
    gone = ~mask[:, 0]
    ids[gone, 0], mask[gone, 0] = UNKNOWN, True
    batch[key], batch[f"{key}.mask"] = ids.masked_fill(~mask, 0), mask


Explain = Callable[[Subject], "Explanation"]


@dataclass
class Explanation:
    """What a method found for R rows: `values` (R, F) is what each part adds to the `answer` (R,), 0 where a row has no
    such part; `base` (R,) is the answer without any. `pixels`: of a picture's field, (R, H, W), or of a signal's (R, T, bands). `exact`: how far the values
    and the base are from adding up to the answer, as a share of it; `fit`: the R^2 of a linear stand-in."""

    values: np.ndarray
    answer: np.ndarray
    base: np.ndarray
    pixels: dict[str, np.ndarray] = field(default_factory=dict)
    exact: float | None = None
    fit: float | None = None
