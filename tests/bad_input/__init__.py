"""The bad inputs that modelwright is shown to answer, with what it answers: `CASES`, all of them; `ROOMS`, by subject."""

from . import commands, files, formats, recipes, recipes_with_data, runs, values
from ._case import Case

ROOMS = {
    "Files": files.CASES,
    "Formats": formats.CASES,
    "Values": values.CASES,
    "Recipes": recipes.CASES,
    "Recipes and data": recipes_with_data.CASES,
    "Command lines": commands.CASES,
    "Runs": runs.CASES,
}
CASES: list[Case] = [case for cases in ROOMS.values() for case in cases]
