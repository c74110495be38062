"""Rows through fitted columns into arrays, once: cached by content, memory-mapped where they are large.

Also names the keys of a batch and describes them as the Sources that encoders read. Knows no kind of column by name:
columns with a `group` share one array, the others have their own.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from .. import parts
from ..blocks.stream import Batch, Source
from ..columns import Ragged, Windows
from ..errors import DataError, did_you_mean
from . import _cache
from ._content import content
from ._writing import opened, writer_of

CHUNK_ROWS = 65536
CHUNK_BYTES = 64_000_000  # of decoded pictures
FEW_CELLS = 50_000  # encoding so few cells of a table costs less than hashing and storing them
TABLE = "table"
Rowwise = np.ndarray | Ragged | Windows
GROUPS = ("number", "boolean", "category", "date", "multilabel", TABLE)


class Encoded:
    """The arrays of all rows: `inputs[key]` (N, ...), Ragged or Windows, `targets[name]` likewise.

    They are held as tensors that share the arrays' memory (also when that is a mapped file); a batch is an index.
    """

    def __init__(self, inputs: dict[str, Rowwise], targets: dict[str, Rowwise], rows: int) -> None:
        self.inputs, self.targets, self.rows = inputs, targets, rows
        self.dense: dict[str, Tensor] = {}
        self.windows: dict[str, tuple[Tensor, Tensor, int]] = {}  # values, starts, length
        self.ragged: dict[str, tuple[Tensor, Tensor, Tensor]] = {}  # values, starts, lengths
        for key, values in inputs.items():
            if isinstance(values, Ragged):
                self.ragged[key] = _flat(values)
            elif isinstance(values, Windows):
                self.windows[key] = (torch.from_numpy(values.values), torch.from_numpy(values.starts), values.length)
            else:
                self.dense[key] = torch.from_numpy(values)
        self.sequences: dict[str, tuple[Tensor, Tensor, Tensor]] = {}  # the same of targets that are sequences
        for name, codes in targets.items():
            if isinstance(codes, Ragged):
                self.sequences[f"target.{name}"] = _flat(codes)
            elif isinstance(codes, Windows):
                found = (torch.from_numpy(codes.values), torch.from_numpy(codes.starts), codes.length)
                self.windows[f"target.{name}"] = found
            else:
                self.dense[f"target.{name}"] = torch.from_numpy(codes)

    def __len__(self) -> int:
        return self.rows

    def batch(self, index: Tensor | np.ndarray) -> Batch:
        """The rows at `index` (B,): inputs by key, `<key>.mask` beside each of variable length, `target.<name>`; a
        target that is a sequence is padded with -1."""
        rows = torch.as_tensor(index)
        batch = {key: values.index_select(0, rows) for key, values in self.dense.items()}
        for key, (values, starts, length) in self.windows.items():
            batch[key] = values.unfold(0, length, 1).index_select(0, starts.index_select(0, rows)).movedim(-1, 1)
        for key, (values, starts, lengths) in self.ragged.items():
            found = _padded(values, starts.index_select(0, rows), lengths.index_select(0, rows))
            batch[key], batch[f"{key}.mask"] = found
        for key, (values, starts, lengths) in self.sequences.items():
            batch[key], _ = _padded(values, starts.index_select(0, rows), lengths.index_select(0, rows), fill=-1)
        return batch

    def lengths(self) -> Tensor | None:
        """(N,) the tokens of each row in all that has variable length, targets too; None when there are none."""
        ragged = [*self.ragged.values(), *self.sequences.values()]
        return torch.stack([lengths for _, _, lengths in ragged]).sum(0) if ragged else None

    def to(self, device: torch.device | str) -> Encoded:
        """The same with its tensors on a device, where batches are then made; the arrays stay."""
        moved = Encoded.__new__(Encoded)
        moved.inputs, moved.targets, moved.rows = self.inputs, self.targets, self.rows
        moved.dense = {key: values.to(device) for key, values in self.dense.items()}
        moved.windows = {
            k: (values.to(device), starts.to(device), n) for k, (values, starts, n) in self.windows.items()
        }
        for name in ("ragged", "sequences"):
            setattr(
                moved, name, {key: tuple(x.to(device) for x in given) for key, given in getattr(self, name).items()}
            )
        return moved


def _flat(rows: Ragged) -> tuple[Tensor, Tensor, Tensor]:
    """Values (at least one), and each row's start and length."""
    flat = rows.values if len(rows.values) else np.zeros((1, *rows.values.shape[1:]), rows.values.dtype)
    offsets = torch.from_numpy(np.asarray(rows.offsets))
    return torch.from_numpy(flat), offsets[:-1], offsets.diff()


