"""`fitted`: a column built through the parts door and fitted on chunks."""

from __future__ import annotations

import pyarrow as pa
import pytest

from modelwright import columns


def _fitted(kind, *chunks, target=False, **options):
    column = columns.build("x", {"kind": kind, **options}, target)
    for chunk in chunks:
        column.fit(chunk if isinstance(chunk, pa.Array | pa.ChunkedArray) else pa.array(chunk))
    column.finish()
    return column


@pytest.fixture
def fitted():
    """`fitted(kind, *chunks, target=False, **options)`"""
    return _fitted
