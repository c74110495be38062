"""modelwright: from your data to a measured model. One recipe in, one run folder out, every verb works on every run.

>>> import modelwright as mw
>>> run = mw.train({"data": "digits"})            # doctest: +SKIP
>>> run.predict(rows)                             # doctest: +SKIP

Every name is imported when it is first used: importing the package does not import torch.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "init": "verbs.init",
    "check": "verbs.check",
    "train": "verbs.train",
    "evaluate": "verbs.evaluate",
    "federate": "verbs.federate",
    "compare": "verbs.compare",
    "predict": "verbs.predict",
    "compress": "verbs.compress",
    "explain": "verbs.explain",
    "show": "verbs.show",
    "audit": "verbs.audit",
    "list_runs": "verbs.list",
    "mask": "verbs.mask",
    "encrypt": "verbs.encrypt",
    "decrypt": "verbs.decrypt",
    "Run": "run",
    "Recipe": "recipe",
    "Report": "report",
    "Classifier": "estimators",
    "Regressor": "estimators",
    "Column": "columns._column",
    "Rows": "data.rows",
    "Source": "blocks.stream",
    "Stream": "blocks.stream",
    "check_encoder": "checks",
    "check_head": "checks",
    "check_column": "checks",
    "ModelwrightError": "errors",
    "UserError": "errors",
    "RecipeError": "errors",
    "DataError": "errors",
    "RunError": "errors",
    "TrainingError": "errors",
    "StorageError": "errors",
    "MissingExtra": "errors",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"modelwright has no '{name}'.")
    return getattr(importlib.import_module(f"modelwright.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
