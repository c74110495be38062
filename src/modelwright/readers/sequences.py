"""Sequences whose letters stand in columns of their own, or whose letters have tags in a file beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data import _fasta, _files
from ..data.reading import Masks, read
from ..data.rows import Rows
from ..data.sequences import joined
from ..errors import DataError


class Sequences:
    """Rows of a FASTA file or of a table with sequences of letters.

    Options:
        join: the columns that hold a letter each, by their names (V*, attribute_*); they become the column `sequence`.
        tags: FASTA file with a label for each letter of each sequence, which become the target `tags`.
        counted: FASTA file of 1 and 0; a letter with 0 has no label: it is neither learned nor counted.
    """

    def __init__(self, path: Any, *, join: str = "", tags: str = "", counted: str = "") -> None:
        self.path, self.join, self.tags, self.counted = path, join, tags, counted

    def read(self, base: Path, masks: Masks) -> Rows:
        """The rows. Raises DataError where files do not fit each other."""
        if self.tags:
            return self._tagged(base)
        if self.counted:
            hint = "Give the file of labels as `tags`."
            raise DataError("it says which tags count, and there are none.", where="data: counted", hint=hint)
        rows = read(self.path, base, masks)
        if not self.join:
            return rows
        table = joined(rows.table, self.join, "sequence")
        return replace(rows, table=table, columns={**rows.columns, "sequence": {"kind": "biosequence"}})

    def _tagged(self, base: Path) -> Rows:
        files = [_files.File(base / str(path)) for path in (self.path, self.tags, self.counted) if path]
        for file in files:
            if not file.path.exists():
                raise _files.missing(file.path)
        table, part = _fasta.tagged(*files)
        columns = {"sequence": {"kind": "biosequence"}, "name": {"kind": "drop"}}
        return Rows(table, part, files[0].path.name.partition(".")[0], base, targets=("tags",), columns=columns)
