"""Fitting, encoding, the cache of encoded arrays, and the names of batch keys."""

import os
import subprocess
import sys
import threading

import numpy as np
import pyarrow as pa
import pytest
import torch

from modelwright.columns import Ragged, build
from modelwright.data import _cache, _writing, encoding
from modelwright.data._content import content
from modelwright.errors import DataError


def table(rows=300, seed=0):
    random = np.random.default_rng(seed)
    words = np.array(["good", "bad", "so", "very", "film"])
    text = [" ".join(random.choice(words, random.integers(0, 9))) for _ in range(rows)]
    return pa.table(
        {
            "x": random.normal(size=rows).round(3).astype(str),
            "z": random.normal(size=rows),
            "city": random.choice(["Rome", "Oslo", "Bonn"], rows),
            "note": text,
            "y": random.choice(["no", "yes"], rows),
            "price": random.gamma(2.0, size=rows),
        }
    )


def columns(**changes):
    kinds = {
        "x": "number",
        "z": "number",
        "city": "category",
        "note": "text",
        "y": "category",
        "price": "number",
        **changes,
    }
    return {name: build(name, kind, name in ("y", "price")) for name, kind in kinds.items() if kind}


def fitted(rows, train=None, **changes):
    found = columns(**changes)
    encoding.fit(rows, found, train)
    return found


def same(one, other):
    assert set(one.dense) == set(other.dense) and set(one.ragged) == set(other.ragged)
    for key, values in one.dense.items():
        assert torch.equal(values.nan_to_num(7), other.dense[key].nan_to_num(7)), key
    for key, values in one.ragged.items():
        assert all(torch.equal(a, b) for a, b in zip(values, other.ragged[key])), key


def test_groups_share_an_array_and_others_have_their_own():
    rows = table()
    encoded = encoding.encode(rows, fitted(rows))
    shapes = {key: (tuple(values.shape), values.dtype) for key, values in encoded.dense.items()}
    assert shapes == {
        "number": ((300, 2), torch.float32),
        "category": ((300, 1), torch.int32),
        "target.y": ((300,), torch.int64),
        "target.price": ((300,), torch.float32),
    }
    assert list(encoded.ragged) == ["note"] and len(encoded) == 300


def test_the_arrays_are_what_the_columns_say():
    rows = table()
    found = fitted(rows)
    encoded = encoding.encode(rows, found, cache=False)
    by_hand = np.concatenate([found[name].encode(rows.column(name).combine_chunks()) for name in ("x", "z")], axis=1)
    assert np.array_equal(encoded.inputs["number"], by_hand)
    assert np.array_equal(encoded.targets["y"], found["y"].encode(rows.column("y").combine_chunks()))


def test_fitting_sees_only_training_rows_whatever_the_chunks():
    rows = table()
    train = np.random.default_rng(1).random(300) < 0.5
    whole = fitted(rows.filter(pa.array(train)), note=None)
    for chunk in (1, 7, 300):
        found = columns(note=None)
        pieces = pa.concat_tables([rows.slice(0, 100), rows.slice(100, 3), rows.slice(103)])
        encoding.fit(pieces, found, train, chunk)
        for name, column in found.items():
            for key, value in column.state().items():
                expected = whole[name].state()[key]
                assert value == expected or np.allclose(value, expected), (chunk, name, key)


def test_masks_and_padding_of_a_batch():
    rows = table()
    encoded = encoding.encode(rows, fitted(rows))
    ragged = encoded.inputs["note"]
    index = np.random.default_rng(0).integers(0, 300, 40)
    batch = encoded.batch(index)
    ids, mask = ragged.take(index).padded()
    assert np.array_equal(batch["note"], ids) and np.array_equal(batch["note.mask"], mask)
    assert batch["note.mask"].dtype == torch.bool and batch["note"].dtype == torch.int32
    assert torch.equal(batch["number"], encoded.dense["number"][index])
    assert encoded.batch(np.array([], np.int64))["note"].shape == (0, 1)


@pytest.mark.parametrize("rows", [[[], []], [[], [5, 6], []]])
def test_empty_rows_have_one_masked_place(rows):
    encoded = encoding.Encoded({"note": Ragged.of(rows)}, {}, len(rows))
    batch = encoded.batch(torch.tensor([0, len(rows) - 1]))
    assert batch["note"].tolist() == [[0], [0]] and batch["note.mask"].tolist() == [[False], [False]]


def test_the_cache_gives_the_same_arrays(cache):
    rows = table()
    found = fitted(rows)
    fresh = encoding.encode(rows, found, cache=False)
    assert not cache.exists()
    made = encoding.encode(rows, found)
    (entry,) = (cache / "encoded").iterdir()
    again = encoding.encode(rows, found)
    same(fresh, made)
    same(fresh, again)
    assert list((cache / "encoded").iterdir()) == [entry]


