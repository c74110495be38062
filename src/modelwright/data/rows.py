"""What was read: rows and what their source knows about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Rows:
    """What was read.

    `part`: int8 a row, 0 train, 1 validation, 2 test, where the source fixes it, otherwise None; `name`: what to call
    the data; `root`: the folder it lies in, None for rows in memory; `notes`: what was assumed, for people to read;
    `targets`: the columns that a named data set, or a folder of images by class, is usually asked for; `columns`: what
    the source knows of its columns, a config each, where the recipe says nothing; `beside`: what the cells of a column
    refer to, such as a graph: the column's `refer` gets it before it is fitted; `times`: the columns that say when a row
    begins and when its target is known, where rows follow one another in time: they are split in that order.
    """

    table: pa.Table
    part: np.ndarray | None = None
    name: str = "rows"
    root: Path | None = None
    notes: list[str] = field(default_factory=list)
    targets: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    times: tuple[str, ...] = ()
