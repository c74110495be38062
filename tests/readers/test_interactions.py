"""Actions become histories and what came next, whatever order and shape they come in."""

from __future__ import annotations

import gzip
import os

import pytest

import modelwright as mw
from modelwright.data.reading import read
from modelwright.errors import DataError, UserError

LINES = "u1 a b c d e\nu2 b c\nu3 c d a\n"
TABLE = "user,item,when,stars\n" + "".join(
    f"{user},{item},{when},{stars}\n"
    for user, item, when, stars in [
        ("u1", "c", 3, 5), ("u2", "b", 1, 4), ("u1", "a", 1, 4), ("u1", "b", 2, 3), ("u1", "a", 9, 5), ("u2", "", 2, 4), ("u1", "d", 4, 1),
    ]
)  # fmt: skip


def rows(folder, text: str, name: str = "actions.csv", **options):
    (folder / name).write_text(text)
    return read({"interactions": name, **options}, folder)


def listed(found, part: int | None = None) -> list[tuple]:
    every = zip(*(found.table.column(name).to_pylist() for name in ("user", "history", "next")))
    return [row for place, row in enumerate(every) if part is None or found.part[place] == part]


def test_the_last_item_is_the_test_and_the_one_before_it_the_validation(tmp_path):
    found = rows(tmp_path, LINES, "actions.txt")
    assert listed(found, 0) == [("u1", ["a", "b"], ["b", "c"]), ("u2", ["b"], ["c"]), ("u3", ["c"], [])]
    assert listed(found, 1) == [("u1", ["a", "b", "c"], ["d"]), ("u3", ["c"], ["d"])]
    assert listed(found, 2) == [("u1", ["a", "b", "c", "d"], ["e"]), ("u3", ["c", "d"], ["a"])]
    assert found.notes == ["Users with fewer than 3 actions only train: 1 of 3."]


def test_the_catalogue_holds_what_training_lacks(tmp_path):
    assert rows(tmp_path, LINES, "actions.txt").columns["next"]["catalogue"] == 5  # e only tests


def test_pairs_a_line_and_packed_files_are_the_same(tmp_path):
    pairs = "".join(f"{user} {item}\n" for user, *items in map(str.split, LINES.splitlines()) for item in items)
    (tmp_path / "pairs.txt.gz").write_bytes(gzip.compress(pairs.encode()))
    assert listed(read({"interactions": "pairs.txt.gz"}, tmp_path)) == listed(rows(tmp_path, LINES, "actions.txt"))


def test_a_row_an_action_has_what_was_before_it(tmp_path):
    found = rows(tmp_path, LINES, "actions.txt", each="action", length=1)
    assert listed(found, 0)[:2] == [("u1", ["a"], ["b"]), ("u1", ["b"], ["c"])]
    assert listed(found, 2)[0] == ("u1", ["d"], ["e"])


def test_times_are_sorted_and_repeats_and_gaps_are_left_out_and_said(tmp_path):
    found = rows(tmp_path, TABLE, time="when", hold_out="none")
    assert found.part is None
    assert listed(found) == [("u1", ["a", "b", "c"], ["b", "c", "d"]), ("u2", ["b"], [])]
    assert found.notes == [
        "Actions without a user or an item are left out: 1.",
        "The actions are not in the order of 'when'; they were sorted.",
        "Actions that repeat an item of the same user are left out: 1.",
    ]
    assert (
        rows(tmp_path, TABLE, time="when", repeats="keep", hold_out="none").table.column("next")[0].as_py()[-1] == "a"
    )


def test_low_ratings_can_be_left_out(tmp_path):
    found = rows(tmp_path, TABLE, time="when", rating="stars", least=4, hold_out="none")
    assert listed(found)[0] == ("u1", ["a"], ["c"])


def test_mistakes_are_named(tmp_path):
    with pytest.raises(DataError, match="no column 'User' for the user"):
        rows(tmp_path, TABLE, user="User")
    with pytest.raises(DataError, match="neither numbers nor dates"):
        rows(tmp_path, TABLE, time="item")
    with pytest.raises(UserError, match="needs the column of ratings"):
        rows(tmp_path, TABLE, least=3)
    with pytest.raises(DataError, match="a row is one action"):
        rows(tmp_path, '{"user": "u", "item": ["a", "b"]}\n', "actions.jsonl")
    with pytest.raises(DataError, match="no user has an item that came next"):
        rows(tmp_path, "user,item\n,\n")


def test_one_user_trains(tmp_path):
    (tmp_path / "one.txt").write_text("u " + " ".join(f"i{k}" for k in range(9)))
    run = mw.train(
        {
            "data": {"interactions": str(tmp_path / "one.txt")},
            "model": {"encoders": {"history": {"kind": "transformer", "causal": True, "width": 8, "heads": 2}}},
            "train": {"epochs": 1, "speed": "fixed", "threads": 1},
        },
        out=str(tmp_path / "run"),
        report=False,
    )
    assert run.metrics["rows"] == {"train": 1, "validation": 1, "test": 1}
    assert run.metrics["test"]["next"]["hr_10"] == 0.0  # the last item was never seen: a miss, not an error


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="needs $MODELWRIGHT_DATA")
@pytest.mark.parametrize(("name", "users"), [("amazon_beauty", 22_363), ("amazon_video_games", 31_013)])
def test_the_named_sets_have_their_users(name, users):
    found = read({"interactions": name})
    assert len(set(found.table.column("user").to_pylist())) == users
    assert (found.part == 2).sum() == users - (112 if name == "amazon_video_games" else 0)


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="needs $MODELWRIGHT_DATA")
def test_the_pasted_address_is_cut_out_of_movielens():
    found = read("movielens")
    assert found.table.num_rows == 100_836 and found.table.column("timestamp")[520].as_py() == "847434961"
    assert found.table.column("title")[0].as_py() == "Toy Story (1995)"
