"""Finds interchangeable parts by file name and builds them from `{kind, options}`.

A part's kind is its file's name, its options are the keyword-only arguments of its constructor, their help the
`name: text` lines under `Options:` in its docstring. Nothing is declared anywhere else. Knows no particular part.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from .errors import Problem, UserError, did_you_mean

Count = Annotated[int, Field(ge=1, le=100_000_000)]
Depth = Annotated[int, Field(ge=1, le=1000)]
Counts = Annotated[tuple[Count, ...], Field(min_length=1)]
NoneOrMore = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class PartsOf:
    """Marks an option that holds configs of parts of a room."""

    room: str


Encoders = Annotated[tuple[str | dict[str, Any], ...], PartsOf("encoders")]

_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a finite number",
    "bool": "true or false",
    "string": "text",
    "dict": "a mapping",
    "model": "a mapping",
    "list": "a list",
    "tuple": "a list",
    "literal": "{expected}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
}
_registered: dict[tuple[str, str], type] = {}


@cache
def _folder(room: str) -> dict[str, str]:
    """kind -> file of every part in a room, without importing any of them."""
    path = Path(__file__).parent / room
    found = {
        m.name: str(path / f"{m.name}.py") for m in pkgutil.iter_modules([str(path)]) if not m.name.startswith("_")
    }
    return dict(sorted(found.items()))


@cache
def _functions(room: str) -> dict[str, Any]:
    """kind -> function or class in `__all__` of a room that is one file (`optimizers`, `schedules`, `data.augmentation`)."""
    module = importlib.import_module(f"modelwright.{room}")
    return {name: getattr(module, name) for name in module.__all__}


def _is_folder(room: str) -> bool:
    return (Path(__file__).parent / room.replace(".", "/")).is_dir()


@cache
def _entry_points(room: str) -> dict[str, Any]:
    return {point.name: point for point in entry_points(group=f"modelwright.{room}")}


def kinds(room: str) -> list[str]:
    """Every kind of a room: its files, installed entry points `modelwright.<room>`, and registered classes."""
    own = _folder(room) if _is_folder(room) else _functions(room)
    return sorted({*own, *_entry_points(room), *(kind for r, kind in _registered if r == room)})


def kind_of(room: str, part: Any) -> str:
    """The kind of a built part (or of its class)."""
    part = part if inspect.isclass(part) else type(part)
    own = [kind for (r, kind), known in _registered.items() if r == room and known is part]
    own += [
        name for name, point in _entry_points(room).items() if point.value == f"{part.__module__}:{part.__qualname__}"
    ]
    return own[0] if own else part.__module__.rpartition(".")[2]


def origin(room: str, kind: str) -> str:
    """The file (or entry point) a kind comes from."""
    if (room, kind) in _registered:
        return inspect.getfile(_registered[room, kind])
    if not _is_folder(room):
        return inspect.getfile(_functions(room)[kind])
    return _folder(room).get(kind) or f"entry point {_entry_points(room)[kind].value}"


def register(room: str, part: type) -> str:
    """Make a Python class usable as a kind of this process; returns that kind, the class's name in lower case."""
    kind = part.__name__.lower()
    if kind in _folder(room):
        raise UserError(f"'{kind}' is already a kind in {room}.", hint="Rename the class.")
    _registered[room, kind] = part
    return kind


def find(room: str, kind: str) -> Any:
    """The class (in a room that is one file: the function) of a kind. Raises UserError with the nearest names for an unknown kind."""
    if (room, kind) in _registered:
        return _registered[room, kind]
    if kind in _folder(room):  # only names that are files of the room ever reach the importer
        return public_class(importlib.import_module(f"modelwright.{room}.{kind}"))
    if not _is_folder(room) and kind in _functions(room):
        return _functions(room)[kind]
    if kind in _entry_points(room):
        return _entry_points(room)[kind].load()
    raise UserError(f"'{kind}' is not a kind of {room}.", hint=did_you_mean(kind, kinds(room)))


