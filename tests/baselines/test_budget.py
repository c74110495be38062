"""Baselines share a time limit: what they are fitted on follows from measured time, with a clock of the test's own."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright import parts
from modelwright.baselines import Budget, Features, run
from modelwright.baselines._budget import fair_order


class Clock:
    """Time that only fitting and predicting move."""

    now = 0.0

    def __call__(self) -> float:
        return Clock.now


class Costly:
    """Takes `cost` seconds for a thousand rows, more rows at the power of `growth`."""

    growth = 2.0
    predict_growth = 1.0

    def __init__(self, kind: str, *, cost: float = 1.0, predicting: float = 0.0) -> None:
        self.cost, self.predicting, self.rows = cost, predicting, 0

    def fit(self, features: Features, target: np.ndarray, seed: int) -> Costly:
        self.rows = len(features)
        Clock.now += self.cost * (len(features) / 1000) ** self.growth
        return self

    def predict(self, features: Features) -> dict[str, np.ndarray]:
        Clock.now += self.predicting * len(features) / 1000 * self.rows / 1000
        return {"value": np.full(len(features), float(self.rows))}


class Broken:
    """Fails."""

    def __init__(self, kind: str) -> None:
        raise ValueError("nothing works\nsecond line")


@pytest.fixture(scope="module", autouse=True)
def toys():
    for toy in (Costly, Broken):
        parts.register("baselines", toy)
    yield
    for name in ("costly", "broken"):
        parts._registered.pop(("baselines", name))


def _run(names, seconds, rows=16_000, test=100, **options):
    Clock.now = 0.0
    features = Features({"number": np.zeros((rows + test, 1), np.float32)})
    target, index = np.arange(rows + test, dtype=np.float64), np.arange(rows + test)
    budget = Budget(seconds, clock=Clock(), **options)
    return run(names, "number", features, target, index[:rows], index[rows:], budget)


@pytest.mark.parametrize(("seconds", "rows"), [(1_000, 16_000), (200, 8_000), (25, 4_000), (10, 2_000), (1, 2_000)])
def test_the_subsample_follows_from_measured_time(seconds, rows):
    result = _run(["costly"], seconds)["costly"]
    assert result["rows"] == rows
    assert result["predicted"]["value"].tolist() == [rows] * 100
    assert result["fit_seconds"] == pytest.approx((rows / 1000) ** 2)
    assert bool(result["note"]) == (rows < 16_000)
    assert not result["note"] or f"{rows:,} of 16,000" in result["note"]
    assert seconds < 10 or Clock.now <= seconds


def test_predicting_counts_too():
    fast = _run(["costly"], 1_000, test=5_000)["costly"]
    slow = _run([{"kind": "costly", "predicting": 10.0}], 1_000, test=5_000)["costly"]
    assert fast["rows"] == 16_000 and slow["rows"] == 8_000
    hopeless = _run([{"kind": "costly", "predicting": 1_000.0}], 10, test=5_000)["costly"]
    assert hopeless["predicted"] is None and "predicting 5,000 rows would take" in hopeless["note"]


def test_small_tables_are_fitted_whole_and_at_once():
    assert _run(["costly"], 0.1, rows=1_500)["costly"]["rows"] == 1_500
    assert Clock.now == pytest.approx(1.5**2)


def test_time_left_over_goes_to_the_next_and_none_left_is_said():
    shared = _run([{"kind": "costly", "cost": 0.0}, "broken"], 10)
    assert shared["costly"]["rows"] == 16_000
    late = _run(["broken", "costly"], 0)
    assert late["costly"]["note"] == "left out: no time was left" and late["costly"]["predicted"] is None


def test_a_failure_becomes_a_note():
    result = _run(["broken", "nonesuch", "majority"], 100)
    assert result["broken"]["note"] == "failed: ValueError: nothing works"
    assert "nonesuch" in result["nonesuch"]["note"]
    assert result["majority"]["predicted"] is not None


def test_no_more_rows_than_memory_allows():
    few = _run([{"kind": "costly", "cost": 0.0}], 100, most=100)["costly"]
    assert few["rows"] == 100 and "100 of 16,000 rows" in few["note"]
    assert _run([{"kind": "costly", "cost": 0.0}], 100, most=5_000)["costly"]["rows"] == 5_000


@pytest.mark.parametrize("kind", ["category", "boolean", "number"])
def test_every_beginning_is_a_fair_sample(kind):
    target = np.repeat([0, 1], [900, 100])
    order = fair_order(kind, target.astype(np.float64) if kind != "category" else target, 0)
    assert sorted(order) == list(range(1000))
    if kind != "number":
        for size in (50, 100, 300):
            assert abs(target[order[:size]].mean() - 0.1) <= 0.02
    assert np.array_equal(order, fair_order(kind, target, 0)) and not np.array_equal(order, fair_order(kind, target, 1))
