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
    Case("no status", "predict run data.csv", "?", prepare=_without("status")),
    Case("damaged status", "predict run data.csv", "?", prepare=_with("status", "{")),
    Case("status of binary", "predict run data.csv", "?", prepare=_with("status", b"\xff\xfe\x00")),
    Case("status of a list", "show run", "?", prepare=_with("status", "[1]")),
    Case("no resolved.yaml", "predict run data.csv", "?", prepare=_without("resolved.yaml")),
    Case("damaged resolved.yaml", "predict run data.csv", "?", prepare=_with("resolved.yaml", "data: [")),
    Case("resolved.yaml of a list", "predict run data.csv", "?", prepare=_with("resolved.yaml", "[1]")),
    Case("resolved.yaml of binary", "predict run data.csv", "?", prepare=_with("resolved.yaml", b"\xff\xfe\x00")),
    Case("resolved.yaml with an unknown part", "predict run data.csv", "?", prepare=_edited("resolved.yaml", "kind: mlp", "kind: mlpp")),
    Case("no columns.json", "predict run data.csv", "?", prepare=_without("columns.json")),
    Case("truncated columns.json", "predict run data.csv", "?", prepare=_cut("columns.json")),
    Case("columns.json of a list", "predict run data.csv", "?", prepare=_with("columns.json", "[1]")),
    Case("columns.json without states", "predict run data.csv", "?", prepare=_edited("columns.json", '"state"', '"states"')),
    Case("columns.json with an unknown kind", "predict run data.csv", "?", prepare=_edited("columns.json", '"kind": "number"', '"kind": "nubmer"')),
    Case("no weights", "predict run data.csv", "?", prepare=_without("model.safetensors")),
    Case("truncated weights", "predict run data.csv", "?", prepare=_cut("model.safetensors")),
    Case("weights of text", "predict run data.csv", "?", prepare=_with("model.safetensors", "hello")),
    Case("empty weights", "predict run data.csv", "?", prepare=_with("model.safetensors", "")),
    Case("weights that do not fit", "predict run data.csv", "?", prepare=_edited("columns.json", '"classes": [\n    "blue",', '"classes": [\n    "azure",\n    "blue",')),
    Case("damaged metrics.json", "show run", "?", prepare=_with("metrics.json", "{")),
    Case("damaged metrics.json, compared", "compare run", "?", prepare=_with("metrics.json", "{")),
    Case("damaged metrics.json, listed", "list .", "metrics.json cannot be read", 0, prepare=_with("metrics.json", "{")),
    Case("metrics.json of a list, listed", "list .", "metrics.json cannot be read", 0, prepare=_with("metrics.json", "[1]")),
    Case("no metrics.json", "show run", "?", prepare=_without("metrics.json")),
    Case("no metrics.json, compared", "compare run", "?", prepare=_without("metrics.json")),
    Case("no report", "show run", "?", prepare=_without("reports/train.json")),
    Case("damaged report", "show run", "?", prepare=_with("reports/train.json", "{")),
    Case("report of a list", "show run", "?", prepare=_with("reports/train.json", "[]")),
    Case("damaged status, listed", "list .", "damaged", 0, prepare=_with("status", "{")),
    Case("data of the run is gone", "evaluate run", "?", prepare=_edited("resolved.yaml", "/data.csv", "/gone.csv")),
    Case("damaged resolved.yaml, resumed", "train --resume run", "?",
         prepare=lambda folder: (_edited("status", "finished", "failed")(folder), _with("resolved.yaml", "data: [")(folder))),
    Case("no resolved.yaml, resumed", "train --resume run", "?",
         prepare=lambda folder: (_edited("status", "finished", "failed")(folder), _without("resolved.yaml")(folder))),
    Case("killed run", "predict run data.csv", "y\nno\n", 0, prepare=_edited("status", "finished", "running")),
]
