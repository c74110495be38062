from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest


def tokens(column, cell):
    names = ["[padding]", "[unknown]", *column.vocabulary]
    return [names[i] for i in column.encode(pa.array([cell])).row(0)]


def test_words_most_frequent_first_then_in_order_of_text(fitted):
    column = fitted("text", ["b a", "B a c", "b d d e"])
    assert column.unit == "words" and column.vocabulary == ["b", "a", "d"]
    assert tokens(column, "A b, z") == ["a", "b", "[unknown]", "[unknown]"]
    assert column.sizes() == {"vocabulary": 5, "length": 4}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("It isn't so-so!!!", ["it", "isn't", "so", "-", "so", "!!!"]),
        ("wait... 5.5 %", ["wait", "...", "5", ".", "5", "%"]),
        ("我有iPhone6", ["我", "有", "iphone6"]),
        ("café Ünïcode", ["café", "ünïcode"]),
        (":) 👍👍", [":", ")", "👍", "👍"]),
    ],
)
def test_what_a_word_is(fitted, cell, expected):
    assert tokens(fitted("text", [cell], tokenizer="words", min_frequency=1), cell) == expected


def test_auto_reads_scripts_without_spaces_by_characters(fitted):
    assert fitted("text", ["这家店很好", "味道不错 ok"]).unit == "characters"
    assert fitted("text", ["อร่อยมาก"]).unit == "characters"
    assert fitted("text", ["안녕 세상", "Привет мир"]).unit == "words"
    assert fitted("text", ["the 好 film was very good indeed"]).unit == "words"


def test_characters(fitted):
    column = fitted("text", ["好好吃", "Aa 𠀀𠀀"], tokenizer="characters", min_frequency=1)
    assert tokens(column, "吃好a𠀀x") == ["吃", "好", "a", "𠀀", "[unknown]"]
    assert fitted("text", ["Aab"], tokenizer="characters", lower=False, min_frequency=1).vocabulary == ["A", "a", "b"]


def test_frequency_size_and_length_are_bounded(fitted):
    cells = ["a b c", "a b", "a"]
    assert fitted("text", cells, min_frequency=3).vocabulary == ["a"]
    assert fitted("text", cells, max_size=2, min_frequency=1).vocabulary == ["a", "b"]
    column = fitted("text", cells, max_length=2, min_frequency=1)
    assert column.sizes()["length"] == 2 and tokens(column, "c b a") == ["c", "b"]


@pytest.mark.parametrize("tokenizer", ["words", "characters", "bpe"])
def test_a_row_without_text_is_one_unknown_token(fitted, tokenizer):
    rows = fitted("text", ["a b", "", None], tokenizer=tokenizer).encode(pa.array([None, "a", "", " "]))
    assert rows.lengths.min() == 1 and rows.row(0).tolist() == rows.row(2).tolist() == [1]
    assert rows.values.dtype == np.int32


def test_trained_pieces_keep_every_letter(fitted):
    cells = ["low lower lowest new newer newest " * 5] * 5
    column = fitted("text", cells, tokenizer="bpe", max_size=300)
    ids = column.encode(pa.array(["lowest 你 zebra"])).row(0)
    assert 1 not in ids and column._lookup.decode(ids.tolist()) == " lowest 你 zebra"
    assert len(column.encode(pa.array(["lowest"])).row(0)) < len("lowest")
    assert column.sizes()["vocabulary"] <= 300


def test_characters_are_encoded_by_the_million_a_second(fitted):
    cells = pa.array(["这家店的味道很好，下次还会再来。" * 4] * 20_000)
    column = fitted("text", cells)
    start = time.process_time()
    column.encode(cells)
    assert time.process_time() - start < 2, "20,000 reviews of 64 characters"
