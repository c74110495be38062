"""Files that cannot be read, or not as they were meant."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

from ._case import GOOD, Case

CHECK = "check data.csv --target y"


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


def _hide(folder: Path) -> None:
    (folder / "data.csv").chmod(0)


ARFF = "@relation r\n@attribute a numeric\n@attribute y {p,q}\n@data\n"
LATIN = "name,y\n" + "".join(f"Zo\xeb{i},{'pq'[i % 2]}\n" for i in range(30))
CHINESE = "\u8bc4\u8bba,y\n" + "".join(f"\u5f88\u597d{i},{'pq'[i % 2]}\n" for i in range(30))
IDX = b"\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x02" + bytes(5)

CASES = [
    Case("byte order mark", CHECK, "?", 0, files={"data.csv": b"\xef\xbb\xbf" + GOOD.encode()}),
    Case("utf-16", CHECK, "?", 0, files={"data.csv": GOOD.encode("utf-16")}),
    Case("utf-16 without mark", CHECK, "?", files={"data.csv": GOOD.encode("utf-16-le")}),
    Case("latin-1", CHECK, "?", files={"data.csv": LATIN.encode("latin-1")}),
    Case("gb18030", CHECK, "?", files={"data.csv": CHINESE.encode("gb18030")}),
    Case("unknown encoding", "check recipe.yaml", "?", recipe="data: {path: data.csv, encoding: utf-9}\ntarget: y\n"),
    Case("short row", CHECK, "?", files={"data.csv": GOOD + "1,red\n" + "2,red,no\n"}),
    Case("long row", CHECK, "?", files={"data.csv": GOOD + "1,red,no,9\n"}),
    Case("duplicate names", CHECK, "?", files={"data.csv": GOOD.replace("a,b,y", "a,a,y")}),
    Case("no name in the header", CHECK, "?", 0, files={"data.csv": GOOD.replace("a,b,y", ",b,y")}),
    Case("empty file", CHECK, "?", files={"data.csv": ""}),
    Case("only blanks", CHECK, "?", files={"data.csv": "\n  \n\t\n"}),
    Case("header only", CHECK, "?", files={"data.csv": "a,b,y\n"}),
    Case("one row", CHECK, "?", files={"data.csv": "a,b,y\n1,red,no\n"}),
    Case("two rows", CHECK, "?", files={"data.csv": "a,b,y\n1,red,no\n2,blue,yes\n"}),
    Case("three rows", CHECK, "?", files={"data.csv": "a,b,y\n1,red,no\n2,blue,yes\n3,red,no\n"}),
    Case("numbers as header", CHECK, "?", files={"data.csv": GOOD.replace("a,b,y", "1,2,3")}),
    Case("no header", CHECK, "?", files={"data.csv": GOOD.removeprefix("a,b,y\n")}),
    Case("binary file", CHECK, "?", files={"data.csv": bytes(range(256)) * 4}),
    Case("zero bytes in text", CHECK, "?", files={"data.csv": GOOD.replace("red", "r\0d")}),
    Case("only delimiters", CHECK, "?", files={"data.csv": ",,,\n" * 30}),
    Case("one column", CHECK, "?", files={"data.csv": "y\n" + "yes\nno\n" * 20}),
    Case("wrong delimiter", "check recipe.yaml", "?", recipe="data: {path: data.csv, delimiter: ';'}\ntarget: y\n"),
    Case("long delimiter", "check recipe.yaml", "?", recipe="data: {path: data.csv, delimiter: '::'}\ntarget: y\n"),
    Case("too few names", "check recipe.yaml", "?", recipe="data: {path: data.csv, names: [a, y]}\ntarget: y\n"),
    Case("unclosed quote", CHECK, "?", files={"data.csv": GOOD.replace("\n3,", '\n"3,', 1)}),
    Case("unclosed quote at the end", CHECK, "?", files={"data.csv": GOOD + '1,red,"no\n'}),
    Case("quoted newline", CHECK, "?", 0, files={"data.csv": GOOD.replace("red", '"r\ned"')}),
    Case("10,000 columns, one row", "check data.csv --target c7", "?",
         files={"data.csv": ",".join(f"c{i}" for i in range(10_000)) + "\n" + ",".join(["1"] * 10_000) + "\n"}),
    Case("missing file", "check dat.csv --target y", "?"),
    Case("missing folder", "check nowhere/data.csv --target y", "?"),
    Case("unknown name", "check digit", "?"),
    Case("no path", "check recipe.yaml", "?", recipe="data: ''\ntarget: y\n"),
    Case("empty folder", "check empty --target y", "?", prepare=lambda folder: (folder / "empty").mkdir()),
    Case("folder with two tables", "check both --target y", "?", files={"both/a.csv": GOOD, "both/b.csv": GOOD}),
    Case("folder without images", "check notes --target y", "?", files={"notes/readme.md": "hello"}),
    Case("may not be read", CHECK, "?", prepare=_hide),
    Case("truncated gzip", "check data.csv.gz --target y", "?", files={"data.csv.gz": gzip.compress(GOOD.encode())[:60]}),
    Case("not gzip", "check data.csv.gz --target y", "?", files={"data.csv.gz": GOOD}),
    Case("not a zip", "check data.zip --target y", "?", files={"data.zip": GOOD}),
    Case("zip with two tables", "check data.zip --target y", "?", files={"data.zip": _zip(a_csv=GOOD, b_csv=GOOD)}),
    Case("empty zip", "check data.zip --target y", "?", files={"data.zip": _zip()}),
    Case("truncated Parquet", "check data.parquet --target y", "?", prepare=_parquet),
    Case("not Parquet", "check data.parquet --target y", "?", files={"data.parquet": GOOD}),
    Case("not Arrow", "check data.arrow --target y", "?", files={"data.arrow": GOOD}),
    Case("broken JSON line", "check data.jsonl --target y", "?", files={"data.jsonl": '{"a": 1, "y": "p"}\n{"a": 2, "y"\n'}),
    Case("JSON line that is no object", "check data.jsonl --target y", "?", files={"data.jsonl": '{"a": 1, "y": "p"}\n[3]\n'}),
    Case("JSON that holds no rows", "check data.json --target y", "?", files={"data.json": "[1, 2]"}),
    Case("ARFF with a short row", "check data.arff --target y", "?", files={"data.arff": ARFF + "1,p\n2\n"}),
    Case("ARFF without data", "check data.arff --target y", "?", files={"data.arff": ARFF}),
    Case("ARFF with an unknown keyword", "check data.arff --target y", "?", files={"data.arff": "@relaton r\n" + ARFF}),
    Case("not ARFF", "check data.arff --target y", "?", files={"data.arff": "% nothing\n"}),
    Case("truncated idx", "check x-images-idx3-ubyte --target label", "?", files={"x-images-idx3-ubyte": IDX}),
    Case("not idx", "check x-images-idx3-ubyte --target label", "?", files={"x-images-idx3-ubyte": GOOD}),
    Case("Excel", "check data.xlsx --target y", "?", files={"data.xlsx": _zip(a_xml="<a/>")}),
    Case("pickle", "check data.pkl --target y", "?", files={"data.pkl": b"\x80\x04N."}),
    Case("images of one class", "check pictures --target label", "?", prepare=lambda folder: _pictures(folder, 1)),
    Case("all images broken", "check pictures --target label", "?", prepare=lambda folder: _pictures(folder, 2, 12)),
    Case("some images broken", "check pictures --target label", "?", 0, prepare=lambda folder: _pictures(folder, 2, 3, 40)),
    Case("named images that are not there", "check data.csv --target y", "?",
         files={"data.csv": "f,y\n" + "".join(f"p{i}.png,{'pq'[i % 2]}\n" for i in range(30))}),
    Case("test file without a column", "check recipe.yaml", "?", recipe="data: {train: data.csv, test: t.csv}\ntarget: y\n",
         files={"t.csv": GOOD.replace("a,b,y", "a,bb,y")}),
    Case("recipe of binary", "check recipe.yaml", "?", files={"recipe.yaml": b"\xff\xfe\x00data"}),
]
