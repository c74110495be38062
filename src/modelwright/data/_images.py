"""Folders and archives of images by class, or of what other columns read from files, and tables whose cells name such files.

A folder gives paths (the column opens them when it encodes), an archive gives the bytes; `train/`, `validation/` and
`test/` above the classes are official parts. How the files of a kind are named stands in its column's `endings`. Knows
nothing of what is in them.
"""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError
from ..parts import find, kinds
from . import _files
from ._files import readable

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2")
PARTS = {
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("validation", "valid", "val", "dev"), 1),
    **dict.fromkeys(("test", "testing"), 2),
}


@cache
def endings() -> dict[str, str]:
    """How the files end that columns read -> the kind of column."""
    found = {kind: getattr(find("columns", kind), "endings", ()) for kind in kinds("columns")}
    return {ending: kind for kind, own in found.items() for ending in own}


def is_image(name: str) -> bool:
    """Whether a name ends like the file of an image, or of another kind of column."""
    return name.lower().endswith(tuple(endings()))


def _of_one_kind(names: list[str]) -> tuple[str, list[str]]:
    """The kind that most of the files are of, and those."""
    found = [next(kind for ending, kind in endings().items() if name.lower().endswith(ending)) for name in names]
    (most, _), *_ = Counter(found).most_common(1)
    return most, [name for name, kind in zip(names, found) if kind == most]


def folder(path: Path, matches: Callable[[str], bool] = is_image) -> list[str]:
    """The images below a folder as relative paths, sorted."""
    found = []
    with readable(path):
        for place, folders, files in os.walk(path):
            folders.sort()
            inside = Path(place).relative_to(path)
            found += [(inside / name).as_posix() for name in files if matches(name)]
    return sorted(found)


def by_class(names: list[str], where: str) -> tuple[list[str], np.ndarray | None]:
    """The class (the folder of the file) of each name, and the part when folders above the classes say so."""
    parents = [PurePosixPath(name).parts[:-1] for name in names]
    parts = [next((PARTS[word.lower()] for word in words[:-1] if word.lower() in PARTS), None) for words in parents]
    if any(not words for words in parents) or len({words[-1] for words in parents}) < 2:
        raise DataError(
            "the files are not in one folder a class.",
            where=where,
            hint="Put them in <class>/<file>, or name them in a table: a CSV with a column of paths and one of labels.",
        )
    labels = [words[-1] for words in parents]
    if all(part is None for part in parts):
        return labels, None
    if any(part is None for part in parts):
        lost = names[parts.index(None)]
        raise DataError(f"'{lost}' lies in none of train/, validation/, test/, others do.", where=where)
    return labels, np.array(parts, np.int8)


def folder_table(path: Path) -> tuple[pa.Table, np.ndarray | None]:
    """`image` or another kind (absolute paths) and `label` of a folder of files by class."""
    names = folder(path)
    if not names:
        raise DataError("the folder holds no images and no table.", where=str(path))
    kind, names = _of_one_kind(names)
    labels, parts = by_class(names, str(path))
    paths = pa.array([str(path.absolute() / name) for name in names], pa.string())
    return pa.table({kind: paths, "label": pa.array(labels, pa.string())}), parts


def archive_table(path: Path) -> tuple[pa.Table, np.ndarray | None]:
    """`image` or another kind (bytes) and `label` of an archive of files by class, read without extracting."""
    files = archive(path)
    if not files:
        raise DataError("the archive holds no images.", where=str(path))
    kind, names = _of_one_kind(sorted(files))
    labels, parts = by_class(names, str(path))
    cells = pa.array([files[name] for name in names], pa.large_binary())
    return pa.table({kind: cells, "label": pa.array(labels, pa.string())}), parts


def archive(path: Path, matches: Callable[[str], bool] = is_image) -> dict[str, bytes]:
    """name -> bytes of the wanted files of a zip or tar."""
    try:
        with readable(path):
            if path.name.lower().endswith(".zip"):
                with zipfile.ZipFile(path) as packed:
                    names = [n for n in packed.namelist() if matches(n) and not n.startswith("__MACOSX/")]
                    return {name: _files.unpacked(packed, name).read() for name in names}
            with tarfile.open(path, "r:*") as bundle:
                wanted = [entry for entry in bundle if entry.isfile() and matches(entry.name)]
                return {entry.name: bundle.extractfile(entry).read() for entry in wanted}  # type: ignore[union-attr]
    except tarfile.TarError as error:
        raise DataError(f"the archive is damaged ({error}).", where=str(path)) from None


def is_archive(name: str) -> bool:
    """Whether a name ends like an archive's that may hold images."""
    return name.lower().endswith(ARCHIVES)


def with_bytes(table: pa.Table, column: str, files: dict[str, bytes]) -> pa.Table:
    """The table with the names in a column replaced by the bytes of those files."""
    cells = [named(cell) for cell in table.column(column).to_pylist()]
    absent = [name for names in cells for name in names if name not in files]
    if absent:
        raise DataError(
            f"{len(absent)} images are not in the archive, the first is '{absent[0]}'.", where=f"column '{column}'"
        )
    if any(len(names) > 1 for names in cells):
        images = pa.array([[files[name] for name in names] for names in cells], pa.list_(pa.large_binary()))
    else:
        images = pa.array([files[names[0]] if names else None for names in cells], pa.large_binary())
    return table.set_column(table.column_names.index(column), column, images)


def named(cell: str | list[str | None] | None) -> list[str]:
    """The files that a cell names: one, several with | between them, or a list."""
    names = cell.split("|") if isinstance(cell, str) else cell or ()
    return [name.strip() for name in names if name and name.strip()]


def path_columns(table: pa.Table) -> list[str]:
    """The columns of strings, or lists of them, whose first cells all end like the files of images, or of another kind."""
    found = []
    for name in table.column_names:
        kind = table.schema.field(name).type
        kind = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            cells = [file for cell in table.column(name).slice(0, 50).to_pylist() for file in named(cell)]
            if cells and all(is_image(cell) for cell in cells):
                found.append(name)
    return found


def absolute(table: pa.Table, folder: Path, names: Iterable[str]) -> pa.Table:
    """The table with the relative paths in these `path_columns` made absolute, where the first file exists in the folder; cells
    with several become lists."""
    for name in names:
        cells = table.column(name)
        first = next(cell for cell in cells.slice(0, 50).to_pylist() if named(cell))
        whole = isinstance(first, str) and (folder / first).is_file()
        file = first if whole else named(first)[0]
        if os.path.isabs(file) or not (folder / file).is_file():
            continue
        place = table.column_names.index(name)
        if not whole:
            lists = [[f"{folder.absolute()}/{each}" for each in named(cell)] for cell in cells.to_pylist()]
            table = table.set_column(place, name, pa.array(lists, pa.list_(pa.string())))
            continue
        prefix = pa.scalar(f"{folder.absolute()}/", cells.type)
        separator = pa.scalar("", cells.type)
        joined = pc.binary_join_element_wise(prefix, cells, separator)
        empty = pc.or_kleene(pc.is_null(cells), pc.equal(pc.binary_length(cells), 0))
        table = table.set_column(place, name, pc.if_else(empty, cells, joined))
    return table