def _padded(values: Tensor, starts: Tensor, lengths: Tensor, fill: int = 0) -> tuple[Tensor, Tensor]:
    """Rows (B, T, ...) padded with `fill` to the longest (at least one place), and the mask (B, T)."""
    longest = max(int(lengths.max()), 1) if len(lengths) else 1
    place = torch.arange(longest, device=values.device)
    mask = place < lengths[:, None]
    where = (starts[:, None] + place).clamp_(max=len(values) - 1)
    return values[where].masked_fill_(~mask.view(*mask.shape, *[1] * (values.ndim - 1)), fill), mask


def fit(table: pa.Table, columns: Mapping[str, Any], train: np.ndarray | None = None, chunk: int | None = None) -> None:
    """Fit the columns chunk by chunk on the training rows (`train`: a mask (N,), None for all), and finish them."""
    _require(table, columns)
    wanted = table.select(list(columns))
    start = 0
    for batch in wanted.to_batches(max_chunksize=chunk or _chunk_rows(columns, fitted=False)):
        stop = start + batch.num_rows
        if train is not None:
            mask = train[start:stop]
            batch = batch.filter(pa.array(mask)) if not mask.all() else batch
        for name, column in columns.items():
            if batch.num_rows:
                column.fit(batch.column(name))
        start = stop
    _finish(columns)


