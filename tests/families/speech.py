"""Sound: every body of the acoustic encoder, a text written from it, and sound beside a table."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

COUNT, RATE = 48, 4000


def write(folder: Path) -> None:
    """Tones of two or three pitches, one after another, in files; what they say, and a number beside them."""
    soundfile = pytest.importorskip("soundfile")
    draw = random.Random(0)
    (folder / "sounds").mkdir()
    rows = []
    for number in range(COUNT):
        words = draw.choices("ab", k=draw.randint(1, 3))
        tones = [np.sin(np.arange(500 + 40 * number) * (0.3 if word == "a" else 0.9)) for word in words]
        path = f"sounds/{number}.wav"
        soundfile.write(folder / path, 0.3 * np.concatenate(tones), RATE)
        rows.append({"sound": path, "age": draw.randint(18, 80) + 0.5, "kind": words[0], "said": "".join(words)})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _recipe(body: str, target: str = "kind", drop: tuple[str, ...] = ("age",), **model: object) -> dict:
    columns = {name: "drop" for name in ("kind", "said", *drop) if name != target}
    columns["said"] = {"kind": "text", "tokenizer": "characters"} if target == "said" else "drop"
    encoder = {"kind": "acoustic", "body": body, "bands": 20, "subsample": [4], "width": 8, "layers": 1, "heads": 2}
    return {"target": target, "columns": columns, "model": {"encoders": {"sound": encoder}, **model}}


FAMILIES = {
    "convolutions on sound": _recipe("cnn"),
    "gru on sound": _recipe("rnn"),
    "transformer on sound": _recipe("transformer"),
    "ctc on sound": _recipe("cnn", "said", heads={"said": {"kind": "ctc", "beams": 2}}),
    "sound beside a table": _recipe("cnn", drop=()),
}
