"""Recipes: load YAML or a dict, override keys, and report every mistake at once with file, line and column.

Knows the shape of a recipe; which options a part takes it asks `parts`, what is in the data it leaves to others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
)

from . import parts, recipe_checks
from .errors import Problem, RecipeError, UserError, did_you_mean
from .recipe_options import Adversarial, Balance, ModelOptions, PartConfig, PrivacyOptions, Strict, TrainOptions

OWN = ("base", "source")  # fields that are no keys: where a recipe stands


class Recipe(Strict):
    """A whole recipe. `base` is the folder that its paths are relative to."""

    data: Any
    target: str | None = None
    targets: dict[str, dict[str, Any]] = Field(default_factory=dict)
    columns: dict[str, PartConfig] = Field(default_factory=dict)
    model: ModelOptions = Field(default_factory=ModelOptions)
    train: TrainOptions = Field(default_factory=TrainOptions)
    baselines: bool | list[str] = True
    privacy: PrivacyOptions | None = None
    federated: dict[str, Any] | None = None
    about: dict[str, str] = Field(default_factory=dict)  # what only a person knows (`recipe_checks.ABOUT`)
    base: Path = Field(default=Path("."), exclude=True)
    source: str = Field(default="recipe", exclude=True)
    _marks: dict[tuple, Any] = PrivateAttr(default_factory=dict)

    def error(self, problems: list[Problem]) -> RecipeError:
        """All `problems` as one error, each with its line and column."""
        first = {problem.path: problem for problem in reversed(problems)}  # a union reports one mistake several times
        marks = self._marks
        return RecipeError(
            [_line(p, marks, self.source) for p in sorted(first.values(), key=lambda p: _position(p, marks))]
        )

    @contextmanager
    def places(self) -> Iterator[None]:
        """Give an error whose `where` is a key of the recipe (`model.encoders.note`) that key's line and column."""
        try:
            yield
        except UserError as error:
            path = tuple(error.where.split("."))
            is_key = path[0] in type(self).model_fields and (
                path[0] != "data" or path[1:2] in ((), ("split",)) or recipe_checks.reader_of(self.data) != ""
            )
            if isinstance(error, RecipeError) or not is_key:
                raise
            raise self.error([Problem(path, error.message, error.hint)]) from None

    def target_names(self) -> list[str]:
        """The targets, in the recipe's order."""
        return [self.target] if self.target is not None else list(self.targets)

    def rebuilt_names(self) -> list[str]:
        """The targets that are inputs too: their heads write again what an encoder read."""
        return [name for name in self.target_names() if self._rebuilds(name)]

    def _rebuilds(self, name: str) -> bool:
        given = (self.model.heads.get(name), self.targets.get(name, {}).get("head"))
        kinds = [kind for config in given if config and (kind := parts.split(config)[0])]
        return any(hasattr(parts.find("heads", kind), "target_of") for kind in kinds)

    def name(self) -> str:
        """A short name for the run folder, from the recipe's file or its data."""
        if self.source.endswith((".yaml", ".yml")):
            stem = Path(self.source).stem
            return Path(self.source).resolve().parent.name if stem in ("recipe", "resolved") else stem
        data = self.data
        if isinstance(data, Mapping):
            data = data.get(recipe_checks.reader_of(data) or "train", data.get("path"))
        return Path(data).name.split(".")[0] if isinstance(data, (str, Path)) else "run"

    def plain(self) -> dict[str, Any]:
        """The recipe as YAML-able values; data that only lives in memory is named by its type."""
        values = self.model_dump(exclude_none=True, by_alias=True, exclude={"data"})
        if self.model.kind != "assembled":
            values["model"] = {key: value for key, value in values["model"].items() if value != {} and key != "weights"}
        return {"data": _plain_data(self.data, self.base), **values}


