from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.columns import _parsing, _statistics


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        (" 1.5 ", 1.5),
        ("+2", 2),
        (".5", 0.5),
        ("5.", 5),
        ("-1e-3", -1e-3),
        ("1,234,567.8", 1234567.8),
        ("-1,000", -1000),
        ("$3.50", 3.5),
        ("-€ 7", -7),
        ("12%", 12),
        ("1,23", None),
        ("0x10", None),
        ("1_000", None),
        ("one", None),
        ("--1", None),
        ("", None),
        ("?", None),
        ("NA", None),
        ("inf", None),
        ("-Infinity", None),
        ("1e999", None),
        ("nan", None),
        ("1 2", None),
        ("١٢", None),
    ],
)
def test_numbers_in_text(text, number):
    found = _parsing.numbers(pa.array([text, "no number", None, "3"]))
    assert found[3] == 3 and np.isnan(found[1:3]).all()
    assert found[0] == number if number is not None else math.isnan(found[0])
    alone = _parsing.numbers(pa.array([text]))[0]
    assert alone == number if number is not None else math.isnan(alone)


def test_a_decimal_comma():
    assert _parsing.numbers(pa.array(["1,5", "1.234,5", "7"]), ",").tolist() == [1.5, 1234.5, 7]


@given(st.lists(st.one_of(st.none(), st.floats(-1e99, 1e99))))
def test_numbers_survive_being_written(values):
    found = _parsing.numbers(pa.array([None if v is None else repr(v) for v in values], pa.string()))
    assert np.array_equal(found, np.array([np.nan if v is None else v for v in values], float), equal_nan=True)


def test_moments_in_time_are_seconds():
    day = 86400.0
    assert _parsing.numbers(pa.array([1, None], pa.date32())).tolist()[0] == day
    assert _parsing.numbers(pa.array([86_400_000], pa.timestamp("ms")))[0] == day
    assert _parsing.numbers(pa.array([2000], pa.duration("ms")))[0] == 2


@given(st.lists(st.one_of(st.none(), st.sampled_from(["a", " a ", "NA", "?", "", "b"]))))
def test_distinct_and_counts_agree_with_python(cells):
    codes, words = _parsing.distinct(pa.array(cells, pa.string()))
    clean = [None if c is None or c.strip() in _parsing.MISSING else c.strip() for c in cells]
    assert [None if code < 0 else words[code] for code in codes] == clean
    counts, missing = _parsing.counts(pa.array(cells, pa.string()))
    assert missing == clean.count(None) and all(clean.count(word) == count for word, count in counts.items())


@given(st.lists(st.floats(-1e3, 1e3).map(lambda x: x + 1e9), min_size=1), st.integers(0, 20))
def test_moments_keep_their_digits(values, cut):
    one, two = _statistics.Moments(), _statistics.Moments()
    one.add(np.array(values[:cut]))
    two.add(np.array(values[cut:]))
    one.merge(two)
    assert one.count == len(values)
    assert np.isclose(one.mean, np.mean(values), rtol=1e-12)
    assert np.isclose(one.squares, np.var(values) * len(values), rtol=1e-4, atol=1e-3)


def test_a_sample_is_exact_while_it_fits_and_fair_beyond():
    values = np.arange(200_000.0)
    whole, halves, other = (_statistics.Sample(5000) for _ in range(3))
    whole.add(values)
    for chunk in np.array_split(values, 7):
        halves.add(chunk)
    assert np.array_equal(whole.values, halves.values), "chunks must not matter"
    assert len(whole.values) == 5000
    for level in (0.1, 0.5, 0.9):
        assert abs(np.quantile(whole.values, level) / 200_000 - level) < 0.02
    other.add(values + 1e6)
    whole.merge(other)
    assert 0.47 < (whole.values > 5e5).mean() < 0.53
    small = _statistics.Sample(10)
    small.add(np.arange(4))
    small.add(np.arange(4, 9))
    assert sorted(small.values) == list(range(9))
