"""Command lines that ask for something that is not there or cannot be."""

from __future__ import annotations

from pathlib import Path

from ._case import QUICK, Case


def _other_run(folder: Path) -> None:
    """A second run, of another target."""
    import json
    import shutil

    shutil.copytree(folder / "run", folder / "other")
    for name in ("columns.json", "metrics.json"):
        text = (folder / "other" / name).read_text().replace('"y"', '"z"')
        json.loads(text)
        (folder / "other" / name).write_text(text)


CASES = [
    Case("unknown verb", "trian data.csv", "error: command line: 'trian' is not a verb. Did you mean 'train'?"),
    Case(
        "unknown option",
        "train data.csv --tarqet y",
        "Usage: modelwright train [OPTIONS] [RECIPE] [OVERRIDES]...\n"
        "error: command line: No such option '--tarqet'. (Did you mean one of: '--report', '--target'?)",
    ),
    Case(
        "unknown short option",
        "list -x",
        "Usage: modelwright list [OPTIONS] [WHAT]\nerror: command line: No such option '-x'.",
    ),
    Case(
        "option without value",
        "train data.csv --target",
        "error: command line: Option '--target' requires an argument.",
    ),
    Case(
        "missing argument",
        "predict run",
        "Usage: modelwright predict [OPTIONS] RUN ROWS\nerror: command line: Missing argument 'ROWS'.",
    ),
    Case(
        "too many arguments",
        "show run run2",
        "Usage: modelwright show [OPTIONS] RUN\nerror: command line: Got unexpected extra argument (run2)",
    ),
    Case(
        "train nothing",
        "train",
        "error: command line: what is to be trained? modelwright train data.csv --target y, or "
        "modelwright train recipe.yaml",
    ),
    Case(
        "override without =",
        "train data.csv train.epochs",
        "error: command line: 'train.epochs' is not of the form key=value. For example train.lr=3e-4",
    ),
    Case(
        "override of an unknown key",
        "train data.csv --target y train.epoch=3",
        "error: 1 mistake:\n  command line: train.epoch: no such key. Did you mean 'epochs'?",
    ),
    Case(
        "override of a wrong type",
        "train data.csv --target y train.epochs=many",
        "error: 1 mistake:\n  command line: train.epochs: expected a whole number, given 'many'.",
    ),
    Case(
        "override below a number",
        "train data.csv --target y train.epochs.x=3",
        "error: 1 mistake:\n  command line: train.epochs: expected a whole number, given {'x': 3}.",
    ),
    Case(
        "override of nothing",
        "train data.csv --target y =3",
        "error: command line: '=3' is not of the form key=value. For example train.lr=3e-4",
    ),
    Case(
        "override of broken YAML",
        "train data.csv --target y 'model.encoders={table'",
        "error: 1 mistake:\n  command line: model.encoders: expected a mapping, given '{table'.",
    ),
    Case(
        "two data files",
        "train data.csv more.csv --target y",
        "error: command line: 'more.csv' is not of the form key=value. For example train.lr=3e-4",
    ),
    Case(
        "recipe that is not there",
        "train recpie.yaml",
        "error: recpie.yaml: no such recipe. Did you mean 'recipe.yaml'?",
        recipe="data: data.csv\ntarget: y\n",
    ),
    Case(
        "recipe that is a folder",
        "train folder.yaml",
        "error: folder.yaml: the recipe cannot be read (Is a directory).",
        prepare=lambda folder: (folder / "folder.yaml").mkdir(),
    ),
    Case(
        "resume with a recipe",
        "train data.csv --resume run",
        "error: command line: --resume takes no recipe: the run holds its own. modelwright train --resume run",
    ),
    Case(
        "resume of no run",
        "train --resume nowhere",
        "error: nowhere: there is no such run folder. See: modelwright list",
    ),
    Case(
        "resume of a folder that is no run",
        "train --resume plain",
        "error: plain: is not a run folder (it has no status file). See: modelwright list",
        files={"plain/x.txt": ""},
    ),
    Case("resume of a finished run", "train --resume run", "already finished", 0),
    Case(
        "out on a folder with files",
        f"train data.csv --target y {QUICK} --out full",
        "error: full: the folder is not empty. Choose another --out.",
        files={"full/x.txt": ""},
    ),
    Case(
        "out on a run",
        f"train data.csv --target y {QUICK} --out run",
        "error: run: the folder is not empty. Continue it with: modelwright train --resume run, or "
        "choose another --out.",
    ),
    Case(
        "out under a file",
        f"train data.csv --target y {QUICK} --out data.csv/run",
        "error: data.csv/run: the run folder cannot be made (Not a directory). Choose another --out.",
        1,
    ),
    Case(
        "out on a file",
        f"train data.csv --target y {QUICK} --out data.csv",
        "error: data.csv: the folder is not empty. Choose another --out.",
    ),
    Case(
        "unknown tracker",
        f"train data.csv --target y {QUICK} --out r --track wandb",
        "error: --track: 'wandb' is not a tracker. Known: tensorboard.",
    ),
    Case(
        "start from no run by option",
        f"train data.csv --target y {QUICK} --out r --from nowhere",
        "error: nowhere: there is no such run folder. See: modelwright list",
    ),
    Case(
        "start from another model",
        f"train data.csv --target b {QUICK} --out r --from other model.encoders.table=transformer",
        "error: other: none of its weights fits this model. Use the same encoders, or leave out --from.",
        prepare=_other_run,
    ),
    Case(
        "init over a recipe",
        "init data.csv --target y",
        "error: recipe.yaml: the file is there already. Use --force to overwrite it, or --out for another name.",
        recipe="data: data.csv\n",
    ),
    Case(
        "init of an unknown target",
        "init data.csv --target z",
        "error: 1 mistake:\n  command line: target: 'z' is not a column of data. Known: a, b, y.",
    ),
    Case("init of nothing", "init nothing.csv", "error: nothing.csv: the file does not exist."),
    Case(
        "predict with an unknown run",
        "predict rum data.csv",
        "error: rum: there is no such run folder. See: modelwright list",
    ),
    Case(
        "predict an unknown file",
        "predict run dat.csv",
        "error: dat.csv: the file does not exist. Did you mean 'data.csv'?",
    ),
    Case(
        "predict into an unknown format",
        "predict run data.csv --out p.xlsx",
        "error: p.xlsx: the format is not known. Name the file .csv, .parquet or .jsonl.",
    ),
    Case(
        "predict into no folder",
        "predict run data.csv --out data.csv/p.csv",
        "error: data.csv/p.csv: cannot be written (File exists). Check the folder and its permissions, "
        "or choose another.",
        1,
    ),
    Case(
        "predict an empty stdin",
        "predict run -",
        "error: stdin: nothing came in. Pipe CSV with a header line, or one JSON object a line.",
    ),
    Case(
        "predict broken JSON from stdin",
        "predict run -",
        "error: stdin:2: not valid JSON (Expecting property name enclosed in double quotes: line 1 "
        "column 9 (char 8)). One object a line.",
        stdin=b'{"a": 1, "b": "red"}\n{"a": 1,\n',
    ),
    Case(
        "predict a broken row from stdin",
        "predict run -",
        "error: stdin:3: expected 2 cells as in the first row, found 1. Put quotes around cells that "
        "contain the delimiter.",
        stdin=b"a,b\n1,red\n2\n",
    ),
    Case(
        "predict Latin-1 from stdin",
        "predict run -",
        "error: stdin: byte 9 (line 2) is not valid utf-8. Pipe UTF-8.",
        stdin="a,b\n1,ros\xe9\n".encode("latin-1"),
    ),
    Case(
        "evaluate an unknown file",
        "evaluate run dat.csv",
        "error: dat.csv: the file does not exist. Did you mean 'data.csv'?",
    ),
    Case("show no run", "show nowhere", "error: nowhere: there is no such run folder. See: modelwright list"),
    Case("show a file", "show data.csv", "error: data.csv: there is no such run folder. See: modelwright list"),
    Case(
        "list an unknown room",
        "list encodres",
        "error: encodres: is neither a folder nor a room of parts. Did you mean 'encoders'?",
    ),
    Case(
        "list a file", "list data.csv", "error: data.csv: is neither a folder nor a room of parts. Did you mean 'data'?"
    ),
    Case("list no runs yet", "list", "no runs yet: modelwright train digits makes one", 0),
    Case(
        "compare nothing",
        "compare",
        "error: command line: what is to be compared? modelwright compare RUN RUN, or compare "
        "recipe.yaml --sizes small,large",
    ),
    Case("compare no runs", "compare nowhere", "error: nowhere: there is no such run folder. See: modelwright list"),
    Case(
        "compare runs of different targets",
        "compare run other",
        "error: command line: the runs predict different targets (y; z). Compare runs of the same targets.",
        prepare=_other_run,
    ),
    Case(
        "compare sizes of two recipes",
        "compare a.yaml b.yaml --sizes small",
        "error: command line: --sizes takes exactly one recipe.",
    ),
    Case(
        "compare an unknown size",
        "compare recipe.yaml --sizes tiny",
        "error: 1 mistake:\n  command line: model.size: expected 'small', 'medium' or 'large', given 'tiny'.",
        recipe="data: data.csv\ntarget: y\n",
    ),
    Case(
        "compare sizes of nothing",
        "compare recipe.yaml --sizes ,",
        "error: --sizes: no size is given. For example --sizes small,medium,large",
        recipe="data: data.csv\ntarget: y\n",
    ),
]
