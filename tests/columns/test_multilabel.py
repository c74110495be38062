from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest


@pytest.mark.parametrize("delimiter", ["|", ";", ","])
def test_text_is_split_at_the_delimiter_most_cells_have(fitted, delimiter):
    cells = [cell.replace("/", delimiter) for cell in ("b/a", "a", " c / a ", "")]
    column = fitted("multilabel", cells)
    assert column.labels == ["a", "b", "c"]
    assert column.encode(pa.array(cells)).tolist() == [[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 0]]


def test_lists_and_unseen_labels(fitted):
    column = fitted("multilabel", [["x", "y"], [], None, ["y"]], target=True)
    codes = column.encode(pa.array([["y", "new", "y"], [], None], pa.list_(pa.string())))
    assert codes[:2].tolist() == [[0, 1], [0, 0]] and np.isnan(codes[2]).all()
    assert column.sizes() == {"width": 2, "classes": ["x", "y"], "counts": [1, 2]}


@pytest.mark.parametrize("values", [pa.array(["a|b", "b", "c"]), pa.array([["a", "b"], ["b"], ["c"]])])
def test_a_target_goes_there_and_back(fitted, values):
    column = fitted("multilabel", values, target=True, delimiter="|")
    decoded = column.decode({"probabilities": column.encode(values)})
    assert decoded[""].to_pylist() == values.to_pylist() and list(decoded) == ["", "a", "b", "c"]


def test_the_threshold_and_the_empty_set(fitted):
    column = fitted("multilabel", [["a"], ["b"]], target=True, threshold=0.3)
    decoded = column.decode({"probabilities": np.array([[0.4, 0.1], [0.1, 0.2]])})
    assert decoded[""].to_pylist() == [["a"], []]


def test_only_frequent_labels_are_kept_and_it_is_said(fitted):
    column = fitted("multilabel", ["a|b|c", "a|b", "a"], max_labels=2)
    assert column.labels == ["a", "b"] and "1 rare labels of 3" in column.problems[0]
    assert fitted("multilabel", ["a|b|c", "a|b", "a"], min_frequency=3).labels == ["a"]


def test_numbers_as_labels(fitted):
    assert fitted("multilabel", [[10, 2], [2]]).labels == ["2", "10"]
