"""What every kind promises, for every kind: total, streaming, mergeable, restorable."""

from __future__ import annotations

import datetime
import io
import json
import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelwright import columns, parts
from modelwright.columns import Ragged
from modelwright.errors import DataError

KINDS = ["number", "boolean", "category", "multilabel", "date", "text", "image", "vector"]
TARGETS = ["number", "boolean", "category", "multilabel", "vector"]


def png(level: int = 100, size: tuple[int, int] = (4, 3)) -> bytes:
    from PIL import Image

    held = io.BytesIO()
    Image.new("L", size, level).save(held, "PNG")
    return held.getvalue()


ODD = {
    "no rows": pa.array([], pa.string()),
    "no rows of numbers": pa.array([], pa.float64()),
    "null type": pa.nulls(5),
    "all missing text": pa.array(["", "?", "NA", None, "nan"]),
    "all missing numbers": pa.array([None, float("nan")], pa.float64()),
    "constant": pa.array(["7"] * 5),
    "constant number": pa.array([7.0] * 5),
    "infinite": pa.array([float("inf"), -float("inf"), 1.0, float("nan"), 1e308, -1e308]),
    "infinite text": pa.array(["inf", "-inf", "1e999", "1", "Infinity"]),
    "mixed": pa.array(
        ["1", "abc", "2024-01-05", "true", "x|y", "[1, 2]", "é你", "", None, "\x00", "/no/such/file.png"]
    ),
    "huge cardinality": pa.array([f"value {i}" for i in range(12_000)]),
    "large strings": pa.array(["a", None, "b c"], pa.large_string()),
    "views": pa.array(["a", None, "b c"], pa.string_view()),
    "dictionary": pa.array(["a", None, "b", "a"]).dictionary_encode(),
    "booleans": pa.array([True, None, False]),
    "small integers": pa.array([1, 2, None], pa.int8()),
    "unsigned": pa.array([1, 2**64 - 1, None], pa.uint64()),
    "half floats": pa.array(np.array([1, 2, np.nan], np.float16)),
    "decimals": pa.array(["1.50", "-2", None]).cast(pa.decimal128(10, 2)),
    "dates": pa.array([datetime.date(2020, 1, 31), None, datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]),
    "timestamps": pa.array([0, None, 10**18], pa.timestamp("ns", "Europe/Berlin")),
    "times": pa.array([3600, None], pa.time32("s")),
    "long times": pa.array([3600, None], pa.time64("us")),
    "durations": pa.array([3600, None], pa.duration("ms")),
    "bytes": pa.array([b"abc", None, b"\xff\xfe", b""]),
    "images": pa.array([png(), None, b"\x89PNG broken", png()[:-20]]),
    "image structs": pa.array([{"bytes": png(), "path": None}, None, {"bytes": None, "path": "/none.png"}]),
    "other structs": pa.array([{"a": 1}, None]),
    "lists of numbers": pa.array([[1.0, 2.0], None, [], [1.0], [None, 2.0]]),
    "lists of strings": pa.array([["a", "b"], None, [], [None], ["a"]]),
    "lists of lists": pa.array([[[1, 2], [3, 4]], None, [[1]], []]),
    "fixed lists": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2)),
    "tensors": pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(24, dtype=np.uint8).reshape(2, 3, 4)),
    "maps": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
    "slices": pa.array(["x"] * 3 + ["1", "2", None, "3"]).slice(3, 3),
    "chunks": pa.chunked_array([["1", "2"], [None, "3"]]),
    "no chunks": pa.chunked_array([], pa.string()),
}
COMMON = {
    "number": pa.array(["1", "2.5", "?", "-3e2"]),
    "boolean": pa.array(["yes", "no", None, "yes"]),
    "category": pa.array(["a", "b", "", "a"]),
    "multilabel": pa.array(["a|b", "b", "", "c|a"]),
    "date": pa.array(["2020-01-31", "2021-02-01 10:30", "", "2019-12-31"]),
    "text": pa.array(["good good film", "a bad film", "", "good"]),
    "image": pa.array([png(10), png(200), None, png(99)]),
    "vector": pa.array([[1.0, 2.0], [3.0, 5.0], None, [4.0, 4.0]]),
}


def same(one, other) -> bool:
    if isinstance(one, Ragged):
        return np.array_equal(one.values, other.values) and np.array_equal(one.offsets, other.offsets)
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)


def check_encoded(column, values):
    encoded = column.encode(values)
    sizes = column.sizes()
    json.dumps(sizes)
    assert len(encoded) == len(values)
    if isinstance(encoded, Ragged):
        assert encoded.values.dtype == np.int32 and (encoded.lengths >= 1).all()
        assert encoded.lengths.max(initial=0) <= sizes["length"]
        assert ((encoded.values >= 1) & (encoded.values < sizes["vocabulary"])).all()
    elif column.name == "category":
        assert encoded.dtype == np.int32 and ((encoded >= 0) & (encoded < sizes["rows"])).all()
    elif column.name == "image":
        assert encoded.dtype == np.uint8
        assert encoded.shape[1:] == (sizes["height"], sizes["width"], sizes["channels"])
    else:
        width = sizes["size"] if column.name == "vector" else sizes["width"]
        assert encoded.dtype == np.float32 and encoded.shape == (len(values), width)
        assert np.isfinite(encoded).all()


def test_the_kinds_are_the_files():
    assert set(KINDS) <= set(parts.kinds("columns"))


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("kind", KINDS)
def test_an_input_is_total(kind, odd):
    """Whatever is fitted and whatever is encoded: an array of the promised shape, no error, nothing infinite."""
    column = columns.build(kind, kind)
    column.fit(ODD[odd])
    column.finish()
    for values in (ODD[odd], COMMON[kind], ODD["mixed"], ODD["null type"]):
        check_encoded(column, values)
    column = columns.build(kind, kind)
    column.fit(COMMON[kind])
    column.finish()
    check_encoded(column, ODD[odd])


