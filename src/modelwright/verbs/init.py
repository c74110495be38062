"""The verb `init`."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import yaml

from ..errors import RunError
from ..files import write_text
from ..report import Report, Table, Text

WIDTH = 110  # of the lines of a written recipe


def init(data: str, *, target: str | None = None, out: str = "recipe.yaml", force: bool = False) -> Report:
    """Look at a data file and write a short, commented recipe for it.

    For texts or chats without a target it is a language model's.

    Args:
        data: a file, folder or named data set
        target: the column to predict; several with commas
        out: the recipe to write
        force: overwrite the recipe if it is there
    """
    import numpy as np

    from ..building import model_sources, targets_of
    from ..choices import choose
    from ..preparation import build_columns, fit_columns, open_rows
    from ..recipe import load

    path = Path(out)
    if path.exists() and not force:
        raise RunError(
            "the file is there already.", where=out, hint="Use --force to overwrite it, or --out for another name."
        )
    if target is None and _is_corpus(data):
        return _language(data, path)
    recipe = load({"data": data}, target=target)
    rows = open_rows(recipe)
    columns, inferred = build_columns(recipe, rows)
    fit_columns(rows, columns, np.ones(rows.table.num_rows, bool))
    choices = choose(
        recipe, model_sources(recipe, columns), targets_of(recipe, columns), int(rows.table.num_rows * 0.8)
    )
    kinds = {name: recipe.columns[name] for name in columns}
    base = path.resolve().parent
    location = _relative(Path(data), base) if Path(data).exists() else data
    write_text(path, _text(location, kinds, inferred, choices, recipe))
    table = [[n, "target" if n in recipe.target_names() else i.kind, i.reason, i.doubt] for n, i in inferred.items()]
    report = Report(f"{out}: a recipe for {rows.name} ({rows.table.num_rows:,} rows)")
    report.blocks.append(Table("Columns", ["column", "kind", "why", "doubt"], table))
    report.blocks.append(Table("Choices", ["key", "value", "why"], [[c.key, str(c.value), c.reason] for c in choices]))
    report.blocks.append(Text("Next", f"modelwright check {out}, then modelwright train {out}"))
    report.data = {
        "recipe": out,
        "rows": rows.table.num_rows,
        "columns": {n: {"kind": i.kind, "why": i.reason, "doubt": i.doubt} for n, i in inferred.items()},
        "choices": [vars(c) for c in choices],
    }
    return report


def _is_corpus(data: str) -> bool:
    """Whether data are texts or chats to learn a language from, rather than rows of a table."""
    from ..data import catalogue, corpus
    from ..data._files import File

    path = Path(data)
    if not path.exists():
        return data in catalogue.names() and not catalogue.find(data).targets
    if path.is_dir():
        return any(file.suffix.lower() in corpus.TEXTS for file in path.rglob("*"))
    file = File(path)
    if file.suffix not in corpus.LINES:
        return file.suffix in corpus.TEXTS
    with file.open() as stream:
        try:
            row = json.loads(stream.readline())
        except ValueError:
            return False  # whoever reads the rows says what is wrong
    return isinstance(row, dict) and bool({"messages"} & set(row) or {"prompt", "response"} <= set(row))


def _language(data: str, path: Path) -> Report:
    """Write the recipe of a language model."""
    from ..recipe import load
    from ..tasks import language

    recipe = load({"data": data, "model": {"kind": "language"}})
    prepared = language.prepare(recipe)
    location = _relative(Path(data), path.resolve().parent) if Path(data).exists() else data
    reasons = {choice.key: choice.reason for choice in prepared.choices}
    lines = [f"# {note}" for note in prepared.corpus.notes] + _line("data", location) + ["", "model:"]
    lines += _line("kind", "language", "each token is predicted from those before it", 2)
    for key in ("size", "tokenizer"):
        lines += _line(key, getattr(recipe.model, key), reasons.get(f"model.{key}", ""), 2)
    lines += [*_line("context", prepared.context, "tokens that are read at once", 2), "", "train:"]
    for choice in prepared.choices:
        if choice.key.startswith("train."):
            lines += _line(choice.key.partition(".")[2], choice.value, choice.reason, 2)
    write_text(path, "\n".join(lines) + "\n")
    report = Report(f"{path}: a recipe for a language model of {data}")
    report.blocks += language.look(prepared)[:-1]
    report.blocks.append(Text("Next", f"modelwright check {path}, then modelwright train {path}"))
    report.data = {"recipe": str(path), "choices": [vars(choice) for choice in prepared.choices]}
    return report


def _relative(path: Path, base: Path) -> str:
    try:
        return str(path.resolve().relative_to(base))
    except ValueError:
        return str(path.resolve())


def _text(data: str, kinds: dict, inferred: dict, choices: list, recipe: Any) -> str:
    """The recipe with its reasons as comments."""
    targets = recipe.target_names()
    lines = _line("data", data)
    lines += _line("target", targets[0]) if len(targets) == 1 else _line("targets", {name: {} for name in targets})
    lines += ["", "columns:  # inferred: mend what is wrong, leave out what is right"]
    for name, guess in inferred.items():
        config = kinds.get(name, {"kind": "drop"})
        config = {"kind": config} if isinstance(config, str) else config
        shown = config["kind"] if len(config) == 1 else config
        doubt = f" DOUBT: {guess.doubt}." if guess.doubt else ""
        lines += _line(name, shown, f"{guess.reason}.{doubt}" if doubt else guess.reason, 2)
    reasons = {choice.key: choice.reason for choice in choices}
    lines += ["", "model:", "  encoders:"]
    for name, config in recipe.model.encoders.items():
        lines += _line(name, config, reasons.get(f"model.encoders.{name}", ""), 4)
    lines += ["", "train:"]
    for choice in choices:
        if choice.key.startswith("train."):
            lines += _line(choice.key.partition(".")[2], choice.value, choice.reason, 2)
    if any(guess.kind == "drop" for guess in inferred.values()):
        lines += ["", "# Columns marked drop are left out; give them another kind to use them."]
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any, reason: str = "", indent: int = 0) -> list[str]:
    """`key: value  # reason` as YAML on one line; a long reason stands in lines of its own above."""
    text = f"{' ' * indent}{_flow(key)}: {_flow(value)}"
    reason = "".join(c if c.isprintable() else " " for c in reason)
    if not reason:
        return [text]
    if len(text) + len(reason) + 4 <= WIDTH:
        return [f"{text}  # {reason}"]
    wrapped = textwrap.wrap(reason, WIDTH - indent - 2, break_on_hyphens=False)
    return [f"{' ' * indent}# {line}" for line in wrapped] + [text]


def _flow(value: Any) -> str:
    """A value as YAML that fits into a line."""
    shown = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=1e9, sort_keys=False).strip()
    return shown[1:-1] if "\n" not in shown else json.dumps(value)
