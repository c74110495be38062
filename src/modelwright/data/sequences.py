"""Letters that stand in columns of their own, joined to sequences."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError


def joined(table: pa.Table, names: str, name: str) -> pa.Table:
    """The columns whose names match (`V*`), in their order, as one column `name` in the place of the first. A missing cell
    becomes `-`. Raises DataError where no column matches or a cell holds more than a letter."""
    taken = [column for column in table.column_names if fnmatchcase(column, names)]
    where = f"column '{names}'"
    if not taken:
        hint = f"There are {', '.join(table.column_names[:10])}."
        raise DataError("no column has such a name.", where=where, hint=hint)
    if name in table.column_names and name not in taken:
        raise DataError(f"there is a column '{name}' already.", where=where)
    cells = []
    for one in taken:
        letters = pc.fill_null(pc.utf8_trim_whitespace(table.column(one).cast(pa.string())), "-")
        cells.append(letters := pc.if_else(pc.equal(letters, ""), "-", letters))
        if (longest := pc.max(pc.utf8_length(letters)).as_py() or 0) > 1:
            message = f"expected a letter in each cell, found one of {longest}."
            raise DataError(message, where=f"column '{one}'", hint="Join columns of single letters only.")
    place = table.column_names.index(taken[0])
    sequence = pc.binary_join_element_wise(*cells, "")
    return table.drop_columns(taken).add_column(place, name, sequence)
