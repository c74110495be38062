"""Typed columns: one file a kind, no layers. `load(dump(columns))` gives equal columns."""

from __future__ import annotations

from typing import Any

from .. import parts
from ._inference import Inferred, infer
from ._masking import Masker, masker, maskers
from ._ragged import Ragged
from ._windows import Windows

__all__ = ["Inferred", "Masker", "Ragged", "Windows", "build", "dump", "infer", "load", "masker", "maskers"]


def build(name: str, config: str | dict[str, Any], target: bool = False) -> Any:
    """An unfitted column from `"number"` or `{"kind": "number", **options}`."""
    return parts.build("columns", config, name, target)


def dump(columns: dict[str, Any]) -> dict[str, Any]:
    """Fitted columns as one JSON-able dict. Options are read back from the attributes of the same names."""
    return {
        name: {
            "kind": parts.kind_of("columns", column),
            "target": column.target,
            "options": {option: getattr(column, option) for option in parts.options(type(column))},
            "state": column.state(),
        }
        for name, column in columns.items()
    }


def load(saved: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `dump`, also after a trip through JSON."""
    columns = {}
    for name, entry in saved.items():
        columns[name] = build(name, {"kind": entry["kind"], **entry["options"]}, entry["target"])
        columns[name].restore(entry["state"])
    return columns
