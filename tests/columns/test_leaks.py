"""Inputs that are the target in other words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelwright.columns import infer

DRAW = np.random.default_rng(0)
Y = DRAW.normal(10, 2, 200)
NOISE = DRAW.normal(size=200)


def doubt(cells, y, name="x", target="y") -> str:
    return infer(pa.table({name: cells, target: y}), [target])[name].doubt


@pytest.mark.parametrize(
    ("name", "cells", "leaks"),
    [
        ("model a", Y + 0.6 * NOISE, True),  # equal as it stands
        ("predicted y", 3 * Y + 4 * NOISE, True),  # by a straight line, and the name says so
        ("depth", 3 * Y + 4 * NOISE, False),  # strongly related, as a good input is
        ("other", NOISE, False),
    ],
)
def test_another_prediction_of_a_number_is_doubted(name, cells, leaks):
    assert ("leak? It is nearly the target 'y' itself" in doubt(cells, Y, name)) == leaks


def test_a_name_that_shares_the_target_s_words_is_enough_of_a_hint():
    cells = 3 * Y + 4 * NOISE
    assert "leak?" in doubt(cells, Y, "estimated solubility of it", "measured solubility of it")
    assert "leak?" in doubt(cells, Y, "solubility of it by hand", "measured solubility of it")
    assert "leak?" not in doubt(cells, Y, "weight of the drop", "measured solubility of it")


def test_an_identifier_whose_words_tell_the_class_is_doubted_though_left_out():
    classes = DRAW.choice(["EI", "IE", "N"], 300)
    words = {"EI": "DONOR", "IE": "ACCEPTOR", "N": "NEG"}
    names = [f"HUM{number:03}AB-{words[one]}-{number * 7}" for number, one in enumerate(classes)]
    found = infer(pa.table({"Instance_name": names, "Class": classes}), ["Class"])["Instance_name"]
    assert found.kind == "drop" and "leak? Words in it tell the target 'Class': ACCEPTOR, DONOR, NEG" in found.doubt
    mixed = [name.replace("DONOR", "NEG").replace("ACCEPTOR", "NEG") for name in names]
    assert "leak?" not in infer(pa.table({"Instance_name": mixed, "Class": classes}), ["Class"])["Instance_name"].doubt


def test_sentences_that_lean_to_a_class_are_no_leak():
    classes = DRAW.choice(["good", "bad"], 300)
    hints = {"good": ["fine", "lovely", "plain"], "bad": ["dull", "poor", "plain"]}
    notes = [f"the film {number} was {DRAW.choice(hints[one])} to me" for number, one in enumerate(classes)]
    assert "leak?" not in doubt(notes, classes)