def test_large_arrays_are_mapped_and_stay_when_the_cache_is_deleted(cache, monkeypatch):
    monkeypatch.setattr(_writing, "MAPPED_BYTES", 100)
    rows = table()
    found = fitted(rows)
    fresh = encoding.encode(rows, found, cache=False)
    mapped = encoding.encode(rows, found)
    assert isinstance(mapped.inputs["number"], np.memmap)
    mapped.dense["number"][0] = 99  # copy on write: the file keeps its values
    _cache._remove(next((cache / "encoded").iterdir()))
    assert mapped.batch(torch.arange(300))["note"].any()
    again = encoding.encode(rows, found)
    same(fresh, again)


def test_what_makes_another_entry(cache):
    rows = table()
    found = fitted(rows)
    keys = {content(rows, found)}
    keys.add(content(rows.slice(1), found))
    keys.add(content(rows, found, ["city"]))
    keys.add(content(rows, fitted(rows, np.arange(300) < 150)))
    keys.add(content(rows, fitted(rows, note={"kind": "text", "min_frequency": 3})))
    keys.add(content(rows.select(["y", "x", "z", "city", "note", "price"]), found))
    assert len(keys) == 6
    assert content(rows, found) in keys


def test_a_changed_picture_makes_another_entry(tmp_path):
    (tmp_path / "1.png").write_bytes(b"one")
    rows = pa.table({"image": [str(tmp_path / "1.png"), None]})
    before = content(rows, {})
    (tmp_path / "1.png").write_bytes(b"other")
    assert content(rows, {}) != before


def test_small_tables_are_not_cached(cache):
    rows = table().drop_columns(["note"])
    encoding.encode(rows, fitted(rows, note=None))
    assert not cache.exists()


def test_what_could_not_be_read_is_remembered_with_the_arrays():
    rows = pa.table({"x": ["1", "2", "three"] * 10, "note": ["a b"] * 30, "y": ["p", "q", "p"] * 10})
    kinds = {"x": "number", "note": "text", "y": "category"}
    problems = []
    for _ in range(2):
        found = {name: build(name, kind, name == "y") for name, kind in kinds.items()}
        encoding.fit(rows, found)
        for column in found.values():
            column.problems.clear()
        encoding.encode(rows, found)
        problems.append(found["x"].problems)
    assert problems[0] == problems[1]


def test_an_unusable_cache_is_said_and_done_without(cache):
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file where the folder should be")
    rows = table()
    found = fitted(rows)
    with pytest.warns(UserWarning, match="cannot be used"):
        encoded = encoding.encode(rows, found)
    same(encoded, encoding.encode(rows, found, cache=False))


def test_the_entries_used_longest_ago_make_room(cache, monkeypatch):
    def make(size):
        return lambda folder: (folder / "f").write_bytes(b"0" * size)

    monkeypatch.setenv("MODELWRIGHT_CACHE_SIZE", "0.0000025")  # 2,500 bytes
    for place, name in enumerate("abc"):
        path = _cache.entry("encoded", name, make(1000))
        if path.exists():
            os.utime(path, (place, place))
    assert sorted(p.name for p in (cache / "encoded").iterdir()) == ["b", "c"]
    _cache.entry("encoded", "b", make(1000))  # used again
    _cache.entry("tables", "d", make(1000))
    assert sorted(p.name for p in (cache / "encoded").iterdir()) == ["b"]
    assert (cache / "tables" / "d").exists()
    _cache.entry("encoded", "big", make(9000))  # kept although alone too large
    assert [p.name for p in (cache / "encoded").iterdir()] == ["big"]


def test_a_failed_making_leaves_nothing_and_old_remains_are_cleared(cache):
    def fail(folder):
        (folder / "half").write_text("x")
        raise OSError("No space left on device")

    with pytest.warns(UserWarning, match="No space left"):
        assert _cache.entry("encoded", "k", fail) is None
    assert list((cache / "encoded").iterdir()) == []
    remains = cache / "encoded" / "k.123.part"
    remains.mkdir()
    os.utime(remains, (0, 0))
    _cache.trim()
    assert not remains.exists()


