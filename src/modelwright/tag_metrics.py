"""Scores of tags against the true ones: single tokens, and entities as CoNLL counts them (Tjong Kim Sang 2003).

The scheme is recognised from the labels: BIO (also IOB1), BMES, BIOES and BILOU write an entity's place in front of its
type (B-PER). A label without such a prefix, as of parts of speech, is an entity of one token; O is none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

OUTSIDE = "O"
_PLACED = re.compile(r"([BIMESLU])[-_](.+)")
_FIRST, _LAST = set("BSU"), set("ESLU")
Tags = Sequence[Any]  # labels; in a truth None is a token that is not counted


def entities(tags: Tags) -> set[tuple[str, int, int]]:
    """(type, first token, token behind the last) of every entity. An entity that begins without B, or ends without E,
    counts from where its type begins to where it ends."""
    found: set[tuple[str, int, int]] = set()
    name, start, open_ = "", 0, False
    for place, tag in enumerate([*tags, OUTSIDE]):
        match = _PLACED.fullmatch(tag)
        letter, kind = match.groups() if match else ("S", tag)
        if open_ and (tag == OUTSIDE or letter in _FIRST or kind != name):
            found.add((name, start, place))
            open_ = False
        if tag == OUTSIDE:
            continue
        if not open_:
            name, start, open_ = kind, place, True
        if letter in _LAST:
            found.add((name, start, place + 1))
            open_ = False
    return found


def by_type(predicted: Sequence[Tags | None], truth: Sequence[Tags | None]) -> dict[str, dict[str, float]]:
    """`precision`, `recall`, `f1` and `support` (true entities) of each type; rows without truth are left out."""
    right, claimed, support = Counter[str](), Counter[str](), Counter[str]()
    for guess, tags in zip(predicted, truth):
        if tags is not None:
            guess, tags = counted(guess or (), tags)
            ours, theirs = entities(guess), entities(tags)
            claimed.update(entity[0] for entity in ours)
            support.update(entity[0] for entity in theirs)
            right.update(entity[0] for entity in ours & theirs)
    return {name: _shares(right[name], claimed[name], support[name]) for name in sorted(claimed | support)}


def score_tags(predicted: Sequence[Tags | None], truth: Sequence[Tags | None]) -> dict[str, Any]:
    """`f1`, `precision`, `recall` of entities (a type and its exact tokens), `accuracy` of tokens, `exact_match` of
    rows, and `rows`, those with a truth; tokens without a prediction are wrong."""
    pairs = [counted(guess or (), tags) for guess, tags in zip(predicted, truth) if tags is not None]
    if not pairs:
        return {"rows": 0, **dict.fromkeys(("f1", "precision", "recall", "accuracy", "exact_match"))}
    types = by_type(*zip(*pairs)).values()
    whole = _shares(*(sum(int(each[key]) for each in types) for key in ("right", "claimed", "support")))
    tokens = sum(len(tags) for _, tags in pairs)
    right = sum(one == other for guess, tags in pairs for one, other in zip(guess, tags))
    result = {"rows": len(pairs), **{key: whole[key] for key in ("f1", "precision", "recall")}}
    result["accuracy"] = right / max(tokens, 1)
    return {**result, "exact_match": sum(list(guess) == list(tags) for guess, tags in pairs) / len(pairs)}


def counted(guess: Tags, tags: Tags) -> tuple[Tags, Tags]:
    """Both without the tokens that have no label."""
    if None not in tags:
        return guess, tags
    return [one for one, tag in zip(guess, tags) if tag is not None], [tag for tag in tags if tag is not None]


def _shares(right: int, claimed: int, support: int) -> dict[str, float]:
    return {
        "precision": right / max(claimed, 1),
        "recall": right / max(support, 1),
        "f1": 2 * right / max(claimed + support, 1),
        "support": support,
        "claimed": claimed,
        "right": right,
    }
