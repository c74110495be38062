from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright import columns


def encoded(column, values):
    return column.encode(pa.array(values))


def test_robust_is_the_formula_of_realmlp(fitted):
    x = np.random.default_rng(0).lognormal(size=500)
    column = fitted("number", x)
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    z = (x - middle) / (high - low)
    assert np.allclose(encoded(column, x)[:, 0], z / np.sqrt(1 + (z / 3) ** 2), atol=1e-6)
    assert np.allclose(encoded(column, [1e90, -1e300]), [[3], [-3]])
    assert np.allclose(encoded(fitted("number", [0.0, 1e-310, 1e-320, 1.0]), [1e100]), 3)


def test_robust_falls_back_to_the_span_where_most_values_are_one(fitted):
    column = fitted("number", [0.0] * 90 + [10.0] * 10)
    z = 2.0  # (10 - 0) / (span / 2)
    assert np.allclose(encoded(column, [0.0, 10.0])[:, 0], [0, z / np.sqrt(1 + (z / 3) ** 2)])


@pytest.mark.parametrize("scale", ["robust", "standard", "quantile", "minmax"])
def test_a_constant_is_zero(fitted, scale):
    assert not encoded(fitted("number", [5.0] * 4, scale=scale), [5.0, 9.0, 1.0]).any()


def test_the_other_scales(fitted):
    x = np.random.default_rng(1).gamma(1.0, size=4000)
    assert np.allclose(encoded(fitted("number", x, scale="standard"), x)[:, 0], (x - x.mean()) / x.std(), atol=1e-5)
    assert np.allclose(encoded(fitted("number", x, scale="minmax"), x)[:, 0], (x - x.min()) / np.ptp(x), atol=1e-6)
    assert np.array_equal(encoded(fitted("number", x, scale="none"), x)[:, 0], x.astype(np.float32))
    normal = encoded(fitted("number", x, scale="quantile"), x)[:, 0]
    assert abs(normal.mean()) < 0.01 and abs(normal.std() - 1) < 0.02
    assert np.array_equal(np.argsort(normal, kind="stable"), np.argsort(x)), "the order is kept"


def test_missing_values_have_an_indicator_if_training_had_some(fitted):
    assert encoded(fitted("number", [1.0, 2.0, 3.0]), [2.0, None]).tolist() == [[0], [0]]
    column = fitted("number", ["1", "2", "x", "3"])
    assert column.sizes()["width"] == 2
    assert column.encode(pa.array(["2", "x", "inf"])).tolist() == [[0, 0], [0, 1], [0, 1]]


def test_edges_are_few_rising_quantiles_of_the_scaled_values(fitted):
    x = np.random.default_rng(2).normal(size=10_000)
    sizes = fitted("number", x, [None]).sizes()
    edges, indicator = sizes["edges"]
    assert len(edges) == 48 and (np.diff(edges) > 0).all() and indicator == [0, 1]
    scaled = encoded(fitted("number", x), x)[:, 0]
    assert np.allclose(edges, np.quantile(scaled, np.linspace(0, 1, 48)), atol=1e-5)
    few = fitted("number", [1, 1, 2, 3])
    assert few.sizes()["edges"][0] == encoded(few, [1, 2, 3])[:, 0].tolist()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50).filter(lambda x: np.std(x) > 1e-3), st.booleans())
def test_a_target_goes_there_and_back(values, log):
    values = [abs(v) for v in values] if log else values
    if np.std(np.log1p(values) if log else values) < 1e-3:
        return
    column = columns.build("y", {"kind": "number", "log": log}, True)
    column.fit(pa.array(values))
    column.finish()
    codes = column.encode(pa.array(values))
    back = column.decode({"value": codes})[""].to_numpy()
    assert np.allclose(back, values, rtol=1e-3 if log else 1e-5, atol=1e-5 * np.max(np.abs(values)))
    assert np.array_equal(column.truth(codes), back)


def test_a_target_is_standardised_and_missing_is_nan(fitted):
    x = np.random.default_rng(3).normal(50, 7, 300)
    codes = fitted("number", x, target=True).encode(pa.array([*x, None, float("inf")]))
    assert codes.dtype == np.float32 and np.isnan(codes[-2:]).all()
    assert abs(codes[:-2].mean()) < 1e-6 and abs(codes[:-2].std() - 1) < 1e-6


def test_log_leaves_out_what_has_no_logarithm(fitted):
    codes = fitted("number", [0.0, 1.0, 5.0], target=True, log=True).encode(pa.array([-1.0, -5.0, 3.0]))
    assert np.isnan(codes).tolist() == [True, True, False]


def test_quantiles_of_merged_shards_are_near_those_of_one_pass():
    x = np.random.default_rng(4).normal(size=120_000)
    whole, *shards = (columns.build("x", "number") for _ in range(4))
    whole.fit(pa.array(x))
    for shard, part in zip(shards, np.array_split(x, 3)):
        shard.fit(pa.array(part))
    shards[0].merge(shards[1])
    shards[0].merge(shards[2])
    whole.finish()
    shards[0].finish()
    assert abs(whole.center - shards[0].center) < 0.02 and abs(whole.factor / shards[0].factor - 1) < 0.02
    assert abs(whole.center - np.median(x)) < 0.02
