"""Files of delimited text that cannot be read, or not as they were meant."""

from __future__ import annotations

from ._case import GOOD, QUICK, Case

DONE = "modelwright predict r FILE"  # what to type next
OUT = f"{QUICK} --out r"
TRAIN = f"train data.csv --target y {OUT}"
LATIN = "name,y\n" + "".join(f"Zo\xeb{i},{'pq'[i % 2]}\n" for i in range(30))
CHINESE = "\u8bc4\u8bba,y\n" + "".join(f"\u5f88\u597d{i},{'pq'[i % 2]}\n" for i in range(30))

CASES = [
    Case("byte order mark", TRAIN, DONE, 0, files={"data.csv": b"\xef\xbb\xbf" + GOOD.encode()}),
    Case("utf-16", TRAIN, DONE, 0, files={"data.csv": GOOD.encode("utf-16")}),
    Case(
        "utf-16 without mark",
        TRAIN,
        "error: data.csv: this is a binary file, not delimited text. Tables are read from .csv, .tsv, "
        ".parquet, .jsonl, .arrow, .feather and .arff, also as .gz or .zip.",
        files={"data.csv": GOOD.encode("utf-16-le")},
    ),
    Case(
        "latin-1",
        TRAIN,
        "error: data.csv: byte 9 (line 2) is not valid utf-8. If the file was saved in another "
        "encoding, name it: data: {path: data.csv, encoding: latin-1}",
        files={"data.csv": LATIN.encode("latin-1")},
    ),
    Case(
        "gb18030",
        TRAIN,
        "error: data.csv: byte 0 (line 1) is not valid utf-8. If the file was saved in another "
        "encoding, name it: data: {path: data.csv, encoding: gb18030}",
        files={"data.csv": CHINESE.encode("gb18030")},
    ),
    Case(
        "unknown encoding",
        f"train recipe.yaml {OUT}",
        "error: data.csv: 'utf-9' is not an encoding. Common: utf-8, gb18030, latin-1.",
        recipe="data: {path: data.csv, encoding: utf-9}\ntarget: y\n",
    ),
    Case(
        "short row",
        TRAIN,
        "error: data.csv:42: expected 3 cells as in the first row, found 2. Put quotes around cells "
        "that contain the delimiter.",
        files={"data.csv": GOOD + "1,red\n" + "2,red,no\n"},
    ),
    Case(
        "long row",
        TRAIN,
        "error: data.csv:42: expected 3 cells as in the first row, found 4. Put quotes around cells "
        "that contain the delimiter.",
        files={"data.csv": GOOD + "1,red,no,9\n"},
    ),
    Case(
        "duplicate names",
        TRAIN,
        "error: data.csv: several columns are called 'a'. Rename them, or give `names: [...]` with `header: true`.",
        files={"data.csv": GOOD.replace("a,b,y", "a,a,y")},
    ),
    Case("no name in the header", TRAIN, DONE, 0, files={"data.csv": GOOD.replace("a,b,y", ",b,y")}),
    Case("empty file", TRAIN, "error: data.csv: the file is empty.", files={"data.csv": ""}),
    Case("only blanks", TRAIN, "error: data.csv: the file is empty.", files={"data.csv": "\n  \n\t\n"}),
    Case(
        "header only",
        TRAIN,
        "error: data.csv: the file has a header and no rows. If it has no header: header: false",
        files={"data.csv": "a,b,y\n"},
    ),
    Case(
        "one row",
        TRAIN,
        "error: 1 mistake:\n"
        "  command line: data.split: 1 row cannot be split into 3 parts. Give more rows, or split: "
        "{fractions: [1, 0, 0]} to train on all of them.",
        files={"data.csv": "a,b,y\n1,red,no\n"},
    ),
    Case(
        "two rows",
        TRAIN,
        "error: 1 mistake:\n"
        "  command line: data.split: 2 rows cannot be split into 3 parts. Give more rows, or split: "
        "{fractions: [1, 0, 0]} to train on all of them.",
        files={"data.csv": "a,b,y\n1,red,no\n2,blue,yes\n"},
    ),
    Case(
        "three rows",
        TRAIN,
        "error: data: target 'y': has one value only, 'yes'. A target needs two classes.",
        files={"data.csv": "a,b,y\n1,red,no\n2,blue,yes\n3,red,no\n"},
    ),
    Case(
        "numbers as header",
        TRAIN,
        "error: 1 mistake:\n  command line: target: 'y' is not a column of data. Known: column_1, column_2, column_3.",
        files={"data.csv": GOOD.replace("a,b,y", "1,2,3")},
    ),
    Case(
        "no header",
        TRAIN,
        "error: 1 mistake:\n  command line: target: 'y' is not a column of data. Known: column_1, column_2, column_3.",
        files={"data.csv": GOOD.removeprefix("a,b,y\n")},
    ),
    Case(
        "binary file",
        TRAIN,
        "error: data.csv: this is a binary file, not delimited text. Tables are read from .csv, .tsv, "
        ".parquet, .jsonl, .arrow, .feather and .arff, also as .gz or .zip.",
        files={"data.csv": bytes(range(256)) * 4},
    ),
    Case(
        "zero bytes in text",
        TRAIN,
        "error: data.csv: this is a binary file, not delimited text. Tables are read from .csv, .tsv, "
        ".parquet, .jsonl, .arrow, .feather and .arff, also as .gz or .zip.",
        files={"data.csv": GOOD.replace("red", "r\0d")},
    ),
    Case(
        "only delimiters",
        TRAIN,
        "error: 1 mistake:\n"
        "  command line: target: 'y' is not a column of data. Known: column_1, column_2, column_3, "
        "column_4.",
        files={"data.csv": ",,,\n" * 30},
    ),
    Case(
        "one column",
        TRAIN,
        "error: data: no input column is left. Give some of them a kind under columns.",
        files={"data.csv": "y\n" + "yes\nno\n" * 20},
    ),
    Case(
        "wrong delimiter",
        f"train recipe.yaml {OUT}",
        "error: 1 mistake in the recipe:\n  recipe.yaml:2:1: target: 'y' is not a column of data. Known: a,b,y.",
        recipe="data: {path: data.csv, delimiter: ';'}\ntarget: y\n",
    ),
    Case(
        "long delimiter",
        f"train recipe.yaml {OUT}",
        "error: data.csv: a delimiter is one character, given '::'.",
        recipe="data: {path: data.csv, delimiter: '::'}\ntarget: y\n",
    ),
    Case(
        "too few names",
        f"train recipe.yaml {OUT}",
        "error: data.csv: 2 names are given for 3 columns.",
        recipe="data: {path: data.csv, names: [a, y]}\ntarget: y\n",
    ),
    Case(
        "unclosed quote",
        TRAIN,
        "error: data.csv:5: expected 3 cells as in the first row, found 1. A quote was opened here and "
        "perhaps never closed.",
        files={"data.csv": GOOD.replace("\n3,", '\n"3,', 1)},
    ),
    Case(
        "unclosed quote at the end",
        TRAIN,
        'error: data.csv:42: a quote is opened here and never closed. To take quotes as text: quote: ""',
        files={"data.csv": GOOD + '1,red,"no\n'},
    ),
    Case("quoted newline", TRAIN, DONE, 0, files={"data.csv": GOOD.replace("red", '"r\ned"')}),
    Case(
        "10,000 columns, one row",
        f"train data.csv --target c7 {OUT}",
        "error: 1 mistake:\n"
        "  command line: data.split: 1 row cannot be split into 3 parts. Give more rows, or split: "
        "{fractions: [1, 0, 0]} to train on all of them.",
        files={"data.csv": ",".join(f"c{i}" for i in range(10_000)) + "\n" + ",".join(["1"] * 10_000) + "\n"},
    ),
    Case(
        "missing file",
        f"train dat.csv --target y {OUT}",
        "error: dat.csv: the file does not exist. Did you mean 'data.csv'?",
    ),
    Case(
        "missing folder",
        f"train nowhere/data.csv --target y {OUT}",
        "error: nowhere/data.csv: the file does not exist; nor does its folder.",
    ),
    Case(
        "unknown name",
        f"train digit {OUT}",
        "error: data: digit: there is no such file, folder or named data set. Did you mean 'digits' or 'pendigits'?",
    ),
    Case(
        "no path",
        f"train recipe.yaml {OUT}",
        "error: 1 mistake in the recipe:\n  recipe.yaml:1:1: data: the path is empty.",
        recipe="data: ''\ntarget: y\n",
    ),
]
