"""The verbs that read runs: evaluate, compare, predict, show, list."""

from __future__ import annotations

import io
import json
import sys

import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

import modelwright as mw
from modelwright.errors import DataError, RunError, UserError

from .conftest import QUICK


def test_evaluate_gives_the_scores_of_the_training(run):
    data = mw.evaluate(str(run.path)).data
    assert data["test"] == json.loads((run.path / "metrics.json").read_text())["test"]
    assert data["baselines"] == run.metrics["baselines"]
    assert set(data["seconds"]) == {"predict"}


def test_evaluate_other_data(run, workplace):
    report = mw.evaluate(str(run.path), "churn.csv")
    assert report.data["rows"] == 120
    assert report.data["baselines"] == {}
    (workplace / "bare.csv").write_text("age,city\n1,Paris\n")
    with pytest.raises(DataError, match=r"the columns 'since', 'note', 'spend', 'churned' are missing"):
        mw.evaluate(str(run.path), "bare.csv")


def test_evaluate_asks_for_data_that_lived_in_memory(workplace):
    rows = {"x": [number % 7 + 0.5 for number in range(60)], "y": ["a", "b"] * 30}
    run = mw.train({"data": rows, "target": "y", "train": QUICK}, baselines=False, report=False)
    with pytest.raises(DataError, match=r"the data of this run lived in memory"):
        mw.evaluate(str(run.path))
    assert mw.evaluate(str(run.path), rows).data["rows"] == 60


def test_compare_ranks_runs_beside_the_baselines(run, workplace):
    other = mw.train(
        {"data": "churn.csv", "targets": {"churned": {}, "spend": {}}, "train": QUICK}, baselines=False, report=False
    )
    data = mw.compare(str(run.path), str(other.path)).data["runs"]
    assert set(data) == {str(run.path), str(other.path), "majority", "tree"}
    ours = data[str(run.path)]
    assert ours["parameters"] > 0 and ours["flops"] > 0 and ours["bytes"] > 0 and ours["fit_seconds"] > 0
    assert data["tree"]["fit_seconds"] > 0
    third = mw.train({"data": "churn.csv", "target": "churned", "train": QUICK}, baselines=False, report=False)
    with pytest.raises(UserError, match=r"the runs predict different targets"):
        mw.compare(str(run.path), str(third.path))


def test_compare_sizes(workplace):
    data = mw.compare("iris", "train.epochs=2", "baselines=[majority]", sizes="small,medium", out="sizes").data["runs"]
    assert set(data) == {"sizes/small", "sizes/medium", "majority"}
    assert data["sizes/small"]["parameters"] < data["sizes/medium"]["parameters"]
    with pytest.raises(UserError, match=r"'small', 'medium'"):
        mw.compare("iris", sizes="small,huge", out="never")
    assert not (workplace / "never").exists()


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_predict_writes_one_row_a_row_in_order(run, workplace, ending):
    expected = run.predict("churn.csv", probabilities=True)
    assert set(expected.column_names) == {"churned", "churned_no", "churned_yes", "spend"}
    assert expected.num_rows == 120
    report = mw.predict(str(run.path), "churn.csv", out=f"out.{ending}", probabilities=True)
    assert report.data["rows"] == 120
    again = mw.predict(str(run.path), "churn.csv", out=f"out2.{ending}")
    assert again.data["columns"] == [name for name in expected.column_names if "_" not in name]
    if ending == "parquet":
        assert pa.parquet.read_table("out.parquet").equals(expected.combine_chunks())
    if ending == "csv":
        text = (workplace / "out.csv").read_text("utf-8")
        assert '"' not in text and text.startswith("spend,churned,churned_no,churned_yes\n")
    if ending == "jsonl":
        lines = (workplace / "out.jsonl").read_text("utf-8").splitlines()
        assert [json.loads(line)["churned"] for line in lines] == expected["churned"].to_pylist()


def test_predict_reads_every_kind_of_rows(run, workplace):
    expected = run.predict("churn.csv")
    import pandas as pd
    import polars as pl

    frame = pd.read_csv("churn.csv")
    frame.to_parquet("churn.parquet")
    frame.to_json("churn.jsonl", orient="records", lines=True, force_ascii=False)
    table = pa.Table.from_pandas(frame)
    kinds = ["churn.parquet", "churn.jsonl", frame, pl.from_pandas(frame), table, table.to_pydict(), table.to_pylist()]
    for rows in kinds:
        assert run.predict(rows)["churned"].to_pylist() == expected["churned"].to_pylist(), type(rows)
    assert run.predict(table.to_pylist()[3])["churned"].to_pylist() == expected["churned"].to_pylist()[3:4]
    backwards = run.predict(frame[::-1].drop(columns=["id", "churned", "spend"]).assign(more=1))
    assert backwards["churned"].to_pylist() == expected["churned"].to_pylist()[::-1]


