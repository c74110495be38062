"""Shapes of the schedules: where they start, where they end, and what warm-up does to all of them."""

from __future__ import annotations

import json

import pytest

from modelwright import parts, schedules

FUNCTIONS = [name for name in schedules.__all__ if name != "plateau"]


@pytest.mark.parametrize("name", schedules.__all__)
def test_options_are_documented(name):
    kind = getattr(schedules, name)
    assert set(parts.options(kind)) == set(parts.option_help(kind))
    assert "warmup" in parts.options(kind)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("warmup", [0.0, 0.1, 7.0])
@pytest.mark.parametrize("total", [1, 2, 100])
def test_factors_stay_between_zero_and_one(name, warmup, total):
    kind = getattr(schedules, name)
    factors = [kind(step, total, warmup=warmup) for step in range(total)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert kind(total + 10, total, warmup=warmup) >= 0  # a step past the end is not an error


@pytest.mark.parametrize("name", ["constant", "cosine", "linear", "exponential", "warmup_stable_decay"])
def test_warmup_rises_in_equal_steps_to_the_full_rate(name):
    kind = getattr(schedules, name)
    by_share = [kind(step, 100, warmup=0.1) for step in range(12)]
    by_steps = [kind(step, 100, warmup=10) for step in range(12)]
    assert by_share == by_steps
    assert by_share[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert by_share[10] == 1.0


def test_ends():
    assert schedules.cosine(0, 50) == 1 and schedules.cosine(25, 50) == pytest.approx(0.5)
    assert schedules.cosine(50, 50, floor=0.1) == pytest.approx(0.1)
    assert schedules.linear(25, 50, floor=0.5) == pytest.approx(0.75)
    assert schedules.exponential(50, 50, decay=0.01) == pytest.approx(0.01)
    assert schedules.exponential(20, 50, decay=0.5, every=10) == pytest.approx(0.25)
    assert schedules.one_cycle(0, 100) == pytest.approx(0.04) and schedules.one_cycle(30, 100) == 1
    assert schedules.one_cycle(100, 100) == pytest.approx(1e-4)
    stable = [schedules.warmup_stable_decay(step, 100, decay=0.2, warmup=0) for step in (0, 79, 80, 90, 100)]
    assert stable == pytest.approx([1, 1, 1, 0.5, 0])


def test_plateau_waits_then_drops():
    schedule = schedules.plateau(decay=0.5, patience=1, floor=0.2)
    for value, factor in [(1.0, 1), (0.9, 1), (0.95, 1), (0.96, 0.5), (0.97, 0.5), (0.98, 0.25), (9, 0.25), (9, 0.2)]:
        schedule.observe(value)
        assert schedule(5, 100) == pytest.approx(factor)


def test_plateau_of_a_score_and_of_nan():
    schedule = schedules.plateau(patience=0, better="higher")
    for value, factor in [(0.5, 1), (0.6, 1), (0.55, 0.5), (float("nan"), 0.25)]:
        schedule.observe(value)
        assert schedule(0, 1) == factor


@pytest.mark.parametrize("observed", [[], [1.0, 2.0]])
def test_plateau_goes_on_from_its_state(observed):
    one, other = schedules.plateau(patience=0), schedules.plateau(patience=0)
    for value in observed:
        one.observe(value)
    other.load_state_dict(json.loads(json.dumps(one.state_dict())))
    for value in (3.0, 0.5, 4.0):
        one.observe(value)
        other.observe(value)
        assert one(0, 9) == other(0, 9)
