"""The bad inputs that modelwright is shown to answer, with what it answers: `CASES`, all of them; `ROOMS`, by subject."""

from __future__ import annotations

import importlib
import pkgutil

from ._case import Case

ROOMS: dict[str, list[Case]] = {
    module.name.replace("_", " ").capitalize(): importlib.import_module(f"{__name__}.{module.name}").CASES
    for module in pkgutil.iter_modules(__path__)
    if not module.name.startswith("_")
}
CASES: list[Case] = [case for cases in ROOMS.values() for case in cases]