def public_class(module: ModuleType) -> type:
    """The one public class that a part's file defines."""
    found = [
        value
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert len(found) == 1, f"{module.__name__} must define exactly one public class, it defines {found}"
    return found[0]


def options(part: Any) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters of a part's constructor (or of a function), annotations resolved."""
    target = part.__init__ if inspect.isclass(part) else part
    hints = typing.get_type_hints(target, include_extras=True)
    return {
        name: parameter.replace(annotation=hints.get(name, Any))
        for name, parameter in inspect.signature(target).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def option_help(part: Any) -> dict[str, str]:
    """option -> its line under `Options:` in the docstring."""
    lines = (inspect.getdoc(part) or "").partition("Options:")[2].splitlines()
    pairs = (line.strip().partition(": ") for line in lines)
    return {name: text for name, colon, text in pairs if colon and name.isidentifier()}


def split(config: Any) -> tuple[str, dict[str, Any]]:
    """`"rnn"` or `{"kind": "rnn", "cell": "lstm"}` -> kind and options."""
    if isinstance(config, str):
        return config, {}
    given = dict(config)
    return str(given.pop("kind", "")), given


def validate(part: Any, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Options coerced to their annotated types, and a Problem for each that cannot be."""
    known, values, problems = options(part), {}, []
    for name, value in given.items():
        if name not in known:
            problems.append(Problem((name,), "no such option.", did_you_mean(name, known)))
            continue
        try:
            values[name] = _adapter(known[name].annotation).validate_python(value)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            inner = [one for one in errors if one["input"] is not value]  # an item of a list says more than the list
            problems.append(Problem((name,), expected(inner or errors)))
            continue
        if room := inner_room(known[name]):
            problems += [one for i, config in enumerate(values[name]) for one in mistakes(room, config, (name, i))]
    missing = [n for n, p in known.items() if p.default is inspect.Parameter.empty and n not in given]
    problems += [Problem((), f"the option '{name}' is missing.") for name in missing]
    return values, problems


def mistakes(room: str, config: Any, path: tuple) -> list[Problem]:
    """A Problem for an unknown kind, and for each option of a known one that cannot be; `path` leads to the config."""
    kind, given = split(config)
    known = kinds(room)
    if kind not in known:
        message = f"'{kind}' is not a kind of {room.rpartition('.')[2]}."
        return [Problem((*path, "kind"), message, did_you_mean(kind, known))]
    return [Problem((*path, *p.path), p.message, p.hint) for p in validate(find(room, kind), given)[1]]


def complete(room: str, config: Any) -> dict[str, Any]:
    """A config with every option, defaults included, also of the parts inside it; plain values."""
    kind, given = split(config)
    values: dict[str, Any] = {"kind": kind}
    for name, option in options(find(room, kind)).items():
        value = given.get(name, option.default)
        if inner := inner_room(option):
            value = [complete(inner, one) for one in value]
        values[name] = list(value) if isinstance(value, tuple) else value
    return values


def inner_room(option: inspect.Parameter) -> str | None:
    """The room whose parts an option holds, None for other options."""
    marks = getattr(option.annotation, "__metadata__", ())
    return next((mark.room for mark in marks if isinstance(mark, PartsOf)), None)


def expected(errors: Sequence[Any]) -> str:
    """What pydantic would have taken in one place and what it was given, in our words: its own change with versions."""
    wanted = []
    for error in errors:
        kind = error["type"]
        words = _EXPECTED.get(kind) or _EXPECTED.get(kind.partition("_")[0])
        limits = {k: f"{v:g}" if isinstance(v, float) else v for k, v in error.get("ctx", {}).items()}
        wanted.append(words.format(**limits) if words else error["msg"])
    return f"expected {' or '.join(dict.fromkeys(wanted))}, given {errors[0]['input']!r}."


def _adapter(annotation: Any) -> TypeAdapter:
    try:
        return TypeAdapter(annotation, config=ConfigDict(strict=False))
    except Exception:  # pydantic refuses a config beside types that carry their own
        return TypeAdapter(annotation)


def build(room: str, config: Any, *supplied: Any) -> Any:
    """Construct a part from its config; `supplied` are the positional arguments that the house hands in."""
    return bind(room, config)(*supplied)


def bind(room: str, config: Any) -> partial:
    """A part with its checked options, waiting for its positional arguments."""
    kind, given = split(config)
    part = find(room, kind)
    values, problems = validate(part, given)
    if problems:
        first = problems[0]
        raise UserError(first.message, where=".".join([room, kind, *map(str, first.path)]), hint=first.hint)
    return partial(part, **values)
