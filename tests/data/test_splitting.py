"""Splits: exact shares, strata, groups and times kept, official parts respected, nonsense refused."""

import numpy as np
import pyarrow as pa
import pytest

from modelwright.data.reading import Rows
from modelwright.data.splitting import folds, split
from modelwright.errors import DataError


def rows(part=None, **columns):
    return Rows(pa.table(columns), None if part is None else np.array(part, np.int8))


def shares(part):
    return np.bincount(part, minlength=3).tolist()


def classes(count, seed=0, weights=(0.7, 0.2, 0.1)):
    return np.random.default_rng(seed).choice([f"class {i}" for i in range(len(weights))], count, p=weights)


def refusal(*arguments):
    with pytest.raises(DataError) as caught:
        split(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("count", [10, 11, 97, 1000, 12345])
def test_every_class_has_its_share_up_to_one_row(count):
    y = classes(count)
    part = split(rows(y=y), ["y"])
    assert part.dtype == np.int8
    assert shares(part) == [count - 2 * max(1, int(count * 0.1 + 0.5)), *[max(1, int(count * 0.1 + 0.5))] * 2]
    for name in np.unique(y):
        if (y == name).sum() >= 3:
            assert abs((part[y == name] != 0).sum() - (part != 0).mean() * (y == name).sum()) <= 1.01
            assert (part[y == name] == 0).any()


def test_the_seed_decides_and_nothing_else():
    data = rows(y=classes(500))
    assert np.array_equal(split(data, ["y"], seed=3), split(data, ["y"], seed=3))
    assert not np.array_equal(split(data, ["y"], seed=3), split(data, ["y"], seed=4))


@pytest.mark.parametrize("as_text", [False, True])
def test_quantities_are_split_at_random_and_few_numbers_by_class(as_text):
    random = np.random.default_rng(0)
    price, stars = (
        random.normal(size=2000).round(4),
        random.choice([1, 2, 3, 4, 5], 2000, p=[0.02, 0.08, 0.3, 0.3, 0.3]),
    )
    if as_text:
        price, stars = price.astype(str), stars.astype(str)
    data = rows(price=price, stars=stars)
    assert shares(split(data, ["price"])) == [1600, 200, 200]
    assert np.array_equal(split(data, ["price"]), split(data, ["price"], "random"))
    part = split(data, ["stars"])
    assert abs((part[stars == (type(stars[0])(1))] == 2).sum() - 0.1 * (stars == type(stars[0])(1)).sum()) <= 1


def test_several_targets_are_stratified_together():
    first, second = classes(3000, 1), classes(3000, 2)
    part = split(rows(a=first, b=second), ["a", "b"])
    for a in np.unique(first):
        for b in np.unique(second):
            both = (first == a) & (second == b)
            assert abs((part[both] != 0).sum() - 0.2 * both.sum()) <= 1.01


def test_tiny_classes_stay_in_training_and_are_mentioned():
    data = rows(y=["a"] * 50 + ["b"] * 50 + ["c", "c", "d"])
    part = split(data, ["y"])
    assert part[-3:].tolist() == [0, 0, 0]
    assert data.notes == ["2 classes have fewer than 3 rows; they are all in training."]


def test_missing_targets_are_a_class_of_their_own():
    part = split(rows(y=[None, "a", "b", "a"] * 100), ["y"])
    assert (part[::4] == 2).sum() == 10


def test_groups_stay_together():
    random = np.random.default_rng(0)
    group = random.integers(0, 60, 2000)
    part = split(rows(g=group, y=classes(2000)), ["y"], {"kind": "group", "column": "g"})
    assert all(len(set(part[group == g])) == 1 for g in range(60))
    assert abs(np.array(shares(part)) / 2000 - [0.8, 0.1, 0.1]).max() < 0.05
    three = split(rows(g=["p", "q", "r"] * 5, y=["a"] * 15), ["y"], {"kind": "group", "column": "g"})
    assert shares(three) == [5, 5, 5]


@pytest.mark.parametrize(
    "times",
    [
        list(range(100)),
        [f"{i / 10}" for i in range(100)],
        [f"2024-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(100)],
        [f"{1 + i % 28:02}/{1 + i // 28:02}/2024" for i in range(100)],
        [f"2024-01-01 {i // 60:02}:{i % 60:02}:00" for i in range(100)],
        pa.array(range(100), pa.timestamp("s")),
        pa.array(range(100), pa.date32()),
    ],
)
def test_time_puts_the_latest_rows_into_the_test(times):
    order = np.random.default_rng(0).permutation(100)
    data = Rows(pa.table({"t": times}).take(pa.array(order)))
    part = split(data, [], {"kind": "time", "column": "t"})
    assert np.array_equal(part, np.where(order < 80, 0, np.where(order < 90, 1, 2)))


def test_a_column_may_say_the_part():
    data = rows(s=["train", "Valid", "test ", "dev", "training"])
    assert split(data, [], {"kind": "column", "column": "s"}).tolist() == [0, 1, 2, 1, 0]
    assert refusal(rows(s=["train", "tset"]), [], {"kind": "column", "column": "s"}) == (
        "column 's': 'tset' is not train, validation or test. "
        "The cells of the column that splits say train, validation or test."
    )
    assert refusal(rows(s=["test"]), [], {"kind": "column", "column": "s"}) == "column 's': no row is called train."


def test_official_parts_are_kept_and_validation_is_carved_from_train():
    y = classes(1000)
    official = [0] * 700 + [2] * 300
    data = rows(official, y=y)
    part = split(data, ["y"])
    assert (part[700:] == 2).all() and not (part[:700] == 2).any()
    assert (part == 1).sum() == round(700 / 9)
    assert data.notes == ["The source fixes the other parts; validation is taken from its training rows."]
    assert data.part.tolist() == official
    whole = [0] * 500 + [1] * 200 + [2] * 300
    assert split(rows(whole, y=y), ["y"]).tolist() == whole
    assert shares(split(rows(official, y=y), ["y"], {"official": False})) == [800, 100, 100]
    assert shares(split(rows([0] * 900 + [1] * 100, y=y), ["y"])) == [800, 100, 100]


def test_official_parts_with_groups():
    group = np.arange(1000) // 10
    part = split(rows([0] * 700 + [2] * 300, g=group, y=classes(1000)), ["y"], {"kind": "group", "column": "g"})
    assert all(len(set(part[group == g])) == 1 for g in range(100))
    assert (part == 1).any()


def test_shares_of_zero_leave_a_part_empty():
    assert shares(split(rows(y=classes(100)), ["y"], {"fractions": [0.9, 0, 0.1]})) == [90, 0, 10]
    assert shares(split(rows(y=classes(100)), ["y"], {"fractions": [1, 0, 0]})) == [100, 0, 0]


def test_pictures_and_lists_as_targets_are_split_at_random():
    data = Rows(pa.table({"v": [[1.0, 2.0]] * 20}))
    assert shares(split(data, ["v"])) == [16, 2, 2]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"knid": "random"}, "data.split: 'knid' is not an option of a split. Did you mean 'kind'?"),
        ("stratifed", "data.split: 'stratifed' is not a kind of split. Did you mean 'stratified'?"),
        (
            {"kind": "group"},
            "data.split: a split of kind group needs the name of a column. Write {kind: group, column: NAME}.",
        ),
        ({"kind": "group", "column": "yy"}, "data.split: there is no column 'yy'. Did you mean 'y'?"),
        ({"kind": "group", "column": "y"}, "data.split: the column 'y' has 2 groups, 3 parts are wanted."),
        ({"kind": "time", "column": "y"}, "column 'y': the cells are neither numbers nor dates. The first is 'a'."),
        ({"kind": "time", "column": "t"}, "column 't': 1 rows have no time, the first is row 1."),
        (
            {"fractions": [0.8, 0.1]},
            "data.split.fractions: fractions are three shares for train, validation and test that sum to 1, "
            "given [0.8, 0.1].",
        ),
        (
            {"fractions": [0.8, 0.3, 0.1]},
            "data.split.fractions: fractions are three shares for train, validation and test that sum to 1, "
            "given [0.8, 0.3, 0.1].",
        ),
        (
            {"fractions": [0, 0.5, 0.5]},
            "data.split.fractions: fractions are three shares for train, validation and test that sum to 1, "
            "given [0, 0.5, 0.5].",
        ),
    ],
)
def test_nonsense_is_refused(config, message):
    assert refusal(rows(y=["a", "b", "a", "b"], t=["1", "", "3", "4"]), ["y"], config) == message


