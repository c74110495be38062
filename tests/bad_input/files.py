"""Files that cannot be read, or not as they were meant."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

from ._case import GOOD, QUICK, Case

DONE = "modelwright predict r FILE"  # what to type next
OUT = f"{QUICK} --out r"
TRAIN = f"train data.csv --target y {OUT}"


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


ARFF = "@relation r\n@attribute a numeric\n@attribute y {p,q}\n@data\n"
LATIN = "name,y\n" + "".join(f"Zo\xeb{i},{'pq'[i % 2]}\n" for i in range(30))
CHINESE = "\u8bc4\u8bba,y\n" + "".join(f"\u5f88\u597d{i},{'pq'[i % 2]}\n" for i in range(30))
IDX = b"\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x02" + bytes(5)

CASES = [
    Case("byte order mark", TRAIN, DONE, 0, files={"data.csv": b"\xef\xbb\xbf" + GOOD.encode()}),
    Case("utf-16", TRAIN, DONE, 0, files={"data.csv": GOOD.encode("utf-16")}),
    Case("utf-16 without mark", TRAIN, "?", files={"data.csv": GOOD.encode("utf-16-le")}),
    Case("latin-1", TRAIN, "?", files={"data.csv": LATIN.encode("latin-1")}),
    Case("gb18030", TRAIN, "?", files={"data.csv": CHINESE.encode("gb18030")}),
    Case("unknown encoding", f"train recipe.yaml {OUT}", "?", recipe="data: {path: data.csv, encoding: utf-9}\ntarget: y\n"),
    Case("short row", TRAIN, "?", files={"data.csv": GOOD + "1,red\n" + "2,red,no\n"}),
    Case("long row", TRAIN, "?", files={"data.csv": GOOD + "1,red,no,9\n"}),
    Case("duplicate names", TRAIN, "?", files={"data.csv": GOOD.replace("a,b,y", "a,a,y")}),
    Case("no name in the header", TRAIN, DONE, 0, files={"data.csv": GOOD.replace("a,b,y", ",b,y")}),
    Case("empty file", TRAIN, "?", files={"data.csv": ""}),
    Case("only blanks", TRAIN, "?", files={"data.csv": "\n  \n\t\n"}),
    Case("header only", TRAIN, "?", files={"data.csv": "a,b,y\n"}),
    Case("one row", TRAIN, "?", files={"data.csv": "a,b,y\n1,red,no\n"}),
    Case("two rows", TRAIN, "?", files={"data.csv": "a,b,y\n1,red,no\n2,blue,yes\n"}),
    Case("three rows", TRAIN, "?", files={"data.csv": "a,b,y\n1,red,no\n2,blue,yes\n3,red,no\n"}),
    Case("numbers as header", TRAIN, "?", files={"data.csv": GOOD.replace("a,b,y", "1,2,3")}),
    Case("no header", TRAIN, "?", files={"data.csv": GOOD.removeprefix("a,b,y\n")}),
    Case("binary file", TRAIN, "?", files={"data.csv": bytes(range(256)) * 4}),
    Case("zero bytes in text", TRAIN, "?", files={"data.csv": GOOD.replace("red", "r\0d")}),
    Case("only delimiters", TRAIN, "?", files={"data.csv": ",,,\n" * 30}),
    Case("one column", TRAIN, "?", files={"data.csv": "y\n" + "yes\nno\n" * 20}),
    Case("wrong delimiter", f"train recipe.yaml {OUT}", "?", recipe="data: {path: data.csv, delimiter: ';'}\ntarget: y\n"),
    Case("long delimiter", f"train recipe.yaml {OUT}", "?", recipe="data: {path: data.csv, delimiter: '::'}\ntarget: y\n"),
    Case("too few names", f"train recipe.yaml {OUT}", "?", recipe="data: {path: data.csv, names: [a, y]}\ntarget: y\n"),
    Case("unclosed quote", TRAIN, "?", files={"data.csv": GOOD.replace("\n3,", '\n"3,', 1)}),
    Case("unclosed quote at the end", TRAIN, "?", files={"data.csv": GOOD + '1,red,"no\n'}),
    Case("quoted newline", TRAIN, DONE, 0, files={"data.csv": GOOD.replace("red", '"r\ned"')}),
    Case("10,000 columns, one row", f"train data.csv --target c7 {OUT}", "?",
         files={"data.csv": ",".join(f"c{i}" for i in range(10_000)) + "\n" + ",".join(["1"] * 10_000) + "\n"}),
    Case("missing file", f"train dat.csv --target y {OUT}", "?"),
    Case("missing folder", f"train nowhere/data.csv --target y {OUT}", "?"),
    Case("unknown name", f"train digit {OUT}", "?"),
    Case("no path", f"train recipe.yaml {OUT}", "?", recipe="data: ''\ntarget: y\n"),
    Case("empty folder", f"train empty --target y {OUT}", "?", prepare=lambda folder: (folder / "empty").mkdir()),
    Case("folder with two tables", f"train both --target y {OUT}", "?", files={"both/a.csv": GOOD, "both/b.csv": GOOD}),
    Case("folder without images", f"train notes --target y {OUT}", "?", files={"notes/readme.md": "hello"}),
    Case("truncated gzip", f"train data.csv.gz --target y {OUT}", "?", files={"data.csv.gz": gzip.compress(GOOD.encode())[:60]}),
    Case("not gzip", f"train data.csv.gz --target y {OUT}", "?", files={"data.csv.gz": GOOD}),
    Case("not a zip", f"train data.zip --target y {OUT}", "?", files={"data.zip": GOOD}),
    Case("zip with two tables", f"train data.zip --target y {OUT}", "?", files={"data.zip": _zip(a_csv=GOOD, b_csv=GOOD)}),
    Case("empty zip", f"train data.zip --target y {OUT}", "?", files={"data.zip": _zip()}),
    Case("truncated Parquet", f"train data.parquet --target y {OUT}", "?", prepare=_parquet),
    Case("not Parquet", f"train data.parquet --target y {OUT}", "?", files={"data.parquet": GOOD}),
    Case("not Arrow", f"train data.arrow --target y {OUT}", "?", files={"data.arrow": GOOD}),
    Case("broken JSON line", f"train data.jsonl --target y {OUT}", "?", files={"data.jsonl": '{"a": 1, "y": "p"}\n{"a": 2, "y"\n'}),
    Case("JSON line that is no object", f"train data.jsonl --target y {OUT}", "?", files={"data.jsonl": '{"a": 1, "y": "p"}\n[3]\n'}),
    Case("JSON that holds no rows", f"train data.json --target y {OUT}", "?", files={"data.json": "[1, 2]"}),
    Case("ARFF with a short row", f"train data.arff --target y {OUT}", "?", files={"data.arff": ARFF + "1,p\n2\n"}),
    Case("ARFF without data", f"train data.arff --target y {OUT}", "?", files={"data.arff": ARFF}),
    Case("ARFF with an unknown keyword", f"train data.arff --target y {OUT}", "?", files={"data.arff": "@relaton r\n" + ARFF}),
    Case("not ARFF", f"train data.arff --target y {OUT}", "?", files={"data.arff": "% nothing\n"}),
    Case("truncated idx", f"train x-images-idx3-ubyte --target label {OUT}", "?", files={"x-images-idx3-ubyte": IDX}),
    Case("not idx", f"train x-images-idx3-ubyte --target label {OUT}", "?", files={"x-images-idx3-ubyte": GOOD}),
    Case("Excel", f"train data.xlsx --target y {OUT}", "?", files={"data.xlsx": _zip(a_xml="<a/>")}),
    Case("pickle", f"train data.pkl --target y {OUT}", "?", files={"data.pkl": b"\x80\x04N."}),
    Case("images of one class", f"train pictures --target label {OUT}", "?", prepare=lambda folder: _pictures(folder, 1)),
    Case("all images broken", f"train pictures --target label {OUT}", "?", prepare=lambda folder: _pictures(folder, 2, 12)),
    Case("some images broken", f"train pictures --target label {OUT}", DONE, 0, prepare=lambda folder: _pictures(folder, 2, 3, 40)),
    Case("named images that are not there", f"train data.csv --target y {OUT}", "?",
         files={"data.csv": "f,y\n" + "".join(f"p{i}.png,{'pq'[i % 2]}\n" for i in range(30))}),
    Case("test file without a column", f"train recipe.yaml {OUT}", "?", recipe="data: {train: data.csv, test: t.csv}\ntarget: y\n",
         files={"t.csv": GOOD.replace("a,b,y", "a,bb,y")}),
    Case("recipe of binary", "check recipe.yaml", "?", files={"recipe.yaml": b"\xff\xfe\x00data"}),
]
