"""Values of columns and targets, and rows to predict, that are not what was hoped for."""

from __future__ import annotations

from ._case import QUICK, Case

CHECK = "check data.csv --target y"
DONE = "modelwright predict r FILE"  # what to type next
READY = "ready to train"
TRAIN = f"train data.csv --target y {QUICK} --out r"
ROWS = 40


def _csv(**columns: object) -> str:
    """A table of 40 rows; a column is a list that is repeated, or a function of the row number."""
    made = {n: [c(i) if callable(c) else c[i % len(c)] for i in range(ROWS)] for n, c in columns.items()}
    return "\n".join([",".join(made), *(",".join(map(str, row)) for row in zip(*made.values()))]) + "\n"


X = [1, 2, 3, 5, 8]
Y = ["p", "q"]
HARD = {
    "constant column": ["7"],
    "constant text column": ["same"],
    "empty column": [""],
    "column of question marks": ["?"],
    "infinite column": ["inf", "-inf", "1e999"],
    "column of NaN": ["NaN", "nan"],
    "column of mixed types": ["1", "x", "", "2020-01-01", "True", "[1,2"],
    "column of huge numbers": ["1e308", "-1e308", "3"],
    "column of long text": ["word " * 500, "w" * 5000],
    "column of odd characters": ["\u202e", "\U0001f600", "\u0000"[:0] + "\x07", "e\u0301"],
    "column mostly missing": [""] * 39 + ["5"],
}

CASES = [
    *(Case(name, TRAIN, DONE, 0, files={"data.csv": _csv(a=X, b=[f'"{cell}"' for cell in cells], y=Y)})
      for name, cells in HARD.items()),
    Case("column of 40 different words", TRAIN, DONE, 0, files={"data.csv": _csv(a=X, b=lambda i: f"id{i * 7919}", y=Y)}),
    Case("nothing but useless columns", TRAIN, "?", files={"data.csv": _csv(a=["same"], y=Y)}),
    Case("one class", CHECK, "?", files={"data.csv": _csv(a=X, y=["p"])}),
    Case("target all missing", CHECK, "?", files={"data.csv": _csv(a=X, y=[""])}),
    Case("target constant number", CHECK, "?", files={"data.csv": _csv(a=X, y=[1.5])}),
    Case("target of names", CHECK, "most values occur once: there is little to learn", 0, files={"data.csv": _csv(a=X, y=lambda i: f"name{i}")}),
    Case("class of one row", TRAIN, DONE, 0, files={"data.csv": _csv(a=X, y=["p", "q"] * 19 + ["p", "r"])}),
    Case("class only in one row of two", CHECK, READY, 0, files={"data.csv": _csv(a=X, y=["p"] * 39 + ["q"])}),
    Case("target with infinite numbers", TRAIN, DONE, 0, files={"data.csv": _csv(a=X, y=lambda i: i * 1.5 if i % 9 else "inf")}),
    Case("target with missing cells", TRAIN, DONE, 0, files={"data.csv": _csv(a=X, y=["p", "q", ""])}),
    Case("target with huge numbers", TRAIN, DONE, 0, files={"data.csv": _csv(a=X, y=lambda i: f"1e{i * 7}")}),
    Case("target not a column", "check data.csv --target yy", "?"),
    Case("two targets not columns", "check recipe.yaml", "?", recipe="data: data.csv\ntargets: {aa: {}, z: {}}\n"),
    Case("target dropped", "check recipe.yaml", "?", recipe="data: data.csv\ntarget: y\ncolumns: {y: drop}\n"),
    Case("all inputs dropped", "check recipe.yaml", "?", recipe="data: data.csv\ntarget: y\ncolumns: {a: drop, b: drop}\n"),
    Case("text as target", "check recipe.yaml", "?", recipe="data: data.csv\ntarget: b\ncolumns: {b: text}\n"),
    Case("date as target", "check recipe.yaml", "?", recipe="data: data.csv\ntarget: b\ncolumns: {b: date}\n"),
    Case("image as target", "check recipe.yaml", "?", recipe="data: data.csv\ntarget: b\ncolumns: {b: image}\n"),
    Case("words as number target", "check recipe.yaml", "?", recipe="data: data.csv\ntarget: b\ncolumns: {b: number}\n"),
    Case("three values as boolean target", "check recipe.yaml", "?",
         recipe="data: data.csv\ntarget: b\ncolumns: {b: boolean}\n"),
    Case("words as images", "check recipe.yaml", "?", recipe="data: data.csv\ntarget: y\ncolumns: {b: image}\n"),
    Case("words as dates", "check recipe.yaml", READY, 0, recipe="data: data.csv\ntarget: y\ncolumns: {b: date}\n"),
    Case("words as vectors", "check recipe.yaml", READY, 0, recipe="data: data.csv\ntarget: y\ncolumns: {b: vector}\n"),
    Case("no target named", "check data.csv", "?"),
    Case("unseen class in the test", f"train recipe.yaml {QUICK} --out r", DONE, 0,
         recipe="data: {train: data.csv, test: t.csv}\ntarget: y\n", files={"t.csv": "a,b,y\n1,red,maybe\n2,red,no\n"}),
    Case("only unseen classes in the test", f"train recipe.yaml {QUICK} --out r", DONE, 0,
         recipe="data: {train: data.csv, test: t.csv}\ntarget: y\n", files={"t.csv": "a,b,y\n1,red,maybe\n2,red,never\n"}),
    Case("predict with a column missing", "predict run t.csv", "?", files={"t.csv": "a,c\n1,red\n2,blue\n"}),
    Case("predict with other columns", "predict run t.csv", "y\nno\nno\n", 0, files={"t.csv": "z,b,a,y\nk,red,1,no\nk,blue,2,no\n"}),
    Case("predict with wrong types", "predict run t.csv", "y\nno\nno\n", 0, files={"t.csv": "a,b\nred,1\nblue,2\n"}),
    Case("predict unseen and empty cells", "predict run t.csv", "y\nno\nno\nno\n", 0, files={"t.csv": 'a,b\n"",violet\n"",""\n1e999,\n'}),
    Case("predict no rows", "predict run t.csv", "?", files={"t.csv": "a,b\n"}),
    Case("predict an empty file", "predict run t.csv", "?", files={"t.csv": ""}),
    Case("predict one row", "predict run t.csv", "y\nno\n", 0, files={"t.csv": "a,b\n1,red\n"}),
    Case("predict JSON without rows", "predict run t.jsonl", "?", files={"t.jsonl": "{}\n"}),
    Case("evaluate without the target", "evaluate run t.csv", "?", files={"t.csv": "a,b\n1,red\n2,blue\n"}),
    Case("evaluate with unseen classes only", "evaluate run t.csv", "?", files={"t.csv": "a,b,y\n1,red,x\n2,blue,z\n"}),
    Case("evaluate one row", "evaluate run t.csv", "Test: y", 0, files={"t.csv": "a,b,y\n1,red,no\n2,red,no\n"}),
]
