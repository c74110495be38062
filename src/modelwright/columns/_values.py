"""What a value of a category is: its one spelling, its type, its order. Knows no column."""

from __future__ import annotations

import re

import pyarrow as pa

_INTEGER_FLOAT = re.compile(r"-?\d+\.0+")


def canonical(text: str) -> str:
    """The same value in one spelling: "1.0" -> "1", "True" -> "true"."""
    if text.endswith("0") and _INTEGER_FLOAT.fullmatch(text):
        text = text.partition(".")[0]
    if text == "-0":
        return "0"
    return text.lower() if text in ("True", "False", "TRUE", "FALSE") else text


def in_order(texts: list[str]) -> list[str]:
    """Sorted as numbers where all are numbers, else as text."""
    try:
        return sorted(texts, key=lambda text: (float(text), text))
    except ValueError:
        return sorted(texts)


def type_of(kind: pa.DataType) -> str | None:
    """`int`, `float`, `bool` or `string`: the type in which predictions are given back; None for all-null cells."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind):
        return None
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_floating(kind):
        return "float"
    return "bool" if pa.types.is_boolean(kind) else "string"


def joined(one: str | None, other: str | None) -> str | None:
    """The type that holds the values of both."""
    if one is None or other is None or one == other:
        return one or other
    return "float" if {one, other} == {"int", "float"} else "string"


def typed(texts: list[str], value_type: str | None) -> pa.Array:
    """Canonical strings as values of that type."""
    if value_type == "int":
        return pa.array([int(text) for text in texts], pa.int64())
    if value_type == "float":
        return pa.array([float(text) for text in texts], pa.float64())
    if value_type == "bool":
        return pa.array([text == "true" for text in texts], pa.bool_())
    return pa.array(texts, pa.string())
