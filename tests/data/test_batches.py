"""Batches: every row once, exact resume, buckets of similar length, nothing that depends on time or place."""

import time
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.columns import Ragged
from modelwright.data import balancing
from modelwright.data.batches import Batches, generator
from modelwright.data.encoding import Encoded
from modelwright.errors import UserError


def encoded(rows=101, lengths=None):
    values = {"number": np.arange(rows, dtype=np.float32)[:, None]}
    if lengths is not None:
        values["note"] = Ragged.of([[i + 1] * int(n) for i, n in enumerate(lengths)])
    return Encoded(values, {"y": np.arange(rows)}, rows)


def seen(batches):
    return [batch["target.y"].tolist() for batch in batches]


def equal(one, other):
    return set(one) == set(other) and all(torch.equal(one[key], other[key]) for key in one)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 200), size=st.integers(1, 250), seed=st.integers(0, 2**40), bucket=st.booleans())
def test_an_epoch_is_a_permutation_of_the_rows(rows, size, seed, bucket):
    lengths = np.random.default_rng(seed).integers(0, 30, rows)
    batches = Batches(encoded(rows, lengths), np.arange(rows), size, seed, bucket=bucket)
    found = seen(batches.epoch(3))
    assert sorted(chain.from_iterable(found)) == list(range(rows))
    assert len(found) == batches.steps
    assert all(len(batch) == min(size, rows) for batch in found[:-1])


def test_only_the_rows_of_the_index_appear():
    index = np.array([5, 50, 7, 99])
    batches = Batches(encoded(), index, 3)
    assert sorted(chain.from_iterable(seen(batches.epoch(0)))) == sorted(index)
    assert seen(batches.in_order()) == [[5, 50, 7], [99]]
    assert seen(batches.in_order(100)) == [[5, 50, 7, 99]]


def test_epochs_and_seeds_differ_and_repeat():
    data = encoded()
    orders = {
        (seed, epoch): seen(Batches(data, np.arange(101), 10, seed).epoch(epoch)) for seed in (0, 1) for epoch in (0, 1)
    }
    assert len({str(order) for order in orders.values()}) == 4
    assert seen(Batches(data, np.arange(101), 10, 1).epoch(1)) == orders[1, 1]


