"""Recordings of words that somebody says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow as pa

from .. import _images
from .._stored import Stored
from ..named import Named, Parsed

TEST = 5  # the first recordings of each speaker and digit are the official test set
YES_NO_TRAIN = 31  # utterances, in the order of their names
_DIGIT = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav$")


def _recordings(path: Path) -> dict[str, bytes]:
    return dict(sorted(_images.archive(path, lambda name: name.endswith(".wav")).items()))


def _fsdd(paths: list[Path]) -> Parsed:
    """The digit, the speaker and a running number stand in a file's name; numbers 0 to 4 are the test set."""
    files = _recordings(paths[0])
    labels, speakers, numbers = zip(*(_DIGIT.search(name).groups() for name in files))  # type: ignore[union-attr]
    cells = pa.array(files.values(), pa.large_binary())
    part = np.where(np.array(numbers, int) < TEST, 2, 0).astype(np.int8)
    return pa.table({"audio": cells, "speaker": speakers, "label": labels}), part


def _yesno(paths: list[Path]) -> Parsed:
    """A file's name is what is said, 1 for yes and 0 for no. The last 29 of 60 names are the test set."""
    files = _recordings(paths[0])
    texts = [" ".join("yes" if word == "1" else "no" for word in Path(name).stem.split("_")) for name in files]
    part = np.where(np.arange(len(files)) < YES_NO_TRAIN, 0, 2).astype(np.int8)
    return pa.table({"audio": pa.array(files.values(), pa.large_binary()), "text": texts}), part


FSDD = Stored(
    "speech/fsdd/recordings.zip", "7e653241b4d3d5b98fcad8348ea1202f6194efde2c059c1ac6cf62a367315841", 16157653
)
YESNO = Stored(
    "speech/yesno/waves_yesno.zip", "183b0a8dd91686d86cfd07629525ea68aae9be0d074746971786cf18bb26b304", 4711798
)
SETS = (
    Named(
        "fsdd",
        "3,000 recordings of spoken digits, 6 speakers",
        ("label",),
        _fsdd,
        (FSDD,),
        (
            "Not an input: `speaker`, to hold speakers out with `split: {kind: group, column: speaker, official: false}`.",
        ),
        {"speaker": {"kind": "drop"}, "label": {"kind": "category"}},
    ),
    Named(
        "yesno",
        "60 recordings of eight times yes or no in Hebrew",
        ("text",),
        _yesno,
        (YESNO,),
        ("By its names, every training utterance begins with no and every test utterance with yes.",),
        {"text": {"kind": "text", "tokenizer": "characters"}},
    ),
)
