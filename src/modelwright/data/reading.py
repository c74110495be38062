"""The one door for rows: `read(spec, base)` takes a path, a folder, a name, a dict or rows in memory.

Knows which reader takes which file; the readers are the private files beside this one. Infers no types and splits
nothing: where a source fixes the parts, they are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import parts
from ..columns import Masker
from ..errors import DataError, did_you_mean
from ..recipe_checks import reader_of
from . import _arff, _csv, _fasta, _files, _frames, _idx, _images, _large, _tagged, _typed, catalogue
from .rows import PARTS, Rows

DELIMITED = (".csv", ".tsv", ".tab", ".data", ".txt", ".dat")
TYPED: dict[str, Callable[[_files.File], pa.Table]] = {
    **dict.fromkeys((".parquet", ".pq"), _typed.parquet),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), _typed.arrow),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), _typed.json_lines),
    ".arff": _arff.read,
    **dict.fromkeys(_tagged.SUFFIXES, _tagged.read),
    **dict.fromkeys(_fasta.SUFFIXES, _fasta.read),
}
MAGIC = {b"PAR1": ".parquet", b"ARROW1": ".arrow"}
UNREAD = {
    ".xlsx": "Excel",
    ".xls": "Excel",
    ".ods": "OpenDocument",
    ".pkl": "pickle",
    ".sqlite": "SQLite",
    ".h5": "HDF5",
}


Masks = Mapping[str, Masker]


def read(spec: Any, base: Path | str = ".", masks: Masks | None = None) -> Rows:
    """Read rows from anything that holds them.

    spec: a path (relative to `base`), a folder, a bundled or catalogue name; a dict with `path` or with `train`,
        `validation`, `test` (each again a spec), and reader options (`header`, `names`, `delimiter`, `encoding`,
        `skip_spaces`, `quote`), or with the name of a reader and its options; a pyarrow table, pandas or polars frame, NumPy array, dict of columns, list of dicts.
    masks: columns whose personal data is masked before anything of them is kept.
    Raises DataError that names file, line or column, and what to do.
    """
    base, masks = Path(base), masks or {}
    if isinstance(spec, str | Path):
        rows = _named_or_path(str(spec), base, {}, masks)
    elif isinstance(spec, Mapping) and (kind := reader_of(spec)):
        options = {key: value for key, value in spec.items() if key not in (kind, "split")}
        rows = parts.build("readers", {"kind": kind, **options}, spec[kind]).read(base, masks)
    elif isinstance(spec, Mapping) and _is_source(spec):
        rows = _from_mapping(dict(spec), base, masks)
    else:
        rows = Rows(_frames.table(spec, "data"))
    return replace(rows, table=_large.masked(rows.table, masks))


def _is_source(spec: Mapping[Any, Any]) -> bool:
    """Whether a dict says where rows are; otherwise it is a dict of columns."""
    if isinstance(spec.get("path"), str | Path):
        return True
    train = spec.get("train")
    return train is not None and set(spec) <= {*PARTS, "split", *_csv.OPTIONS} and not _is_plain_column(train)


def _is_plain_column(values: Any) -> bool:
    is_list = isinstance(values, list | tuple)
    return (is_list and not (values and isinstance(values[0], Mapping))) or getattr(values, "ndim", 2) == 1


def _from_mapping(spec: dict[str, Any], base: Path, masks: Masks) -> Rows:
    spec.pop("split", None)  # for splitting
    options = {key: spec.pop(key) for key in _csv.OPTIONS if key in spec}
    unknown = [key for key in spec if key not in (*PARTS, "path")]
    if unknown:
        known = ("path", *PARTS, "split", *_csv.OPTIONS)
        raise DataError(f"'{unknown[0]}' is not a key of data.", where="data", hint=did_you_mean(unknown[0], known))
    if "path" in spec:
        if len(spec) > 1:
            raise DataError("`path` and `train` are given; one of them says where the rows are.", where="data")
        return _named_or_path(str(spec["path"]), base, options, masks)
    found = {}
    for place, part in enumerate(PARTS):
        if spec.get(part) is not None:
            given = spec[part]
            is_path = isinstance(given, str | Path)
            found[place] = _named_or_path(str(given), base, options, masks) if is_path else read(given, base, masks)
    return _joined(found)


def _joined(found: dict[int, Rows]) -> Rows:
    """Several sources as one table with its parts; the first one says which columns there are."""
    first = found[0]
    notes = [note for rows in found.values() for note in rows.notes]
    tables = [first.table]
    for place, rows in found.items():
        if place == 0:
            continue
        absent = [name for name in first.table.column_names if name not in rows.table.column_names]
        if absent:
            hint = did_you_mean(absent[0], rows.table.column_names)
            raise DataError(f"the column '{absent[0]}' of train is not in {PARTS[place]}.", where="data", hint=hint)
        extra = [name for name in rows.table.column_names if name not in first.table.column_names]
        if extra:
            notes.append(f"{PARTS[place]} has columns that train has not; they are left out: {', '.join(extra)}.")
        tables.append(rows.table.select(first.table.column_names))
    part = np.repeat(np.array(list(found), np.int8), [rows.table.num_rows for rows in found.values()])
    return replace(first, table=_concatenated(tables), part=part, notes=list(dict.fromkeys(notes)))


def _concatenated(tables: list[pa.Table]) -> pa.Table:
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a column of different types: as text each keeps its value
        kinds = [{table.schema.field(name).type for table in tables} for name in tables[0].column_names]
        for place, kind in enumerate(kinds):
            if len(kind) > 1:
                tables = [t.set_column(place, t.column_names[place], t.column(place).cast(pa.string())) for t in tables]
        return pa.concat_tables(tables)


def _named_or_path(text: str, base: Path, options: dict[str, Any], masks: Masks) -> Rows:
    if not text:
        raise DataError("the path is empty.", where="data")
    path = base / Path(text).expanduser()
    with _files.readable(path):
        exists = path.exists()
    if not exists and text in catalogue.names():
        if options:
            raise DataError("a named data set takes no reader options.", where=f"data: {text}")
        found = catalogue.find(text).read()
        return replace(found, table=_frames.checked(found.table, text))
    if not exists and path.parent.is_dir() and not Path(text).suffix and "/" not in text:
        hint = did_you_mean(text, [*catalogue.names(), *sorted(child.name for child in path.parent.iterdir())[:2000]])
        raise DataError("there is no such file, folder or named data set.", where=f"data: {text}", hint=hint)
    if not exists:
        raise _files.missing(path)
    rows = (_from_folder if path.is_dir() else _from_file)(path, options, masks)
    notes = [f"'{text}' is also a named data set; the file is read."] if text in catalogue.names() else []
    return replace(rows, notes=[*notes, *rows.notes])


def _from_file(path: Path, options: dict[str, Any], masks: Masks) -> Rows:
    name, root = path.name.partition(".")[0], path.parent
    if _is_idx(path):
        return Rows(_idx.table(path), name=name, root=root)
    if _images.is_archive(path.name):
        inside = [] if not path.name.lower().endswith(".zip") else _files.members(path)
        if not inside or any(_images.is_image(member) for member in inside):
            return _from_archive(path, inside, options, masks)
    file = _files.find(path, masks)
    suffix = file.suffix
    if suffix in UNREAD:
        hint = "Save the table as CSV or Parquet."
        raise DataError(f"{UNREAD[suffix]} files are not read.", where=str(path), hint=hint)
    if suffix not in TYPED and suffix not in DELIMITED:
        suffix = _suffix_by_content(file)
    if suffix in TYPED:
        if options:
            given = ", ".join(options)
            raise DataError(f"{given}: these options are for delimited text, not for {suffix} files.", where=str(path))
        targets = ("tags",) if suffix in _tagged.SUFFIXES else ()
        return Rows(_with_paths(TYPED[suffix](file), root), name=name, root=root, targets=targets)
    table, notes = _csv.read(file, options)
    return Rows(_with_paths(_frames.checked(table, str(path)), root), name=name, root=root, notes=notes)


def _is_idx(path: Path) -> bool:
    return "-idx" in path.name and path.name.split(".")[0].endswith("ubyte")


def _suffix_by_content(file: _files.File) -> str:
    with file.open() as stream:
        beginning = stream.read(8)
    return next((suffix for magic, suffix in MAGIC.items() if beginning.startswith(magic)), ".csv")


def _with_paths(table: pa.Table, root: Path) -> pa.Table:
    return _images.absolute(table, root, _images.path_columns(table))


def _from_archive(path: Path, inside: list[str], options: dict[str, Any], masks: Masks) -> Rows:
    """Images by class in an archive, or a zip with one table that names the images beside it."""
    name = path.name.partition(".")[0]
    tables = [member for member in inside if Path(member).suffix.lower() in (*DELIMITED, *TYPED)]
    if len(tables) != 1:
        table, part = _images.archive_table(path)
        return Rows(table, part, name, path.parent, targets=_label(table))
    file = _files.File(path, tables[0], masks)
    table, notes = _csv.read(file, options) if file.suffix in DELIMITED else (TYPED[file.suffix](file), [])
    beside = Path(tables[0]).parent
    files = {Path(member).relative_to(beside).as_posix(): raw for member, raw in _images.archive(path).items()}
    for column in _images.path_columns(table):
        table = _images.with_bytes(table, column, files)
    return Rows(table, name=name, root=path.parent, notes=notes)


def _from_folder(path: Path, options: dict[str, Any], masks: Masks) -> Rows:
    """A folder of idx files, of images by class, of train/validation/test tables, or with one table."""
    with _files.readable(path):
        children = sorted(child for child in path.iterdir() if child.is_file() and not child.name.startswith("."))
    if images := _idx.folder(path):
        found = {part: [_idx.table(file) for file in files] for part, files in sorted(images.items())}
        table = pa.concat_tables([each for tables in found.values() for each in tables])
        part = np.repeat(np.array(list(found), np.int8), [sum(map(len, tables)) for tables in found.values()])
        return Rows(table, part if len(found) > 1 else None, path.name, path, targets=_label(table))
    tables = [child for child in children if _files.File(child).suffix in (*DELIMITED, *TYPED)]
    stems = {child.name.partition(".")[0].lower(): child for child in tables}
    by_part = {_images.PARTS[stem]: child for stem, child in stems.items() if stem in _images.PARTS}
    if 0 in by_part:
        found_rows = {part: _from_file(by_part[part], options, masks) for part in sorted(by_part)}
        return replace(_joined(found_rows), name=path.name, root=path)
    if len(tables) == 1:
        return replace(_from_file(tables[0], options, masks), name=path.name)
    if len(tables) > 1:
        given = ", ".join(t.name for t in tables[:5])
        raise DataError(f"the folder holds {len(tables)} tables ({given}).", where=str(path), hint="Name one of them.")
    table, parts = _images.folder_table(path)
    return Rows(table, parts, path.name, path, targets=_label(table))


def _label(table: pa.Table) -> tuple[str, ...]:
    """What is asked of images by class."""
    return ("label",) if "label" in table.column_names else ()
