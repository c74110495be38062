from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from modelwright.columns import Ragged

ROWS = st.lists(st.lists(st.integers(0, 99), max_size=5), max_size=12)


def rows_of(ragged):
    return [ragged.row(i).tolist() for i in range(len(ragged))]


@given(ROWS, st.data())
def test_take_is_indexing_of_rows(rows, data):
    ragged = Ragged.of(rows)
    assert rows_of(ragged) == rows and ragged.lengths.tolist() == [len(row) for row in rows]
    index = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8)) if rows else []
    assert rows_of(ragged.take(np.array(index, np.int64))) == [rows[i] for i in index]
    mask = np.arange(len(rows)) % 2 == 0
    assert rows_of(ragged.take(mask)) == rows[::2]


@given(st.lists(ROWS, max_size=4))
def test_chunks_are_joined_in_order(chunks):
    joined = Ragged.concatenate([Ragged.of(rows) for rows in chunks])
    assert rows_of(joined) == [row for rows in chunks for row in rows]


def test_chunks_may_be_views_into_a_larger_array():
    part = Ragged(np.arange(10), np.array([3, 5, 9]))
    assert rows_of(Ragged.concatenate([part, part])) == [[3, 4], [5, 6, 7, 8]] * 2


@given(ROWS, st.one_of(st.none(), st.integers(0, 6)))
def test_padded_holds_the_head_of_each_row_and_says_where(rows, length):
    values, mask = Ragged.of(rows).padded(length, fill=7)
    width = max(map(len, rows), default=0) if length is None else length
    assert values.shape == mask.shape == (len(rows), width)
    for row, found, here in zip(rows, values, mask):
        assert found[here].tolist() == row[:width] and (found[~here] == 7).all()
        assert here.sum() == min(len(row), width) and here[: here.sum()].all()
