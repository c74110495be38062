"""Writes the pages of parts and verbs from the code: one page a kind, one a verb, an overview of each room.

A hand-written file of the same name (`docs/parts/encoders/rnn.md`) follows what is generated. Knows nothing of any
particular part: the folders are the list.
"""

from __future__ import annotations

import inspect
import types
import typing
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from modelwright import cli, parts

ROOMS = {
    "columns": "Columns",
    "readers": "Readers",
    "encoders": "Encoders",
    "fuse": "Fuse",
    "heads": "Heads",
    "models": "Models",
    "transforms": "Transforms",
    "baselines": "Baselines",
    "compression": "Compression",
    "explainers": "Explainers",
    "audits": "Audits",
    "optimizers": "Optimisers",
    "schedules": "Schedules",
    "data.augmentation": "Augmentation",
}
WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false", Any: "anything"}
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
PACKAGE = Path(inspect.getfile(parts)).parent


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated pages into the navigation."""
    rooms = [
        {title: [f"parts/{folder(room)}/index.md", *(f"parts/{folder(room)}/{kind}.md" for kind in parts.kinds(room))]}
        for room, title in ROOMS.items()
    ]
    verbs = [f"verbs/{name}.md" for name in cli.verb_names()]
    generated = {"Parts": ["parts/index.md", *rooms], "Verbs": ["verbs/index.md", *verbs]}
    config["nav"] = [{name: generated.get(name, place) for name, place in entry.items()} for entry in config["nav"]]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, each followed by the hand-written page of the same name."""
    for path, text in pages().items():
        written = files.get_file_from_path(path)
        if written is not None:
            text += "\n" + written.content_string
            files.remove(written)
        files.append(File.generated(config, path, content=text))
    return files


def pages() -> dict[str, str]:
    """Path below docs/ -> Markdown of every generated page."""
    found = {}
    for room, title in ROOMS.items():
        found[f"parts/{folder(room)}/index.md"] = room_page(room, title)
        found.update({f"parts/{folder(room)}/{kind}.md": part_page(room, kind) for kind in parts.kinds(room)})
    found.update({f"verbs/{name}.md": verb_page(name) for name in cli.verb_names()})
    return found


def folder(room: str) -> str:
    """Where a room's pages lie below docs/parts/."""
    return room.rpartition(".")[2]


def room_page(room: str, title: str) -> str:
    """Every kind of a room in one table."""
    rows = [[f"[`{kind}`]({kind}.md)", _summary(parts.find(room, kind))] for kind in parts.kinds(room)]
    table = _table(["kind", "what it is"], rows)
    return f"# {title}\n\n{table}\n\nThe same list in a terminal: `modelwright list {folder(room)}`.\n"


def part_page(room: str, kind: str) -> str:
    """What a part is, its options and its file."""
    part = parts.find(room, kind)
    text, helps = _described(part, "Options:"), parts.option_help(part)
    rows = [
        [f"`{name}`", _type(option.annotation), _default(option.default), _plain(helps.get(name, ""))]
        for name, option in parts.options(part).items()
    ]
    options = _table(["option", "type", "default", "what it does"], rows) if rows else "It has no options."
    lines = [f"# {kind}", text, "## Options", options]
    if hasattr(part, "reads") and isinstance(part.reads, tuple):
        lines.insert(2, f"Reads: {', '.join(part.reads)}.")
    if getattr(part, "sizes", None) and isinstance(part.sizes, dict):
        sizes = [
            [f"`{size}`", ", ".join(f"`{name}: {_value(value)}`" for name, value in given.items())]
            for size, given in part.sizes.items()
        ]
        lines.append("What the dial `model.size` sets:\n\n" + _table(["size", "options"], sizes))
    lines.append(f"File: `{_relative(parts.origin(room, kind))}`")
    return "\n\n".join(lines) + "\n"


def verb_page(name: str) -> str:
    """A verb in the shell and in Python."""
    function = cli.verb(name)
    command = cli._main.get_command(click.Context(cli._main), name)
    shown = click.Context(command, info_name=f"modelwright {name}", terminal_width=100)
    signature = inspect.signature(function, eval_str=False)
    python = f"def {function.__name__}{signature.replace(return_annotation=inspect.Signature.empty)}".replace("'", "")
    return (
        f"# {name}\n\n{_described(function, 'Args:')}\n\n## In the shell\n\n```text\n{shown.get_help()}\n```\n\n"
        f"## In Python\n\n```python\n{_wrapped(python)}: ...\n```\n\nFile: `{_relative(inspect.getfile(function))}`\n"
    )


def _wrapped(signature: str) -> str:
    """A long signature with one parameter a line."""
    if len(signature) <= 100:
        return signature
    head, _, rest = signature.partition("(")
    inside, depth, parameters = rest.rstrip(")"), 0, [""]
    for character in inside:
        depth += (character in "[(") - (character in "])")
        if character == "," and depth == 0:
            parameters.append("")
        else:
            parameters[-1] += character
    return f"{head}(\n" + "".join(f"    {p.strip()},\n" for p in parameters) + ")"


def _described(thing: Any, end: str) -> str:
    return _escaped((inspect.getdoc(thing) or "").partition(end)[0].strip())


def _summary(part: Any) -> str:
    """The first sentence of a docstring."""
    first = (inspect.getdoc(part) or "").partition("\n\n")[0].replace("\n", " ")
    return _plain(first.partition(". ")[0].rstrip(".") + ".")


def _escaped(text: str) -> str:
    """Angle brackets outside of code as text."""
    pieces = text.split("`")
    return "`".join(p if i % 2 else p.replace("<", "&lt;").replace("*", r"\*") for i, p in enumerate(pieces))


def _plain(text: str) -> str:
    return _escaped(text).replace("|", r"\|")


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _type(annotation: Any) -> str:
    """An annotation in words a recipe's writer knows."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        bounds = [_bound(limit) for limit in inner[1:]]
        return ", ".join([_type(inner[0]), *filter(None, bounds)])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in inner)
    if origin in (typing.Union, types.UnionType):
        return " or ".join("nothing" if one is type(None) else _type(one) for one in inner)
    if origin is tuple or origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"{_type(inner[0])} → {_type(inner[1])}"
    return WORDS.get(annotation) or getattr(annotation, "__name__", str(annotation))


def _bound(limit: Any) -> str:
    """`Field(ge=1)` as `≥ 1`."""
    limits = [limit, *getattr(limit, "metadata", ())]
    found = {
        key: getattr(one, key) for one in limits for key in SIGNS if isinstance(getattr(one, key, None), (int, float))
    }
    return ", ".join(f"{SIGNS[key]} {value:g}" for key, value in found.items())


def _default(value: Any) -> str:
    return "required" if value is inspect.Parameter.empty else f"`{_value(value)}`"


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _relative(path: str) -> str:
    inside = Path(path).is_relative_to(PACKAGE)
    return f"src/modelwright/{Path(path).relative_to(PACKAGE).as_posix()}" if inside else path
