"""Finds personal data in text and writes a placeholder in its place. Knows no file, recipe or model.

An address, a number or an identifier is recognised by its form and, where it has one, its checksum (`_personal.py`).
Names of people and postal addresses are not found.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from ..errors import DataError, did_you_mean
from . import _parsing, _personal

KINDS = tuple(dict.fromkeys(kind for kind, _, _ in _personal.RECOGNISERS if kind))
PLACEHOLDER = re.compile(r"<([A-Z][A-Z0-9_]*?)(?:_[0-9a-f]{10})?>")
_PAIR = re.compile(r"([A-Za-z]\w*)=(.+)", re.ASCII | re.DOTALL)


class Masker:
    """Text -> the same text with `<EMAIL>`, `<PHONE>`, ... where personal data stood. What is masked stays as it is.

    kinds: names of `KINDS`, "all", or `name=pattern` for a regular expression of one's own. key: with it each value has
    a pseudonym of its own, `<EMAIL_3f9a1c20b7>`: the first 40 bits of HMAC-SHA256 of the value without its separators,
    so that the same value has the same one wherever the key is the same. Raises DataError for an unknown kind and for a
    pattern that is no regular expression or matches the empty text.
    """

    def __init__(self, kinds: Iterable[str] = ("all",), key: bytes | None = None) -> None:
        self.kinds, self._key = tuple(kinds), key
        self._kinds: set[str] = set()
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        for kind in self.kinds:
            if found := _PAIR.fullmatch(kind):
                self._patterns.append((found[1], _pattern(found[2])))
            elif kind in ("all", *KINDS):
                self._kinds |= set(KINDS) if kind == "all" else {kind}
            else:
                hint = f"{did_you_mean(kind, ('all', *KINDS))} A pattern of your own is written name=pattern."
                raise DataError(f"'{kind}' is not a kind of personal data.", where="mask", hint=hint)
        self.names = {name.upper(): name for name in (*self._kinds, *(name for name, _ in self._patterns))}

    def __call__(self, text: str, about: str = "") -> str:
        """The masked text. about: what the text is, such as a column's name: an order number is no telephone number."""
        for name, pattern in self._patterns:
            text = self._own(text, name, pattern)
        pieces, done = [], 0
        while found := _personal.WORTH.search(text, done):  # only lines that may hold something are looked at closely
            begin = max(text.rfind("\n", done, found.start()) + 1, done)
            end = text.find("\n", found.end())
            end = len(text) if end < 0 else end
            line = text[begin:end]
            while (masked := self._line(line, about)) != line and _personal.WORTH.search(masked):
                line = masked  # a number may stand alone once its neighbour is masked
            pieces += [text[done:begin], masked]
            done = end
        return "".join(pieces) + text[done:] if pieces else text

    def _own(self, text: str, name: str, pattern: re.Pattern[str]) -> str:
        """One's own pattern masked, but not within placeholders, until it is found no more."""
        pieces, done = [], 0
        for found in [*PLACEHOLDER.finditer(text), None]:
            pieces.append(pattern.sub(lambda value: self._mark(name, value[0]), text[done : found and found.start()]))
            if found:
                pieces.append(found[0])
                done = found.end()
        masked = "".join(pieces)
        return masked if masked == text else self._own(masked, name, pattern)

    def _line(self, line: str, about: str) -> str:
        plain, pieces, done = _personal.narrow(line), [], 0
        for kind, begin, end in _personal.find(plain, about):
            if kind in self._kinds:
                pieces += [line[done:begin], self._mark(kind, plain[begin:end])]
                done = end
        return "".join(pieces) + line[done:]

    def _mark(self, kind: str, value: str) -> str:
        if not value:
            return ""  # a pattern that looks around may match nothing in some place
        if self._key is None:
            return f"<{kind.upper()}>"
        same = value.lower() if kind == "email" or kind not in KINDS else re.sub(r"[^0-9A-Za-z]", "", value).upper()
        digest = hmac.new(self._key, f"{kind} {same}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"<{kind.upper()}_{digest[:10]}>"

    def value(self, given: Any, about: str = "") -> Any:
        """A JSON value with all texts in it masked, numbers as they are."""
        if isinstance(given, str):
            return self(given, about)
        if isinstance(given, Mapping):
            return {key: self.value(inner, key) for key, inner in given.items()}
        return [self.value(inner, about) for inner in given] if isinstance(given, (list, tuple)) else given

    def column(self, values: pa.Array | pa.ChunkedArray, about: str = "", numbers: bool = True) -> pa.Array:
        """Cells of any type masked; with `numbers`, whole numbers become text, since one may be a telephone number."""
        values = _parsing.flat(values)
        kind = values.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return self._text(_digits(values), about) if numbers else values
        if _parsing.is_text(kind):
            return self._text(values, about)
        if pa.types.is_nested(kind):
            return pa.array([self.value(cell, about) for cell in values.to_pylist()], kind)
        return values

    def _text(self, values: pa.Array, about: str) -> pa.Array:
        if not _parsing.is_text(values.type):
            return values
        worth = np.ones(len(values), bool)
        if not self._patterns:
            found = pc.match_substring_regex(values, _personal.WORTH_FOR_ARROW).fill_null(False)
            worth = found.to_numpy(zero_copy_only=False)
        if not worth.any():
            return values
        cells = values.to_pylist()
        for place in np.flatnonzero(worth).tolist():
            if cells[place] is not None:
                cells[place] = self(cells[place], about)
        masked = pa.array(cells, values.type)
        return values if masked.equals(values) else masked  # what is mapped from a file stays there


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise DataError(f"the pattern '{text}' is no regular expression ({error}).", where="mask") from None
    if any(not found.group() for sample in ("", "a 1") for found in pattern.finditer(sample)):
        raise DataError(f"the pattern '{text}' matches the empty text, which is everywhere.", where="mask")
    return pattern


def _digits(values: pa.Array) -> pa.Array:
    """Whole numbers as text; other numbers as they are."""
    try:
        return values.cast(pa.int64()).cast(pa.string())
    except pa.ArrowInvalid:
        return values


def _checked(kind: str) -> str:
    try:
        Masker([kind])
    except DataError as error:
        why = error.message if "=" in kind else did_you_mean(kind, ("all", *KINDS))
        raise PydanticCustomError("mask", "{text}", {"text": f"a kind of personal data ({why.rstrip('.')})"}) from None
    return kind


Mask = Annotated[
    tuple[Annotated[str, AfterValidator(_checked)], ...],
    BeforeValidator(lambda given: (given,) if isinstance(given, str) else given),
]
"""The option `mask` of a column: kinds of personal data, one or several, "all", or `name=pattern`."""


def maskers(columns: Mapping[str, Any]) -> dict[str, Masker]:
    """Of a recipe's columns those with a `mask`, each with its Masker."""
    given = {name: config.get("mask") for name, config in columns.items() if isinstance(config, Mapping)}
    return {name: masker(kinds, f"columns.{name}.mask") for name, kinds in given.items() if kinds}


def masker(kinds: Any, where: str) -> Masker:
    """A Masker from what a recipe's key `where` says: one kind or a list of them."""
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(kinds, (list, tuple)) or not all(isinstance(kind, str) for kind in kinds):
        raise DataError(
            f"expected kinds of personal data, given {kinds!r}.", where=where, hint="For example [email, phone]."
        )
    try:
        return Masker(kinds)
    except DataError as error:
        raise DataError(error.message, where=where, hint=error.hint) from None
