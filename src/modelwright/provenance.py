"""The log of a run: every verb that ever touched it, in `provenance.jsonl`, a line each.

Knows nothing of what the verbs do, and nothing of torch.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from . import __version__
from .recipe_checks import reader_of
from .status import intact

LOG = "provenance.jsonl"
ROWS = ("data", "rows")  # what rows are given as


def recorded(verb: Callable[..., Any]) -> Callable[..., Any]:
    """A verb that leaves a line in each run folder it was given or has made, once it has succeeded.

    The line has the time, the verb, the arguments that are not defaults, the seconds it took and the fingerprint of the
    weights. A folder that cannot be written (an archive) is left as it is, with a note on stderr.
    """

    @functools.wraps(verb)
    def call(*arguments: Any, **options: Any) -> Any:
        began, since = time.perf_counter(), time.time()
        result = verb(*arguments, **options)
        signature = inspect.signature(verb)
        given = signature.bind(*arguments, **options).arguments
        said = {key: value for key, value in given.items() if _is_plain(value)}
        defaults = {key: parameter.default for key, parameter in signature.parameters.items()}
        plain = {key: _plain(value, key) for key, value in said.items() if value != defaults[key]}
        for folder in _folders([*given.values(), result]):
            append(folder, verb.__name__, arguments=plain, seconds=round(time.perf_counter() - began, 3))
            card = folder / "card.md"
            if card.exists() and card.stat().st_mtime >= since:  # written by this verb, before the line was
                from .publication import render

                render(folder)
        return result

    return call


def append(folder: Path, verb: str, **details: Any) -> None:
    """Add a line to the log of a run folder."""
    moment = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "verb": verb, "version": __version__}
    line = json.dumps({**moment, **details, "weights": fingerprint(folder)}, ensure_ascii=False) + "\n"
    try:
        with open(folder / LOG, "a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        print(f"{folder}: {verb} could not be added to its log ({error.strerror}).", file=sys.stderr)


def read(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log, oldest first; none where there is no log yet."""
    file = folder / LOG
    if not file.exists():
        return []
    with intact(file):
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def words(line: dict[str, Any]) -> str:
    """The arguments of a line of the log, as a person reads them."""
    return ", ".join(f"{key}: {value}" for key, value in line.get("arguments", {}).items())


def fingerprint(folder: Path) -> str | None:
    """The first 16 digits of the SHA-256 of a run's weights; None where there are none."""
    file = folder / "model.safetensors"
    if not file.exists():
        return None
    with open(file, "rb") as data:
        found = hashlib.sha256()
        while block := data.read(1 << 20):
            found.update(block)
        return found.hexdigest()[:16]


def _folders(values: list[Any]) -> Iterator[Path]:
    """The run folders among a verb's arguments and its result, each once."""
    seen = set()
    for value in values:
        for one in value if isinstance(value, (tuple, list)) else [value]:
            path = Path(one) if isinstance(one, str) else one if isinstance(one, Path) else getattr(one, "path", None)
            if isinstance(path, Path) and (path / "status").exists() and path.resolve() not in seen:
                seen.add(path.resolve())
                yield path


def _is_plain(value: Any) -> bool:
    """Whether it says something that a line can hold: rows in memory it cannot."""
    return hasattr(value, "path") or (isinstance(value, (str, int, float, Path, tuple, Mapping)) and bool(value))


def _plain(value: Any, key: str = "") -> Any:
    """What a line holds of an argument, or of a recipe's key: of rows in memory no more than their type."""
    if key in ROWS and _holds_rows(value):
        return f"<{type(value).__name__}>"
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item, key if key in ROWS else str(name)) for name, item in value.items()}
    if isinstance(value, (str, int, float)) or value is None:
        return value
    path = getattr(value, "path", value)
    return str(path) if isinstance(path, Path) else f"<{type(value).__name__}>"


def _holds_rows(value: Any) -> bool:
    if isinstance(value, Mapping):
        return not reader_of(value) and not all(isinstance(item, (str, int, float, Path)) for item in value.values())
    return isinstance(value, (tuple, list))
