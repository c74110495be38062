from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

ROWS = np.random.default_rng(0).normal(3, 2, (50, 4))


@pytest.mark.parametrize(
    "values",
    [
        pa.array(ROWS.tolist()),
        pa.FixedSizeListArray.from_arrays(pa.array(ROWS.ravel()), 4),
        pa.array([str(row.tolist()) for row in ROWS]),
        pa.array([" ".join(map(repr, row.tolist())) for row in ROWS]),
        pa.array([";".join(map(repr, row.tolist())) for row in ROWS]),
        pa.FixedShapeTensorArray.from_numpy_ndarray(ROWS.reshape(50, 2, 2)),
        pa.array(ROWS.reshape(50, 2, 2).tolist()),
    ],
    ids=["lists", "fixed lists", "brackets", "spaces", "semicolons", "tensors", "lists of lists"],
)
def test_every_spelling_is_standardised_alike(fitted, values):
    out = fitted("vector", values).encode(values)
    assert np.allclose(out, (ROWS - ROWS.mean(0)) / ROWS.std(0), atol=1e-5)


def test_a_cell_of_another_length_is_missing_and_said(fitted):
    column = fitted("vector", [[1.0, 2.0], [3.0, 4.0], [5.0]])
    assert column.encode(pa.array([[5.0], [1.0, 2.0], None, [1.0, None]])).tolist() == [
        [0, 0],
        [-1, -1],
        [0, 0],
        [-1, 0],
    ]
    assert "1 cells do not have 2 numbers (the first, row 0, has 1)" in column.problems[0]


def test_a_target_goes_there_and_back(fitted):
    values = pa.array([*ROWS.tolist(), None])
    column = fitted("vector", values, target=True)
    codes = column.encode(values)
    assert np.isnan(codes[-1]).all()
    assert np.allclose(np.array(column.decode({"value": codes[:-1]})[""].to_pylist()), ROWS, atol=1e-5)
    assert np.allclose(column.truth(codes[:-1]), ROWS, atol=1e-5)


def test_embeddings_may_stay_as_they_are(fitted):
    assert np.allclose(fitted("vector", ROWS.tolist(), scale=False).encode(pa.array(ROWS.tolist())), ROWS)


def test_slices_and_constants(fitted):
    values = pa.array([[1.0, 7.0], [2.0, 7.0], [3.0, 7.0], None])
    column = fitted("vector", values)
    assert np.array_equal(column.encode(values.slice(1, 2)), column.encode(values)[1:3])
    assert not column.encode(values)[:, 1].any()
