"""Rows of a target of numbers that are scored apart: conditions such as `!= 0` or `> 100` on their true values."""

from __future__ import annotations

import operator
import re
from typing import Annotated

import numpy as np
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_SIGNS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


def _checked(text: str) -> str:
    if not _CONDITION.fullmatch(text):
        raise PydanticCustomError("condition", "a comparison with a number, such as != 0 or >= 2.5")
    return text


Slices = dict[str, Annotated[str, AfterValidator(_checked)]]
"""The option `slices` of a column: name -> condition."""


def chosen(condition: str, values: np.ndarray, spread: float = 0.0) -> np.ndarray:
    """(N,) which of the values (N,), or of the rows (N, 1), fulfil a condition; missing ones do not.

    spread: the deviation of values that were encoded as float32; what differs from the condition's number by less than a
    millionth of it is that number.
    """
    found = _CONDITION.fullmatch(condition)
    assert found, "checked with the recipe"
    flat, bound = np.asarray(values, np.float64).ravel(), float(found[2])
    flat = np.where(np.isclose(flat, bound, rtol=1e-6, atol=1e-6 * spread), bound, flat)
    return np.isfinite(flat) & _SIGNS[found[1]](flat, bound)
