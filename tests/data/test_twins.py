"""Rows of one part that tell of another are found and said, and none are seen where there are none."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest

from modelwright import preparation
from modelwright.columns import Ragged
from modelwright.data import twins
from modelwright.data.splitting import split
from modelwright.recipe import load

real = pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="no MODELWRIGHT_DATA")


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))


def notes(data, target: str, split_by="random", **recipe) -> list[str]:
    """What preparing says, beyond what reading says."""
    loaded = load({"data": data, "target": target, **recipe})
    rows = preparation.open_rows(loaded)
    if isinstance(data, dict) and "path" not in data:  # rows in memory carry no split: fix the parts here
        part = split(rows, [target], split_by, 0)
        rows = type(rows)(rows.table, part)
    before = len(rows.notes)
    return preparation.prepare(loaded, rows=rows).rows.notes[before:]


def sequences(count: int, seed: int = 0) -> list[str]:
    draw = np.random.default_rng(seed)
    return ["".join(row) for row in draw.choice(list("ACGT"), (count, 30))]


def labels(count: int) -> list[str]:
    return ["yes" if number % 2 else "no" for number in range(count)]


def test_equal_rows_have_equal_hashes_and_others_do_not():
    draw = np.random.default_rng(0)
    rows = [draw.integers(0, 9, draw.integers(1, 6)).tolist() for _ in range(300)]
    inputs = {"x": Ragged.of(rows), "y": draw.integers(0, 3, (300, 2)), "z": draw.normal(size=(300, 1)).round(0)}
    codes = twins.hashes(inputs)
    wanted = {}
    for number, row in enumerate(rows):
        key = (*row, -1, *inputs["y"][number].tolist(), float(inputs["z"][number, 0]))
        wanted.setdefault(key, []).append(number)
    assert len(np.unique(codes)) == len(wanted) < 300
    assert all(len(np.unique(codes[group])) == 1 for group in wanted.values())
    moved = twins.hashes({"x": Ragged.of([[1, 2], [2, 1], [1, 2, 0], [0, 1, 2]])})
    assert len(np.unique(moved)) == 4


def test_sequences_that_stand_twice_are_told_and_a_split_by_group_ends_it(tmp_path):
    cells = sequences(200)
    table = pa.table({"sequence": cells + cells[:60], "kind": labels(200) + labels(60)})
    found = notes({"sequence": table["sequence"], "kind": table["kind"]}, "kind")
    assert len(found) == 1 and "test rows have the inputs of a training row" in found[0]
    assert "{split: {kind: group, column: sequence}}" in found[0]
    assert notes({"sequence": table["sequence"], "kind": table["kind"]}, "kind",
                 {"kind": "group", "column": "sequence"}) == []  # fmt: skip


def test_nothing_is_told_of_different_rows_or_of_a_table_whose_rows_agree_by_chance():
    assert notes({"sequence": sequences(200), "kind": labels(200)}, "kind") == []
    draw = np.random.default_rng(0)
    table = {name: draw.choice(["p", "q", "r"], 300).tolist() for name in "abc"}
    assert notes({**table, "kind": draw.choice(["yes", "no"], 300).tolist()}, "kind") == []


def test_a_text_with_several_partners_is_told_on_either_side():
    draw = np.random.default_rng(0)
    words = [f"word{number}" for number in range(60)]
    source = [" ".join(draw.choice(words, 5)) for _ in range(300)]
    target = [" ".join(draw.choice(words, 5)) for _ in range(300)]
    columns = {"english": {"kind": "text"}, "chinese": {"kind": "text", "tokenizer": "words"}}
    one = notes({"english": source[:200] + source[:100], "chinese": target}, "chinese", columns=columns)
    assert len(one) == 1 and "column: english" in one[0]
    other = notes({"english": source, "chinese": target[:200] + target[:100]}, "chinese", columns=columns)
    assert len(other) == 1 and "have a 'chinese' that a training row has too" in other[0]
    assert notes({"english": source, "chinese": target}, "chinese", columns=columns) == []


def film(frames: int) -> np.ndarray:
    """A view that changes slowly."""
    draw = np.random.default_rng(0)
    view, found = draw.normal(size=(16, 24)), []
    for _ in range(frames):
        view = 0.97 * view + 0.24 * draw.normal(size=view.shape)
        found.append(view)
    return (128 + 40 * np.stack(found)).clip(0, 255).astype(np.uint8)[..., None]


@pytest.mark.parametrize(
    ("moving", "by", "told"), [(True, "random", True), (True, "time", False), (False, "random", False)]
)
def test_frames_of_a_film_in_a_random_split_are_told(moving, by, told):
    pictures = film(240) if moving else np.random.default_rng(1).integers(0, 255, (240, 16, 24, 1)).astype(np.uint8)
    data = {"frame": list(range(240)), "image": pictures, "angle": np.sin(np.arange(240) / 25).tolist()}
    how = {"kind": "time", "column": "frame"} if by == "time" else "random"
    found = notes(data, "angle", how, columns={"frame": "drop"})
    assert bool(found) is told
    if told:
        assert "just before or after a training row's" in found[0] and "{kind: time, column: frame}" in found[0]


@pytest.mark.real
@real
@pytest.mark.parametrize(
    ("data", "columns", "told"),
    [
        ({"path": "splice", "split": "stratified"}, {}, ["the inputs of a training row"]),
        ({"path": "splice", "split": {"kind": "group", "column": "sequence"}}, {}, []),
        (
            {"path": "tatoeba", "split": {"kind": "random", "official": False}},
            {"english": "text", "chinese": "text"},
            ["the inputs of a training row", "a 'chinese' that a training row has too"],
        ),
        ("tatoeba", {"english": "text", "chinese": "text"}, ["a 'chinese' that a training row has too"]),
    ],
)
def test_the_traps_of_real_data_are_told(data, columns, told):
    loaded = load({"data": data, "columns": columns})
    rows = preparation.open_rows(loaded)
    rows.notes.clear()
    found = preparation.prepare(loaded, rows=rows).rows.notes
    assert len(found) == len(told) and all(words in note for words, note in zip(told, found))


@pytest.mark.real
@real
def test_frames_of_the_simulator_are_told(tmp_path):
    import zipfile

    folder = os.path.join(os.environ["MODELWRIGHT_DATA"], "driving", "sim_track")
    with zipfile.ZipFile(os.path.join(folder, "images_center_160x80.zip")) as archive:
        archive.extractall(tmp_path)
    with open(os.path.join(folder, "driving_log.csv")) as log:
        (tmp_path / "log.csv").write_text(log.read())
    beside = dict.fromkeys(("frame", "throttle", "reverse_or_brake", "speed"), "drop")
    for how, told in (("random", 1), ({"kind": "time", "column": "frame"}, 0)):
        data = {"path": str(tmp_path / "log.csv"), "split": how}
        loaded = load({"data": data, "target": "steering", "columns": beside})
        found = [note for note in preparation.prepare(loaded).rows.notes if "in a film" in note]
        assert len(found) == told
