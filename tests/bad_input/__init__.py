"""The bad inputs that modelwright is shown to answer, with what it answers: `CASES`."""

from . import commands, files, recipes, runs, values
from ._case import Case

CASES: list[Case] = [*files.CASES, *values.CASES, *recipes.CASES, *commands.CASES, *runs.CASES]