@pytest.mark.parametrize("kind", KINDS)
def test_an_input_that_saw_nothing_is_total(kind):
    column = columns.build(kind, kind)
    column.finish()
    check_encoded(column, COMMON[kind])


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("kind", TARGETS)
def test_a_target_encodes_anything_or_refuses_in_words(kind, odd):
    column = columns.build(kind, kind, True)
    try:
        column.fit(ODD[odd])
        column.finish()
    except DataError as error:
        assert f"target '{kind}'" in str(error)
    else:
        assert len(column.encode(ODD[odd])) == len(ODD[odd])
    column = columns.build(kind, kind, True)
    column.fit(COMMON[kind])
    column.finish()
    assert len(column.encode(ODD[odd])) == len(ODD[odd])


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("odd", ["no rows", "null type", "all missing text", "all missing numbers"])
def test_a_target_without_values_is_refused(kind, odd):
    column = columns.build("y", kind, True)
    column.fit(ODD[odd])
    with pytest.raises(DataError, match="target 'y': has no"):
        column.finish()


@pytest.mark.parametrize("kind", ["number", "boolean", "category"])
def test_a_target_with_one_value_is_refused(kind):
    column = columns.build("y", kind, True)
    column.fit(ODD["constant"])
    with pytest.raises(DataError, match=r"has one value only.*7"):
        column.finish()


@pytest.mark.parametrize("kind", ["date", "image"])
def test_kinds_that_cannot_be_targets_say_so(kind):
    column = columns.build("y", kind, True)
    column.fit(COMMON[kind])
    with pytest.raises(DataError, match="cannot be a target"):
        column.finish()


@pytest.mark.parametrize("target", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_state_goes_through_json(kind, target):
    if target and kind not in TARGETS:
        return
    column = columns.build("x", kind, target)
    column.fit(COMMON[kind])
    column.finish()
    saved = json.loads(json.dumps(columns.dump({"x": column}), allow_nan=False))
    again = columns.load(saved)["x"]
    assert columns.dump({"x": again}) == saved
    assert again.sizes() == column.sizes()
    for values in (COMMON[kind], ODD["mixed"]):
        assert same(again.encode(values), column.encode(values))
    assert same(pickle.loads(pickle.dumps(column)).encode(COMMON[kind]), column.encode(COMMON[kind]))


CELLS = {
    "number": st.one_of(st.none(), st.floats(-1e6, 1e6).map(repr), st.integers(-9, 9).map(str), st.just("?")),
    "boolean": st.sampled_from(["yes", "no", "Yes", None, "maybe"]),
    "category": st.one_of(st.none(), st.sampled_from(["a", "b", "1", "1.0", " a", "é"]), st.text(max_size=2)),
    "multilabel": st.lists(st.sampled_from(["a", "b", "c", "1"]), max_size=3).map("|".join),
    "date": st.one_of(st.none(), st.datetimes(datetime.datetime(1950, 1, 1)).map(str), st.just("3/4/2020")),
    "text": st.one_of(st.none(), st.text("ab ,你", max_size=12)),
    "image": st.sampled_from([png(9), png(90), png(200, (2, 2)), None, b"broken"]),
    "vector": st.one_of(st.none(), st.lists(st.integers(-5, 5), min_size=1, max_size=3).map(str)),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_shards_and_chunks_give_the_same_column_as_one_pass(kind, data):
    cells = data.draw(st.lists(CELLS[kind], min_size=1, max_size=30))
    cut = data.draw(st.integers(0, len(cells)))
    arrow = pa.binary() if kind == "image" else pa.string()
    whole, first, second = (columns.build("x", kind) for _ in range(3))
    whole.fit(pa.array(cells, arrow))
    for cell in cells[:cut]:
        first.fit(pa.array([cell], arrow))
    second.fit(pa.array(cells[cut:], arrow))
    first.merge(second)
    for column in (whole, first):
        column.finish()
    one, other = whole.state(), first.state()
    assert one.keys() == other.keys()
    for name in one:
        if name in ("mean", "deviation", "center", "factor", "edges"):
            assert np.allclose(one[name], other[name], rtol=1e-6)
        else:
            assert one[name] == other[name], name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=8), st.floats().map(str)), max_size=20))
def test_any_text_is_encoded_by_every_kind(cells):
    values = pa.array(cells, pa.string())
    for kind in KINDS:
        if kind != "image":  # any text might name a file
            column = columns.build(kind, kind)
            column.fit(values)
            column.finish()
            check_encoded(column, values)


def test_an_unknown_option_is_named():
    with pytest.raises(Exception, match=r"columns\.number\.scales: no such option.*'scale'"):
        columns.build("x", {"kind": "number", "scales": "robust"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_has_its_line_of_help(kind):
    part = parts.find("columns", kind)
    assert set(parts.options(part)) == set(parts.option_help(part))


@pytest.mark.parametrize("odd", ODD)
def test_any_column_is_inferred_and_the_kind_it_gets_fits(odd):
    table = pa.table({"x": ODD[odd]})
    for targets in ([], ["x"]):
        found = columns.infer(table, targets)["x"]
        assert found.reason and found.kind in [*KINDS, "drop"]
        if found.kind == "drop":
            assert not targets
            continue
        column = columns.build("x", {"kind": found.kind, **found.options}, bool(targets))
        try:
            column.fit(table["x"])
            column.finish()
        except DataError:
            assert targets
        else:
            assert len(column.encode(table["x"])) == len(table)
