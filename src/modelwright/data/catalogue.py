"""Data sets by name: what the files of `sets/` declare, one file a field.

Bundled ones come with scikit-learn. The others are found below `$MODELWRIGHT_DATA` or in the cache, where `download.py`
puts them. Knows no particular data set.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ..errors import DataError, did_you_mean
from . import sets
from .named import Named


def names() -> list[str]:
    """Every name, sorted."""
    return sorted(_all())


def find(name: str) -> Named:
    """The data set of a name. Raises DataError with the nearest names."""
    if name not in _all():
        raise DataError(f"there is no data set '{name}'.", hint=did_you_mean(name, names()))
    return _all()[name]


@cache
def _all() -> dict[str, Named]:
    files = [module.name for module in pkgutil.iter_modules(sets.__path__) if not module.name.startswith("_")]
    modules = [importlib.import_module(f"{sets.__name__}.{name}") for name in files]
    found = [named for module in modules for named in module.SETS]
    return {name: named for named in found for name in (named.name, *named.aliases)}
