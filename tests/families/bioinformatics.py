"""Sequences of letters and molecules."""

from __future__ import annotations

import json
import random
from pathlib import Path

ROWS_MADE = 60
SMILES = ["CCO", "c1ccccc1O", "CC(=O)O", "CCN(C)C", "C1CCCCC1", "CC(C)Cl", "O=C=O", "C#N"]
KINDS = {"dna": "biosequence", "protein": "biosequence", "smiles": "molecule", "class": "category", "value": "number"}


def write(folder: Path) -> None:
    """Aligned DNA, proteins with a tag for each residue, molecules, a class and a number."""
    draw = random.Random(0)
    rows = []
    for number in range(ROWS_MADE):
        protein = "".join(draw.choices("ACDEFGHIKLMNPQRSTVWY", k=draw.randint(4, 9)))
        rows.append(
            {
                "dna": "".join(draw.choices("ACGT", k=12)) if number else "ACGTNRYSWKM-",
                "protein": protein,
                "tags": [None if letter == "G" else "H" if letter in "AEL" else "C" for letter in protein],
                "smiles": draw.choice(SMILES) + draw.choice(["", "C", ".C"]),
                "class": draw.choice(["a", "b", "c"]),
                "value": round(draw.uniform(1, 99), 2),
            }
        )
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _family(name: str, target: str, **encoder: object) -> dict:
    kinds = {**KINDS, "tags": "tags"}
    columns = {column: {"kind": kind if column in (name, target) else "drop"} for column, kind in kinds.items()}
    return {"target": target, "columns": columns, "model": {"encoders": {name: encoder}}}


FAMILIES: dict[str, dict] = {
    "cnn on DNA": _family("dna", "class", kind="cnn", channels=[8], kernel=5, shrink=1, embedding=4),
    "mlp on aligned DNA": _family("dna", "value", kind="mlp", hidden=[8], ensemble=2),
    "tags of proteins": _family("protein", "tags", kind="rnn", hidden=8, bidirectional=True),
    "message passing on molecules": _family("smiles", "value", kind="message_passing", width=8, layers=2),
}
UNABLE: dict[tuple[str, str], str] = {("generate", family): "a model that writes text" for family in FAMILIES}
