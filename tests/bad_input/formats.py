"""Folders, archives, pictures and other formats that cannot be read, or not as they were meant."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

from ._case import GOOD, QUICK, Case

DONE = "modelwright predict r FILE"  # what to type next
OUT = f"{QUICK} --out r"
TRAIN = f"train data.csv --target y {OUT}"
ARFF = "@relation r\n@attribute a numeric\n@attribute y {p,q}\n@data\n"
IDX = b"\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x02" + bytes(5)


def _zip(**members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("_", "."), text)
    return packed.getvalue()


def _parquet(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    pyarrow.parquet.write_table(pa.table({"a": [1, 2, 3] * 10, "y": ["p", "q", "q"] * 10}), folder / "data.parquet")
    whole = (folder / "data.parquet").read_bytes()
    (folder / "data.parquet").write_bytes(whole[: len(whole) // 2])


def _pictures(folder: Path, classes: int = 2, broken: int = 0, rows: int = 12) -> None:
    from PIL import Image

    for number in range(rows):
        file = folder / "pictures" / f"class{number % classes}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number * 20).save(file)
        if number < broken:
            file.write_bytes(b"\x89PNG broken")


_TAGGED = [(["Ann", "ran"], ["B-PER", "O"]), (["a", "dog", "ran"], ["O", "O", "O"])] * 10
_LINES = [{"text": text, "tags": tags} for text, tags in [*_TAGGED[:13], (["go"], ["O", "O"]), *_TAGGED]]

CASES = [
    Case(
        "tags that are not as many as the tokens",
        f"train data.jsonl --target tags {OUT}",
        "error: data, row 13: 'text' has 1 tokens and 'tags' 2 items. Give the text as a list of its tokens, or set its "
        "tokenizer.",
        files={"data.jsonl": "".join(json.dumps(line) + "\n" for line in _LINES)},
    ),
    Case(
        "a line without its tag",
        f"train data.conll {OUT}",
        "error: data.conll:2: expected a token and its tag, found only 'ran'. A blank line ends a sentence.",
        files={"data.conll": "Ann B-PER\nran\n"},
    ),
    Case(
        "a pretrained encoder from a folder that is not there",
        f"train data.csv --target y {OUT} model.encoders.b.kind=pretrained model.encoders.b.path=bert",
        "error: bert: there is no such folder. Give the path of a folder with config.json, model.safetensors and "
        "tokenizer.json.",
    ),
    Case(
        "empty folder",
        f"train empty --target y {OUT}",
        "error: empty: the folder holds no images and no table.",
        prepare=lambda folder: (folder / "empty").mkdir(),
    ),
    Case(
        "folder with two tables",
        f"train both --target y {OUT}",
        "error: both: the folder holds 2 tables (a.csv, b.csv). Name one of them.",
        files={"both/a.csv": GOOD, "both/b.csv": GOOD},
    ),
    Case(
        "folder without images",
        f"train notes --target y {OUT}",
        "error: notes: the folder holds no images and no table.",
        files={"notes/readme.md": "hello"},
    ),
    Case(
        "truncated gzip",
        f"train data.csv.gz --target y {OUT}",
        "error: data.csv.gz: the file is damaged or cut short (Compressed file ended before the "
        "end-of-stream marker was reached).",
        files={"data.csv.gz": gzip.compress(GOOD.encode())[:60]},
    ),
    Case(
        "not gzip",
        f"train data.csv.gz --target y {OUT}",
        "error: data.csv.gz: the file is damaged or cut short (Not a gzipped file (b'a,')).",
        files={"data.csv.gz": GOOD},
    ),
    Case(
        "not a zip",
        f"train data.zip --target y {OUT}",
        "error: data.zip: the file is damaged or cut short (File is not a zip file).",
        files={"data.zip": GOOD},
    ),
    Case(
        "zip with two tables",
        f"train data.zip --target y {OUT}",
        "error: data.zip: a zip must hold one table or a set of images; it holds 2 files (a.csv, b.csv, ...).",
        files={"data.zip": _zip(a_csv=GOOD, b_csv=GOOD)},
    ),
    Case(
        "empty zip",
        f"train data.zip --target y {OUT}",
        "error: data.zip: the archive holds no images.",
        files={"data.zip": _zip()},
    ),
    Case(
        "truncated Parquet",
        f"train data.parquet --target y {OUT}",
        "error: data.parquet: this is not a Parquet file, or it is damaged (Parquet magic bytes not found "
        "in footer. Either the file is corrupted or this is not a parquet file).",
        prepare=_parquet,
    ),
    Case(
        "not Parquet",
        f"train data.parquet --target y {OUT}",
        "error: data.parquet: this is not a Parquet file, or it is damaged (Parquet magic bytes not found "
        "in footer. Either the file is corrupted or this is not a parquet file).",
        files={"data.parquet": GOOD},
    ),
    Case(
        "not Arrow",
        f"train data.arrow --target y {OUT}",
        "error: data.arrow: this is not an Arrow file, or it is damaged (Expected to read 744631393 "
        "metadata bytes, but only read 421).",
        files={"data.arrow": GOOD},
    ),
    Case(
        "broken JSON line",
        f"train data.jsonl --target y {OUT}",
        "error: data.jsonl:2:13: this is not valid JSON (Expecting ':' delimiter).",
        files={"data.jsonl": '{"a": 1, "y": "p"}\n{"a": 2, "y"\n'},
    ),
    Case(
        "JSON line that is no object",
        f"train data.jsonl --target y {OUT}",
        "error: data.jsonl:2: a line must be a JSON object, given list.",
        files={"data.jsonl": '{"a": 1, "y": "p"}\n[3]\n'},
    ),
    Case(
        "JSON that holds no rows",
        f"train data.json --target y {OUT}",
        "error: data.json, row 0: a row must be a dict, given int.",
        files={"data.json": "[1, 2]"},
    ),
    Case(
        "ARFF with a short row",
        f"train data.arff --target y {OUT}",
        "error: data.arff:6: expected 2 cells as the header says, found 1.",
        files={"data.arff": ARFF + "1,p\n2\n"},
    ),
    Case(
        "ARFF without data",
        f"train data.arff --target y {OUT}",
        "error: data.arff: the file has a header and no rows.",
        files={"data.arff": ARFF},
    ),
    Case(
        "ARFF with an unknown keyword",
        f"train data.arff --target y {OUT}",
        "error: data.arff:1: this line of the header begins with no known keyword.",
        files={"data.arff": "@relaton r\n" + ARFF},
    ),
    Case(
        "not ARFF",
        f"train data.arff --target y {OUT}",
        "error: data.arff: this is not an ARFF file: it has no @attribute or no @data.",
        files={"data.arff": "% nothing\n"},
    ),
    Case(
        "truncated idx",
        f"train x-images-idx3-ubyte --target label {OUT}",
        "error: x-images-idx3-ubyte: the header promises 24 bytes of (2, 2, 2), found 21.",
        files={"x-images-idx3-ubyte": IDX},
    ),
    Case(
        "not idx",
        f"train x-images-idx3-ubyte --target label {OUT}",
        "error: x-images-idx3-ubyte: this is not an idx file.",
        files={"x-images-idx3-ubyte": GOOD},
    ),
    Case(
        "Excel",
        f"train data.xlsx --target y {OUT}",
        "error: data.xlsx: Excel files are not read. Save the table as CSV or Parquet.",
        files={"data.xlsx": _zip(a_xml="<a/>")},
    ),
    Case(
        "pickle",
        f"train data.pkl --target y {OUT}",
        "error: data.pkl: pickle files are not read. Save the table as CSV or Parquet.",
        files={"data.pkl": b"\x80\x04N."},
    ),
    Case(
        "images of one class",
        f"train pictures --target label {OUT}",
        "error: pictures: the files are not in one folder a class. Put them in <class>/<file>, or name "
        "them in a table: a CSV with a column of paths and one of labels.",
        prepare=lambda folder: _pictures(folder, 1),
    ),
    Case(
        "all images broken",
        f"train pictures --target label {OUT}",
        "error: pictures: column 'image': the column holds no pictures: none of 10 can be read; the "
        "first: row 0, 'pictures/class1/11.png': cannot identify image file 'pictures/class1/11.png'. "
        "Paths begin at the folder of the table; a column of another kind is named under columns.",
        prepare=lambda folder: _pictures(folder, 2, 12),
    ),
    Case(
        "some images broken",
        f"train pictures --target label {OUT}",
        DONE,
        0,
        prepare=lambda folder: _pictures(folder, 2, 3, 40),
    ),
    Case(
        "named images that are not there",
        f"train data.csv --target y {OUT}",
        "error: data: column 'f': the column holds no pictures: none of 24 can be read; the first: row "
        "0, 'p27.png': No such file or directory. Paths begin at the folder of the table; a column of "
        "another kind is named under columns.",
        files={"data.csv": "f,y\n" + "".join(f"p{i}.png,{'pq'[i % 2]}\n" for i in range(30))},
    ),
    Case(
        "test file without a column",
        f"train recipe.yaml {OUT}",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:1: data: the column 'b' of train is not in test. Did you mean 'bb'?",
        recipe="data: {train: data.csv, test: t.csv}\ntarget: y\n",
        files={"t.csv": GOOD.replace("a,b,y", "a,bb,y")},
    ),
    Case(
        "recipe of binary",
        "check recipe.yaml",
        "error: recipe.yaml: byte 0 is not valid utf-8. A recipe is text: save it as UTF-8.",
        files={"recipe.yaml": b"\xff\xfe\x00data"},
    ),
]
