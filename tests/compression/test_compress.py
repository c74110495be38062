"""The verb compress: the run folder it makes, its one table, chains of steps, and what it refuses."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
import yaml

import modelwright as mw
from modelwright import Run, cli
from modelwright.checkpoint import load_tensors
from modelwright.errors import DataError, RunError, UserError

from ..test_verb_family_matrix import FAMILIES, QUICK, call, write_data

QUICKLY = {"epochs": 3, "batch": 32, "speed": "fixed", "threads": 1}
FEW = (
    "rnn",
    "cnn on text",
    "transformer on text",
    "tags with a random field",
    "ctc",
    "masked text",
    "autoencoder of pictures",
    "lstm that writes",
    "language model that writes",
    "all inputs, several targets",
)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    return mw.train({"data": "digits", "train": QUICKLY, "baselines": ["majority"]}, out=str(folder / "run")).path


@pytest.fixture
def out(tmp_path):
    return str(tmp_path / "small")


def zeros(path) -> float:
    """The share of zeros in all matrices of a file."""
    found = [value for value in load_tensors(path / "model.safetensors").values() if value.ndim > 1]
    return 1 - sum(int(value.count_nonzero()) for value in found) / sum(value.numel() for value in found)


def test_a_compressed_run_is_a_run(digits, out, tmp_path, capsys):
    made = mw.compress(str(digits), "prune", "sparsity=0.8", "epochs=3", "int8", out=out)
    before, after = mw.evaluate(str(digits)).data["test"]["label"], mw.evaluate(out).data["test"]["label"]
    assert after["accuracy"] > before["accuracy"] - 0.05
    assert after == made.metrics["test"]["label"]  # what is loaded is what was measured
    assert {file.name for file in made.path.iterdir()} >= {
        "recipe.yaml", "resolved.yaml", "columns.json", "model.safetensors", "history.jsonl", "metrics.json",
        "environment.json", "status", "report.html", "card.md", "reports", "provenance.jsonl",
    }  # fmt: skip
    bytes_ = (made.path / "model.safetensors").stat().st_size
    assert bytes_ < (digits / "model.safetensors").stat().st_size / 7.5
    assert made.metrics["bytes"] == bytes_ and "majority" in made.metrics["baselines"]
    origin = yaml.safe_load((made.path / "resolved.yaml").read_text())["compressed"]
    assert origin["from"] == str(digits.resolve())
    assert [step["kind"] for step in origin["steps"]] == ["prune", "int8"]
    for folder in (digits, made.path):
        assert json.loads((folder / "provenance.jsonl").read_text().splitlines()[-1])["verb"] in (
            "compress",
            "evaluate",
        )
    assert len((made.path / "history.jsonl").read_text().splitlines()) == 6
    assert not list(tmp_path.glob(".*"))


def test_the_table_tells_what_was_won_and_lost(digits, out):
    made = mw.compress(str(digits), "prune", "sparsity=0.5", "epochs=0", out=out)
    table = made.report().blocks[0]
    names = [row[0] for row in table.rows]
    assert names[:4] == ["accuracy", "model.safetensors (kB)", "parameters", "of these not 0"]
    assert names[4:] == ["latency, 1 row (ms)", "latency, 64 rows (ms)", "peak memory (MB)"]
    costs = made.metrics["compress"]["costs"]
    assert costs["parameters"]["gain"] == 1 and costs["of these not 0"]["gain"] == pytest.approx(2, abs=0.1)
    assert 0.5 < costs["latency, 1 row"]["gain"] < 2
    assert any("file is not smaller" in warning for warning in made.metrics["compress"]["warnings"])


def test_losing_more_than_chance_is_said(digits, out):
    made = mw.compress(str(digits), "prune", "sparsity=0.99", "epochs=0", out=out, timing=False)
    assert any("more than chance explains" in warning for warning in made.metrics["compress"]["warnings"])


def test_steps_chain_and_go_on_from_a_compressed_run(digits, out, tmp_path):
    pruned = mw.compress(str(digits), {"kind": "prune", "sparsity": 0.7, "epochs": 0}, out=out, timing=False)
    assert zeros(pruned.path) == pytest.approx(0.7, abs=0.02)
    small = mw.compress(str(pruned.path), "int8", out=str(tmp_path / "int8"), timing=False)
    assert yaml.safe_load((small.path / "resolved.yaml").read_text())["transforms"][0]["kind"] == "int8"
    with pytest.raises(UserError, match="int8 already"):
        mw.compress(str(small.path), "prune", out=str(tmp_path / "again"), timing=False)
    assert not (tmp_path / "again").exists()


def test_the_folder_is_named_after_the_run(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        made = mw.compress(str(digits), "int8", timing=False)
        assert made.path.as_posix() == f"runs/run-compressed-{number}"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "how is the run to be made smaller.*prune"),
        (["prun"], "'prun' is not a kind of compression. Did you mean 'prune'"),
        (["prune", "sparsit=0.5"], "no such option. Did you mean 'sparsity'"),
        (["prune", "sparsity=0"], "more than 0"),
        (["prune", "sparsity=1"], "less than 1"),
        (["sparsity=0.5"], "belongs to no step"),
        (["prune", "layers={nowhere: 0.5}"], "there is no layer 'nowhere'"),
    ],
)
def test_mistakes_are_named_and_leave_nothing(digits, out, tmp_path, steps, message):
    with pytest.raises(UserError, match=message):
        mw.compress(str(digits), *steps, out=out)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_compression_is_no_run(digits, out, tmp_path, monkeypatch):
    from modelwright.compression import _outcome

    monkeypatch.setattr(_outcome, "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        mw.compress(str(digits), "int8", out=out, timing=False)
    assert list(tmp_path.iterdir()) == []


def test_the_data_of_the_run_are_needed(tmp_path, out):
    (tmp_path / "rows.csv").write_text("x,y\n" + "".join(f"{n % 7},{'ab'[n % 2]}\n" for n in range(40)))
    recipe = {"data": "rows.csv", "target": "y", "train": QUICKLY, "baselines": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        mw.train(recipe, out="run")
    (tmp_path / "rows.csv").unlink()
    with pytest.raises(UserError, match=r"rows\.csv"):
        mw.compress(str(tmp_path / "run"), "int8", out=out)
    memory = mw.train(
        {**recipe, "data": {"x": [n % 7 for n in range(40)], "y": list("ab" * 20)}}, out=str(tmp_path / "memory")
    )
    with pytest.raises(DataError, match="lived in memory"):
        mw.compress(str(memory.path), "int8", out=out)
    assert not (tmp_path / "small").exists()
    assert mw.compress(memory, "int8", out=out, timing=False).path  # in the same process they are still there


def test_a_run_over_folds_is_measured_on_its_validation_rows(tmp_path, out):
    data = {"path": "digits", "split": {"kind": "folds", "folds": 2}}
    run = mw.train({"data": data, "train": {**QUICKLY, "epochs": 1}, "baselines": False}, out=str(tmp_path / "run"))
    made = mw.compress(run, "int8", out=out, timing=False)
    assert made.metrics["compress"]["measured_on"] == "validation" and "folds" not in made.metrics


def test_a_constant_model_and_a_table_of_few_rows(tmp_path, out):
    rows = {"x": [1.0] * 40, "y": ["a", "b"] * 20}
    (tmp_path / "rows.json").write_text(json.dumps([dict(zip(rows, row)) for row in zip(*rows.values())]))
    recipe = {"data": str(tmp_path / "rows.json"), "target": "y", "columns": {"x": "number"}, "baselines": False}
    mw.train({**recipe, "train": QUICKLY}, out=str(tmp_path / "run"))
    made = mw.compress(str(tmp_path / "run"), "prune", "int8", out=out, timing=False)
    assert made.metrics["test"]["y"]["accuracy"] == 0.5


def test_where_no_row_is_held_back_nothing_can_be_measured(tmp_path, out):
    (tmp_path / "rows.json").write_text('[{"x": 1.5, "y": 2.5}, {"x": 2.5, "y": 1.5}]')
    data = {"path": str(tmp_path / "rows.json"), "split": {"fractions": [1, 0, 0]}}
    recipe = {"data": data, "target": "y", "columns": {"x": "number", "y": "number"}}
    mw.train({**recipe, "train": QUICKLY, "baselines": False}, out=str(tmp_path / "run"))
    with pytest.raises(DataError, match="no row was held back"):
        mw.compress(str(tmp_path / "run"), "int8", out=out)


def test_other_verbs_say_what_a_compressed_run_is(digits, out, tmp_path):
    made = mw.compress(str(digits), "int8", out=out, timing=False)
    again, batch = Run.from_bytes(made.to_bytes()), {"image": torch.arange(64).to(torch.uint8).view(1, 8, 8, 1)}
    one, other = (run.model.predict(batch)["label"]["probabilities"] for run in (again, made))
    assert torch.equal(one, other)
    with pytest.raises(RunError, match=r"fit no model that a recipe builds.*Start from"):
        mw.train({"data": "digits", "train": QUICKLY}, from_=str(made.path), out=str(tmp_path / "next"))
    assert "already finished" in mw.train(resume=str(made.path)).notes


def test_a_private_run_is_not_trained_further(digits, out, tmp_path):
    private = tmp_path / "private"
    shutil.copytree(digits, private)
    (private / "privacy.json").write_text("{}")
    with pytest.raises(RunError, match="differential privacy"):
        mw.compress(str(private), "prune", out=out)
    mw.compress(str(private), "prune", "epochs=0", out=out, timing=False)


def test_a_run_trained_on_attacks_says_that_it_was_trained_on_plain_rows(tmp_path, out):
    train = {**QUICKLY, "epochs": 1, "adversarial": {"epsilon": 0.1, "steps": 1}}
    run = mw.train({"data": "digits", "train": train, "baselines": False}, out=str(tmp_path / "run"))
    made = mw.compress(run, "prune", "epochs=0.5", out=out, timing=False)
    assert "attacked rows" in (made.path / "card.md").read_text()


@pytest.mark.parametrize("family", FEW)
def test_every_family_compresses_and_still_works(family, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    write_data(tmp_path)
    recipe = {"data": "rows.jsonl", "train": QUICK, "baselines": False, **FAMILIES[family]}
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    assert call(["train", "recipe.yaml", "--out", "run"]) == 0
    assert call(["compress", "run", "prune", "sparsity=0.5", "epochs=0.5", "--out", "pruned", "--no-timing"]) == 0
    assert call(["compress", "pruned", "int8", "--out", "small", "--no-timing"]) == 0
    assert (tmp_path / "pruned" / "config.json").exists() == (tmp_path / "run" / "config.json").exists()
    assert not (tmp_path / "small" / "config.json").exists()
    for words in (
        ["evaluate", "small"],
        ["predict", "small", "rows.jsonl"],
        ["show", "small"],
        ["compare", "small", "run"],
    ):
        capsys.readouterr()
        assert call([*words, "--json"]) == 0, capsys.readouterr().err
    if family.endswith("writes"):
        assert call(["generate", "small", "red fox", "--max-tokens", "3"]) == 0


def test_the_command_line_tells_the_budget_it_missed(digits, out, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(
            ["compress", str(digits), "--budget", "accuracy -0.5pt, size /500", "--out", out, "--no-timing", "--json"]
        )
    assert done.value.code == 1
    error = json.loads(capsys.readouterr().out.splitlines()[-1])["error"]
    assert "no model was found" in error["message"] and "times smaller" in error["hint"]
    assert Run.load(out).metrics["compress"]["measured_on"] == "test"  # the closest is kept
