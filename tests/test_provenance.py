"""Every verb that touches a run leaves a line in its log, and the page and the card of the run show it."""

from __future__ import annotations

import json

import numpy as np
import pytest

import modelwright as mw
from modelwright import cli, provenance


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as done:
        cli.main(list(words))
    return int(done.value.code or 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log") / "run"
    recipe = {"data": "iris", "train": {"epochs": 1, "speed": "fixed"}, "baselines": False}
    return mw.train(recipe, out=str(folder))


def test_verbs_leave_lines_with_the_arguments_that_are_no_defaults(run, capsys):
    assert call("evaluate", str(run.path)) == 0
    assert call("explain", str(run.path), "--rows", "2", "--samples", "40") == 0
    lines = provenance.read(run.path)
    assert [line["verb"] for line in lines] == ["train", "evaluate", "explain"]
    assert lines[1]["arguments"] == {"run": str(run.path)}
    assert lines[2]["arguments"] == {"run": str(run.path), "rows": "2", "samples": 40}
    assert {line["weights"] for line in lines} == {provenance.fingerprint(run.path)}
    assert all(line["seconds"] >= 0 and line["version"] == mw.__version__ for line in lines)
    for page in ("report.html", "card.md"):
        shown = (run.path / page).read_text("utf-8")
        assert "explain" in shown and "samples: 40" in shown and "iris" in shown


def test_rows_in_memory_are_not_written_down(run):
    pandas = pytest.importorskip("pandas")
    rows = pandas.DataFrame({name: [5.0, 1.0] for name, column in run.columns.items() if not column.target})
    mw.explain(run, rows, method="occlusion")
    assert provenance.read(run.path)[-1]["arguments"] == {"run": str(run.path), "method": "occlusion"}


@pytest.mark.parametrize("wrap", [list, tuple, np.array], ids=["list", "tuple", "array"])
def test_rows_of_a_recipe_in_memory_are_not_written_down(tmp_path, wrap):
    data = {"size": wrap([1234.5 + n for n in range(40)]), "kind": ["up", "down"] * 20}
    recipe = {
        "data": data,
        "target": "kind",
        "train": {"epochs": 1, "speed": "fixed"},
        "model": {"fuse": {"kind": "concat", "hidden": [8]}},
    }
    run = mw.train(recipe, out=str(tmp_path / "run"))
    said = provenance.read(run.path)[0]["arguments"]["recipe"]
    assert said == {**recipe, "data": "<dict>"}
    for name in ("provenance.jsonl", "card.md", "report.html"):
        assert "1240.5" not in (run.path / name).read_text("utf-8")
    mw.evaluate(str(run.path), data)
    assert "1240.5" not in (run.path / "provenance.jsonl").read_text("utf-8")


def test_rows_that_a_reader_is_given_in_memory_are_not_written_down(tmp_path):
    actions = {"user": ["ann", "ann", "ann", "bob", "bob", "bob"] * 5, "item": [f"secret{n}" for n in range(30)]}
    recipe = {"data": {"interactions": actions, "length": 9}, "train": {"epochs": 1, "speed": "fixed"}}
    encoder = {"kind": "transformer", "causal": True, "width": 8, "heads": 2}
    run = mw.train({**recipe, "model": {"encoders": {"history": encoder}}}, out=str(tmp_path / "run"), report=False)
    said = provenance.read(run.path)[0]["arguments"]["recipe"]["data"]
    assert said == {"interactions": "<dict>", "length": 9}


def test_what_fails_leaves_no_line(run, capsys):
    before = provenance.read(run.path)
    assert call("explain", str(run.path), "--method", "tea-leaves") == 2
    assert provenance.read(run.path) == before


def test_a_run_that_cannot_be_written_is_only_told_of(run, capsys, monkeypatch):
    log = run.path / provenance.LOG
    kept = log.read_bytes()
    log.unlink()
    log.mkdir()  # nobody can append to a folder
    assert call("evaluate", str(run.path), "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["test"] and "evaluate could not be added to its log" in err
    log.rmdir()
    log.write_bytes(kept)


def test_a_damaged_log_is_named(run):
    log = run.path / provenance.LOG
    kept = log.read_bytes()
    log.write_bytes(kept + b"{half")
    with pytest.raises(mw.RunError, match="damaged"):
        provenance.read(run.path)
    log.write_bytes(kept)
