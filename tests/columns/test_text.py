from __future__ import annotations

import os
import time

import numpy as np
import pyarrow as pa
import pytest

from modelwright.columns.text import Text
from modelwright.errors import DataError


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


GERMAN = ["Zwei Männer sitzen.", "Ein Hund läuft über die Wiese!", "", None, "Die Frau (links) läuft."] * 3


@pytest.mark.parametrize("tokenizer", ["auto", "bpe", "characters"])
def test_a_target_is_written_back_as_it_was(fitted, tokenizer):
    column = fitted("text", GERMAN, target=True, tokenizer=tokenizer)
    codes = column.encode(pa.array(GERMAN[:5]))
    assert column.truth(codes).tolist() == [text or None for text in GERMAN[:5]]
    ends = [codes.row(i)[-1:].tolist() for i in range(5)]
    assert ends == [[0], [0], [], [], [0]] and (codes.values == 0).sum() == 3
    assert column.sizes()["end"] == 0 and codes.values.max() < column.sizes()["vocabulary"]
    assert column.sizes()["length"] >= codes.lengths.max()
    decoded = column.decode({"ids": codes.padded(fill=-1)[0]})[""].to_pylist()
    assert decoded == [text or "" for text in GERMAN[:5]]


def test_a_target_of_words_has_spaces_between(fitted):
    column = fitted("text", GERMAN, target=True, tokenizer="words", lower=True)
    assert column.truth(column.encode(pa.array(["Ein Hund läuft über Wiesen."]))) == ["ein hund läuft über \ufffd ."]


def test_auto_writes_scripts_without_spaces_by_characters(fitted):
    column = fitted("text", ["我们走吧。", "你好吗？"] * 3, target=True)
    assert column.unit == "characters" and column.truth(column.encode(pa.array(["你走吧。"]))) == ["你走吧。"]
    assert fitted("text", GERMAN, target=True).unit == "bpe"


def test_a_target_longer_than_allowed_keeps_its_head_and_has_no_end(fitted):
    column = fitted("text", ["abcabc", "ab"] * 3, target=True, tokenizer="characters", max_length=4)
    codes = column.encode(pa.array(["abca", "abc", "abcabc"]))
    assert [len(codes.row(i)) for i in range(3)] == [4, 4, 4]
    assert [int(codes.row(i)[-1]) == 0 for i in range(3)] == [False, True, False]
    assert column.problems == ["target 'x': 2 texts are longer than max_length (4) and cut"]


@pytest.mark.parametrize("tokenizer", ["auto", "words", "characters", "bpe"])
def test_a_target_without_text_is_refused(fitted, tokenizer):
    with pytest.raises(DataError, match="no text to learn to write"):
        fitted("text", ["", None], target=True, tokenizer=tokenizer)


@pytest.mark.real
@pytest.mark.skipif("MODELWRIGHT_DATA" not in os.environ, reason="needs the real data")
@pytest.mark.parametrize(("name", "unit"), [("multi30k", "bpe"), ("tatoeba", "characters")])
def test_references_are_scored_as_they_stand(fitted, name, unit):
    from modelwright.data.reading import read

    rows = read(name)
    texts = rows.table.column(rows.targets[0])
    column = fitted("text", texts.filter(pa.array(rows.part == 0)), target=True)
    test = texts.filter(pa.array(rows.part == 2))
    same = [a == b.strip() for a, b in zip(column.truth(column.encode(test)), test.to_pylist())]
    assert column.unit == unit and np.mean(same) > (
        0.999 if unit == "bpe" else 0.9
    )  # rare characters are written \ufffd


def test_a_list_is_cut_into_tokens_already():
    column = Text("t", min_frequency=1)
    column.fit(pa.array([["New York", "is", "big"], ["IS", "it"]]))
    column.finish()
    assert column.unit == "words"
    rows = column.encode(pa.array([["new york", "", "is"], [], None]))
    assert rows.lengths.tolist() == [3, 1, 1], "every item is a token, and no row is empty"
    assert [column.vocabulary[i - 2] if i > 1 else "" for i in rows.row(0)] == ["new york", "", "is"]


def test_lists_of_characters_and_plain_text_are_read_alike():
    column = Text("t", min_frequency=1)
    column.fit(pa.array([list("高勇男"), list("高兴")]))
    column.finish()
    assert column.unit == "characters"
    assert np.array_equal(column.encode(pa.array([list("勇高x")])).values, column.encode(pa.array(["勇高x"])).values)
    assert column.encode(pa.array([["勇高", "高"]])).values[0] == 1, "an item of several characters is unknown"
