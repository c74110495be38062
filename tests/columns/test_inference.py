from __future__ import annotations

import datetime
import gzip
import io
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from modelwright.columns import infer
from modelwright.errors import DataError

N = 300
RANDOM = np.random.default_rng(0)
WORDS = np.array(
    [
        "the",
        "a",
        "film",
        "story",
        "actor",
        "music",
        "plot",
        "is",
        "was",
        "very",
        "good",
        "bad",
        "dull",
        "fine",
        "great",
        "slow",
    ]
)


def one(values, target=False, name="x"):
    return infer(pa.table({name: values}), [name] if target else [])[name]


def sentences(count=N, length=8):
    return [" ".join(RANDOM.choice(WORDS, length)) + f" {i}" for i in range(count)]


def numbers(count=N):
    return RANDOM.normal(size=count).round(4)


INPUTS = {
    "floats": (numbers(), "number"),
    "floats in text": ([str(x) for x in numbers()], "number"),
    "floats with gaps": ([None if i % 3 else str(x) for i, x in enumerate(numbers())], "number"),
    "decimal commas": ([str(x).replace(".", ",") for x in numbers()], "number"),
    "counts": (RANDOM.integers(0, 6, N), "number"),
    "one and zero": (RANDOM.integers(0, 2, N), "boolean"),
    "yes and no": (["Yes", "no", None] * 100, "boolean"),
    "booleans": ([True, False] * 150, "boolean"),
    "two words": (["red", "blue"] * 150, "category"),
    "towns": (RANDOM.choice([f"town {i}" for i in range(40)], N), "category"),
    "a tick": (["x", None, None] * 100, "category"),
    "zip codes": ([f"0{i % 70:04d}" for i in range(N)], "category"),
    "sentences": (sentences(), "text"),
    "reviews": ([f"这家店第{i}次来，味道很好" for i in range(N)], "text"),
    "repeated sentences": (sentences(100) * 5, "text"),
    "row numbers": (np.arange(N), "drop"),
    "row numbers in text": ([str(i) for i in range(1, N + 1)], "drop"),
    "codes": ([f"A{i * 7919 % 10007}-{i}" for i in range(N)], "drop"),
    "constant": (["same"] * N, "drop"),
    "empty": ([None] * N, "drop"),
    "empty text": (["", "NA"] * 150, "drop"),
    "dates": ([f"2020-01-{1 + i % 28:02d} 10:{i % 60:02d}" for i in range(N)], "date"),
    "american dates": ([f"{1 + i % 12}/{1 + i % 28}/2020" for i in range(N)], "date"),
    "typed dates": ([datetime.date(2020, 1, 1 + i % 28) for i in range(N)], "date"),
    "image files": ([f"/pictures/{i}.JPG" for i in range(N)], "image"),
    "png": ([b"\x89PNG\r\n" + bytes([i % 256]) for i in range(N)], "image"),
    "other bytes": ([b"abc"] * N, "drop"),
    "image structs": ([{"bytes": b"1", "path": "a.png"}] * N, "image"),
    "tensors": (pa.FixedShapeTensorArray.from_numpy_ndarray(np.zeros((9, 8, 8), np.uint8)), "image"),
    "matrices of bytes": ([[[1, 2], [3, 4]]] * 30, "image"),
    "fixed lists": (pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(300)), 3), "vector"),
    "lists of one length": ([[1.0, 2.0, 3.0]] * N, "vector"),
    "vectors in text": ([f"[{x}, {x * 2}]" for x in numbers()], "vector"),
    "vectors between spaces": ([f"{x} {x * 2} 7" for x in numbers()], "vector"),
    "lists of strings": ([["a", "b"], ["a"], []] * 100, "multilabel"),
    "lists of integers": ([[1, 2], [1], [3, 1, 2]] * 100, "multilabel"),
    "bars": (["|".join(RANDOM.choice(list("abcdef"), RANDOM.integers(1, 4))) for _ in range(N)], "multilabel"),
    "semicolons": (["; ".join(RANDOM.choice(["new", "old", "big"], 2)) for _ in range(N)], "multilabel"),
    "text with a bar": ([f"{s} | {i}" for i, s in enumerate(sentences())], "text"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_inputs(name):
    values, kind = INPUTS[name]
    found = one(values)
    assert found.kind == kind and found.reason, found


TARGETS = {
    "floats": (numbers(), "number"),
    "few whole numbers": (RANDOM.integers(3, 9, N), "category"),
    "few whole numbers in text": ([str(x) for x in RANDOM.integers(0, 10, N)], "category"),
    "a hundred classes": (np.arange(1000) % 100, "category"),
    "counts with a tail": (RANDOM.geometric(0.05, 1000), "number"),
    "zero and one": (["0", "1"] * 150, "boolean"),
    "any two values": (["good", "bad"] * 150, "category"),
    "one and two": ([1, 2] * 150, "category"),
    "words": (RANDOM.choice(["cat", "dog", "cow"], N), "category"),
    "sets": (["a|b", "b", "c|a", "a|c|b", "b|c"] * 60, "multilabel"),
    "constant": (["x"] * N, "category"),
    "empty": ([None] * N, "category"),
    "distinct numbers": (np.arange(N) * 3, "number"),
    "prices in text": ([f"${x:,.2f}" for x in RANDOM.uniform(1, 5000, N)], "number"),
}


@pytest.mark.parametrize("name", TARGETS)
def test_targets(name):
    values, kind = TARGETS[name]
    assert one(values, target=True).kind == kind


def test_options_that_go_with_the_kind():
    assert one(INPUTS["decimal commas"][0]).options == {"decimal": ","}
    assert one(INPUTS["bars"][0]).options == {"delimiter": "|"}


def test_identifiers_by_name_and_by_content():
    ids = RANDOM.permutation(10_000)[:N]
    assert one(ids, name="customer_id").kind == "drop" and one(ids, name="population").kind == "number"
    assert one(RANDOM.integers(0, 50, N), name="userId").kind == "category"
    assert one(RANDOM.integers(0, 50, N), name="paid").kind == "number"


def test_classes_by_name():
    counts = RANDOM.geometric(0.05, 1000)
    assert one(counts, target=True, name="class_id").kind == "category"
    assert one(counts, target=True, name="rings").kind == "number"


def test_few_rows_are_no_evidence_of_identifiers():
    assert one(["red", "green", "blue", "grey"]).kind == "category"
    assert one([3, 1, 2]).kind == "number"


def test_doubts_are_told():
    assert "'abc'" in one([*map(str, numbers()), "abc"]).doubt
    assert "order" in one(RANDOM.integers(1, 6, N), target=True).doubt
    assert "characters" in one(INPUTS["codes"][0]).doubt


def test_leaks_are_doubted_and_honest_columns_are_not():
    y = RANDOM.choice(["cat", "dog", "cow"], N)
    noisy = np.where(RANDOM.random(N) < 0.9, y, "cat")
    price = RANDOM.uniform(1, 9, N)
    table = pa.table({"y": y, "copy": np.char.upper(y), "noisy": noisy, "price": price, "cents": price * 100,
                      "near": price + RANDOM.normal(size=N) * 0.2, "weight": price * 3 + RANDOM.normal(size=N)})  # fmt: skip
    found = infer(table, ["y", "price"])
    assert "leak? It nearly tells the target 'y' (100.0% of the rows)" in found["copy"].doubt
    assert "leak?" in found["cents"].doubt and "'price'" in found["cents"].doubt
    assert "leak? It is nearly the target 'price' itself" in found["near"].doubt
    assert found["noisy"].doubt == "" and "leak" not in found["weight"].doubt and found["y"].doubt == ""


def test_a_rare_event_is_no_leak():
    y = ["no"] * 998 + ["yes"] * 2
    assert infer(pa.table({"y": y, "z": ["a", "b"] * 500}), ["y"])["z"].doubt == ""


def test_what_looks_constant_in_the_sample_is_looked_at_in_full():
    rare = np.zeros(200_000)
    rare[150_001] = 5
    table = pa.table({"rare": rare, "never": np.ones(200_000), "filled": pa.array([None] * 199_999 + ["a"])})
    found = infer(table)
    assert found["rare"].kind == "number" and found["never"].kind == "drop" and found["filled"].kind == "category"


def test_an_unknown_target_is_named_with_its_neighbours():
    with pytest.raises(DataError, match=r"target 'surived': there is no such column.*'survived'"):
        infer(pa.table({"survived": [1]}), ["surived"])


def test_order_is_that_of_the_table_and_no_rows_are_fine():
    found = infer(pa.table({"b": pa.array([], pa.string()), "a": pa.array([], pa.float64())}), ["a"])
    assert list(found) == ["b", "a"] and found["b"].kind == "drop"


def test_time_is_bounded_for_long_and_for_wide_tables():
    long = pa.table({"n": np.arange(3_000_000.0) % 977, "s": pa.array(["a", "b", "c"]).take(np.arange(3_000_000) % 3)})
    wide = pa.table({f"pixel{i}": RANDOM.integers(0, 256, 5000).astype(str) for i in range(300)})
    start = time.process_time()
    infer(long, ["s"])
    infer(wide)
    assert time.process_time() - start < 6


DATA = os.environ.get("MODELWRIGHT_DATA")


@pytest.mark.real
@pytest.mark.skipif(not DATA, reason="$MODELWRIGHT_DATA is not set")
def test_real_tables():
    def read(path, **options):
        data = Path(DATA, path).read_bytes()
        data = gzip.decompress(data) if path.endswith(".gz") else data
        return pa.csv.read_csv(io.BytesIO(data), **options)

    kinds = {name: found.kind for name, found in infer(read("tabular/titanic/titanic.csv"), ["Survived"]).items()}
    assert kinds["PassengerId"] == kinds["Ticket"] == "drop" and kinds["Name"] == "text"
    assert kinds["Survived"] == "boolean" and kinds["Sex"] == kinds["Embarked"] == "category"
    movies = infer(read("recommenders/ml-latest-small/movies.csv.gz"))
    assert movies["genres"].kind == "multilabel" and movies["title"].kind == "text" and movies["movieId"].kind == "drop"
    archive = zipfile.ZipFile(Path(DATA, "nlp/online_shopping_10_cats/online_shopping_10_cats.zip"))
    options = pa.csv.ParseOptions(newlines_in_values=True)
    shopping = pa.csv.read_csv(io.BytesIO(archive.read(archive.namelist()[0])), parse_options=options)
    found = infer(shopping, ["cat", "label"])
    assert [found[name].kind for name in ("cat", "label", "review")] == ["category", "boolean", "text"]


def test_lists_beside_tags_are_texts():
    rows = {"text": [["Ann", "ran"], ["a", "dog", "ran"]] * 20, "tags": [["B-P", "O"], ["O", "O", "O"]] * 20}
    found = infer(pa.table(rows), ["tags"])
    assert (found["tags"].kind, found["text"].kind) == ("tags", "text")
    joined = {name: [" ".join(cell) for cell in cells] for name, cells in rows.items()}
    assert infer(pa.table(joined), ["tags"])["tags"].kind == "tags"
    assert infer(pa.table({"set": [["a", "b"], ["b"]] * 20, "y": [1.5, 2.5] * 20}), ["y"])["set"].kind == "multilabel"