def test_too_few_rows_and_unknown_targets():
    assert refusal(rows(y=["a", "b"]), ["y"]) == (
        "data.split: 2 rows cannot be split into 3 parts. "
        "Give more rows, or split: {fractions: [1, 0, 0]} to train on all of them."
    )
    assert refusal(rows(y=["a"] * 9), ["x"]) == "data.split: there is no column 'x'. Known: y."
    assert shares(split(rows(y=["a", "b", "a"]), ["y"])) == [1, 1, 1]


def test_folds_test_every_row_once_and_keep_the_strata():
    y = classes(503)
    found = folds(rows(y=y), ["y"], 10, seed=1)
    assert len(found) == 10
    assert np.array_equal(sum((part == 2).astype(int) for part in found), np.ones(503))
    for part in found:
        assert abs((part == 2).sum() - 50.3) <= 1
        assert abs((part == 1).sum() - 0.1 * (part != 2).sum()) <= 1
        for name in np.unique(y):
            assert abs((part[y == name] == 2).sum() - 0.1 * (y == name).sum()) <= 1
    assert all(np.array_equal(a, b) for a, b in zip(found, folds(rows(y=y), ["y"], 10, seed=1)))


def test_folds_by_group_and_with_an_official_test():
    group = np.random.default_rng(0).integers(0, 30, 600)
    found = folds(rows(g=group, y=classes(600)), ["y"], 5, group="g")
    for part in found:
        assert all(len(set(part[group == g])) == 1 for g in range(30))
        assert (part == 2).any() and (part == 1).any()
    data = rows([0] * 80 + [2] * 20, y=classes(100))
    for part in folds(data, ["y"], 4):
        assert (part[80:] == -1).all() and (part[:80] == 2).sum() == 20


@pytest.mark.parametrize("count", [1, 11, 2.5, True])
def test_impossible_numbers_of_folds(count):
    with pytest.raises(DataError) as caught:
        folds(rows(y=["a", "b"] * 5), ["y"], count)
    assert (
        str(caught.value)
        == f"data.split: the number of folds must lie between 2 and the number of rows (10), given {count}."
    )


def test_missing_labels_in_several_chunks_are_a_class():
    labels = pa.chunked_array([["a", None, "b"] * 20, ["b", None, "a"] * 20])
    rows = Rows(pa.table({"x": pa.array(range(120)), "y": labels}), None, "chunks")
    part = split(rows, ["y"])
    missing = np.array([value is None for value in labels.to_pylist()])
    assert [int((part[missing] == each).sum()) for each in (0, 1, 2)] == [32, 4, 4]
