"""Tables of predictions as files."""

from __future__ import annotations

import csv

import pyarrow as pa

from modelwright.prediction_files import write


def test_csv_quotes_only_cells_that_need_it(tmp_path):
    table = pa.table(
        {
            "plain": ["a b", "北京", None],
            "odd, name": ["x,y", 'say "so"', "two\nlines"],
            "n": [1.5, 2.0, None],
            "whole": [1, 2, None],
            "set": [["p", "q"], [], None],
            "yes": [True, False, None],
        }
    )
    write(table, tmp_path / "t.csv")
    text = (tmp_path / "t.csv").read_text("utf-8")
    assert text == (
        'plain,"odd, name",n,whole,set,yes\na b,"x,y",1.5,1,p|q,true\n北京,"say ""so""",2,2,,false\n,"two\nlines",,,,\n'
    )
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
        assert [row[1] for row in csv.reader(file)] == ["odd, name", *table["odd, name"].to_pylist()]


def test_a_column_of_missing_values_keeps_its_rows(tmp_path):
    write(pa.table({"y": pa.array([None, "a", None], pa.string())}), tmp_path / "t.csv")
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["y"], [""], ["a"], [""]]