def _plain_data(data: Any, base: Path) -> Any:
    """Data as a later process can find it again: paths made absolute, names of data sets left as they are."""
    if isinstance(data, Mapping):
        if recipe_checks.reader_of(data):
            return {k: _plain_data(v, base) if isinstance(v, (str, Path)) else v for k, v in data.items()}
        paths = ("path", "train", "validation", "test")
        if any(name in data for name in paths) and all(isinstance(data.get(n, ""), (str, Path)) for n in paths):
            return {k: _plain_data(v, base) if k in paths else v for k, v in data.items()}
    elif isinstance(data, (str, Path)):
        return str((base / data).resolve()) if (base / data).exists() else str(data)
    return f"<{type(data).__name__}>"


def load(
    given: str | Path | Mapping[str, Any],
    overrides: Iterable[str] = (),
    *,
    target: str | None = None,
    also: Callable[[dict[str, Any], Path], list[Problem]] | None = None,
) -> Recipe:
    """A recipe from a YAML file, a mapping, or the path or name of data, with `key.path=value` overrides applied.

    `target` takes the place of the recipe's (several with commas); `also(values, base)` finds more mistakes.
    Raises RecipeError naming every mistake with its place, UserError when the file cannot be read.
    """
    if isinstance(given, Mapping):
        values, marks, source, base = _copy(given), dict[tuple, Any](), "recipe", Path(".")
    elif str(given).endswith((".yaml", ".yml")):
        source, base = str(given), Path(given).resolve().parent
        values, marks = _read(Path(given))
    else:
        values, marks, source, base = {"data": str(given)}, dict[tuple, Any](), "command line", Path(".")
    if target is not None:
        names = [name.strip() for name in target.split(",") if name.strip()]
        values = {key: value for key, value in values.items() if key not in ("target", "targets")}
        several: dict[str, Any] = {"targets": {name: {} for name in names}}
        values.update(several if len(names) != 1 else {"target": names[0]})
        marks = {key: mark for key, mark in marks.items() if key[0] not in ("target", "targets")}
        marks[("target",)] = marks[("targets",)] = None
    for text in overrides:
        path = _override(values, text)
        marks = {key: mark for key, mark in marks.items() if key[: len(path)] != path}
        marks[path] = None
        for length in range(1, len(path)):
            marks.setdefault(path[:length], None)
    _register_classes(values)
    problems: list[Problem] = []
    recipe = None
    try:
        recipe = Recipe(**{key: value for key, value in values.items() if key not in OWN}, base=base, source=source)
    except ValidationError as error:
        problems += _type_problems(error.errors(include_url=False), values)
    problems += recipe_checks.check(values)
    problems += [Problem((key,), "no such key.") for key in OWN if key in values]
    if also and not any(problem.path[:1] == ("data",) for problem in problems):
        problems += also(values, base)
    recipe = recipe or Recipe.model_construct(data=None, base=base, source=source)
    recipe._marks = marks
    if problems:
        raise recipe.error(problems)
    return recipe


