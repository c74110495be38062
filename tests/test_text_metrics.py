"""Scores of written texts."""

from __future__ import annotations

import math

import pytest

from modelwright import metrics
from modelwright.text_metrics import score_texts

TRUE = ["the cat sat on the mat .", "a dog runs fast over the grass", "two men talk on a bench"]


def test_the_truth_itself_is_perfect():
    scores = score_texts(TRUE, TRUE)
    assert scores["bleu"] == pytest.approx(100) and scores["chrf"] == pytest.approx(100) and scores["exact_match"] == 1
    assert "tok:13a" in scores["signature"] and "case:mixed" in scores["signature"]
    assert scores["bleu_interval"] == pytest.approx([100, 100])


def test_bleu_is_papinenis():
    """Without brevity penalty: the geometric mean of the shares of n-grams found."""
    written, truth = ["the cat sat on a mat today and slept"], ["the cat sat on the mat today and slept"]
    shares = [8 / 9, 6 / 8, 4 / 7, 2 / 6]
    expected = 100 * math.prod(shares) ** 0.25
    assert score_texts(written, truth)["bleu"] == pytest.approx(expected, abs=1e-6)


def test_chinese_is_counted_by_characters():
    scores = score_texts(["我喜欢你们的家。"], ["我喜欢他们的家。"])
    assert "tok:zh" in scores["signature"] and scores["bleu"] > 30
    assert score_texts(["我喜欢你们的家。"], ["我喜欢他们的家。"], "none")["bleu"] == 0


def test_rows_without_truth_count_nothing():
    assert score_texts(["x", "nothing", *TRUE], [None, "", *TRUE])["rows"] == 3
    none = score_texts(["x"], [None])
    assert none["rows"] == 0 and none["bleu"] is None and none["chrf"] is None
    assert score_texts([None, TRUE[1]], TRUE[:2])["exact_match"] == 0.5


def test_folds_keep_the_signature():
    folds = [score_texts(TRUE, TRUE), score_texts(TRUE[::-1], TRUE)]
    summary = metrics.summary(folds)
    assert summary["signature"] == folds[0]["signature"] and summary["bleu"] < 100
