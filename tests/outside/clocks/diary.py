"""Reads a diary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

import modelwright as mw


class Diary:
    """A file with a line for each event: a time of day, a space, and what was.

    Options:
        comment: lines that begin with it are left out.
    """

    def __init__(self, path: str, *, comment: str = "#") -> None:
        self.path, self.comment = path, comment

    def read(self, base: Path, masks: Mapping[str, Any]) -> mw.Rows:
        place = base / self.path
        if not place.exists():
            raise mw.DataError("there is no such diary.", where=str(place), hint="Write one.")
        lines = [line for line in place.read_text("utf-8").splitlines() if line and not line.startswith(self.comment)]
        table = pa.table(list(zip(*(line.split(" ", 1) for line in lines))), names=["time", "event"])
        return mw.Rows(table, name=place.stem, root=base, targets=("event",), columns={"event": {"kind": "category"}})
