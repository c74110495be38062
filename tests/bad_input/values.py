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
    *(
        Case(name, TRAIN, DONE, 0, files={"data.csv": _csv(a=X, b=[f'"{cell}"' for cell in cells], y=Y)})
        for name, cells in HARD.items()
    ),
    Case(
        "column of 40 different words", TRAIN, DONE, 0, files={"data.csv": _csv(a=X, b=lambda i: f"id{i * 7919}", y=Y)}
    ),
    Case(
        "nothing but useless columns",
        TRAIN,
        "error: data: no input column is left; left out: a (one value only ('same')). Give some of them "
        "a kind under columns.",
        files={"data.csv": _csv(a=["same"], y=Y)},
    ),
    Case(
        "one class",
        CHECK,
        "error: data: target 'y': has one value only, 'p' in the training rows. A target needs two classes at least.",
        files={"data.csv": _csv(a=X, y=["p"])},
    ),
    Case(
        "target all missing",
        CHECK,
        "error: data: target 'y': has no values in the training rows. A target needs two classes at least.",
        files={"data.csv": _csv(a=X, y=[""])},
    ),
    Case(
        "target constant number",
        CHECK,
        "error: data: target 'y': has one value only, '1.5' in the training rows. A target needs two classes at least.",
        files={"data.csv": _csv(a=X, y=[1.5])},
    ),
    Case(
        "target of names",
        CHECK,
        "most values occur once",
        0,
        files={"data.csv": _csv(a=X, y=lambda i: f"name{i}")},
    ),
    Case("class of one row", TRAIN, DONE, 0, files={"data.csv": _csv(a=X, y=["p", "q"] * 19 + ["p", "r"])}),
    Case("class only in one row of two", CHECK, READY, 0, files={"data.csv": _csv(a=X, y=["p"] * 39 + ["q"])}),
    Case(
        "target with infinite numbers",
        TRAIN,
        DONE,
        0,
        files={"data.csv": _csv(a=X, y=lambda i: i * 1.5 if i % 9 else "inf")},
    ),
    Case("target with missing cells", TRAIN, DONE, 0, files={"data.csv": _csv(a=X, y=["p", "q", ""])}),
    Case("target with huge numbers", TRAIN, DONE, 0, files={"data.csv": _csv(a=X, y=lambda i: f"1e{i * 7}")}),
    Case(
        "target not a column",
        "check data.csv --target yy",
        "error: 1 mistake:\n  command line: target: 'yy' is not a column of data. Did you mean 'y'?",
    ),
    Case(
        "two targets not columns",
        "check recipe.yaml",
        "error: 2 mistakes in the recipe:\n"
        "  recipe.yaml:2:11: targets.aa: data has no such column. Did you mean 'a'?\n"
        "  recipe.yaml:2:19: targets.z: data has no such column. Known: a, b, y.",
        recipe="data: data.csv\ntargets: {aa: {}, z: {}}\n",
    ),
    Case(
        "target dropped",
        "check recipe.yaml",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:11: columns.y: the target 'y' cannot be learned: it is to be dropped. Give it "
        "a kind that can be predicted.",
        recipe="data: data.csv\ntarget: y\ncolumns: {y: drop}\n",
    ),
    Case(
        "all inputs dropped",
        "check recipe.yaml",
        "error: data: no input column is left; left out: a (numbers), b (3 different values). Give some "
        "of them a kind under columns.",
        recipe="data: data.csv\ntarget: y\ncolumns: {a: drop, b: drop}\n",
    ),
    Case(
        "text as target",
        "check recipe.yaml",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml: model.heads.b: the head reads one sequence, and there are 0. Give it a text, a picture or a "
        "vector.",
        recipe="data: data.csv\ntarget: b\ncolumns: {b: text}\n",
    ),
    Case(
        "date as target",
        "check recipe.yaml",
        "error: data: target 'b': a date cannot be a target. Set its kind to number or category.",
        recipe="data: data.csv\ntarget: b\ncolumns: {b: date}\n",
    ),
    Case(
        "image as target",
        "check recipe.yaml",
        "error: data: target 'b': an image cannot be a target yet.",
        recipe="data: data.csv\ntarget: b\ncolumns: {b: image}\n",
    ),
    Case(
        "words as number target",
        "check recipe.yaml",
        "error: data: target 'b': has no numbers in the training rows. Choose another target, or its kind.",
        recipe="data: data.csv\ntarget: b\ncolumns: {b: number}\n",
    ),
    Case(
        "three values as boolean target",
        "check recipe.yaml",
        "error: data: target 'b': has 3 values ('blue', 'red', 'green'...), a boolean has two. Use kind: category.",
        recipe="data: data.csv\ntarget: b\ncolumns: {b: boolean}\n",
    ),
    Case(
        "words as images",
        "check recipe.yaml",
        "error: data: column 'b': the column holds no pictures: none of 32 can be read; the first: row "
        "0, 'green': No such file or directory. Paths begin at the folder of the table; a column of "
        "another kind is named under columns.",
        recipe="data: data.csv\ntarget: y\ncolumns: {b: image}\n",
    ),
    Case("words as dates", "check recipe.yaml", READY, 0, recipe="data: data.csv\ntarget: y\ncolumns: {b: date}\n"),
    Case("words as vectors", "check recipe.yaml", READY, 0, recipe="data: data.csv\ntarget: y\ncolumns: {b: vector}\n"),
    Case(
        "no target named",
        "check data.csv",
        "error: command line: which column is to be predicted? Name one as target (--target NAME): a, b, y.",
    ),
    Case(
        "unseen class in the test",
        f"train recipe.yaml {QUICK} --out r",
        DONE,
        0,
        recipe="data: {train: data.csv, test: t.csv}\ntarget: y\n",
        files={"t.csv": "a,b,y\n1,red,maybe\n2,red,no\n"},
    ),
    Case(
        "only unseen classes in the test",
        f"train recipe.yaml {QUICK} --out r",
        DONE,
        0,
        recipe="data: {train: data.csv, test: t.csv}\ntarget: y\n",
        files={"t.csv": "a,b,y\n1,red,maybe\n2,red,never\n"},
    ),
    Case(
        "predict with a column missing",
        "predict run t.csv",
        "error: t.csv: the column 'b' is missing. Found: a, c.",
        files={"t.csv": "a,c\n1,red\n2,blue\n"},
    ),
    Case(
        "predict with other columns",
        "predict run t.csv",
        "y\n",
        0,
        files={"t.csv": "z,b,a,y\nk,red,1,no\nk,blue,2,no\n"},
    ),
    Case("predict with wrong types", "predict run t.csv", "y\n", 0, files={"t.csv": "a,b\nred,1\nblue,2\n"}),
    Case(
        "predict unseen and empty cells",
        "predict run t.csv",
        "y\n",
        0,
        files={"t.csv": 'a,b\n"",violet\n"",""\n1e999,\n'},
    ),
    Case(
        "predict no rows",
        "predict run t.csv",
        "error: t.csv: the file has a header and no rows. If it has no header: header: false",
        files={"t.csv": "a,b\n"},
    ),
    Case("predict an empty file", "predict run t.csv", "error: t.csv: the file is empty.", files={"t.csv": ""}),
    Case("predict one row", "predict run t.csv", "y\n", 0, files={"t.csv": "a,b\n1,red\n"}),
    Case(
        "predict JSON without rows",
        "predict run t.jsonl",
        "error: t.jsonl: there are no columns.",
        files={"t.jsonl": "{}\n"},
    ),
    Case(
        "evaluate without the target",
        "evaluate run t.csv",
        "error: t.csv: the column 'y' is missing. Found: a, b.",
        files={"t.csv": "a,b\n1,red\n2,blue\n"},
    ),
    Case(
        "evaluate with unseen classes only",
        "evaluate run t.csv",
        "error: t.csv: no row has a target that the run knows. Known are y: no, yes.",
        files={"t.csv": "a,b,y\n1,red,x\n2,blue,z\n"},
    ),
    Case("evaluate one row", "evaluate run t.csv", "Test: y", 0, files={"t.csv": "a,b,y\n1,red,no\n2,red,no\n"}),
]
