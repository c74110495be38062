"""FASTA files, letters in columns of their own, tags in a file beside the sequences."""

from __future__ import annotations

import gzip
import os

import numpy as np
import pytest

import modelwright as mw
from modelwright.data.reading import read
from modelwright.errors import DataError

real = pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="no MODELWRIGHT_DATA")
PROTEINS = ">p1 SET=train VALIDATION=False\nMKVL\nAA\n\n>p2 SET=train VALIDATION=True\nMK\n>p3 SET=test VALIDATION=False\nAAA\n"
TAGS = ">p3 SET=test VALIDATION=False\nHHC\n>p1 SET=train VALIDATION=False\nCCHHHC\n>p2 SET=train VALIDATION=True\nCH\n"
MASK = ">p1\n011110\n>p2\n11\n>p3\n111\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    for name, text in (("p.fasta", PROTEINS), ("tags.fa", TAGS), ("mask.fasta", MASK)):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_fasta_file_is_a_table_with_what_its_headers_say(folder):
    rows = read("p.fasta")
    assert rows.table.to_pylist()[0] == {"name": "p1", "sequence": "MKVLAA", "set": "train", "validation": "False"}
    (folder / "q.fna.gz").write_bytes(gzip.compress(b";old comment\n>g1 a gene of interest\nAC GT\n>g2\n\n"))
    assert read("q.fna.gz").table.to_pylist() == [
        {"name": "g1", "sequence": "ACGT", "description": "a gene of interest"},
        {"name": "g2", "sequence": "", "description": None},
    ]


def test_tags_are_found_by_name_and_masked_letters_have_none():
    rows = read({"sequences": "p.fasta", "tags": "tags.fa", "counted": "mask.fasta"})
    assert rows.table.column("tags").to_pylist() == [[None, "C", "H", "H", "H", None], ["C", "H"], ["H", "H", "C"]]
    assert rows.part.tolist() == [0, 1, 2] and rows.targets == ("tags",)


def test_letters_in_columns_become_one_sequence(folder):
    (folder / "t.csv").write_text("y,b1,b2,b3,n\np,a,c,g,1\nq,t, ,g,2\n")
    rows = read({"sequences": "t.csv", "join": "b*"})
    assert rows.table.to_pylist() == [{"y": "p", "sequence": "acg", "n": "1"}, {"y": "q", "sequence": "t-g", "n": "2"}]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"sequences": "t.csv", "join": "z*"}, r"column 'z\*': no column has such a name"),
        ({"sequences": "t.csv", "join": "*"}, r"column 'word': expected a letter in each cell, found one of 3"),
        (
            {"sequences": "p.fasta", "counted": "mask.fasta"},
            "data: counted: it says which tags count, and there are none",
        ),
        ({"sequences": "p.fasta", "tags": "short.fa"}, r"short.fa: 'p1' has 6 letters and 3 signs here"),
        ({"sequences": "p.fasta", "tags": "few.fa"}, r"few.fa: there is no sequence 'p2'"),
        ({"sequences": "gone.fasta", "tags": "tags.fa"}, "gone.fasta"),
        ("bare.fa", r"bare.fa:1: expected a header that begins with >, found 'ACGT'"),
        ("nameless.fa", r"nameless.fa:3: a header without a name"),
        ("empty.fa", "there is no sequence in the file"),
    ],
)
def test_what_does_not_fit_is_refused(folder, spec, message):
    files = {"t.csv": "word,a\nfox,b\n", "short.fa": TAGS.replace("CCHHHC", "CCH"), "few.fa": TAGS.partition(">p2")[0]}
    files |= {"bare.fa": "ACGT\n>x\nA\n", "nameless.fa": ">x\nACG\n> \nA\n", "empty.fa": "\n"}
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read(spec)


def test_masked_letters_are_neither_learned_nor_counted(folder):
    draw = np.random.default_rng(0)
    lines = {"s": [], "t": [], "m": []}
    for number in range(120):
        letters = draw.choice(list("ACDEFGHIKL"), 12)
        tags = np.where(letters < "F", "H", "C")
        hidden = draw.random(12) < 0.3
        tags[hidden] = "X"  # a class that only hidden letters have
        for key, row in (("s", letters), ("t", tags), ("m", np.where(hidden, "0", "1"))):
            lines[key].append(f">p{number}\n{''.join(row)}")
    for key, rows in lines.items():
        (folder / f"{key}.fasta").write_text("\n".join(rows))
    recipe = {
        "data": {"sequences": "s.fasta", "tags": "t.fasta", "counted": "m.fasta"},
        "model": {"encoders": {"sequence": {"kind": "cnn", "channels": [16], "shrink": 1}}},
        "train": {"epochs": 8, "batch": 16, "lr": 1e-2, "speed": "fixed", "threads": 1, "early_stop": 0},
        "baselines": False,
    }
    run = mw.train(recipe, out="run", report=False)
    assert run.columns["tags"].labels == ["C", "H"]
    scores = run.metrics["test"]["tags"]
    assert scores["accuracy"] == 1.0 and scores["rows"] == 12
    (answer,) = run.predict([{"sequence": "ACKL"}])["tags"].to_pylist()
    assert answer == ["H", "H", "C", "C"]


@pytest.mark.real
@real
@pytest.mark.parametrize(
    ("name", "rows", "parts"),
    [
        ("gb1_two_vs_rest", 8733, [381, 43, 8309]),
        ("gb1_three_vs_rest", 8733, [2691, 299, 5743]),
        ("secondary_structure", 11156, [9712, 1080, 364]),
        ("splice", 3190, None),
        ("promoters", 106, None),
    ],
)
def test_the_named_sets_are_whole(name, rows, parts):
    found = read(name)
    assert found.table.num_rows == rows
    assert (None if found.part is None else np.bincount(found.part).tolist()) == parts
    assert {len(cell) for cell in found.table.column("sequence").to_pylist()} == {
        "splice": {60}, "promoters": {57},
    }.get(name, {len(cell) for cell in found.table.column("sequence").to_pylist()})  # fmt: skip


@pytest.mark.real
@real
def test_the_raw_files_of_splice_and_esol_are_doubted():
    from modelwright.columns import infer

    folder = os.path.join(os.environ["MODELWRIGHT_DATA"], "bioinformatics")
    splice = infer(read(f"{folder}/splice/splice.arff.gz").table, ["Class"])["Instance_name"]
    assert "leak? Words in it tell the target 'Class': ACCEPTOR, DONOR" in splice.doubt
    target = "measured log solubility in mols per litre"
    esol = infer(read(f"{folder}/esol/delaney-processed.csv.gz").table, [target])
    assert [name for name, found in esol.items() if "leak?" in found.doubt] == [
        "ESOL predicted log solubility in mols per litre"
    ]
