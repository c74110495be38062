"""What there is to say about written texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..report import Block, Table, Text

SHOWN = 10


def blocks(
    written: Sequence[str] | np.ndarray,
    truth: Sequence[str | None] | np.ndarray,
    scores: Mapping[str, Any],
    examples: Any = None,
) -> list[Block]:
    """How BLEU was counted, and the first texts beside the true ones and, with `examples`, their inputs."""
    known = [place for place, text in enumerate(truth) if text][:SHOWN]
    inputs = [name for name in examples[2] if name in examples[0].column_names] if examples else []
    cells = {name: examples[0].column(name).take(examples[1][known]).to_pylist() for name in inputs}
    lines = [[*(cells[n][i] for n in inputs), truth[place], written[place]] for i, place in enumerate(known)]
    return [Text("BLEU's signature", scores["signature"]), Table("Texts", [*inputs, "true", "written"], lines)]
