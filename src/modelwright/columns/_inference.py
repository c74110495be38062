"""What kind each column of a table is, why, and what is doubtful about it. Reads a bounded sample of the rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import parts
from ..errors import DataError, did_you_mean
from . import _dates, _leaks, _parsing, _values, _words

ROWS = 50_000
CELLS = 5_000_000  # a wide table is judged by fewer rows
SLICES = 50
FEW = 20  # an integer target with at most so many values names classes
CLASSES = 200  # with up to so many if they are 0..K-1 in like numbers
SMALL = 20  # a table with fewer rows says nothing of how distinct values are
NEARLY_ALL = 0.95
BOOLEAN_PAIRS = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"}, {"on", "off"}, {"0", "1"})
IMAGE_NAME = r"(?i)\.(png|jpe?g|gif|bmp|tiff?|webp|ppm|pgm)$"
IMAGE_START = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"II*\x00", b"MM\x00*", b"P5", b"P6")
_DECIMAL = r"-?[0-9.]+([eE][-+]?[0-9]+)?"
VECTOR = rf"^\s*[\[(]\s*{_DECIMAL}([,; ]+{_DECIMAL})+\s*[\])]\s*$|^\s*{_DECIMAL}([ ;]+{_DECIMAL}){{2,}}\s*$"
TAGS = r"^(O|[BIMESLU]-\S+)( (O|[BIMESLU]-\S+))*$"
_ID_WORD = r"(?i:^(|id|index|key|uuid|guid|row|row ?num(ber)?|unnamed: ?\d+)$|[_ ](id|key|uuid)$|^(id|uuid)[_ ])"
IDENTIFIER = re.compile(_ID_WORD + r"|[a-z](ID|Id)$")  # user_id, userId; not "paid"
CLASS_NAME = re.compile(r"(?i)class|label|categor|species")
RECURRING = re.compile(r"(?i:[_ ]id$)|[a-z](ID|Id)$")


@dataclass(frozen=True)
class Inferred:
    """`kind` of a column (`"drop"`: leave it out) with its options; `reason` in words; `doubt` is empty if none."""

    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    doubt: str = ""


class Facts:
    """What the decisions look at, each computed once and only when asked for."""

    def __init__(self, name: str, values: pa.ChunkedArray, whole: pa.ChunkedArray, target: bool) -> None:
        self.name, self.values, self.whole, self.target = name, values, whole, target
        self.type = values.type.value_type if pa.types.is_dictionary(values.type) else values.type

    @cached_property
    def coded(self) -> tuple[np.ndarray, list[str]]:
        """(N,) codes, -1 missing, and the distinct canonical values."""
        codes, words = _parsing.distinct(self.values)
        keys = [_values.canonical(word) for word in words]
        place = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        return np.append(np.array([place[key] for key in keys], np.int64), -1)[codes], list(place)

    @property
    def values_found(self) -> list[str]:
        """The distinct values."""
        return self.coded[1]

    @cached_property
    def rows(self) -> int:
        """Cells that are not missing."""
        return int((self.coded[0] >= 0).sum())

    @cached_property
    def frequencies(self) -> np.ndarray:
        """(distinct,) how often each value occurs."""
        return np.bincount(self.coded[0][self.coded[0] >= 0], minlength=len(self.coded[1]))

    @cached_property
    def distinctness(self) -> float:
        """Distinct values per cell."""
        return len(self.values_found) / max(self.rows, 1)

    @cached_property
    def text(self) -> pa.Array:
        """The distinct values as Arrow strings."""
        return pa.array(self.values_found, pa.string())

    def share(self, matches: pa.Array | np.ndarray) -> float:
        """The share of cells whose distinct value matches."""
        here = np.asarray(matches).astype(bool)
        return float(self.frequencies[here].sum()) / max(self.rows, 1)

    def share_like(self, pattern: str) -> float:
        """The share of cells whose text contains the pattern."""
        return self.share(pc.match_substring_regex(self.text, pattern))

    @cached_property
    def numbers(self) -> np.ndarray:
        """(distinct,) float64, NaN where a value is no number."""
        return _parsing.numbers(self.text)

    @cached_property
    def whole_numbers(self) -> bool:
        """Whether all numbers are integers."""
        known = self.numbers[~np.isnan(self.numbers)]
        return bool(len(known)) and bool((known == np.floor(known)).all())

    @property
    def is_written(self) -> bool:
        """Whether the cells are text."""
        return _parsing.is_text(self.type)

    @property
    def samples(self) -> str:
        """Two values, for messages."""
        return ", ".join(f"'{value[:30]}'" for value in self.values_found[:2])


def infer(table: pa.Table, targets: Iterable[str] = (), known: Mapping[str, str] | None = None) -> dict[str, Inferred]:
    """The kind of every column of a table, targets included; of those in `known` the one that stands there. Raises DataError
    for a target that is not there."""
    known = known or {}
    targets = list(targets)
    for target in targets:
        if target not in table.column_names:
            raise DataError("there is no such column.", where=f"target '{target}'",
                            hint=did_you_mean(target, table.column_names))  # fmt: skip
    sample = spread(table)
    facts = {n: Facts(n, sample[n], table[n], n in targets) for n in table.column_names}
    found = {n: Inferred(known[n], reason="known to the source") if n in known else _one(f) for n, f in facts.items()}
    if any(found[name].kind == "tags" for name in targets):  # what is tagged is no set
        listed = [name for name, guess in found.items() if guess.kind == "multilabel" and name not in targets]
        found |= {name: Inferred("text", reason="lists of the tokens that are tagged") for name in listed}
    return _leaks.doubted(found, facts, targets)


def spread(table: pa.Table) -> pa.Table:
    """The head and slices from all over the table: at most 50,000 rows, fewer of a wide table."""
    rows = max(1000, min(ROWS, CELLS // max(table.num_columns, 1)))
    if table.num_rows <= rows:
        return table
    head, each = rows // 2, max(1, rows // 2 // SLICES)
    starts = np.linspace(head, table.num_rows - each, SLICES).astype(int)
    return pa.concat_tables([table.slice(0, head), *(table.slice(start, each) for start in starts.tolist())])


def _one(facts: Facts) -> Inferred:
    """The first rule that knows."""
    for rule in (_recognised, _by_type, _without_spread, _boolean, _number, _special_text, _words_or_values):
        found = rule(facts)
        if found is not None:
            return found
    raise AssertionError("the last rule always answers")


def _recognised(facts: Facts) -> Inferred | None:
    """What a kind of column knows as its own: it says why."""
    for kind in parts.kinds("columns"):
        knows = getattr(parts.find("columns", kind), "recognises", None)
        if knows and (reason := knows(facts.values, facts.name)):
            return Inferred(kind, reason=reason)
    return None


def _by_type(facts: Facts) -> Inferred | None:
    """Nested, binary and temporal types speak for themselves."""
    kind = facts.values.type
    shape = getattr(kind, "shape", None)
    if isinstance(kind, pa.BaseExtensionType) and shape is not None:
        picture = len(shape) == 2 or (len(shape) == 3 and (shape[-1] in (1, 3, 4) or shape[0] in (1, 3, 4)))
        return Inferred("image" if picture else "vector", reason=f"tensors of shape {list(shape)}")
    if pa.types.is_struct(kind):
        names = {kind.field(i).name for i in range(kind.num_fields)}
        if names & {"bytes", "path"}:
            return Inferred("image", reason="structs with bytes or path")
        return _drop(facts, f"structs of {', '.join(sorted(names))} have no kind of their own")
    if _parsing.is_binary(kind) or pa.types.is_fixed_size_binary(kind):
        first = next((cell for cell in facts.values.slice(0, 100).to_pylist() if cell), b"")
        if first.startswith(IMAGE_START):
            return Inferred("image", reason="encoded images")
        return _drop(facts, "bytes that are no image")
    if _parsing.is_list(kind):
        return _list(facts, kind)
    if pa.types.is_nested(kind):
        return _drop(facts, f"cells of type {kind}")
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        if facts.target:
            return Inferred("number", reason="dates as a target are seconds", doubt="a date as a target is unusual")
        return _empty(facts) or Inferred("date", reason=f"type {kind}")
    return None


def _list(facts: Facts, kind: pa.DataType) -> Inferred:
    inner, depth = kind.value_type, 1
    while _parsing.is_list(inner):
        inner, depth = inner.value_type, depth + 1
    numeric = pa.types.is_integer(inner) or pa.types.is_floating(inner)
    if not numeric:
        cells = [cell for cell in facts.values.slice(0, 1000).to_pylist() if cell]
        if pa.types.is_string(inner) and any(len(set(cell)) < len(cell) for cell in cells):  # not sets
            return Inferred("tags" if facts.target else "text", reason="lists in which values recur")
        return Inferred("multilabel", reason="lists of values")
    if depth > 1:
        return Inferred("image", reason=f"lists of numbers, {depth} deep")
    if pa.types.is_fixed_size_list(kind):
        return Inferred("vector", reason=f"lists of {kind.list_size} numbers")
    lengths = pc.unique(pc.list_value_length(facts.values)).drop_null()
    if len(lengths) <= 1:
        return Inferred("vector", reason=f"lists of {lengths[0] if len(lengths) else 0} numbers")
    if pa.types.is_integer(inner):
        return Inferred("multilabel", reason="lists of integers of different length", doubt="may be a sequence")
    return Inferred("vector", reason="lists of numbers", doubt="the lists differ in length; most may be dropped")


def _drop(facts: Facts, reason: str) -> Inferred:
    """Leave the column out; a target stays a category, whose `finish` says what is wrong with it."""
    return Inferred("category" if facts.target else "drop", reason=reason)


def _empty(facts: Facts) -> Inferred | None:
    if facts.rows:
        return None
    if len(facts.whole) > len(facts.values) and facts.whole.null_count < len(facts.whole):
        facts = Facts(facts.name, facts.whole, facts.whole, facts.target)  # sparse: look at all rows
        return _one(facts) if facts.rows else _drop(facts, "no values")
    return _drop(facts, "no values")


def _without_spread(facts: Facts) -> Inferred | None:
    """Empty and constant columns; what looks so in the sample is looked at in full."""
    empty = _empty(facts)
    if empty is not None or len(facts.values_found) > 1:
        return empty
    if len(facts.whole) > len(facts.values):
        whole = Facts(facts.name, facts.whole, facts.whole, facts.target)
        if len(whole.values_found) > 1:
            return _one(whole)
    if not facts.target and facts.rows < len(facts.values):
        # the one value may be a tick: present or not is information
        return Inferred("category", reason=f"one value ({facts.samples}) or missing")
    return _drop(facts, f"one value only ({facts.samples})")


def _boolean(facts: Facts) -> Inferred | None:
    if pa.types.is_boolean(facts.type):
        return Inferred("boolean", reason="true or false")
    found = {value.lower() for value in facts.values_found}
    if len(facts.values_found) <= 6 and found in BOOLEAN_PAIRS:
        return Inferred("boolean", reason="two values, " + " and ".join(sorted(found)))
    return None


def _number(facts: Facts) -> Inferred | None:
    """Numbers: measured, naming classes (a target), or naming rows (an identifier)."""
    share = facts.share(~np.isnan(facts.numbers))
    if share < 0.8 and _parsing.is_text(facts.type):
        comma = ~np.isnan(_parsing.numbers(facts.text, ","))
        if facts.share(comma) >= NEARLY_ALL and facts.share_like(r"^-?[0-9.]*,[0-9]+$") > share:
            return Inferred("number", {"decimal": ","}, "numbers with a decimal comma")
    if share < 0.8:
        return None
    doubt = ""
    if share < 1:
        other = [value for value, x in zip(facts.values_found, facts.numbers) if np.isnan(x)][:3]
        doubt = f"{1 - share:.1%} of the cells are no numbers ({', '.join(map(repr, other))}) and count as missing"
    if _parsing.is_text(facts.type) and facts.share_like(r"^0[0-9]") > 0.05 and facts.whole_numbers:
        return Inferred("category", reason="codes of digits with leading zeros", doubt=doubt)
    if facts.target:
        return _number_target(facts, doubt)
    distinct = len(facts.values_found) == facts.rows
    if facts.whole_numbers and RECURRING.search(facts.name) and not distinct:
        return Inferred("category", reason="an identifier that recurs", doubt=doubt)
    if facts.whole_numbers and facts.rows >= SMALL and distinct:
        steps = np.diff(facts.numbers)
        if IDENTIFIER.search(facts.name) or (len(facts.whole) == len(facts.values) and (steps == 1).all()):
            return Inferred("drop", reason="an identifier: a different whole number in each row")
    return Inferred("number", reason="numbers", doubt=doubt)


def _number_target(facts: Facts, doubt: str) -> Inferred:
    count = len(facts.values_found)
    if facts.whole_numbers and count <= FEW and facts.rows >= 2 * count:
        doubt = doubt or "" if count == 2 else doubt or "if their order matters (grades, counts), use kind: number"
        return Inferred("category", reason=f"{count} different whole numbers name classes", doubt=doubt)
    if facts.whole_numbers and count <= CLASSES and (CLASS_NAME.search(facts.name) or RECURRING.search(facts.name)):
        return Inferred("category", reason=f"{count} different whole numbers, named like classes", doubt=doubt)
    x = np.sort(facts.numbers)
    if facts.whole_numbers and count <= CLASSES and x[0] in (0, 1) and x[-1] - x[0] == count - 1:
        low, high = facts.frequencies.min(), facts.frequencies.max()
        if high <= 3 * low:
            return Inferred("category", reason=f"{count} whole numbers without gaps, in like numbers, name classes",
                            doubt="if they are counts, use kind: number")  # fmt: skip
    return Inferred("number", reason=f"numbers ({count} different)", doubt=doubt)


def _special_text(facts: Facts) -> Inferred | None:
    """Image paths, dates, vectors and sets written as text (inputs; of targets only sets)."""
    if not _parsing.is_text(facts.type):
        return None
    if not facts.target:
        if facts.share_like(IMAGE_NAME) >= NEARLY_ALL:
            return Inferred("image", reason=f"names of image files ({facts.samples})")
        some = facts.text.slice(0, 2000)
        if (~np.isnan(_dates.read(some))).mean() >= NEARLY_ALL:
            return Inferred("date", reason=f"dates ({facts.samples})")
        if facts.share_like(VECTOR) >= NEARLY_ALL:
            return Inferred("vector", reason=f"lists of numbers in text ({facts.samples})")
    if facts.target and facts.share_like(TAGS) >= NEARLY_ALL and facts.share_like(" ") > 0:
        return Inferred("tags", reason=f"a tag for each token ({facts.samples})")
    for delimiter in ("|", ";"):
        count = _labels(facts, delimiter)
        if count:
            return Inferred("multilabel", {"delimiter": delimiter}, f"sets of {count} labels between '{delimiter}'")
    return None


def _labels(facts: Facts, delimiter: str) -> int:
    """How many labels there are if the cells are sets of them, else 0: labels recur, in different company."""
    if facts.share(pc.match_substring(facts.text, delimiter)) < 0.1:
        return 0
    cells = [[part.strip() for part in value.split(delimiter)] for value in facts.values_found]
    seen: dict[str, int] = {}
    for cell, count in zip(cells, facts.frequencies.tolist()):
        for label in cell:
            seen[label] = seen.get(label, 0) + count
    sets = sum(len(cell) > 1 for cell in cells)
    recurring = sum(seen.values()) / len(seen) >= 5 or len(seen) <= 0.2 * facts.rows
    short = max(map(len, seen)) <= 60
    return len(seen) if sets >= 3 and recurring and short and len(seen) <= 1000 else 0


def _words_or_values(facts: Facts) -> Inferred:
    """Text, categories and identifiers are told apart by how distinct the values are and whether they hold words."""
    count = len(facts.values_found)
    # of few rows, more must be distinct: thirty rows may name sixteen towns
    mostly_distinct = facts.distinctness > (0.5 if facts.rows >= 100 else 0.9)
    if facts.target:
        doubt = "most values occur once: there is little to learn from" if mostly_distinct else ""
        return Inferred("category", reason=f"{count} different values", doubt=doubt)
    spaced = facts.share_like(rf"\S\s+\S|[{_words.SPACELESS}]")
    letters = facts.share_like(r"\p{L}")
    words = pc.add(pc.count_substring(facts.text, " "), 1).to_numpy(zero_copy_only=False)
    long = facts.share(words >= 5) > 0.5 or facts.share_like(rf"([{_words.SPACELESS}].*){{8}}") > 0.5
    if spaced > 0.5 and letters > 0.5 and ((mostly_distinct and facts.rows >= SMALL) or (long and count > 50)):
        return Inferred("text", reason="mostly different values with words in them")
    if long and facts.distinctness > 0.9:
        return Inferred("text", reason="long values with words in them", doubt="there are few rows")
    if mostly_distinct and facts.rows >= SMALL:
        return Inferred("drop", reason=f"an identifier: {count} different values in {facts.rows} rows, without words",
                        doubt="if parts of it matter, use kind: text with tokenizer: characters")  # fmt: skip
    many = count > 10_000
    return Inferred("category", reason=f"{count} different values" + (", hashed" if many else ""))
