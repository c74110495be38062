"""A small tree that stands in for a run: questions about columns that a person can read, as data that can predict.

Knows nothing of how the tree was found. A node is {"column", "is", "value", "yes", "no", "missing"} or a leaf,
{"predicts", "tensor", "rows"}.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import parts
from ..columns import Ragged, dump, load
from ..data.encoding import Encoded, encode, keys, of_columns
from ..data.reading import read
from ..errors import DataError
from ..report import shown
from ..status import intact

VALUES = 30  # of a category that may be asked for, and labels
WORDS = 100  # of a text
CELLS = 64  # of a picture's patches or a vector's numbers
Question = tuple[str, str, Any]
"""A column, how it is asked about ("at most", "is", "has", or a place in it), and the value that is asked for."""


def questions(columns: Mapping[str, Any], own: set[str], encoded: Encoded) -> tuple[list[Question], np.ndarray]:
    """What may be asked of rows, and (N, Q) float32: a number where it is to be at most something, else 1 for yes, 0 for no;
    NaN where the number is missing."""
    inputs = {name: column for name, column in columns.items() if not column.target}
    cells, place = of_columns(encoded.inputs, inputs, own), keys(inputs, own)  # type: ignore[arg-type]
    asked, answers = list[Question](), list[np.ndarray]()
    for name, column in inputs.items():
        values: Any = cells.get(name, encoded.inputs[place[name]])
        values = column.summary(values) if hasattr(column, "summary") else values
        for how, value, found in _asked(column, values):
            asked.append((name, how, value))
            answers.append(np.asarray(found, np.float32))
    return asked, np.stack(answers, 1) if answers else np.zeros((encoded.rows, 0), np.float32)


def _asked(column: Any, values: Any) -> Iterator[tuple[str, Any, np.ndarray]]:
    """How a column may be asked about, the value asked for (None: a threshold), and each row's answer."""
    kind = parts.kind_of("columns", column)
    if kind == "number":
        found = column.invert(values).to_numpy(zero_copy_only=False).astype(float)
        yield "at most", None, np.where(values[:, -1] > 0.5, np.nan, found) if values.shape[1] == 2 else found
    elif kind == "boolean":
        yield "is", str(column.positive_value), values[:, 0] > 0
    elif kind == "category":
        for place, name in enumerate(column.classes[:VALUES]):
            yield "is", name, values[:, 0] == place + 2
    elif kind == "multilabel":
        for place, name in enumerate(column.labels[:VALUES]):
            yield "has", name, values[:, place] > 0.5
    elif isinstance(values, Ragged):
        rows = np.repeat(np.arange(len(values)), values.lengths)
        for place, word in enumerate(column.vocabulary[:WORDS]):
            has = np.zeros(len(values), bool)
            has[rows[values.ids == place + 2]] = True
            yield "has", word, has
    elif values.ndim == 4:
        side = -(-max(values.shape[1:3]) // int(CELLS**0.5))
        for top in range(0, values.shape[1], side):
            for left in range(0, values.shape[2], side):
                patch = np.asarray(values[:, top : top + side, left : left + side])
                yield f"brightness at row {top}, column {left} at most", None, patch.mean((1, 2, 3))
    else:
        for place in range(min(values.shape[1], CELLS) if kind != "date" else 1):
            yield f"number {place} at most" if kind != "date" else "standardised time at most", None, values[:, place]


class Rules:
    """The tree with what it needs to read rows: fitted columns, `own` (those with an encoder of their own) and the root node."""

    def __init__(self, columns: dict[str, Any], own: set[str], target: str, root: dict[str, Any]) -> None:
        self.columns, self.own, self.target, self.root = columns, own, target, root
        self.problems: list[str] = []

    @classmethod
    def read(cls, path: str | Path) -> Rules:
        """The rules in a file that `to_json` wrote. Raises RunError for another file."""
        with intact(Path(path)):
            data = json.loads(Path(path).read_text("utf-8"))
            return cls(load(data["columns"]), set(data["own"]), data["target"], data["root"])

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        kept = {**{n: c for n, c in self.columns.items() if not c.target}, self.target: self.columns[self.target]}
        return {"target": self.target, "root": self.root, "own": sorted(self.own), "columns": dump(kept)}

    def predict(self, rows: Any, probabilities: bool = False) -> pa.Table:
        """A column `<target>` for rows in any form that can be read, and with `probabilities` one a class."""
        table = read([rows] if isinstance(rows, Mapping) and not _listed(rows) else rows, Path(".")).table
        inputs = {name: column for name, column in self.columns.items() if not column.target}
        if not table.num_rows:
            raise DataError("there is no row to predict.", where="rows")
        tensors = self.tensors(*questions(inputs, self.own, encode(table, inputs, self.own, cache=False)))
        decoded = self.columns[self.target].decode(tensors)
        names = [suffix for suffix in decoded if not suffix or probabilities]
        return pa.table({f"{self.target}_{suffix}" if suffix else self.target: decoded[suffix] for suffix in names})

    def tensors(self, asked: list[Question], answers: np.ndarray) -> dict[str, np.ndarray]:
        """What a head would give for rows of answers."""
        leaves = [self.path(asked, row)[-1]["tensor"] for row in answers]
        return {name: np.array([leaf[name] for leaf in leaves]) for name in leaves[0]}

    def path(self, asked: list[Question], answers: np.ndarray) -> list[dict[str, Any]]:
        """The nodes that a row passes, the leaf last."""
        place = {(column, how, value): number for number, (column, how, value) in enumerate(asked)}
        nodes = [self.root]
        while "yes" in nodes[-1]:
            nodes.append(nodes[-1][_way(nodes[-1], answers, place)])
        return nodes

    def lines(self, node: dict[str, Any] | None = None, indent: str = "") -> Iterator[str]:
        """The rules as text, a line each."""
        node = node or self.root
        if "yes" not in node:
            yield f"{indent}{node['predicts']} ({node['rows']:,} rows)"
            return
        yield f"{indent}if {_spoken(node)}:"
        yield from self.lines(node["yes"], indent + ". . ")
        yield f"{indent}else:"
        yield from self.lines(node["no"], indent + ". . ")

    def told(self, asked: list[Question], answers: np.ndarray) -> str:
        """Why a row gets its prediction."""
        nodes = self.path(asked, answers)
        steps = [_spoken(node) if after is node["yes"] else f"not ({_spoken(node)})" for node, after in pairwise(nodes)]
        return f"{nodes[-1]['predicts']}, because {' and '.join(steps)}" if steps else str(nodes[-1]["predicts"])


def _way(node: dict[str, Any], answers: np.ndarray, place: dict[Question, int]) -> str:
    limit = node["is"].endswith("at most")
    answer = float(answers[place[node["column"], node["is"], None if limit else node["value"]]])
    if np.isnan(answer):
        return str(node["missing"])
    return "yes" if (answer <= node["value"] if limit else answer > 0.5) else "no"


def _spoken(node: dict[str, Any]) -> str:
    value = shown(node["value"]) if isinstance(node["value"], float) else node["value"]
    return f"{node['column']} {'is at most' if node['is'] == 'at most' else node['is']} {value}"


def _listed(rows: Mapping[str, Any]) -> bool:
    return any(isinstance(value, (list, tuple, np.ndarray, pa.Array, pa.ChunkedArray)) for value in rows.values())
