"""Tiny families of each field for the matrix of verbs, a file a field: `FAMILIES`, `write(folder)`, and, where there is any, `UNABLE`
and `ROWS` (the file of rows that verbs are given)."""

from __future__ import annotations

import importlib
import pkgutil

FIELDS = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
