"""Natural language."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from .. import _stored
from .._files import File
from ..named import Named, Parsed, by_part


def _clinc150(paths: list[Path]) -> Parsed:
    """The setting "full, oos-train" (Larson 2019): requests of none of the 150 intents are in every part."""
    with File(paths[0]).open() as stream:
        found = json.load(stream)
    rows = [found[name] + found[f"oos_{name}"] for name in ("train", "val", "test")]
    return by_part({part: pa.table(list(zip(*pairs)), names=["text", "intent"]) for part, pairs in enumerate(rows)})


SETS = (
    Named(
        "clinc150_oos",
        "23,700 requests of 150 intents, and of none of them",
        ("intent",),
        _clinc150,
        _stored.CLINC,
        columns={"intent": {"kind": "category", "outside": "oos"}},
    ),
)
