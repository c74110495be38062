"""Run folders with files missing or damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ._case import Case


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "run" / name).unlink()


def _with(name: str, content: str | bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "run" / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


def _cut(name: str) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        whole = (folder / "run" / name).read_bytes()
        (folder / "run" / name).write_bytes(whole[: len(whole) // 2])

    return cut


def _edited(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        file = folder / "run" / name
        text = file.read_text("utf-8")
        assert old in text, f"{old!r} is not in {name}"
        file.write_text(text.replace(old, new), "utf-8")

    return edit


CASES = [
    Case(
        "no status",
        "predict run data.csv",
        "error: run: is not a run folder (it has no status file). See: modelwright list",
        prepare=_without("status"),
    ),
    Case(
        "damaged status",
        "predict run data.csv",
        "error: run: the status file cannot be read (Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)). Delete the file status and continue with: modelwright train "
        "--resume run",
        prepare=_with("status", "{"),
    ),
    Case(
        "status of binary",
        "predict run data.csv",
        "error: run: the status file cannot be read ('utf-8' codec can't decode byte 0xff in position "
        "0: invalid start byte). Delete the file status and continue with: modelwright train --resume "
        "run",
        prepare=_with("status", b"\xff\xfe\x00"),
    ),
    Case(
        "status of a list",
        "show run",
        "error: run: the status file cannot be read (expected an object, found list). Delete the file "
        "status and continue with: modelwright train --resume run",
        prepare=_with("status", "[1]"),
    ),
    Case(
        "no resolved.yaml",
        "predict run data.csv",
        "error: run/resolved.yaml: the file is missing. Train the recipe again.",
        prepare=_without("resolved.yaml"),
    ),
    Case(
        "damaged resolved.yaml",
        "predict run data.csv",
        "error: run/resolved.yaml: the file is damaged: expected the node content, but found '<stream "
        "end>'. Train the recipe again.",
        prepare=_with("resolved.yaml", "data: ["),
    ),
    Case(
        "resolved.yaml of a list",
        "predict run data.csv",
        "error: run/resolved.yaml: the file is damaged: expected a mapping, found list. Train the recipe again.",
        prepare=_with("resolved.yaml", "[1]"),
    ),
    Case(
        "resolved.yaml of binary",
        "predict run data.csv",
        "error: run/resolved.yaml: the file is damaged: 'utf-8' codec can't decode byte 0xff in "
        "position 0: invalid start byte. Train the recipe again.",
        prepare=_with("resolved.yaml", b"\xff\xfe\x00"),
    ),
    Case(
        "resolved.yaml with an unknown part",
        "predict run data.csv",
        "error: run: the run cannot be built here. recipe: model.encoders.table.kind: 'mlpp' is not a "
        "kind of encoders. Did you mean 'mlp'? A class of your own is named by Run.load(path, "
        "parts_from=[ItsClass]); a package's must be installed.",
        prepare=_edited("resolved.yaml", "kind: mlp", "kind: mlpp"),
    ),
    Case(
        "no columns.json",
        "predict run data.csv",
        "error: run/columns.json: the file is missing. Train the recipe again.",
        prepare=_without("columns.json"),
    ),
    Case(
        "truncated columns.json",
        "predict run data.csv",
        "error: run/columns.json: the file is damaged: Unterminated string starting at: line 33 column 3 "
        "(char 541). Train the recipe again.",
        prepare=_cut("columns.json"),
    ),
    Case(
        "columns.json of a list",
        "predict run data.csv",
        "error: run/columns.json: the file is damaged: expected an object, found list. Train the recipe again.",
        prepare=_with("columns.json", "[1]"),
    ),
    Case(
        "columns.json without states",
        "predict run data.csv",
        "error: run/columns.json: the file is damaged: the key 'state' is missing. Train the recipe again.",
        prepare=_edited("columns.json", '"state"', '"states"'),
    ),
    Case(
        "columns.json with an unknown kind",
        "predict run data.csv",
        "error: run/columns.json: the file is damaged: 'nubmer' is not a kind of columns. Did you mean "
        "'number'?. Train the recipe again.",
        prepare=_edited("columns.json", '"kind": "number"', '"kind": "nubmer"'),
    ),
    Case(
        "no weights",
        "predict run data.csv",
        "error: run: model.safetensors is missing. Train the recipe again.",
        prepare=_without("model.safetensors"),
    ),
    Case(
        "truncated weights",
        "predict run data.csv",
        "error: run/model.safetensors: the file is damaged (Error while deserializing: incomplete "
        "metadata, file not fully covered).",
        prepare=_cut("model.safetensors"),
    ),
    Case(
        "weights of text",
        "predict run data.csv",
        "error: run/model.safetensors: the file is damaged (Error while deserializing: header too small).",
        prepare=_with("model.safetensors", "hello"),
    ),
    Case(
        "empty weights",
        "predict run data.csv",
        "error: run/model.safetensors: the file is damaged (Error while deserializing: header too small).",
        prepare=_with("model.safetensors", ""),
    ),
    Case(
        "weights that do not fit",
        "predict run data.csv",
        "error: run: the weights do not fit the recipe (size mismatch for "
        "encoders.of_table.inputs.categories.table.weight: copying a param with shape torch.Size([5, "
        "4]) from checkpoint, the shape in current model is torch.Size([6, 4])). Train the recipe again.",
        prepare=_edited("columns.json", '"classes": [\n    "blue",', '"classes": [\n    "azure",\n    "blue",'),
    ),
    Case(
        "damaged metrics.json",
        "show run",
        "error: run/metrics.json: the file is damaged: Expecting property name enclosed in double "
        "quotes: line 1 column 2 (char 1). Train the recipe again.",
        prepare=_with("metrics.json", "{"),
    ),
    Case(
        "damaged metrics.json, compared",
        "compare run",
        "error: run/metrics.json: the file is damaged: Expecting property name enclosed in double "
        "quotes: line 1 column 2 (char 1). Train the recipe again.",
        prepare=_with("metrics.json", "{"),
    ),
    Case(
        "damaged metrics.json, listed", "list .", "metrics.json cannot be read", 0, prepare=_with("metrics.json", "{")
    ),
    Case(
        "metrics.json of a list, listed",
        "list .",
        "metrics.json cannot be read",
        0,
        prepare=_with("metrics.json", "[1]"),
    ),
    Case(
        "no metrics.json",
        "show run",
        "error: run/metrics.json: the file is missing. Train the recipe again.",
        prepare=_without("metrics.json"),
    ),
    Case(
        "no metrics.json, compared",
        "compare run",
        "error: run: the run has no test scores to compare. Leave it out, or train it with test rows.",
        prepare=_without("metrics.json"),
    ),
    Case(
        "no report",
        "show run",
        "error: run: the run is finished and has no report yet. modelwright evaluate run scores it.",
        prepare=_without("reports/train.json"),
    ),
    Case(
        "damaged report",
        "show run",
        "error: run/reports/train.json: the file is damaged: Expecting property name enclosed in double "
        "quotes: line 1 column 2 (char 1). Train the recipe again.",
        prepare=_with("reports/train.json", "{"),
    ),
    Case(
        "report of a list",
        "show run",
        "error: run/reports/train.json: the file is damaged: list indices must be integers or slices, "
        "not str. Train the recipe again.",
        prepare=_with("reports/train.json", "[]"),
    ),
    Case("damaged status, listed", "list .", "damaged", 0, prepare=_with("status", "{")),
    Case(
        "data of the run is gone",
        "evaluate run",
        "error: gone.csv: the file does not exist.",
        prepare=_edited("resolved.yaml", "/data.csv", "/gone.csv"),
    ),
    Case(
        "damaged resolved.yaml, resumed",
        "train --resume run",
        "error: run/resolved.yaml: the file is damaged: expected the node content, but found '<stream "
        "end>'. Train the recipe again.",
        prepare=lambda folder: (
            _edited("status", "finished", "failed")(folder),
            _with("resolved.yaml", "data: [")(folder),
        ),
    ),
    Case(
        "no resolved.yaml, resumed",
        "train --resume run",
        "error: run: the run is failed, and resolved.yaml is missing. Train the recipe again.",
        prepare=lambda folder: (_edited("status", "finished", "failed")(folder), _without("resolved.yaml")(folder)),
    ),
    Case("killed run", "predict run data.csv", "y\n", 0, prepare=_edited("status", "finished", "running")),
]
