"""Entities and their scores, by hand."""

from __future__ import annotations

import pytest

from modelwright.tag_metrics import by_type, entities, score_tags


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ("B-P I-P O B-L", {("P", 0, 2), ("L", 3, 4)}),
        ("B-P B-P I-P", {("P", 0, 1), ("P", 1, 3)}),
        ("I-P I-P O I-L I-P", {("P", 0, 2), ("L", 3, 4), ("P", 4, 5)}),  # IOB1, and a change of type
        ("B-P M-P E-P S-P B-P E-P", {("P", 0, 3), ("P", 3, 4), ("P", 4, 6)}),  # BMES
        ("B-P I-P E-P O S-L", {("P", 0, 3), ("L", 4, 5)}),  # BIOES
        ("B-P L-P U-L O", {("P", 0, 2), ("L", 2, 3)}),  # BILOU
        ("E-P M-P O M-P", {("P", 0, 1), ("P", 1, 2), ("P", 3, 4)}),  # begun without B
        ("NOUN VERB NOUN", {("NOUN", 0, 1), ("VERB", 1, 2), ("NOUN", 2, 3)}),  # no scheme: each token
        ("O O", set()),
        ("", set()),
    ],
)
def test_entities_of_a_row(tags, wanted):
    assert entities(tags.split()) == wanted


def test_scores_count_types_and_exact_places():
    truth = [["B-P", "I-P", "O"], ["B-L", "O"], None, ["B-P"]]
    guess = [["B-P", "O", "O"], ["B-L", "B-P"], ["B-P"], []]
    scores = score_tags(guess, truth)
    assert scores["rows"] == 3 and scores["precision"] == 1 / 3 and scores["recall"] == 1 / 3
    assert scores["f1"] == pytest.approx(1 / 3) and scores["accuracy"] == 3 / 6 and scores["exact_match"] == 0
    types = by_type(guess, truth)
    assert types["L"]["f1"] == 1 and types["P"]["support"] == 2 and types["P"]["f1"] == 0


def test_without_a_scheme_f1_is_accuracy():
    scores = score_tags([["A", "B", "B"]], [["A", "B", "A"]])
    assert scores["f1"] == pytest.approx(scores["accuracy"]) == pytest.approx(2 / 3)


def test_nothing_to_score():
    assert score_tags([["A"]], [None]) == {
        "rows": 0,
        **dict.fromkeys(("f1", "precision", "recall", "accuracy", "exact_match")),
    }
