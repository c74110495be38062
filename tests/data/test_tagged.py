"""Files with a token and its tag on each line."""

from __future__ import annotations

import gzip
import os

import pytest

from modelwright.data.reading import read
from modelwright.errors import DataError


def test_sentences_stand_between_blank_lines(tmp_path):
    lines = "-DOCSTART- -X- O\n\nEU NNP B-ORG\nsaid VBD O\n\n\nAnn\tB-PER\r\n"
    (tmp_path / "a.conll").write_text(lines)
    with gzip.open(tmp_path / "b.bio.gz", "wt") as stream:
        stream.write("高 B-NAME\n勇 I-NAME")
    rows = read(tmp_path / "a.conll")
    assert rows.targets == ("tags",)
    assert rows.table.to_pydict() == {"text": [["EU", "said"], ["Ann"]], "tags": [["B-ORG", "O"], ["B-PER"]]}
    assert read(tmp_path / "b.bio.gz").table.to_pylist() == [{"text": ["高", "勇"], "tags": ["B-NAME", "I-NAME"]}]


def test_a_line_without_a_tag_is_named(tmp_path):
    (tmp_path / "a.bmes").write_text("a O\n\nb\n")
    with pytest.raises(DataError, match=r"a\.bmes:3: expected a token and its tag, found only 'b'"):
        read(tmp_path / "a.bmes")


@pytest.mark.real
@pytest.mark.skipif("MODELWRIGHT_DATA" not in os.environ, reason="needs MODELWRIGHT_DATA")
def test_resume_ner_has_its_official_parts():
    rows = read("resume_ner")
    assert [int((rows.part == part).sum()) for part in range(3)] == [3821, 463, 477]
    assert sum(map(len, rows.table.column("text").to_pylist())) == 124_099 + 13_890 + 15_100
