"""From a run, and data if there are any, to rows whose parts can be taken out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from .. import tasks
from ..building import own_encoders
from ..columns import Ragged
from ..data import corpus, shards
from ..data.encoding import Encoded, encode, keys, of_columns
from ..errors import DataError, UserError, did_you_mean
from ..run import Run
from ._answer import Answer
from ._subject import UNKNOWN, Field, Subject

MEANS = 512  # training rows that background means are taken over
DRAWS = 32  # of them, that categories are taken from
PATCHES = 8  # along the longer side of a picture, about
SPANS = 64  # that the channels of a series are cut into together, about
RUNS = 32  # that a long vector is cut into
STRETCHES = 16  # that a recording, or another signal, is cut into
TOKENS = 64  # of a text, where a language model is explained
CHARACTERS = 200_000  # of other texts that are read for it


class Opened:
    """The rows of a run's test part, or of other data, one target of it, and training rows for the background."""

    def __init__(self, run: Run, data: Any = None, target: str = "") -> None:
        self.run = run
        self.target = target or next(iter(run.kinds), "")
        if target and target not in run.kinds:
            raise UserError(
                f"the run has no target '{target}'.", where="--target", hint=did_you_mean(target, run.kinds)
            )
        self.answer = Answer(run, self.target)
        self.language = run.recipe.model.kind == "language"
        if self.language:
            self._open_texts(data)
        else:
            self._open_rows(data)
        if not len(self.index):
            raise DataError("there is no row to explain.", where=str(data or run.path))

    def _open_rows(self, data: Any) -> None:
        run, own = self.run, own_encoders(self.run.recipe, self.run.columns)
        kept = not str(run.recipe.data).startswith("<")
        if data is None and not kept:
            hint = "Give the rows to explain as second argument."
            raise DataError("the data of this run lived in memory.", where=str(run.path or "run"), hint=hint)
        self.prepared: Any = tasks.find(run.recipe.model.kind).reopen(run) if kept else None
        if self.prepared is not None and data is None:
            self.table, self.encoded = self.prepared.rows.table, self.prepared.encoded
            self.index = next((i for p in (2, 1, 0) if len(i := self.prepared.index(p))), np.zeros(0, np.int64))
        else:
            self.table = run.table_of(data)
            known = {n: c for n, c in run.columns.items() if not c.target or n in self.table.column_names}
            self.encoded, self.index = encode(self.table, known, own, cache=False), np.arange(self.table.num_rows)
        self.train: tuple[Encoded, np.ndarray] = (
            self.encoded,
            self.index,
        )  # without training rows, the rows themselves
        if self.prepared is not None:
            self.train = (self.prepared.encoded, self.prepared.index(0))
        if not len(self.train[1]):
            raise DataError("there is no training row to take the background from.", where=str(run.path or "run"))

    def _open_texts(self, data: Any) -> None:
        run, words, model = self.run, self.run.vocabulary, self.answer.model
        if data is None:
            held = tasks.find("language").reopen(run).tokens
            self.tokens = next(held[part] for part in ("test", "validation", "train") if part in held)
        else:
            self.tokens = shards.tokens(corpus.read(data, ".", split=False), "train", words, CHARACTERS)
        length = min(model.context, TOKENS)
        ids = self.tokens.ids
        self.starts = np.arange(0, max(len(ids) - 1, 0), length) if self.tokens.single else self.tokens.starts[:-1]
        self.ends = np.minimum(self.starts + length + 1, len(ids) if self.tokens.single else self.tokens.starts[1:])
        self.index = np.flatnonzero(self.ends - self.starts > 1)

    @property
    def has_truth(self) -> bool:
        """Whether the data say what is right."""
        return self.answer.kind in ("language", "reconstruct") or self.target in self.encoded.targets

    def choose(self, rows: str) -> np.ndarray:
        """The rows that `5` (so many, evenly spread) or `3,17` (their numbers) names."""
        try:
            given = [int(word) for word in str(rows).replace(" ", "").split(",") if word]
        except ValueError:
            given = []
        if not given or ("," not in str(rows) and given[0] < 1):
            raise UserError(f"'{rows}' names no rows.", where="--rows", hint="Say how many, or which: 3,17")
        if "," not in str(rows):
            return self.spread(given[0])
        count = len(self.starts) if self.language else self.table.num_rows
        if wrong := [row for row in given if not 0 <= row < count]:
            raise UserError(f"there is no row {wrong[0]}.", where="--rows", hint=f"Rows are numbered 0 to {count - 1}.")
        return np.array(given)

    def spread(self, count: int) -> np.ndarray:
        """So many of the rows, evenly spread, or all."""
        count = min(count, len(self.index))
        return self.index[np.arange(count) * len(self.index) // count]

    def subject(self, rows: np.ndarray) -> Subject:
        """The rows with their parts and backgrounds."""
        return self._texts(rows) if self.language else self._rows(rows)

    def _texts(self, rows: np.ndarray) -> Subject:
        pieces = [torch.from_numpy(np.asarray(self.tokens.ids[self.starts[r] : self.ends[r]], np.int64)) for r in rows]
        ids = torch.nn.utils.rnn.pad_sequence(pieces, batch_first=True, padding_value=-1)
        batch = {"ids": ids[:, :-1].clamp(min=0), "labels": ids[:, 1:]}
        words = self.run.vocabulary
        spelled = [_spelled(words, piece[:-1].tolist()) for piece in pieces]
        names, place = _words(spelled, 0, ids.shape[1] - 1)
        fill = words.tokenizer.token_to_id(words.end) or 0
        fields = [Field("text", "tokens", 0, names.shape[1], "ids", unit="tokens")]
        return Subject(
            self.answer, batch, self.answer.own(batch), rows.tolist(), fields, names, _outside({"ids": place}, names),
            fills={"ids": fill},
        )  # fmt: skip

    def _rows(self, rows: np.ndarray) -> Subject:
        head = self.answer.model.head(self.target)
        batch = {key: value for key, value in self.encoded.batch(rows).items() if not key.startswith("target.")}
        fields, names, place = self._parts(rows, batch)
        background, drawn = self._background(batch)
        texts = {one.key: one.name for one in fields if one.kind == "text"}
        silence: dict[str, int | torch.Tensor] = {one.key: 0 for one in fields if one.kind == "signal"}
        stays = getattr(head, "aligned", False) or hasattr(head, "corrupted")
        moves = [
            key for key, name in texts.items() if not (stays or getattr(self._column(name), "keeps_places", False))
        ]
        return Subject(
            self.answer, batch, self.answer.own(batch), rows.tolist(), fields, names, place, background,
            fills=silence | {key: self._fill(name) for key, name in texts.items()}, deleted=moves, drawn=drawn,
        )  # fmt: skip

    def cells(self) -> dict[str, tuple[str, np.ndarray | None]]:
        """Input column -> its key in a batch and its cells there, None where all are its own."""
        inputs = {name: column for name, column in self.run.columns.items() if not column.target}
        own = own_encoders(self.run.recipe, self.run.columns)
        widths = {key: values.shape[1] for key, values in self.encoded.inputs.items() if not _is_ragged(values)}
        found = of_columns({key: np.arange(width)[None] for key, width in widths.items()}, inputs, own)
        return {name: (key, found[name][0] if name in found else None) for name, key in keys(inputs, own).items()}

    def _parts(self, rows: np.ndarray, batch: dict[str, Any]) -> tuple[list[Field], np.ndarray, dict[str, Any]]:
        """Fields, names (R, F) and places: columns, pictures and vectors first, of which every row has as many; then texts."""
        fields: list[Field] = []
        named: list[np.ndarray] = [np.zeros((len(rows), 0), object)]
        place: dict[str, Any] = {}
        cells = self.cells()
        for name, (key, own) in sorted(cells.items(), key=lambda item: _is_ragged(self.encoded.inputs[item[1][0]])):
            start, values = sum(one.shape[1] for one in named), batch[key]
            kind, grid = "column", (1, 1)
            if own is not None:
                place.setdefault(key, torch.full((1, values.shape[1]), -1))[0, own] = start
                labels = [name]
            elif hasattr(self._column(name), "span"):
                found, place[key] = _stretches(self._column(name).span, batch[f"{key}.mask"].sum(1).numpy(), start)
                fields.append(Field(name, "signal", start, start + found.shape[1], key))
                named.append(found)
                continue
            elif _is_ragged(self.encoded.inputs[key]):
                column = self.run.columns[name]
                spelled = column.spelled(self.table.column(name).take(rows))
                pieces = "pieces" in column.sizes()
                first = column.sizes().get("pieces", 0)
                glued = (values >= first).numpy() if pieces else None
                found, place[key] = _words(spelled, start, values.shape[1], glued)
                unit = getattr(column, "unit", "words")
                unit = "words" if unit in ("bpe", "pretrained") else unit
                fields.append(Field(name, "text", start, start + found.shape[1], key, unit=unit))
                named.append(found)
                continue
            elif hasattr(self.run.columns[name], "parts"):
                found = np.array(self.run.columns[name].parts(values.numpy()), object)
                batch[f"{key}.parts"] = torch.ones(found.shape)
                place[f"{key}.parts"] = torch.arange(found.shape[1])[None] + start
                fields.append(Field(name, "parts", start, start + found.shape[1], f"{key}.parts"))
                named.append(found)
                continue
            elif values.ndim == 4:
                kind, (where, grid) = "image", _patches(values.shape[1], values.shape[2])
                place[key] = torch.from_numpy(where.ravel()[None] + start)
                labels = [f"{name} {place_of}" for place_of in range(grid[0] * grid[1])]
            elif values.ndim == 3:
                kind = "vector"
                where, labels = _spans(name, self.run.columns[name], values.shape[1], values.shape[2])
                place[key] = torch.from_numpy(where.ravel()[None] + start)
            else:
                width = values.shape[1]
                runs = np.arange(width) * min(width, RUNS) // width
                place[key], kind = torch.from_numpy(runs[None] + start), "vector" if width > 1 else "column"
                firsts = np.flatnonzero(np.diff(runs, prepend=-1)).tolist()
                labels = (
                    [f"{name} {a} to {b - 1}" for a, b in zip(firsts, [*firsts[1:], width])] if width > 1 else [name]
                )
            fields.append(Field(name, kind, start, start + len(labels), key, grid))
            named.append(np.tile(np.array(labels, object), (len(rows), 1)))
        names = np.concatenate(named, 1)
        return fields, names, _outside(place, names)

    def _background(self, batch: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """(K, ...) for every key: the mean of training rows, again and again, or rows of theirs."""
        encoded, train = self.train
        rows = np.random.default_rng(0).permutation(train)[:MEANS]
        given, found, drawn = encoded.batch(rows), {}, False
        count = min(DRAWS, len(rows))
        for key in batch:
            if f"{key}.mask" in batch and key not in encoded.dense:
                continue  # a text
            if f"{key}.parts" in batch:
                continue  # it stays, and its parts go
            if key not in given:  # the parts: none of them
                found[key] = torch.zeros(count, batch[key].shape[1])
                continue
            values = given[key]
            if key == "number" or (values.is_floating_point() and key not in ("boolean", "date", "multilabel")):
                found[key] = values.mean(0, keepdim=True).expand(count, *values.shape[1:])
            elif values.ndim == 4:
                found[key] = values.float().mean(0, keepdim=True).round().to(values).expand(count, *values.shape[1:])
            elif values.dtype != torch.bool:
                found[key], drawn = values[:count], True
        return found, drawn and count > 1

    def _column(self, name: str) -> Any:
        return self.run.columns[name]

    def _fill(self, name: str) -> int | torch.Tensor:
        """The id of a word that is not known, or all values of a step that is not."""
        column = self._column(name)
        if "absent" in column.sizes():
            return torch.tensor(column.sizes()["absent"])
        if getattr(column, "unit", "") != "pretrained":
            return UNKNOWN
        tokenizer: Any = column._lookup
        found = [tokenizer.token_to_id(word) for word in ("[MASK]", "<mask>", "[UNK]", "<unk>")]
        return next((one for one in found if one is not None), UNKNOWN)


def _outside(place: dict[str, torch.Tensor], names: np.ndarray) -> dict[str, torch.Tensor]:
    """Places with F for the cells that belong to no part."""
    return {key: value.masked_fill(value < 0, names.shape[1]) for key, value in place.items()}


def _is_ragged(values: Any) -> bool:
    return isinstance(values, Ragged)


def _patches(height: int, width: int) -> tuple[np.ndarray, tuple[int, int]]:
    """(H, W) the patch of every pixel, and how many there are each way."""
    side = -(-max(height, width) // PATCHES)
    grid = (-(-height // side), -(-width // side))
    return np.arange(height)[:, None] // side * grid[1] + np.arange(width)[None] // side, grid


def _spans(name: str, column: Any, steps: int, channels: int) -> tuple[np.ndarray, list[str]]:
    """(steps, channels) the part of each value of a series, a stretch of one channel, and what they are called: by how many
    steps they lie before the forecast, or after its beginning where they are known ahead."""
    count = min(steps, max(4, SPANS // channels))
    stretch = np.arange(steps) * count // steps
    ends = np.flatnonzero(np.diff(stretch, append=count))
    begins = [0, *(ends[:-1] + 1)]
    shift = 1 if column.ahead else -steps
    told = [f"{a + shift:+d}" + (f" to {b + shift:+d}" if b > a else "") for a, b in zip(begins, ends)]
    names = column.names or [f"{name} {channel}" if channels > 1 else name for channel in range(channels)]
    return stretch[:, None] + np.arange(channels) * count, [f"{channel} {one}" for channel in names for one in told]


def _stretches(span: Callable[[int, int], str], lengths: np.ndarray, start: int) -> tuple[np.ndarray, torch.Tensor]:
    """Names (R, S) and places (R, N) of stretches of equal length of signals of so many (R,) samples."""
    counts, step = np.minimum(lengths, STRETCHES)[:, None], np.arange(lengths.max())
    place = np.where(step < lengths[:, None], start + step * counts // lengths[:, None], -1)
    edges = -(-np.arange(STRETCHES + 1) * lengths[:, None] // counts)
    names = [[span(a, b) if b <= n else "" for a, b in pairwise(row)] for row, n in zip(edges.tolist(), lengths)]
    return np.array(names, object), torch.from_numpy(place)


def _words(
    spelled: list[list[str]], start: int, tokens: int, glued: np.ndarray | None = None
) -> tuple[np.ndarray, torch.Tensor]:
    """Names (R, W) and places (R, T) of words, from the tokens' spellings: a token without one belongs to none, and one that
    is glued goes on with the word before it."""
    rows, place = [], np.full((len(spelled), tokens), -1)
    for number, row in enumerate(spelled):
        names: list[str] = []
        for token, text in enumerate(row[:tokens]):
            if not text:
                continue
            if glued is not None and glued[number, token] and names:
                names[-1] += text
            else:
                names.append(text)
            place[number, token] = start + len(names) - 1
        rows.append(names)
    longest = max(map(len, rows), default=0)
    padded = [[*names, *[""] * (longest - len(names))] for names in rows]
    return np.array(padded, object).reshape(len(rows), longest), torch.from_numpy(place)


def _spelled(words: Any, ids: list[int]) -> list[str]:
    """Each id as text; one that is a part of a character is glued to those behind it."""
    found, pending = [], list[int]()
    special = {words.tokenizer.token_to_id(words.begin), words.tokenizer.token_to_id(words.end)}
    for one in ids:
        pending.append(one)
        text = "" if one in special else words.tokenizer.decode(pending, skip_special_tokens=False)
        whole = "\ufffd" not in text or len(pending) > 3
        found.append(text if whole else "")
        pending = [] if whole else pending
    return found
