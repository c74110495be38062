"""A time of day."""

from __future__ import annotations

import re
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

import modelwright as mw

TIME = re.compile(r"\s*([01]?\d|2[0-3]):([0-5]\d)\s*")


class Clock(mw.Column):
    """The hand of a clock that goes round once a day: one minute before midnight is near one minute after.

    Input: float32 (N, 2), the hand's end; (0, 0) where no time can be read.

    Options:
        twelve: whether the clock goes round twice a day, so that 3:00 and 15:00 are the same.
    """

    encoder: ClassVar[str] = "dial"
    examples: ClassVar[list[Any]] = ["08:15", "23:59", None, "0:01", "12:30", "later"]
    fitted = ("rows",)

    def __init__(self, name: str, target: bool = False, *, twelve: bool = False) -> None:
        super().__init__(name, target)
        self.twelve, self.rows = twelve, 0

    @classmethod
    def recognises(cls, values: pa.ChunkedArray, name: str) -> str:
        """Whether every cell that says something is a time."""
        cells = [cell for cell in values.to_pylist() if cell is not None]
        times = bool(cells) and all(isinstance(cell, str) and TIME.fullmatch(cell) for cell in cells)
        return "times of day" if times else ""

    def fit(self, values: pa.Array) -> None:
        self.rows += len(values)

    def merge(self, other: Clock) -> None:
        self.rows += other.rows

    def finish(self) -> None:
        self.refuse_target("a time of day cannot be a target.")

    def encode(self, values: pa.Array) -> np.ndarray:
        found = np.zeros((len(values), 2), np.float32)
        for place, cell in enumerate(values.to_pylist()):
            if time := TIME.fullmatch(str(cell)):
                turn = (int(time[1]) * 60 + int(time[2])) / (720 if self.twelve else 1440)
                found[place] = np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn)
            elif cell is not None:
                self.note(f"'{cell}' is no time of day.")
        return found

    def sizes(self) -> dict[str, Any]:
        return {"size": 2}
