"""Which rows train, which validate, which test: deterministic in the seed, vectorised, official parts respected.

Knows nothing of columns' types: a target with few distinct values is stratified by, any other is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, did_you_mean
from .rows import PARTS, Rows

KINDS = ("stratified", "random", "group", "time", "column")
OPTIONS = ("kind", "fractions", "column", "known", "official")
FRACTIONS = (0.8, 0.1, 0.1)
MOST_NUMBERS = 20  # a target of numbers with more distinct values than this is a quantity, not classes
SMALLEST_CLASS = 3  # a class with fewer rows cannot be in every part
PART_NAMES = {
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("validation", "valid", "val", "dev"), 1),
    **dict.fromkeys(("test", "testing"), 2),
}
WHERE = "data.split"
TIME_FORMS = tuple(
    day + clock for day in ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d") for clock in ("", " %H:%M", " %H:%M:%S")
)


@dataclass(frozen=True)
class _Plan:
    kind: str
    fractions: tuple[float, ...]
    column: str | None
    official: bool
    known: str | None = None  # the column that says when a row's target is known


def split(
    rows: Rows, targets: Iterable[str], config: Mapping[str, Any] | str | None = None, seed: int = 0
) -> np.ndarray:
    """int8 a row: 0 train, 1 validation, 2 test.

    config: a kind or `{kind, fractions: [.8, .1, .1], column, official}`. Kinds: `stratified` (default; random where
        the targets are quantities), `random`, `group` (rows with the same value of `column` stay together), `time`
        (the latest rows of `column` are the test; with `known`, the column that says when a row's target is known, rows
        of which it is not known before the next part begins are in none), `column` (its cells say train, validation or test).
        `official: false` ignores the parts that the source fixes; otherwise a missing part is carved from train.
    Adds to `rows.notes` what a person should know. Raises DataError for nonsense and for too few rows.
    """
    plan = _plan(config, rows.times)
    if plan.kind == "column":
        return _by_column(rows, plan)
    count = rows.table.num_rows
    official = rows.part if plan.official else None
    if official is None:
        return _divided(rows, np.arange(count), targets, plan, seed, plan.fractions)
    part = official.astype(np.int8)  # a copy
    missing = [place for place in (1, 2) if plan.fractions[place] > 0 and not (part == place).any()]
    if not missing:
        return part
    train = np.flatnonzero(part == 0)
    wanted = [plan.fractions[0], *(plan.fractions[place] if place in missing else 0.0 for place in (1, 2))]
    total = sum(wanted)
    part[train] = _divided(rows, train, targets, plan, seed, tuple(each / total for each in wanted))
    taken = " and ".join(PARTS[place] for place in missing)
    rows.notes.append(f"The source fixes the other parts; {taken} is taken from its training rows.")
    return part


def folds(
    rows: Rows, targets: Iterable[str], count: int, seed: int = 0, *, group: str | None = None, validation: float = 0.1
) -> list[np.ndarray]:
    """`count` parts like those of `split`: each row is in the test of exactly one.

    `validation`: the share of the other rows that validates. `group`: a column whose equal values stay together. With
    an official test set only the training rows take part; the others are test in no fold (-1).
    """
    take = np.arange(rows.table.num_rows) if rows.part is None else np.flatnonzero(rows.part != 2)
    if not isinstance(count, int) or count < 2 or count > len(take):
        message = f"the number of folds must lie between 2 and the number of rows ({len(take)}), given {count}."
        raise DataError(message, where=WHERE)
    random = np.random.Generator(np.random.Philox(seed))
    if group is not None:
        codes, groups = _groups(rows, take, group, count)
        fold = _balanced(np.bincount(codes, minlength=groups), count, random)[codes]
    else:
        strata = _strata(rows, take, targets)
        ordered = _ordered(strata, random)
        fold = np.empty(len(take), np.int64)
        fold[ordered] = np.arange(len(take)) % count
        codes = None
    found = []
    for place in range(count):
        part = np.full(rows.table.num_rows, -1 if rows.part is not None else 0, np.int8)
        part[take] = np.where(fold == place, 2, 0)
        rest = np.flatnonzero(fold != place)
        plan = _Plan("group" if group else "stratified", (1 - validation, validation, 0.0), group, False)
        quiet = Rows(rows.table)
        part[take[rest]] = _divided(quiet, take[rest], targets, plan, seed + 1 + place, plan.fractions)
        found.append(part)
    return found


def _plan(config: Mapping[str, Any] | str | None, times: tuple[str, ...] = ()) -> _Plan:
    given = {"kind": config} if isinstance(config, str) else dict(config or {})
    if times and given.get("kind", "time") == "time":
        given = {"kind": "time", **dict(zip(("column", "known"), times)), **given}
    for key in given:
        if key not in OPTIONS:
            raise DataError(f"'{key}' is not an option of a split.", where=WHERE, hint=did_you_mean(key, OPTIONS))
    kind = given.get("kind", "stratified")
    if kind not in KINDS:
        raise DataError(
            f"'{kind}' is not a kind of split.",
            where=WHERE,
            hint=did_you_mean(str(kind), (*KINDS, "folds", "walk_forward")),
        )
    if kind in ("group", "time", "column") and not given.get("column"):
        raise DataError(
            f"a split of kind {kind} needs the name of a column.",
            where=WHERE,
            hint=f"Write {{kind: {kind}, column: NAME}}.",
        )
    fractions = given.get("fractions", FRACTIONS)
    if not _are_shares(fractions):
        raise DataError(
            f"fractions are three shares for train, validation and test that sum to 1, given {fractions!r}.",
            where=f"{WHERE}.fractions",
        )
    return _Plan(
        kind,
        tuple(float(each) for each in fractions),
        given.get("column"),
        bool(given.get("official", True)),
        given.get("known"),
    )


def _are_shares(fractions: Any) -> bool:
    if not isinstance(fractions, list | tuple) or len(fractions) != 3:
        return False
    if not all(isinstance(each, int | float) and each >= 0 for each in fractions):
        return False
    return fractions[0] > 0 and abs(sum(fractions) - 1) < 1e-6


def _divided(
    rows: Rows, take: np.ndarray, targets: Iterable[str], plan: _Plan, seed: int, fractions: tuple[float, ...]
) -> np.ndarray:
    """Part of each row of `take`."""
    wanted = sum(each > 0 for each in fractions)
    if len(take) < wanted:
        hint = "Give more rows, or split: {fractions: [1, 0, 0]} to train on all of them."
        raise DataError(
            f"{len(take)} row{'s' * (len(take) > 1)} cannot be split into {wanted} parts.", where=WHERE, hint=hint
        )
    random = np.random.Generator(np.random.Philox(seed))
    if plan.kind == "group":
        codes, groups = _groups(rows, take, str(plan.column), wanted)
        return _by_group(np.bincount(codes, minlength=groups), fractions, random)[codes]
    if plan.kind == "time":
        when = times(rows, take, str(plan.column))
        part = _filled(np.argsort(when, kind="stable"), np.repeat(np.arange(3), _counts(len(take), fractions)))
        return known_before(rows, take, part, when, plan.known) if plan.known else part
    strata = np.zeros(len(take), np.int32)
    rare = np.zeros(len(take), bool)
    if plan.kind == "stratified":
        strata = _strata(rows, take, targets)
        rare = np.bincount(strata)[strata] < SMALLEST_CLASS
        if rare.any() and not rare.all():
            classes = len(np.unique(strata[rare]))
            rows.notes.append(f"{classes} classes have fewer than {SMALLEST_CLASS} rows; they are all in training.")
        if rare.all():
            rare[:] = False
            strata[:] = 0
    part = np.zeros(len(take), np.int8)
    common = np.flatnonzero(~rare)
    if len(common) < wanted:
        common, strata = np.arange(len(take)), np.zeros(len(take), np.int32)
    part[common] = _evenly(_ordered(strata[common], random), fractions, random)
    return part


def _counts(count: int, fractions: tuple[float, ...]) -> np.ndarray:
    """Rows of each part: the shares rounded, at least one where a share is asked for, summing to `count`."""
    counts = np.floor(np.array(fractions) * count + 0.5).astype(np.int64)
    counts = np.maximum(counts, np.array(fractions) > 0)
    counts[0] = count - counts[1:].sum()
    while counts[0] < 1:  # only for a handful of rows
        counts[1 + np.argmax(counts[1:])] -= 1
        counts[0] += 1
    return counts


def _ordered(strata: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Positions sorted by stratum, in random order within each."""
    shuffled = random.permutation(len(strata))
    if len(strata) and strata.max() < 2**15:
        strata = strata.astype(np.int16)  # sorted by counting
    return shuffled[np.argsort(strata[shuffled], kind="stable")]


