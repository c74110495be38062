from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.errors import DataError


@pytest.mark.parametrize(
    ("values", "negative", "positive"),
    [
        (["yes", "no", "yes"], "no", "yes"),
        (["T", "F"], "F", "T"),
        (["1", "0"], "0", "1"),
        (["1.0", "0.0"], "0.0", "1.0"),
        ([1, 0, None], 0, 1),
        ([0.0, 1.0], 0.0, 1.0),
        ([True, False], False, True),
        (["TRUE", "FALSE"], "FALSE", "TRUE"),
        (["died", "survived"], "died", "survived"),
        ([2, 1], 1, 2),
        (["10", "9"], "9", "10"),
    ],
)
def test_two_values_go_there_and_back_in_their_own_spelling(fitted, values, negative, positive):
    column = fitted("boolean", values, target=True)
    assert column.encode(pa.array([negative, positive, None])).tolist()[:2] == [0, 1]
    decoded = column.decode({"probability": np.array([0.2, 0.9], np.float32)})
    assert decoded[""].to_pylist() == [negative, positive]
    assert type(decoded[""].to_pylist()[0]) is type(negative)
    names = column.sizes()["classes"]
    assert list(decoded) == ["", *names]
    assert np.allclose(decoded[names[0]].to_numpy(), [0.8, 0.1]) and np.allclose(decoded[names[1]], [0.2, 0.9])


def test_inputs_are_signs(fitted):
    column = fitted("boolean", ["yes", "no"])
    assert column.encode(pa.array(["yes", "NO", "Yes", None, "perhaps", "true"])).tolist() == [
        [1],
        [-1],
        [1],
        [0],
        [0],
        [1],
    ]


def test_the_positive_value_can_be_chosen(fitted):
    column = fitted("boolean", ["good", "bad"], target=True, positive="bad")
    assert column.sizes()["classes"] == ["good", "bad"]
    with pytest.raises(DataError, match=r"'worse' does not occur.*good"):
        fitted("boolean", ["good", "bad"], target=True, positive="worse")


def test_more_than_two_values(fitted):
    with pytest.raises(DataError, match=r"has 3 values.*category"):
        fitted("boolean", ["a", "b", "c"], target=True)
    column = fitted("boolean", ["a", "b", "c", "a", "c"])
    assert column.encode(pa.array(["a", "b", "c"])).tolist() == [[-1], [0], [1]]
    assert "more than two values" in column.problems[0]


def test_a_missing_target_is_nan(fitted):
    codes = fitted("boolean", ["y", "n"], target=True).encode(pa.array(["y", None, "?", "x"]))
    assert codes[0] == 1 and np.isnan(codes[1:]).all()