def test_predict_names_pictures_that_are_not_there(workplace, capsys):
    for shade in range(20):
        picture = Image.new("L", (4, 4), 100 + 5 * shade if shade % 2 else 20 + shade)
        picture.save(workplace / f"{shade}.png")
    rows = [{"photo": str(workplace / f"{shade}.png"), "bright": shade % 2} for shade in range(20)]
    mw.train({"data": rows, "target": "bright", "train": QUICK, "baselines": False}, out="run")
    table = pa.table({"photo": [rows[0]["photo"], *[f"no/{place}.png" for place in range(9000)]]})
    pa.parquet.write_table(table, "photos.parquet")
    problem = "column 'photo': 9000 of 9001 images cannot be read and count as black; the first: row 1, 'no/0.png': "
    report = mw.predict("run", "photos.parquet", out="out.csv")
    assert report.data["problems"] == [f"{problem}No such file or directory"] and report.data["rows"] == 9001
    assert f"note: {problem}" in capsys.readouterr().err
    assert mw.predict("run", "0.png", out="out.csv").data["problems"] == []


def test_predict_survives_values_never_seen(run):
    row = {"age": "old", "city": "Atlantis", "since": "no date", "note": "", "spend": None}
    found = run.predict([row, dict.fromkeys(row)])
    assert set(found["churned"].to_pylist()) <= {"yes", "no"}
    assert all(value is not None for value in found["spend"].to_pylist())


def test_predict_from_standard_input(run, workplace, monkeypatch):
    text = (workplace / "churn.csv").read_bytes()

    def pipe(content: bytes):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return mw.predict(str(run.path), "-").data

    expected = run.predict("churn.csv").to_pylist()
    assert pipe(text)["predictions"] == expected
    lines = '{"age": 30, "city": "Paris", "since": "2015-01-01", "note": "bad", "spend": 3}\n\n'
    assert pipe(lines.encode())["rows"] == 1
    with pytest.raises(DataError, match=r"stdin: nothing came in"):
        pipe(b"")
    with pytest.raises(DataError, match=r"stdin:2: not valid JSON"):
        pipe(b'{"age": 1}\n{"age": \n')
    with pytest.raises(DataError, match=r"stdin.*a header and no rows"):
        pipe(text.splitlines()[0] + b"\n")


def test_predict_says_what_is_missing(run):
    with pytest.raises(DataError, match=r"the column 'note' is missing"):
        run.predict([{"age": 1, "city": "Paris", "since": "2015-01-01"}])
    with pytest.raises(DataError, match=r"the format is not known"):
        mw.predict(str(run.path), "churn.csv", out="out.xlsx")


def test_show(run):
    report = mw.show(str(run.path))
    assert report.data["test"] == run.metrics["test"]
    assert report.data["status"] == "finished"
    assert len(report.blocks) > 10
    with pytest.raises(RunError, match=r"there is no such run folder"):
        mw.show("nowhere")


def test_list_tells_the_state_of_every_run(run, workplace):
    states = {
        "a": '{"state": "interrupted", "message": "go on", "pid": 1, "host": ""}',
        "b": '{"state": "running", "message": "", "pid": 1, "host": ""}',
        "c": "not json",
    }
    for name, text in states.items():
        (workplace / "runs" / name).mkdir(parents=True)
        (workplace / "runs" / name / "status").write_text(text)
    found = {entry["run"]: entry["status"] for entry in mw.list_runs().data["runs"]}
    assert found == {"runs/a": "interrupted", "runs/b": "killed", "runs/c": "damaged"}
    entry = mw.list_runs(str(run.path)).data["runs"][0]
    assert entry["status"] == "finished"
    assert entry["score"].startswith(("churned: accuracy", "spend: rmse"))


@pytest.mark.parametrize(
    ("room", "kind"),
    [("encoders", "cnn"), ("columns", "text"), ("heads", "number"), ("fuse", "concat"), ("baselines", "svm"),
     ("optimizers", "muon"), ("schedules", "cosine"), ("augmentation", "mixup"), ("models", "assembled")],
)  # fmt: skip
def test_list_rooms(room, kind):
    entries = {entry["kind"]: entry for entry in mw.list_runs(room).data[room]}
    assert entries[kind]["summary"]
    assert entries[kind]["file"].endswith(".py")
    assert all(option["help"] for option in entries[kind]["options"].values())


def test_list_data():
    sets = {entry["name"]: entry for entry in mw.list_runs("data").data["data"]}
    assert sets["digits"]["files"] == "bundled"
    with pytest.raises(UserError, match=r"is neither a folder nor a room of parts. Did you mean 'encoders'"):
        mw.list_runs("encoder")
