from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from modelwright import columns
from modelwright.errors import DataError


def test_inputs_keep_places_for_missing_and_unseen(fitted):
    column = fitted("category", ["b", "a", None, " b", "?"])
    assert column.encode(pa.array(["a", "b", "z", None, "", "b "])).tolist() == [[2], [3], [1], [0], [0], [3]]
    assert column.sizes() == {"rows": 4}


def test_rare_values_count_as_unseen(fitted):
    column = fitted("category", ["a", "a", "b"], min_frequency=2)
    assert column.encode(pa.array(["a", "b"])).tolist() == [[2], [1]]


@pytest.mark.parametrize(
    ("values", "classes", "kind"),
    [
        (pa.array([10, 9, 10, 2]), ["2", "9", "10"], pa.int64()),
        (pa.array([1.0, 2.0, float("nan"), 0.5]), ["0.5", "1", "2"], pa.float64()),
        (pa.array(["10", "9", "2"]), ["2", "9", "10"], pa.string()),
        (pa.array(["1.0", "2.0", "1.0"]), ["1.0", "2.0"], pa.string()),
        (pa.array(["b", "a", "B"]), ["B", "a", "b"], pa.string()),
        (pa.array([True, False, None]), ["false", "true"], pa.bool_()),
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"], pa.string()),
    ],
)
def test_a_target_gives_back_values_in_their_own_type(fitted, values, classes, kind):
    column = fitted("category", values, target=True)
    assert column.sizes()["classes"] == classes
    codes = column.encode(values)
    decoded = column.decode({"probabilities": np.eye(len(classes), dtype=np.float32)[np.maximum(codes, 0)]})
    assert decoded[""].type == kind and list(decoded) == ["", *classes]
    known = codes >= 0
    assert decoded[""].filter(pa.array(known)).to_pylist() == values.cast(kind).filter(pa.array(known)).to_pylist()
    assert decoded[classes[0]].to_pylist() == (codes.clip(0) == 0).astype(float).tolist()


def test_one_value_is_one_class_however_it_is_typed(fitted):
    column = fitted("category", [1, 2, 3], target=True)
    for values in (["1", "2.0"], [1.0, 2.0], [1, 2], pa.array([1, 2], pa.uint8())):
        assert column.encode(values if isinstance(values, pa.Array) else pa.array(values)).tolist() == [0, 1]
    column = fitted("category", ["True", "False"], target=True)
    assert column.encode(pa.array([True, False, None])).tolist() == [1, 0, -1]
    assert column.decode({"probabilities": np.eye(2)})[""].to_pylist() == ["False", "True"]


def test_classes_are_counted(fitted):
    assert fitted("category", ["a", "b", "a", None], target=True).sizes()["counts"] == [2, 1]


def test_many_values_are_hashed_and_shards_agree(fitted):
    values = pa.array([f"v{i}" for i in range(300)])
    column = fitted("category", values, max_values=100, buckets=64)
    ids = column.encode(values)[:, 0]
    assert column.sizes() == {"rows": 66} and ids.min() >= 2 and ids.max() < 66 and len(set(ids.tolist())) > 50
    assert column.encode(pa.array([None, "new"]))[0, 0] == 0
    first, second = (columns.build("x", {"kind": "category", "max_values": 100, "buckets": 64}) for _ in range(2))
    first.fit(values[:80])
    second.fit(values[80:])
    first.merge(second)
    first.finish()
    assert np.array_equal(first.encode(values)[:, 0], ids)


def test_hashes_are_the_same_in_every_process():
    program = (
        "import pyarrow as pa; from modelwright import columns\n"
        "c = columns.build('x', {'kind': 'category', 'max_values': 2}); v = pa.array(['a', 'b', 'c', 'é'])\n"
        "c.fit(v); c.finish(); print(c.encode(v)[:, 0].tolist())"
    )
    runs = {subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout for _ in range(2)}
    assert len(runs) == 1 and runs != {""}


def test_a_target_with_too_many_values_is_refused(fitted):
    with pytest.raises(DataError, match=r"target 'x': has more than 100 distinct values.*number"):
        fitted("category", [f"v{i}" for i in range(300)], target=True, max_values=100)