@pytest.mark.parametrize("bucket", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
def test_starting_within_an_epoch_equals_skipping(bucket, drop_last):
    def noise(batch, random, epoch):
        return {**batch, "noise": torch.rand(3, generator=random)}

    data = encoded(101, np.random.default_rng(0).integers(1, 30, 101))
    batches = Batches(data, np.arange(101), 8, 5, noise, bucket, drop_last)
    whole = list(batches.epoch(2))
    assert len(whole) == batches.steps == (12 if drop_last else 13)
    for start in range(len(whole) + 1):
        rest = list(batches.epoch(2, start))
        assert len(rest) == len(whole) - start
        assert all(equal(one, other) for one, other in zip(rest, whole[start:]))


def test_global_random_state_plays_no_part():
    data = encoded()
    torch.manual_seed(1)
    first = seen(Batches(data, np.arange(101), 10).epoch(0))
    torch.manual_seed(2)
    assert seen(Batches(data, np.arange(101), 10).epoch(0)) == first
    state = torch.get_rng_state()
    list(Batches(data, np.arange(101), 10).epoch(0))
    assert torch.equal(state, torch.get_rng_state())


def test_the_last_batch_may_be_dropped():
    batches = Batches(encoded(), np.arange(101), 10, drop_last=True)
    assert [len(batch) for batch in seen(batches.epoch(0))] == [10] * 10 and batches.steps == 10


def test_buckets_hold_rows_of_similar_length():
    lengths = np.random.default_rng(0).integers(1, 200, 4000)
    data = encoded(4000, lengths)

    def padding(bucket):
        masks = [batch["note.mask"] for batch in Batches(data, np.arange(4000), 32, bucket=bucket).epoch(0)]
        return 1 - sum(m.sum().item() for m in masks) / sum(m.numel() for m in masks)

    assert padding(True) < 0.05 < 0.4 < padding(False)
    sizes = [batch["note"].shape[1] for batch in Batches(data, np.arange(4000), 32, bucket=True).epoch(0)]
    assert np.corrcoef(sizes[:-1], sizes[1:])[0, 1] < 0.3  # not from short to long


def test_buckets_without_lengths_are_plain_batches():
    plain, bucketed = (seen(Batches(encoded(), np.arange(101), 10, bucket=b).epoch(0)) for b in (False, True))
    assert plain == bucketed


def test_one_batch_of_all_rows_is_gathered_once():
    batches = Batches(encoded(), np.arange(101), 500)
    (first,), (second,) = batches.epoch(0), batches.epoch(1)
    assert batches.steps == 1 and first["number"].data_ptr() == second["number"].data_ptr()
    first["extra"] = torch.zeros(1)
    assert "extra" not in next(batches.epoch(2))


def test_a_generator_depends_on_its_counters_only():
    def draw(*counters):
        return torch.rand(4, generator=generator(*counters)).tolist()

    assert draw(1, 2, 3) == draw(1, 2, 3)
    assert (
        len({str(draw(*counters)) for counters in [(1, 2, 3), (1, 3, 2), (1, 2), (12, 3), (-1, 2, 3), (2**70,)]}) == 6
    )


def test_a_batch_is_cheap():
    rows = 20_000
    data = Encoded(
        {
            "number": np.zeros((rows, 64), np.float32),
            "category": np.zeros((rows, 8), np.int32),
            "image": np.zeros((rows, 28, 28, 1), np.uint8),
        },
        {"y": np.zeros(rows, np.int64)},
        rows,
    )
    batches = Batches(data, np.arange(rows), 128)
    best = np.inf
    for epoch in range(5):
        began = time.perf_counter()
        for _ in batches.epoch(epoch):
            pass
        best = min(best, (time.perf_counter() - began) / batches.steps)
    assert best < 1e-3  # about 0.06 ms on a quiet machine


def test_rows_are_drawn_by_their_weights_and_again_the_same():
    classes = np.repeat([0, 1, 2], [80, 15, 5])
    weights = balancing.weights(classes)
    batches = Batches(encoded(100), np.arange(100), 7, seed=3, weights=weights)
    found = [batch for number in range(40) for batch in batches.epoch(number)]
    drawn = classes[torch.cat([batch["target.y"] for batch in found]).numpy()]
    assert len(drawn) == 4000 and np.abs(np.bincount(drawn) / 4000 - 1 / 3).max() < 0.03
    rest = list(batches.epoch(5, start=9))
    assert all(equal(one, other) for one, other in zip(rest, list(batches.epoch(5))[9:], strict=True))
    assert batches.rows_of(5, 9) == rest[0]["target.y"].tolist()
    whole = Batches(encoded(100), np.arange(100), 100, seed=3, weights=weights)
    assert len(set(next(whole.epoch(0))["target.y"].tolist())) < 100, "all rows a step are drawn too"


def test_weights_of_numbers_and_what_has_none():
    numbers = np.concatenate([np.zeros(90), np.linspace(-1, 1, 10)]).astype(np.float32)
    found = balancing.weights(numbers, bins=5)
    assert found[0] == pytest.approx(1 / 92) and found[0] < found[99] and found.min() == found[0]
    assert np.allclose(balancing.weights(numbers, bins=5, share=0.5), np.sqrt(found))
    assert (balancing.weights(numbers, share=0) == 1).all()
    missing = balancing.weights(np.array([0.0, 1.0, np.nan, np.nan]), bins=2)
    assert missing.tolist() == [1, 1, 0.5, 0.5]
    with pytest.raises(UserError, match="only a target of classes or of numbers can be balanced"):
        balancing.weights(np.zeros((3, 2)))