def fit_shards(table: pa.Table, columns: Mapping[str, Any], shards: Sequence[np.ndarray]) -> None:
    """Fit the columns to each shard of the rows (N,) apart, merge what was found, and finish them: the same as `fit`."""
    _require(table, columns)
    blank = copy.deepcopy(dict(columns))
    for number, rows in enumerate(shards):
        own = columns if number == 0 else copy.deepcopy(blank)
        for chunk in np.array_split(rows, -(-len(rows) // _chunk_rows(columns, fitted=False))):
            taken = table.select(list(columns)).take(chunk).combine_chunks()
            for name, column in own.items():
                column.fit(taken.column(name).combine_chunks())
        for name, column in columns.items() if number else ():
            column.merge(own[name])
    _finish(columns)


def _finish(columns: Mapping[str, Any]) -> None:
    """Freeze what was seen. Where a column `shares` the codes of another, that one has seen both."""
    for column in columns.values():
        if (other := columns.get(getattr(column, "shares", ""))) is not None:
            other.merge(column)
    for column in columns.values():
        column.finish()


def share(columns: Mapping[str, Any]) -> None:
    """Give each column that `shares` the codes of another, fitted one what that one knows. Raises DataError where it is
    no column of the same kind."""
    for name, column in columns.items():
        wanted = getattr(column, "shares", "")
        if wanted and not isinstance(columns.get(wanted), type(column)):
            alike = [other for other in columns if isinstance(columns[other], type(column)) and other != name]
            message = f"it shares the codes of '{wanted}', which is no such column."
            raise DataError(message, where=f"column '{name}'", hint=did_you_mean(wanted, alike))
        if wanted:
            column.restore(columns[wanted].state())


def encode(table: pa.Table, columns: Mapping[str, Any], own: Collection[str] = (), cache: bool = True) -> Encoded:
    """All rows through the fitted columns. `own`: columns with an encoder of their own (see `keys`).

    With `cache`, the arrays of tables worth it are files in the cache, found again by the content of the table and
    the state of the columns. Raises DataError naming the columns that the table lacks.
    """
    _require(table, columns)
    table = table.select(list(columns))
    found = None
    if cache and _is_worth_caching(table, columns):
        found = _cached(table, columns, own)
    if found is None:
        found = _encode_into(table, columns, own, None)
    inputs, targets = found
    for name, key in keys(columns, own).items():
        if name in own and _kind_of_own(columns[name]) == "text" and not isinstance(inputs[key], Ragged):
            inputs[f"{key}.mask"] = np.ones((table.num_rows, 1), bool)  # a category read as a text of one word
    return Encoded(inputs, targets, table.num_rows)


def keys(columns: Mapping[str, Any], own: Collection[str] = ()) -> dict[str, str]:
    """Input column -> its key in a batch: its group's, or its own.

    Own keys are the column's name, with `_column` behind where that is a group's key or ends like a mask; dots, which
    modules may not have in their names, become underscores.
    """
    found: dict[str, str] = {}
    for name, column in columns.items():
        if column.target:
            continue
        if column.group is not None and name not in own:
            found[name] = column.group
            continue
        key = name.replace(".", "_")
        taken = set(found.values()) | {column.group for column in columns.values()} | set(GROUPS)
        while key in taken:
            key = f"{key}_column"
        found[name] = key
    return found


def sources(columns: Mapping[str, Any], own: Collection[str] = ()) -> list[Source]:
    """What encoders read: the groups together are the source `table`, every other column is one of its own.

    A grouped column with an encoder of its own is a `vector`, or, as a category, a `text` of one word.
    """
    groups: dict[str, Any] = {}
    others: list[Source] = []
    for name, key in keys(columns, own).items():
        sizes = columns[name].sizes()
        if columns[name].group is None:
            others.append(Source(key, _kind_of_own(columns[name]), sizes))
        elif name in own:
            is_text = _kind_of_own(columns[name]) == "text"
            described = {"vocabulary": sizes["rows"], "length": 1} if is_text else {"size": sizes["width"]}
            others.append(Source(key, "text" if is_text else "vector", described))
        elif "rows" in sizes:
            groups.setdefault(key, []).append(sizes["rows"])
        else:
            groups[key] = groups.get(key, 0) + sizes["width"]
            if key == "number" and sizes["width"] == 2:  # the second tells where the number is missing
                groups.setdefault("indicators", []).append(groups[key] - 1)
            if "edges" in sizes:
                groups.setdefault("edges", []).extend(sizes["edges"])
    return ([Source(TABLE, TABLE, groups)] if groups else []) + others


def of_columns(
    arrays: Mapping[str, Any], columns: Mapping[str, Any], own: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """Input column -> its part (N, w) of the `arrays` that columns of one group share."""
    found, used = dict[str, np.ndarray](), dict.fromkeys(arrays, 0)
    for name, key in keys(columns, own).items():
        if key in arrays and key == columns[name].group:
            start = used[key]
            used[key] += columns[name].sizes().get("width", 1)
            found[name] = arrays[key][:, start : used[key]]
    return found


def summaries(inputs: Mapping[str, Rowwise], columns: Mapping[str, Any], own: Collection[str] = ()) -> dict[str, Any]:
    """The encoded inputs, with the few numbers (N, D) that a column makes of them where it has a `summary`."""
    found = dict(inputs)
    for name, key in keys(columns, own).items():
        if hasattr(columns[name], "summary"):
            found[key] = columns[name].summary(inputs[key])
    return found


def _kind_of_own(column: Any) -> str:
    if column.group is None:
        return getattr(column, "source", "") or parts.kind_of("columns", column)
    return "text" if "rows" in column.sizes() else "vector"


def _require(table: pa.Table, columns: Mapping[str, Any]) -> None:
    absent = [name for name in columns if name not in table.column_names]
    if absent:
        given = ", ".join(f"'{name}'" for name in absent)
        hint = did_you_mean(absent[0], table.column_names)
        raise DataError(f"the rows have no column {given}.", where="data", hint=hint)


def require_aligned(encoded: Encoded, columns: Mapping[str, Any], heads: Mapping[str, Any], where: str) -> None:
    """Raise DataError naming the first row whose target has more or fewer items than its text has tokens, where a head
    of `heads` (target -> config) gives one for each. A text that was cut may have fewer."""
    for target, config in heads.items():
        kind, options = parts.split(config)
        texts = [name for name, column in columns.items() if hasattr(column, "tokens") and not column.target]
        named = [name for name in texts if options.get("source") in ("", None, name)]
        if not getattr(parts.find("heads", kind), "aligned", False) or len(named) != 1:
            continue
        rows: Any = encoded.inputs[keys(columns)[named[0]]]
        codes: Any = encoded.targets[target]
        text, items = columns[named[0]], codes.lengths
        tokens = text.tokens(rows)
        wrong = (items > 0) & ((tokens > items) | ((tokens < items) & (rows.lengths < text.length)))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            message = f"'{named[0]}' has {tokens[row]} tokens and '{target}' {items[row]} items."
            hint = "Give the text as a list of its tokens, or set its tokenizer."
            raise DataError(message, where=f"{where}, row {row}", hint=hint)


def _chunk_rows(columns: Mapping[str, Any], fitted: bool = True) -> int:
    """Rows of a chunk: fewer where a row becomes a picture."""
    if all(column.group is not None for column in columns.values()):
        return CHUNK_ROWS
    rows = CHUNK_ROWS // 16
    for column in columns.values() if fitted else ():
        sizes = column.sizes()
        if "height" in sizes:
            rows = min(rows, max(1, CHUNK_BYTES // (sizes["height"] * sizes["width"] * sizes["channels"])))
    return rows


def _is_worth_caching(table: pa.Table, columns: Mapping[str, Any]) -> bool:
    if any(column.group is None and not column.target for column in columns.values()):
        return True
    return table.num_rows * table.num_columns > FEW_CELLS


Arrays = tuple[dict[str, Rowwise], dict[str, Rowwise]]


def _cached(table: pa.Table, columns: Mapping[str, Any], own: Collection[str]) -> Arrays | None:
    """The arrays from the cache, made there first if need be; None when the cache cannot be used."""
    key = content(table, columns, own)
    for _ in range(2):  # another process may remove the entry between the making and the opening
        folder = _cache.entry("encoded", key, lambda aside: _store(table, columns, own, aside))
        if folder is None:
            return None
        try:
            index = json.loads((folder / "index.json").read_text())
            inputs = {name: opened(folder, entry) for name, entry in index["inputs"].items()}
            targets = {name: opened(folder, entry) for name, entry in index["targets"].items()}
        except FileNotFoundError:
            continue
        for name, problems in index["problems"].items():
            columns[name].problems[:] = list(dict.fromkeys([*columns[name].problems, *problems]))
        return inputs, targets  # type: ignore[return-value]
    return None


def _store(table: pa.Table, columns: Mapping[str, Any], own: Collection[str], folder: Path) -> None:
    inputs, targets = _encode_into(table, columns, own, folder)
    index = {"inputs": inputs, "targets": targets}
    problems = {name: list(getattr(column, "problems", [])) for name, column in columns.items()}
    (folder / "index.json").write_text(json.dumps({**index, "problems": {k: v for k, v in problems.items() if v}}))


def _encode_into(table: pa.Table, columns: Mapping[str, Any], own: Collection[str], folder: Path | None) -> Any:
    """Encode chunk by chunk; arrays in memory, or entries describing the files written in `folder`."""
    rows, place = table.num_rows, keys(columns, own)
    grouped: dict[str, list[str]] = {}
    for name, key in place.items():
        grouped.setdefault(key, []).append(name)
    writers: dict[tuple[str, str], Any] = {}

    def write(room: str, name: str, values: Rowwise) -> None:
        if (room, name) not in writers:
            writers[room, name] = writer_of(values)(rows, folder / f"{len(writers)}" if folder else None)
        writers[room, name].write(values)

    batches = table.to_batches(max_chunksize=_chunk_rows(columns))
    if not rows:
        batches = [pa.RecordBatch.from_pydict({f.name: [] for f in table.schema}, schema=table.schema)]
    for batch in batches:
        for key, names in grouped.items():
            parts = [columns[name].encode(batch.column(name)) for name in names]
            write("inputs", key, parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1))
        for name, column in columns.items():
            if column.target:
                write("targets", name, column.encode(batch.column(name)))
    found: dict[str, dict[str, Any]] = {"inputs": {}, "targets": {}}
    for (room, name), writer in writers.items():
        found[room][name] = writer.finish()
    return found["inputs"], found["targets"]
