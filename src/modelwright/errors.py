"""The tree of errors. Each says where, what was given, what was expected and what to do.

ModelwrightError              something failed; exit code 1
├── TrainingError             training cannot go on (the loss is not finite, memory ran out)
├── StorageError              the run folder cannot be written (disk full, no permission)
└── UserError                 the person can mend it; exit code 2
    ├── RecipeError           one or several mistakes in a recipe, each with its place
    ├── DataError             a file, column or value that cannot be used
    ├── RunError              a folder that is not a run, or a run in the wrong state
    └── MissingExtra          an optional library is not installed

Knows nothing about the rest of the package.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class ModelwrightError(Exception):
    """`where: message. hint` on one line; `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        self.message, self.where, self.hint = message, where, hint
        super().__init__(message, where, hint)  # all three, so that the error survives pickling

    def __reduce__(self):
        return _rebuild, (type(self), self.message, self.where, self.hint)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} {self.hint}" if self.hint else text


def _rebuild(kind: type[ModelwrightError], message: str, where: str, hint: str) -> ModelwrightError:
    error = kind.__new__(kind)
    ModelwrightError.__init__(error, message, where=where, hint=hint)
    return error


class TrainingError(ModelwrightError):
    """Training cannot go on."""


class StorageError(ModelwrightError):
    """A file of a run cannot be written."""


class UserError(ModelwrightError, ValueError):
    """Something the person at the keyboard can mend."""

    exit_code = 2


class DataError(UserError):
    """A file, column or value that cannot be used."""


class RunError(UserError):
    """A folder that is not a run, or a run in the wrong state for what was asked."""


class MissingExtra(UserError, ImportError):
    """An optional library is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(
            f"this needs {library}, which is not installed.",
            hint=f"Install it with: pip install 'modelwright[{extra}]'",
        )


def unable(needs: str, run: Any, hint: str = "") -> RunError:
    """The one refusal of verbs: the run's model lacks what the verb needs, such as "a model that predicts classes"."""
    kinds = ", ".join(f"{name} ({kind})" for name, kind in run.kinds.items()) or "language model"
    return RunError(f"this needs {needs}; this run is: {kinds}.", where=str(run.path or "run"), hint=hint)


@dataclass(frozen=True)
class Problem:
    """One mistake in a recipe: `path` leads to the key (`("train", "lr")`)."""

    path: tuple[str | int, ...]
    message: str
    hint: str = ""


class RecipeError(UserError):
    """All the mistakes of a recipe at once; `lines` holds them as `file:line:column: key: message`."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        place = "" if all(line.startswith("command line") for line in lines) else " in the recipe"
        super().__init__(f"{count}{place}:\n" + "\n".join(f"  {line}" for line in lines))

    def __reduce__(self):
        return RecipeError, (self.lines,)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the nearest known words, or all of them when none is near."""
    known = [str(name) for name in known]
    near = difflib.get_close_matches(str(word).lower(), known, n=2, cutoff=0.6)
    if near:
        return "Did you mean " + " or ".join(f"'{name}'" for name in near) + "?"
    return "Known: " + ", ".join(sorted(known)) + "." if known else ""