def test_threads_making_the_same_entry(cache):
    rows = table()
    found = fitted(rows)
    expected = encoding.encode(rows, found, cache=False)
    results = []
    threads = [threading.Thread(target=lambda: results.append(encoding.encode(rows, found))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6 and len(list((cache / "encoded").iterdir())) == 1
    for result in results:
        same(expected, result)


def test_processes_sharing_a_cache_that_is_being_emptied(cache):
    code = """
import sys, numpy as np, pyarrow as pa
from modelwright.columns import build
from modelwright.data import encoding
for i in range(30):
    rows = pa.table({'note': [f'a b {i % 3}', 'c'] * 50})
    found = {'note': build('note', 'text')}
    encoding.fit(rows, found)
    encoded = encoding.encode(rows, found)
    assert encoded.batch(np.arange(100))['note'].shape[0] == 100
"""
    environment = {**os.environ, "MODELWRIGHT_CACHE_SIZE": "0.000001"}
    running = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE) for _ in range(3)
    ]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
        assert b"Traceback" not in errors


def test_missing_columns_are_named():
    rows = table()
    found = fitted(rows)
    with pytest.raises(DataError) as caught:
        encoding.encode(rows.drop_columns(["city", "x"]).rename_columns(["z", "notes", "y", "price"]), found)
    assert str(caught.value) == "data: the rows have no column 'x', 'city', 'note'. Known: notes, price, y, z."
    inputs = {name: column for name, column in found.items() if not column.target}
    encoded = encoding.encode(rows.drop_columns(["y", "price"]), inputs)
    assert encoded.targets == {} and set(encoded.dense) == {"number", "category"}


def test_no_rows_are_encoded_to_no_rows():
    rows = table()
    encoded = encoding.encode(rows.slice(0, 0), fitted(rows))
    assert len(encoded) == 0 and encoded.dense["number"].shape == (0, 2)


def test_images_are_one_array_of_bytes():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 5, 4, 3), np.uint8)
    rows = pa.table({"image": pa.FixedShapeTensorArray.from_numpy_ndarray(pixels), "y": ["a", "b"] * 10})
    found = {"image": build("image", "image"), "y": build("y", "category", True)}
    encoding.fit(rows, found)
    encoded = encoding.encode(rows, found)
    assert torch.equal(encoded.dense["image"], torch.from_numpy(pixels))
    (source,) = encoding.sources(found)
    assert (source.name, source.kind) == ("image", "image") and source.sizes["channels"] == 3


def test_sources_describe_the_table_and_the_others():
    rows = table()
    table_source, note = encoding.sources(fitted(rows))
    assert (table_source.name, table_source.kind) == ("table", "table")
    edges = table_source.sizes.pop("edges")  # one list of quantiles for each feature of the number columns
    assert table_source.sizes == {"number": 2, "category": [5]} and [list(e) == sorted(e) for e in edges] == [
        True,
        True,
    ]
    assert (note.name, note.kind) == ("note", "text") and note.sizes["vocabulary"] >= 2


def test_grouped_columns_with_encoders_of_their_own():
    rows = table()
    found = fitted(rows)
    own = {"x", "city"}
    described = {source.name: source for source in encoding.sources(found, own)}
    assert {k: v for k, v in described["table"].sizes.items() if k != "edges"} == {"number": 1}
    assert (described["x"].kind, described["x"].sizes) == ("vector", {"size": 1})
    assert (described["city"].kind, described["city"].sizes) == ("text", {"vocabulary": 5, "length": 1})
    batch = encoding.encode(rows, found, own).batch(torch.arange(7))
    assert {key: tuple(batch[key].shape) for key in ("x", "city", "city.mask", "number")} == {
        "x": (7, 1),
        "city": (7, 1),
        "city.mask": (7, 1),
        "number": (7, 1),
    }
    assert batch["city.mask"].all()


def test_no_two_keys_clash():
    names = {"number": "text", "number_column": "text", "table": "text", "a.b": "text", "a_b": "text", "x": "number"}
    found = {name: build(name, kind) for name, kind in names.items()}
    assert encoding.keys(found) == {
        "number": "number_column",
        "number_column": "number_column_column",
        "table": "table_column",
        "a.b": "a_b",
        "a_b": "a_b_column",
        "x": "number",
    }


def test_ragged_files_hold_more_than_their_first_header(tmp_path):
    writer = _writing.RaggedWriter(3000, tmp_path / "0")
    chunks = [Ragged.of([[i] * (i % 5) for i in range(start, start + 1000)]) for start in (0, 1000, 2000)]
    for chunk in chunks:
        writer.write(chunk)
    found = _writing.opened(tmp_path, writer.finish())
    expected = Ragged.concatenate(chunks)
    assert np.array_equal(found.values, expected.values) and np.array_equal(found.offsets, expected.offsets)


def test_tensors_may_live_elsewhere():
    rows = table()
    encoded = encoding.encode(rows, fitted(rows))
    same(encoded, encoded.to("cpu"))
    assert encoded.to("meta").dense["number"].device.type == "meta"
