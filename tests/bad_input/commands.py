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
    Case("unknown verb", "trian data.csv", "?"),
    Case("no verb", "", "?"),
    Case("unknown option", "train data.csv --tarqet y", "?"),
    Case("unknown short option", "list -x", "?"),
    Case("option without value", "train data.csv --target", "?"),
    Case("missing argument", "predict run", "?"),
    Case("too many arguments", "show run run2", "?"),
    Case("train nothing", "train", "?"),
    Case("override without =", "train data.csv train.epochs", "?"),
    Case("override of an unknown key", "train data.csv --target y train.epoch=3", "?"),
    Case("override of a wrong type", "train data.csv --target y train.epochs=many", "?"),
    Case("override below a number", "train data.csv --target y train.epochs.x=3", "?"),
    Case("override of nothing", "train data.csv --target y =3", "?"),
    Case("override of broken YAML", "train data.csv --target y 'model.encoders={table'", "?"),
    Case("two data files", "train data.csv more.csv --target y", "?"),
    Case("recipe that is not there", "train recpie.yaml", "?", recipe="data: data.csv\ntarget: y\n"),
    Case("recipe that is a folder", "train folder.yaml", "?", prepare=lambda folder: (folder / "folder.yaml").mkdir()),
    Case("resume with a recipe", "train data.csv --resume run", "?"),
    Case("resume of no run", "train --resume nowhere", "?"),
    Case("resume of a folder that is no run", "train --resume plain", "?", files={"plain/x.txt": ""}),
    Case("resume of a finished run", "train --resume run", "already finished", 0),
    Case("out on a folder with files", f"train data.csv --target y {QUICK} --out full", "?", files={"full/x.txt": ""}),
    Case("out on a run", f"train data.csv --target y {QUICK} --out run", "?"),
    Case("out under a file", f"train data.csv --target y {QUICK} --out data.csv/run", "?", 1),
    Case("out on a file", f"train data.csv --target y {QUICK} --out data.csv", "?"),
    Case("unknown tracker", f"train data.csv --target y {QUICK} --out r --track wandb", "?"),
    Case("start from no run by option", f"train data.csv --target y {QUICK} --out r --from nowhere", "?"),
    Case("start from another model", f"train data.csv --target y {QUICK} --out r --from other model.encoders.table=transformer model.encoders.table.width=16", "?", prepare=_other_run),
    Case("init over a recipe", "init data.csv --target y", "?", recipe="data: data.csv\n"),
    Case("init of an unknown target", "init data.csv --target z", "?"),
    Case("init of nothing", "init nothing.csv", "?"),
    Case("predict with an unknown run", "predict rum data.csv", "?"),
    Case("predict an unknown file", "predict run dat.csv", "?"),
    Case("predict into an unknown format", "predict run data.csv --out p.xlsx", "?"),
    Case("predict into no folder", "predict run data.csv --out data.csv/p.csv", "?", 1),
    Case("predict an empty stdin", "predict run -", "?"),
    Case("predict broken JSON from stdin", "predict run -", "?", stdin=b'{"a": 1, "b": "red"}\n{"a": 1,\n'),
    Case("predict a broken row from stdin", "predict run -", "?", stdin=b"a,b\n1,red\n2\n"),
    Case("predict Latin-1 from stdin", "predict run -", "?", stdin="a,b\n1,ros\xe9\n".encode("latin-1")),
    Case("evaluate an unknown file", "evaluate run dat.csv", "?"),
    Case("show no run", "show nowhere", "?"),
    Case("show a file", "show data.csv", "?"),
    Case("list an unknown room", "list encodres", "?"),
    Case("list a file", "list data.csv", "?"),
    Case("list no runs yet", "list", "no runs yet: modelwright train digits makes one", 0),
    Case("compare nothing", "compare", "?"),
    Case("compare no runs", "compare nowhere", "?"),
    Case("compare runs of different targets", "compare run other", "?", prepare=_other_run),
    Case("compare sizes of two recipes", "compare a.yaml b.yaml --sizes small", "?"),
    Case("compare an unknown size", "compare recipe.yaml --sizes tiny", "?", recipe="data: data.csv\ntarget: y\n"),
    Case("compare sizes of nothing", "compare recipe.yaml --sizes ,", "?", recipe="data: data.csv\ntarget: y\n"),
]
