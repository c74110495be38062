"""What a bad input is: the files it needs, the command it is given to, and what the person then reads."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from modelwright import cli

GOOD = "a,b,y\n" + "".join(f"{i % 7},{['red', 'green', 'blue'][i % 3]},{'yes' if i % 2 else 'no'}\n" for i in range(40))
QUICK = "--no-baselines --no-report train.epochs=1"


@dataclass(frozen=True)
class Case:
    """One bad input. Its folder holds `data.csv` (good rows) and a finished run `run`, unless `files` says otherwise."""

    name: str
    command: str  # the arguments of modelwright, as a shell would cut them
    message: str  # all of stderr where the code is not 0 (folder left out), else a part of what is printed
    code: int = 2
    recipe: str = ""  # written to recipe.yaml
    files: dict[str, str | bytes] = field(default_factory=dict)
    stdin: bytes = b""
    prepare: Callable[[Path], None] | None = None  # called with the folder, for what files cannot say


START = "data: data.csv\ntarget: y\n"


def check_recipe(name: str, more: str, message: str, code: int = 2, start: str = START) -> Case:
    """`check` on a recipe that begins well."""
    return Case(name, "check recipe.yaml", message, code, recipe=start + more)


def train_recipe(name: str, more: str, message: str, code: int = 2, start: str = START) -> Case:
    """`train` on a recipe that begins well."""
    return Case(name, f"train recipe.yaml {QUICK} --out r", message, code, recipe=start + more)


def run(command: str) -> int:
    """The exit code of a command, through the public door."""
    try:
        cli.main(shlex.split(command))
    except SystemExit as end:
        return int(end.code or 0)
    return 0