def _copy(value: Any) -> Any:
    """A copy of the mappings only: data frames and arrays stay the same objects."""
    return {str(k): _copy(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def _read(path: Path) -> tuple[dict[str, Any], dict[tuple, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.y*ml")]) if path.parent.is_dir() else ""
        raise UserError("no such recipe.", where=str(path), hint=near) from None
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not valid utf-8."
        raise UserError(message, where=str(path), hint="A recipe is text: save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"the recipe cannot be read ({error.strerror}).", where=str(path)) from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        hint = "Indent with spaces." if "\\t" in reason else ""
        raise UserError(f"not valid YAML: {reason}.", where=where, hint=hint) from None
    if not isinstance(values, dict):
        raise UserError(
            "a recipe is a mapping such as 'data: file.csv'.", where=str(path), hint="See: modelwright init"
        )
    marks: dict[tuple, Any] = {}
    repeated = list(_collect_marks(node, (), marks))
    if repeated:
        raise RecipeError(
            [f"{path}:{m.line + 1}:{m.column + 1}: {'.'.join(p)}: the key stands twice." for p, m in repeated]
        )
    return _copy(values), marks


def _collect_marks(node: Any, path: tuple, marks: dict[tuple, Any]) -> Iterable[tuple[tuple, Any]]:
    """Fill `marks` with the place of every key and yield the keys that stand twice."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            if here in marks:
                yield here, key.start_mark
            marks[here] = key.start_mark
            yield from _collect_marks(value, here, marks)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            marks[(*path, str(index))] = value.start_mark
            yield from _collect_marks(value, (*path, str(index)), marks)


def _override(values: dict[str, Any], text: str) -> tuple[str, ...]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(
            f"'{text}' is not of the form key=value.", where="command line", hint="For example train.lr=3e-4"
        )
    path = tuple(key.strip().split("."))
    place = values
    for step in path[:-1]:
        inner = place.get(step)
        name = "path" if place is values and step == "data" else "kind"  # what a text stands for there
        place[step] = {name: inner} if isinstance(inner, str) else (inner if isinstance(inner, dict) else {})
        place = place[step]
    try:
        place[path[-1]] = yaml.safe_load(value)
    except yaml.YAMLError:
        place[path[-1]] = value
    return path


def _register_classes(values: dict[str, Any]) -> None:
    """Python classes given as parts become registered kinds, so that the recipe stays plain data."""
    model = values.get("model")
    for room in ("encoders", "heads"):
        configs: Any = model.get(room) if isinstance(model, dict) else None
        for name, config in (configs or {}).items() if isinstance(configs, dict) else ():
            kind = config.get("kind") if isinstance(config, dict) else config
            if isinstance(kind, type):
                known = parts.register(room, kind)
                configs[name] = {**config, "kind": known} if isinstance(config, dict) else known


_OWNERS: dict[tuple[Any, ...], Any] = {
    (): Recipe,
    ("model",): ModelOptions,
    ("train",): TrainOptions,
    ("train", "adversarial"): Adversarial,
    ("train", "balance"): Balance,
    ("privacy",): PrivacyOptions,
}


def _type_problems(errors: list[Any], values: Any) -> list[Problem]:
    """One Problem for each place: a union reports what each of its members would have taken."""
    found: dict[tuple, list[Any]] = {}
    for error in errors:
        found.setdefault(_place(error, values), []).append(error)
    problems = []
    for path, several in found.items():
        kind = several[0]["type"]
        if kind == "extra_forbidden":
            owner: Any = _OWNERS[path[:-1]]
            known = [field.alias or name for name, field in owner.model_fields.items() if not field.exclude]
            problems.append(Problem(path, "no such key.", did_you_mean(str(path[-1]), known)))
        elif kind == "missing":
            hint = "A recipe needs data and target." if len(path) == 1 else ""
            problems.append(Problem(path, "this key is missing.", hint))
        else:
            problems.append(Problem(path, parts.expected(several), _HINTS.get(path, "")))
    return problems


_HINTS: dict[tuple, str] = {
    ("target",): "Several are written targets: {first: {}, second: {}}.",
    ("targets",): "Write targets: {first: {}, second: {weight: 0.5}}.",
}


def _place(error: Any, values: Any) -> tuple[str | int, ...]:
    """The key that pydantic's error is about, without the names of union members that it puts into the path."""
    kept: list[str | int] = []
    place = values
    for step in error["loc"]:
        inside = (isinstance(place, dict) and step in place) or (isinstance(place, list) and isinstance(step, int))
        if not inside and error["type"] != "missing":
            continue
        kept.append(step)
        place = place[step] if inside else None
    return tuple(kept)


def _mark(problem: Problem, marks: dict[tuple, Any]) -> tuple[bool, Any]:
    path = tuple(map(str, problem.path))
    while path:
        if path in marks:
            return True, marks[path]
        path = path[:-1]
    return False, None


def _position(problem: Problem, marks: dict[tuple, Any]) -> tuple[int, int]:
    mark = _mark(problem, marks)[1]
    return (mark.line, mark.column) if mark else (1 << 30, 0)


def _line(problem: Problem, marks: dict[tuple, Any], source: str) -> str:
    found, mark = _mark(problem, marks)
    where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else ("command line" if found else source)
    text = f"{where}: {'.'.join(map(str, problem.path))}: {problem.message}".replace(": : ", ": ")
    return f"{text} {problem.hint}".rstrip()


def schema() -> dict[str, Any]:
    """JSON Schema of a recipe, for editors."""
    return Recipe.model_json_schema()
