"""Pairs of sentences in two languages."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from .._files import File
from .._stored import Stored
from ..named import Named, Parsed, by_part

MULTI30K = (
    Stored(
        "translation/multi30k/train.en.gz",
        "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        568929,
    ),
    Stored(
        "translation/multi30k/train.de.gz",
        "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        637044,
    ),
    Stored(
        "translation/multi30k/val.en.gz",
        "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        21650,
    ),
    Stored(
        "translation/multi30k/val.de.gz",
        "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        24681,
    ),
    Stored(
        "translation/multi30k/test_2016_flickr.en.gz",
        "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        21077,
    ),
    Stored(
        "translation/multi30k/test_2016_flickr.de.gz",
        "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
        22890,
    ),
)
TATOEBA = (
    Stored(
        "translation/tatoeba_cmn_eng/cmn.txt.gz",
        "bbdcddc329b9b5442702adf507b87e4dac3754ad3d780c5f600f76ace14a5a78",
        1227888,
    ),
)
AUTHORS = ("Tatoeba is CC BY 2.0 FR: the authors of each pair stand in the third column of its file.",)


def _multi30k(paths: list[Path]) -> Parsed:
    lines = []
    for path in paths:
        with File(path).open() as stream:
            lines.append(stream.read().decode("utf-8").rstrip("\n").split("\n"))
    return by_part({part: pa.table({"en": lines[2 * part], "de": lines[2 * part + 1]}) for part in range(3)})


def _tatoeba(paths: list[Path]) -> Parsed:
    """By the sha1 of the English side: no English sentence is in two parts."""
    with File(paths[0]).open() as stream:
        lines = stream.read().decode("utf-8-sig").split("\n")
    pairs = [line.split("\t")[:2] for line in lines if line.strip()]
    table = pa.table(list(zip(*pairs)), names=["english", "chinese"])
    place = [int(hashlib.sha1(english.encode()).hexdigest(), 16) % 20 for english, _ in pairs]
    return table, np.array([{0: 2, 1: 1}.get(number, 0) for number in place], np.int8)


SETS = (
    Named("multi30k", "31,014 captions of pictures, English and German", ("de",), _multi30k, MULTI30K),
    Named("tatoeba", "29,155 English sentences in Chinese", ("chinese",), _tatoeba, TATOEBA, AUTHORS),
)
