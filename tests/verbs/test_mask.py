"""Masked files, and runs whose folder and cache hold nothing of the personal data in their rows."""

from __future__ import annotations

import gzip
import io
import json
import random
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import modelwright as mw
from modelwright.cli import main
from modelwright.errors import DataError, UserError

ROWS = 'name,phone,note,order_no\r\nAnn,555-234-1234,"write, ann@x.com",2345678901\r\nBo,,nothing,2345678902\r\n'
MASKED = 'name,phone,note,order_no\nAnn,<PHONE>,"write, <EMAIL>",2345678901\nBo,,nothing,2345678902\n'


def command(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["mask", *words])
    return int(ended.value.code or 0)


def test_delimited_text(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(ROWS, newline="")
    report = mw.mask("a.csv", out="b.csv")
    assert (tmp_path / "b.csv").read_text() == MASKED
    assert report.data["counts"] == {"phone": {"phone": 1}, "note": {"email": 1}}
    assert report.blocks[0].rows[1] == ["note", "email", 1, "write, <EMAIL>"]
    assert "ann@" not in str(report)
    assert mw.mask("b.csv", out="c.csv").data["total"] == 0
    assert (tmp_path / "c.csv").read_text() == MASKED
    assert command("a.csv") == 0
    assert capsys.readouterr().out == MASKED
    (tmp_path / "a.tsv").write_text('q\tnote\n"\t13812345678\nx "y\ta@b.com\n1"\tz\n')
    mw.mask("a.tsv", out="b.tsv")
    assert (tmp_path / "b.tsv").read_text() == 'q\tnote\n"\t<PHONE>\nx "y\t<EMAIL>\n1"\tz\n'


def test_chosen_columns_kinds_and_patterns(tmp_path):
    (tmp_path / "a.csv").write_text("who,id\nAnn a@b.com,13812345678\nBo,13912345678\n")
    mw.mask("a.csv", out="b.csv", columns="id")
    assert (tmp_path / "b.csv").read_text() == "who,id\nAnn a@b.com,13812345678\nBo,13912345678\n"  # an id calls nobody
    mw.mask("a.csv", out="b.csv", columns="who", kinds="email", pattern="name=Ann|Bo")
    assert (tmp_path / "b.csv").read_text() == "who,id\n<NAME> <EMAIL>,13812345678\n<NAME>,13912345678\n"
    with pytest.raises(DataError, match=r"no column 'idd'\. Did you mean 'id'"):
        mw.mask("a.csv", out="b.csv", columns="idd")


def test_other_formats(tmp_path):
    lines = [
        {"t": "a@b.com \u4f60\n13812345678", "n": {"x": ["c@d.org", 1]}, "tel": 13812345678},
        {"t": "x", "extra": "e@f.com"},
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    mw.mask("a.jsonl", out="b.jsonl")
    found = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert found[0] == {"t": "<EMAIL> \u4f60\n<PHONE>", "n": {"x": ["<EMAIL>", 1]}, "tel": 13812345678}
    assert found[1] == {"t": "x", "extra": "<EMAIL>"}
    mw.mask("a.jsonl", out="b.jsonl", columns="tel")
    assert json.loads((tmp_path / "b.jsonl").read_text().splitlines()[0])["tel"] == "<PHONE>"
    table = pa.table({"t": ["a@b.com", None], "tel": [13812345678, 1], "l": [["x", "c@d.org"], []]})
    pq.write_table(table, tmp_path / "a.parquet")
    report = mw.mask("a.parquet", out="b.parquet")
    assert pq.read_table("b.parquet").to_pydict() == {
        "t": ["<EMAIL>", None],
        "tel": [13812345678, 1],
        "l": [["x", "<EMAIL>"], []],
    }
    assert report.data["counts"] == {"t": {"email": 1}, "l": {"email": 1}}
    (tmp_path / "a.txt").write_bytes("你好１３８１２３４５６７８\r\nx\r\n".encode())
    mw.mask("a.txt", out="b.txt.gz")
    assert gzip.decompress((tmp_path / "b.txt.gz").read_bytes()) == "你好<PHONE>\r\nx\r\n".encode()
    mw.mask("b.txt.gz", out="c.txt")
    assert (tmp_path / "c.txt").read_bytes() == "你好<PHONE>\r\nx\r\n".encode()


def piped(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_stdin(monkeypatch, capsys):
    for given, words, wanted in (
        ("call 13812345678\nbye\n", [], "call <PHONE>\nbye\n"),
        ('{"a": "x\\n13812345678"}\n', [], '{"a": "x\\n<PHONE>"}\n'),
        ("a,b\n1,c@d.org\n2,e@f.com\n", ["--columns", "b"], "a,b\n1,<EMAIL>\n2,<EMAIL>\n"),
    ):
        piped(monkeypatch, given.encode())
        assert command("-", *words) == 0
        assert capsys.readouterr().out == wanted


def test_json_only_counts(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(ROWS)
    assert command("a.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "rows": 2, "total": 2, "counts": {"phone": {"phone": 1}, "note": {"email": 1}}, "out": None
    }  # fmt: skip


def test_pseudonyms_across_files(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("a@b.com 13812345678")
    (tmp_path / "b.txt").write_text("A@b.com")
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef\n")
    mw.mask("a.txt", out="c.txt", key_file="key")
    mw.mask("b.txt", out="d.txt", key_file="key")
    named = (tmp_path / "c.txt").read_text()
    assert named.split()[0] == (tmp_path / "d.txt").read_text() != "<EMAIL>"
    mw.mask("a.txt", out="e.txt", pseudonyms=True)  # a key that nobody keeps
    assert (tmp_path / "e.txt").read_text() != named
    monkeypatch.setenv("MODELWRIGHT_MASK_KEY", "0123456789abcdef0123456789abcdef")
    mw.mask("a.txt", out="e.txt", pseudonyms=True)
    assert (tmp_path / "e.txt").read_text() == named
    mw.mask("e.txt", out="f.txt", pseudonyms=True)
    assert (tmp_path / "f.txt").read_text() == named
    (tmp_path / "key").write_text("short")
    with pytest.raises(DataError, match="5 bytes, 16 are the least"):
        mw.mask("a.txt", out="e.txt", key_file="key")


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.csv", b"", {}, "is empty"),
        ("a.txt", b" \n", {}, "is empty"),
        ("a.csv", bytes(range(256)), {}, "binary"),
        ("a.parquet", b"PAR1 not", {}, "not a Parquet file"),
        ("a.txt", "电话".encode("gb18030"), {}, "iconv"),
        ("a.jsonl", b'{"a": 1}\n[1]\n', {}, "a.jsonl:2: a line must be a JSON object"),
        ("a.jsonl", b'{"a": 1}\n{"a": \n', {}, "a.jsonl:2: the line is not JSON"),
        ("a.txt", b"x", {"columns": "a"}, "no columns"),
        ("a.txt", b"x", {"kinds": "emial"}, "Did you mean 'email'"),
        ("a.txt", b"x", {"pattern": "x=("}, "no regular expression"),
        ("a.txt", b"x", {"pattern": "x=y?"}, "empty text"),
        ("a.txt", b"x", {"out": "b.csv"}, "the same format"),
        ("none.txt", None, {}, "does not exist"),
    ],
)  # fmt: skip
def test_bad_input(name, content, options, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    out = str(tmp_path / ("b" + Path(name).suffix))
    with pytest.raises(UserError, match=message):
        mw.mask(name, **{"out": out, **options})
    assert not Path(out).exists()


def test_memory_stays_constant(tmp_path):
    import tracemalloc

    line = "Ann,call 555-234-1234 or write to ann@x.com about the thing we spoke of," + "and so on " * 20 + "\n"
    peaks = []
    for size in (200, 3000):
        (tmp_path / "a.csv").write_text("who,what,more\n" + line * size)
        tracemalloc.start()
        mw.mask("a.csv", out="b.csv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 3e6


# ---- runs

PLANTED = ("ann.lee", "13812345678", "4111111111111111", "11010519491231002X", "E123456")


def planted(path: Path, rows: int = 160) -> None:
    """Rows whose texts, categories and sets hold personal data; the words tell the target."""
    draw = random.Random(0)
    with open(path, "w", encoding="utf-8") as file:
        file.write("note,contact,labels,size,good\n")
        for number in range(rows):
            mood = draw.choice(["fine", "awful"])
            secret = PLANTED[number % 5].replace("ann.lee", "ann.lee@x.com")
            note = f"it was {mood} said {secret} and {draw.choice(['more', 'less'])}"
            contact = draw.choice(["ann.lee@x.com", "13812345678", "none"])
            labels = draw.choice(["red|13812345678", "blue|ann.lee@x.com", "red|blue"])
            file.write(f"{note},{contact},{labels},{draw.randint(1, 9)},{'yes' if mood == 'fine' else 'no'}\n")


def assert_clean(*folders: Path) -> None:
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert len(files) > 8
    for file in files:
        data = file.read_bytes()
        for secret in PLANTED:
            assert secret.encode() not in data, f"{secret} in {file}"
            assert secret.encode("utf-32-le") not in data, f"{secret} in {file}"


@pytest.fixture
def recipe(tmp_path):
    planted(tmp_path / "data.csv")
    every = ["all", r"worker=E\d{6}"]
    return {
        "data": {"path": "data.csv", "split": {"kind": "random"}},
        "target": "good",
        "columns": {
            "note": {"kind": "text", "tokenizer": "words", "min_frequency": 1, "mask": every},
            "contact": {"kind": "category", "mask": every},
            "labels": {"kind": "multilabel", "delimiter": "|", "mask": every},
        },
        "train": {"epochs": 2, "speed": "fixed", "threads": 1},
        "baselines": ["majority", "linear"],
    }


@pytest.mark.parametrize("stream", [False, True])
def test_a_runs_folder_and_cache_hold_nothing_personal(recipe, tmp_path, monkeypatch, stream):
    if stream:  # as if the file were large: it becomes a memory-mapped file of the cache
        monkeypatch.setenv("MODELWRIGHT_STREAM_BYTES", "100")
    run = mw.train(recipe, out="run")
    mw.evaluate("run", "data.csv")
    assert_clean(tmp_path / "run", tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("table.arrow")) != [] or not stream
    cells = {"note": "it was fine said 13812345678 and more", "contact": "ann.lee@x.com", "labels": "red", "size": 3}
    other = {**cells, "note": "it was fine said 13987654321 and more", "contact": "bo@y.org"}
    raw, same = (run.predict(row, probabilities=True).to_pylist() for row in (cells, other))
    assert raw == same  # a model that never saw the values cannot tell them apart
    assert "<" in json.loads((tmp_path / "run" / "columns.json").read_text())["note"]["state"]["vocabulary"]


def test_folds_and_worst_mistakes_hold_nothing_personal(recipe, tmp_path):
    recipe["data"]["split"] = {"kind": "folds", "folds": 2}
    recipe["target"] = "contact"
    mw.train(recipe, out="run")
    assert_clean(tmp_path / "run", tmp_path / "cache")
    assert "<EMAIL>" in (tmp_path / "run" / "columns.json").read_text()


def test_the_dry_run_leaves_nothing_behind(recipe, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_STREAM_BYTES", "100")
    import yaml

    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    report = mw.check("recipe.yaml")
    assert "ann.lee" not in str(report.to_json())
    for file in (tmp_path / "cache").rglob("*"):
        assert file.is_dir() or b"ann.lee" not in file.read_bytes()


def test_a_mask_without_a_kind(recipe, tmp_path):
    recipe["columns"] = {
        "note": {"mask": ["all", r"worker=E\d{6}"]},
        "contact": {"mask": "all"},
        "labels": {"mask": "all"},
    }
    mw.train(recipe, out="run")
    assert_clean(tmp_path / "run", tmp_path / "cache")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"mask": ["emial"]}, r"columns\.note\.mask: .*Did you mean 'email'"),
        ({"kind": "text", "mask": "x=("}, r"columns\.note\.mask.*no regular expression"),
        ({"kind": "number", "mask": "all"}, r"columns\.note\.mask: no such option"),
        ({"kind": "text", "mask": 5}, r"columns\.note\.mask: expected a list, given"),
    ],
)
def test_bad_masks_in_recipes(recipe, column, message):
    recipe["columns"] = {"note": column}
    with pytest.raises(UserError, match=message):
        mw.check(recipe)


def test_texts_of_a_language_model(tmp_path):
    lines = [
        f"Ask ann.lee@x.com or 13812345678 about {word}, {i}.\n" for i, word in enumerate(["tea", "rice", "soup"] * 60)
    ]
    (tmp_path / "corpus.txt").write_text("".join(lines))
    recipe = {
        "data": {"path": "corpus.txt", "mask": "all"},
        "model": {
            "kind": "language",
            "width": 16,
            "layers": 1,
            "heads": 2,
            "context": 16,
            "tokenizer": {"kind": "bpe", "size": 280},
        },
        "train": {"steps": 3, "speed": "fixed", "threads": 1},
        "baselines": False,
    }
    run = mw.train(recipe, out="run")
    assert_clean(tmp_path / "run", tmp_path / "cache")
    raw, masked = (run.predict([{"text": text}]).to_pylist() for text in ("I am ann.lee@x.com", "I am <EMAIL>"))
    assert raw == masked
    with pytest.raises(UserError, match="texts of a language model"):
        mw.check({"data": {"path": "corpus.txt", "mask": "all"}, "target": "x"})
