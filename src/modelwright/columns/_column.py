"""What every column shares: its name, its list of problems, and its state as JSON. Knows no particular kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ._masking import Masker

if TYPE_CHECKING:
    import pyarrow as pa

    from ._ragged import Ragged
    from ._windows import Windows

PROBLEMS_KEPT = 20


class Column(ABC):
    """The contract of a column; `docs/architecture.md` has the table of what each kind encodes.

    A kind's constructor only stores its options (under their own names); `fit` sees chunks of the training rows,
    `merge` joins the statistics of two columns that saw different rows, `finish` freezes them into the attributes
    named in `fitted`. `problems` collects what `fit` and `encode` could not read, in words.
    """

    group: str | None = None
    fitted: tuple[str, ...] = ()
    mask: Sequence[str] = ()  # the option of kinds that hold text
    source = ""  # the kind of Source that encoders read it as, where it is not the column's own
    chosen = ""  # what `finish` chose where the options leave it open, and why, for people to read
    keeps_places = False  # whether a step of it that is explained is replaced rather than left out

    def __init__(self, name: str, target: bool = False) -> None:
        self.name, self.target = name, target
        self.problems: list[str] = []

    @abstractmethod
    def fit(self, values: pa.Array) -> None:
        """Take in a chunk of the training rows."""

    @abstractmethod
    def merge(self, other: Any) -> None:
        """Take in the statistics of another column of the same kind and options."""

    @abstractmethod
    def finish(self) -> None:
        """Freeze the statistics. Raises DataError for a target that cannot be learned."""

    @abstractmethod
    def encode(self, values: pa.Array) -> np.ndarray | Ragged | Windows:
        """A whole chunk as one array; never raises for a value."""

    def masked(self, values: pa.Array) -> pa.Array:
        """The cells without the personal data that the option `mask` names: what `fit` and `encode` read."""
        return Masker(self.mask).column(values, self.name) if self.mask else values

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        """A head's tensors -> `""`: values, and `"<class>"`: its probability."""
        raise DataError(f"a column of kind {type(self).__name__.lower()} cannot be a target.", where=self.where)

    def invert(self, codes: np.ndarray) -> pa.Array | None:
        """The values behind encoded inputs (N, w); None where they cannot be told."""
        return None

    def truth(self, codes: np.ndarray) -> np.ndarray:
        """Encoded target values as the metrics want them."""
        return codes

    def comparable(self, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        """A head's tensors as the metrics want them, in the unit of `truth`."""
        return {name: self.truth(value) if name == "value" else value for name, value in tensors.items()}

    @abstractmethod
    def sizes(self) -> dict[str, Any]:
        """What encoders and heads must know."""

    def state(self) -> dict[str, Any]:
        """The fitted attributes, JSON-able."""
        return {name: getattr(self, name) for name in self.fitted}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        for name in self.fitted:
            setattr(self, name, state[name])

    @property
    def where(self) -> str:
        """How errors name this column."""
        return f"{'target' if self.target else 'column'} '{self.name}'"

    def note(self, problem: str) -> None:
        """Remember what could not be read; the list is bounded."""
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(f"{self.where}: {problem}")

    def refuse_target(self, message: str, hint: str = "") -> None:
        """Raise DataError when this column is a target."""
        if self.target:
            raise DataError(message, where=self.where, hint=hint)
