"""A data set with a name: its files, checked by their sha256, and what its parsers share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import DataError
from . import _arff, _cache, _csv, _files, _stored, download
from .rows import Rows

Parsed = tuple[Any, ...]  # table, part of each row or None, and, where the files tell, configs of columns


@dataclass(frozen=True)
class Named:
    """A data set with a name, or several (`aliases`). `parse` gets the paths of `files` in their order."""

    name: str
    about: str
    targets: tuple[str, ...]
    parse: Callable[[list[Path]], Parsed]
    files: tuple[_stored.Stored, ...] = ()
    notes: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    def read(self) -> Rows:
        """Its rows. Raises DataError when a file is nowhere or is not the one that is meant."""
        table, part, *columns = self.parse([located(self.name, file) for file in self.files])
        known = {**self.columns, **(columns[0] if columns else {})}
        return Rows(table, part, self.name, notes=list(self.notes), targets=self.targets, columns=known)


def located(name: str, file: _stored.Stored) -> Path:
    """The file on this machine, downloaded if need be, its checksum verified."""
    folder = os.environ.get("MODELWRIGHT_DATA")
    path = Path(folder).expanduser() / file.path if folder else None
    if path is None or not path.exists():
        path = _cache.folder() / "downloads" / file.path
        if not path.exists():
            if not file.url:
                raise DataError(
                    f"the file {file.path} of '{name}' is not on this machine, and no address is known for it.",
                    where=f"data: {name}",
                    hint="Put it there below a folder of your own and set MODELWRIGHT_DATA to that folder.",
                )
            return download.fetch(file.url, path, file.sha256, file.content)
    if not download.matches(path, file.sha256, file.content):
        raise DataError(
            f"this is not the file of '{name}': expected sha256 {file.sha256}, found {download.digest(path)}.",
            where=str(path),
            hint="It may be damaged or another version. Name its path in `data` to read it as it is.",
        )
    return path


def delimited(paths: list[Path], *, drop: tuple[str, ...] = (), **options: Any) -> Parsed:
    """A delimited file, read with the options of `_csv`."""
    return _csv.read(_files.find(paths[0]), options)[0].drop_columns(list(drop)), None


def arff_table(paths: list[Path], *, drop: tuple[str, ...] = (), train: int = 0) -> Parsed:
    """An ARFF file; with `train`, its first rows so many are training and the others test."""
    table = _arff.read(_files.File(paths[0])).drop_columns(list(drop))
    part = np.where(np.arange(len(table)) < train, 0, 2).astype(np.int8) if train else None
    return table, part


def by_part(tables: dict[int, pa.Table]) -> Parsed:
    """Tables by part as one, with each row's part."""
    part = np.repeat(np.array(list(tables), np.int8), [len(table) for table in tables.values()])
    return pa.concat_tables(list(tables.values())), part