def _filled(order: np.ndarray, values: np.ndarray) -> np.ndarray:
    part = np.empty(len(order), np.int8)
    part[order] = values
    return part


def _evenly(order: np.ndarray, fractions: tuple[float, ...], random: np.random.Generator) -> np.ndarray:
    """Each part takes evenly spaced places of the ordered rows, so every stratum gives it its share up to one row."""
    counts = _counts(len(order), fractions)
    held = counts[1] + counts[2]
    values = np.zeros(len(order), np.int8)
    places = _spaced(len(order), held, random)
    kinds = np.full(held, 2, np.int8)
    kinds[_spaced(held, counts[1], random)] = 1
    values[places] = kinds
    return _filled(order, values)


def _spaced(count: int, wanted: int, random: np.random.Generator) -> np.ndarray:
    """`wanted` distinct places of `count`, evenly spaced from a random start."""
    return np.floor((np.arange(wanted) + random.random()) * (count / max(wanted, 1))).astype(np.int64)


def _column(rows: Rows, name: str) -> pa.ChunkedArray:
    if name not in rows.table.column_names:
        raise DataError(f"there is no column '{name}'.", where=WHERE, hint=did_you_mean(name, rows.table.column_names))
    return rows.table.column(name)


def _codes(values: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Codes (N,) int32 and the distinct values; missing ones are a value too."""
    if values.null_count and values.num_chunks > 1:  # whose dictionaries cannot be unified
        values = pa.chunked_array([values.combine_chunks()])
    encoded = values.dictionary_encode(null_encoding="encode")
    encoded = encoded.unify_dictionaries() if encoded.num_chunks > 1 else encoded
    if not encoded.num_chunks:
        return np.zeros(0, np.int32), pa.array([], values.type)
    codes = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
    return np.concatenate(codes).astype(np.int32, copy=False), encoded.chunk(0).dictionary


def _strata(rows: Rows, take: np.ndarray, targets: Iterable[str]) -> np.ndarray:
    """Codes of the combined classes of the targets; zeros where no target has classes."""
    strata = np.zeros(len(take), np.int32)
    for name in targets:
        values = _column(rows, name)
        if pa.types.is_nested(values.type) or isinstance(values.type, pa.BaseExtensionType):
            continue
        codes, distinct = _codes(values)
        codes = codes[take]
        present = int(np.count_nonzero(np.bincount(codes)))
        if present < 2 or present > len(take) / 2 or (present > MOST_NUMBERS and _are_numbers(distinct)):
            continue
        combined = _compact(strata.astype(np.int64) * (int(codes.max()) + 1) + codes)
        if combined.max() < len(take) / 2:
            strata = combined
    return strata


def _compact(codes: np.ndarray) -> np.ndarray:
    """The same codes without gaps, int32; counting where they are small, since sorting is ten times slower."""
    if codes.max() > 4 * len(codes):
        return np.unique(codes, return_inverse=True)[1].astype(np.int32)
    used = np.bincount(codes) > 0
    return (np.cumsum(used) - 1).astype(np.int32)[codes]


def _are_numbers(distinct: pa.Array) -> bool:
    if pa.types.is_floating(distinct.type) or pa.types.is_integer(distinct.type) or pa.types.is_decimal(distinct.type):
        return True
    if not (pa.types.is_string(distinct.type) or pa.types.is_large_string(distinct.type)):
        return False
    trimmed = pc.utf8_trim_whitespace(distinct.drop_null())
    numeric = pc.match_substring_regex(trimmed, r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
    return pc.sum(numeric).as_py() > 0.9 * len(trimmed)  # the rest are marks of missing values


def _groups(rows: Rows, take: np.ndarray, name: str, parts: int) -> tuple[np.ndarray, int]:
    codes = _compact(_codes(_column(rows, name))[0][take])
    groups = int(codes.max()) + 1
    if groups < parts:
        raise DataError(f"the column '{name}' has {groups} groups, {parts} parts are wanted.", where=WHERE)
    return codes, groups


def _by_group(sizes: np.ndarray, fractions: tuple[float, ...], random: np.random.Generator) -> np.ndarray:
    """Part of each group: shuffled, then cut where the rows reach the shares; no wanted part stays empty."""
    order = random.permutation(len(sizes))
    middle = np.cumsum(sizes[order]) - sizes[order] / 2
    bounds = np.cumsum(fractions)[:2] * sizes.sum()
    part = _filled(order, np.searchsorted(bounds, middle, side="right"))
    for place in range(3):
        if fractions[place] > 0 and not (part == place).any():
            spare = [p for p in range(3) if (part == p).sum() > 1]
            giving = np.flatnonzero(np.isin(part, spare))
            part[giving[np.argmin(sizes[giving])]] = place
    return part


def _balanced(sizes: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Fold of each group, the largest groups first, each into the emptiest fold."""
    order = random.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled, fold = np.zeros(count, np.int64), np.empty(len(sizes), np.int64)
    for group in order:
        place = int(np.argmin(filled))
        fold[group], filled[place] = place, filled[place] + sizes[group]
    return fold


def known_before(rows: Rows, take: np.ndarray, part: np.ndarray, when: np.ndarray, known: str) -> np.ndarray:
    """The parts (N,), -1 for a row whose target is not known before the next part begins: whoever predicts that part could
    not have learned from it."""
    until, found = times(rows, take, known), part.copy()
    for place in (0, 1):
        if (later := part > place).any():
            found[(part == place) & (until >= when[later].min())] = -1
    return found


def times(rows: Rows, take: np.ndarray, name: str) -> np.ndarray:
    """A sortable number for each row. Raises DataError when cells are neither numbers nor dates."""
    values = _column(rows, name)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = _parsed_times(values, name)
    elif pa.types.is_temporal(values.type):
        if pa.types.is_date(values.type):
            values = values.cast(pa.timestamp("ms"))
        values = values.cast(pa.int64())
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        raise DataError(
            f"a split by time needs dates or numbers, the column is {values.type}.", where=f"column '{name}'"
        )
    found = values.to_numpy()[take]
    missing = np.isnan(found) if found.dtype.kind == "f" else np.zeros(len(found), bool)
    if missing.any():
        row = int(take[np.argmax(missing)])
        raise DataError(f"{int(missing.sum())} rows have no time, the first is row {row}.", where=f"column '{name}'")
    return found


def _parsed_times(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(values)
    trimmed = pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, trimmed.type), trimmed)
    for convert in (lambda v: v.cast(pa.float64()), lambda v: v.cast(pa.timestamp("us")).cast(pa.int64())):
        try:
            return convert(trimmed)
        except pa.ArrowInvalid:
            continue
    for form in TIME_FORMS:
        try:
            return pc.strptime(trimmed, format=form, unit="s").cast(pa.int64())
        except pa.ArrowInvalid:
            continue
    first = next((cell for cell in trimmed.slice(0, 1000).to_pylist() if cell), "")
    raise DataError(
        "the cells are neither numbers nor dates.", where=f"column '{name}'", hint=f"The first is '{first}'."
    )


def _by_column(rows: Rows, plan: _Plan) -> np.ndarray:
    codes, distinct = _codes(_column(rows, str(plan.column)))
    parts = [PART_NAMES.get(str(value).strip().lower()) for value in distinct.to_pylist()]
    if None in parts:
        value = distinct[parts.index(None)].as_py()
        hint = "The cells of the column that splits say train, validation or test."
        raise DataError(f"{value!r} is not train, validation or test.", where=f"column '{plan.column}'", hint=hint)
    part = np.array(parts, np.int8)[codes]
    if not (part == 0).any():
        raise DataError("no row is called train.", where=f"column '{plan.column}'")
    return part
