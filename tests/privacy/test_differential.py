"""Differentially private training: gradients of single rows, clipping, noise, the ledger, and exact resume."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import modelwright as mw
from modelwright.blocks.stream import Source, Stream
from modelwright.data.batches import Batches, generator
from modelwright.errors import RecipeError, RunError
from modelwright.loop import StepOptions
from modelwright.models.assembled import Assembled
from modelwright.privacy import _rows, differential

opacus = pytest.importorskip("opacus")

ROWS = 10
IMAGE = Source("image", "image", {"height": 8, "width": 8, "channels": 1, "mean": [0.4], "deviation": [0.3]})
TEXT = Source("note", "text", {"vocabulary": 30, "length": 6})
TABLE = Source("table", "table", {"number": 3, "category": [4, 5]})
TARGETS = {"y": ("category", {"classes": ["a", "b", "c"]})}
TRAIN = {"epochs": 2, "batch": 64, "threads": 1, "checkpoint_seconds": 0}
DIGITS = {
    "data": "digits",
    "model": {"encoders": {"image": {"kind": "mlp", "hidden": [16], "dropout": 0.2}}},
    "train": TRAIN,
    "privacy": {"epsilon": 3, "seed": 7, "accountant": "rdp"},
}


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


def batch_of(source: Source, seed: int = 0, rows: int = ROWS) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    batch = {"target.y": torch.randint(0, 3, (rows,))}
    if source.kind == "image":
        return batch | {"image": torch.randint(0, 256, (rows, 8, 8, 1), dtype=torch.uint8)}
    if source.kind == "table":
        return batch | {"number": torch.randn(rows, 3), "category": torch.randint(0, 4, (rows, 2))}
    mask = torch.arange(6) < torch.randint(1, 7, (rows, 1))
    return batch | {"note": torch.randint(1, 30, (rows, 6)) * mask, "note.mask": mask}


CNN = {"kind": "cnn", "channels": (4, 6), "norm": "none"}
ENCODERS = {
    "mlp": (TABLE, {"kind": "mlp", "hidden": (8,), "numbers": "none"}),
    "mlp in intervals": (TABLE, {"kind": "mlp", "hidden": (8,), "norm": "layer"}),
    "mlp in waves": (TABLE, {"kind": "mlp", "hidden": (8,), "numbers": "periodic"}),
    "members of one mlp": (TABLE, {"kind": "mlp", "hidden": (8,), "ensemble": 3}),
    "cnn": (IMAGE, {**CNN, "shrink_by": "stride", "activation": "tanh"}),
    "cnn of texts": (TEXT, CNN),
    "rnn": (TEXT, {"kind": "rnn", "cell": "rnn", "hidden": 5}),
    "lstm": (TEXT, {"kind": "rnn", "cell": "lstm", "hidden": 5, "layers": 2, "bidirectional": True}),
    "gru": (IMAGE, {"kind": "rnn", "cell": "gru", "hidden": 5}),
    "bag": (TEXT, {"kind": "bag", "width": 4, "buckets": 50}),
    "transformer": (TEXT, {"kind": "transformer", "width": 8, "heads": 2, "layers": 1}),
    "transformer with learned positions": (
        TEXT,
        {"kind": "transformer", "width": 8, "heads": 2, "positions": "learned"},
    ),
    "transformer of features": (TABLE, {"kind": "transformer", "width": 8, "heads": 2, "pool": "first"}),
    "transformer of patches": (IMAGE, {"kind": "transformer", "width": 8, "heads": 2}),
    "ensemble": (IMAGE, {"kind": "ensemble", "members": (CNN, {"kind": "mlp", "hidden": (6,)}), "width": 4}),
}
BY_VMAP = (
    "members of one mlp",
    "transformer with learned positions",
    "transformer of features",
    "transformer of patches",
)


def model_of(name: str, **options) -> Assembled:
    torch.manual_seed(0)
    source, config = ENCODERS[name]
    return Assembled([source], TARGETS, encoders={source.name: config}, **options)


def steady(model: Assembled) -> Assembled:
    """Without drop-out, which no two ways draw alike."""
    for part in model.modules():
        part.training = "Dropout" not in type(part).__name__
    return model


def flat(values) -> torch.Tensor:
    return torch.cat([value.flatten() for value in values])


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("clip", [math.inf, 0.05])
def test_gradients_of_rows_equal_those_of_rows_alone(name, clip):
    model, batch = model_of(name), batch_of(ENCODERS[name][0])
    names = list(model.state_dict())
    way = _rows.fitting_way(model, batch)
    assert way is (_rows.by_vmap if name in BY_VMAP else _rows.by_layer)
    steady(model)
    sums, terms = _rows.in_pieces(way, model, batch, clip, pieces=3)
    plain, told = _rows.by_row(model, batch, clip)
    torch.testing.assert_close(flat(sums), flat(plain), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(terms["y"], told["y"])
    assert list(model.state_dict()) == names
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())


def test_learned_weights_of_the_losses_add_up_row_by_row():
    model, batch = model_of("mlp", weights="uncertainty"), batch_of(TABLE)
    way = _rows.fitting_way(model, batch)
    sums, _ = way(steady(model), batch, 0.05)
    torch.testing.assert_close(flat(sums), flat(_rows.by_row(model, batch, 0.05)[0]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["cnn", "mlp in intervals", "lstm", "bag", "transformer of features"])
def test_one_row_more_changes_the_sum_by_at_most_clip(name):
    model, batch = steady(model_of(name)), batch_of(ENCODERS[name][0])
    more = batch_of(ENCODERS[name][0], seed=1, rows=1)
    if "number" in more:
        more["number"] = more["number"] * 1e4  # an outlier
    way, clip = _rows.fitting_way(model, batch), 0.02
    steady(model)
    with_it = _rows.in_pieces(way, model, {key: torch.cat([batch[key], more[key]]) for key in batch}, clip)[0]
    change = flat(with_it) - flat(_rows.in_pieces(way, model, batch, clip)[0])
    assert change.norm() == pytest.approx(clip, rel=1e-3)  # its gradient is far longer


def test_rows_that_influence_one_another_are_found():
    model, batch = model_of("mlp"), batch_of(TABLE)
    encoder = next(iter(model.encoders.values()))
    whole = encoder.forward
    encoder.forward = lambda batch: Stream(whole(batch).x - whole(batch).x.mean(0, keepdim=True))
    with pytest.raises(mw.UserError, match=r"influence on one another .a loss or layer looks at several rows"):
        _rows.fitting_way(model, batch)


def test_batch_norm_is_found_by_name():
    torch.manual_seed(0)
    model = Assembled([IMAGE], TARGETS, encoders={"image": {**CNN, "norm": "batch"}})
    with pytest.raises(mw.UserError, match=r"encoders.of_image.layers.0.norm.norm normalises over the batch"):
        _rows.fitting_way(model, batch_of(IMAGE))


# ---- noise and batches


class Rows:
    """Some rows in place of encoded data."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def batch(self, index):
        return {key: value[index] for key, value in batch_of(TABLE, rows=self.rows).items()}


def private(rows: int = ROWS, size: int = 4) -> tuple:
    given = differential.Private({"noise": 2.0, "clip": 0.5}, _rows.by_layer, secret=1)
    return model_of("mlp"), given, given.draw(Batches(Rows(rows), np.arange(rows), size))


def test_noise_has_the_deviation_that_is_accounted_for():
    model, given, source = private()
    drawn = []
    empty = {key: value[:0] for key, value in batch_of(TABLE).items()}
    for step in range(200):
        source.random = generator(1, step)
        given.gradients(model, empty, StepOptions())
        drawn.append(flat(p.grad for p in model.parameters()) * source.size)
    drawn = torch.stack(drawn)
    assert drawn.std() == pytest.approx(2.0 * 0.5, rel=0.01)
    assert drawn.mean() == pytest.approx(0.0, abs=0.01)
    assert torch.corrcoef(drawn[:2]).abs()[0, 1] < 0.3


def test_batches_are_drawn_row_by_row_and_repeat():
    _, _, source = private(rows=100, size=10)
    drawn = [source.rows_of(0, step) for step in range(400)]
    sizes = np.array([len(rows) for rows in drawn])
    assert sizes.mean() == pytest.approx(10, abs=0.6)
    assert sizes.var() == pytest.approx(100 * 0.1 * 0.9, rel=0.25)  # binomial
    assert drawn[3] == source.rows_of(0, 3) != source.rows_of(1, 3)
    whole = list(source.epoch(2))
    assert all(torch.equal(a["number"], b["number"]) for a, b in zip(whole[4:], source.epoch(2, start=4)))


def test_a_batch_may_be_empty():
    model, given, source = private(rows=3, size=1)
    sizes = [len(batch["number"]) for epoch in range(20) for batch in source.epoch(epoch)]
    assert 0 in sizes and len(sizes) == 20 * source.steps
    for batch in source.epoch(0):
        assert set(given.gradients(model, batch, StepOptions())) == {"y"}


# ---- whole runs


def trained(recipe: dict, out: str, **more) -> tuple[mw.Run, dict]:
    run = mw.train(recipe, out=out, **more)
    return run, json.loads((Path(out) / "privacy.json").read_text("utf-8"))


def test_the_ledger_is_what_the_accountant_says():
    _, ledger = trained(DIGITS, "run", report=False)
    entry = ledger["trainings"][0]
    account = opacus.accountants.RDPAccountant()
    for _ in range(entry["steps"]):
        account.step(noise_multiplier=entry["noise"], sample_rate=entry["rate"])
    assert ledger["epsilon"] == pytest.approx(account.get_epsilon(ledger["delta"]), rel=1e-6)
    assert 2.9 < ledger["epsilon"] <= 3
    assert entry["steps"] == 2 * math.ceil(entry["rows"] / 64) and ledger["delta"] < 1 / entry["rows"]
    assert not Path("run/checkpoints").exists()  # and with it the secret


def test_further_training_adds_up():
    recipe = {**DIGITS, "privacy": {"noise": 2.0, "seed": 7, "accountant": "rdp"}}
    _, first = trained(recipe, "first", report=False)
    _, second = trained(recipe, "second", from_="first", report=False)
    assert [entry["run"] for entry in second["trainings"]] == ["first", "second"]
    twice = differential.spent(first["trainings"] * 2, first["delta"], "rdp")
    assert second["epsilon"] == pytest.approx(twice) and second["epsilon"] > first["epsilon"]
    with pytest.raises(RecipeError, match=r"no noise keeps .* The run it starts from has spent"):
        mw.train({**DIGITS, "privacy": {"epsilon": first["epsilon"] / 2}}, from_="first", out="third")


def test_weights_that_learned_the_same_rows_without_privacy_are_refused():
    mw.train({**DIGITS, "privacy": None, "baselines": False}, out="open", report=False)
    with pytest.raises(RecipeError, match="learned from the same data without privacy"):
        mw.train(DIGITS, from_="open", out="run")


def test_a_killed_run_goes_on_to_the_same_weights_and_epsilon():
    def die(event):
        if event.step == 30:
            os.kill(os.getpid(), signal.SIGKILL)

    _, whole = trained(DIGITS, "whole", report=False)
    child = os.fork()
    if child == 0:
        try:
            mw.train(DIGITS, out="killed", on_step=die, report=False)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert json.loads(Path("killed/privacy.json").read_text())["epsilon"] == whole["epsilon"]  # the planned steps
    mw.train(resume="killed", report=False)
    ledger = json.loads(Path("killed/privacy.json").read_text())
    assert ledger["epsilon"] == whole["epsilon"]
    assert Path("killed/model.safetensors").read_bytes() == Path("whole/model.safetensors").read_bytes()


def test_a_secret_is_new_for_every_run_and_stays_in_the_checkpoints():
    recipe = {**DIGITS, "privacy": {"noise": 1.0, "accountant": "rdp"}}
    seen = []
    for number in range(2):
        secret = Path(f"run{number}/checkpoints/secret.json")
        mw.train(recipe, out=f"run{number}", report=False, on_step=lambda _, file=secret: seen.append(file.read_text()))
    assert len(set(seen)) == 2
    one, two = (Path(f"run{number}/model.safetensors").read_bytes() for number in range(2))
    assert one != two
    assert not list(Path("run0").rglob("secret.json"))
    assert b"seed" not in Path("run0/privacy.json").read_bytes().replace(b'"seed": "secret"', b"")


def test_the_report_says_what_is_covered_and_what_not():
    _, ledger = trained(DIGITS, "run")
    for page in ("report.html", "card.md"):
        text = Path("run", page).read_text("utf-8")
        for said in ("Privacy", "Covered", "Not covered", "vocabularies", "No guarantee", "epsilon"):
            assert said in text, (page, said)
    data = mw.show("run").data
    assert data["privacy"]["epsilon"] == ledger["epsilon"]


def test_few_rows_are_warned_of(capsys):
    wide = {"image": {"kind": "mlp", "hidden": [256]}}
    mw.train({**DIGITS, "model": {"encoders": wide}, "train": {**TRAIN, "epochs": 1}}, out="run", report=False)
    assert "rows are few for an epsilon" in capsys.readouterr().err


def test_nothing_else_learns_from_a_private_recipe():
    from modelwright.fitting import fit
    from modelwright.preparation import prepare
    from modelwright.recipe import load

    recipe = load({**DIGITS, "train": {**TRAIN, "lr": 1e-3}})
    with pytest.raises(RunError, match="learn from them without noise"):
        fit(recipe, prepare(recipe))


PROBLEMS = {
    "epsilon 0": ({"privacy": {"epsilon": 0}}, "privacy.epsilon: .*greater than 0|privacy.epsilon: .*more than 0"),
    "no budget": ({"privacy": {"clip": 1}}, "give either epsilon or noise"),
    "two budgets": ({"privacy": {"epsilon": 1, "noise": 1}}, "give either epsilon or noise"),
    "clip": ({"privacy": {"epsilon": 1, "clip": -1}}, "privacy.clip"),
    "unknown": ({"privacy": {"epsilon": 1, "sigma": 1}}, "privacy.sigma: no such key"),
    "delta": ({"privacy": {"epsilon": 1, "delta": 0.01}}, "privacy.delta: 0.01 is not below 1 / "),
    "batch": ({"train": {"batch": 5000}}, "train.batch: 5,000 rows a step of"),
    "lr": ({"train": {"lr": "auto"}}, "train.lr: it is chosen by looking at the rows"),
    "batch auto": ({"train": {"batch": "auto"}}, "train.batch: it is chosen by looking at the rows"),
    "early stop": ({"train": {"early_stop": 3}}, "train.early_stop"),
    "plateau": ({"train": {"schedule": "plateau"}}, "train.schedule"),
    "bf16": ({"train": {"precision": "bf16"}}, "train.precision"),
    "mixup": ({"train": {"augment": ["mixup"]}}, "train.augment.0: it mixes rows"),
    "folds": ({"data": {"path": "digits", "split": {"kind": "folds", "folds": 3}}}, "data.split: each fold"),
    "batch norm": (
        {"model": {"encoders": {"image": {"kind": "cnn", "channels": [4], "norm": "batch"}}}},
        "privacy: the rows of a batch have an influence on one another, so that .* norm: none",
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_mistakes_are_told_where_they_stand(name):
    change, said = PROBLEMS[name]
    with pytest.raises(RecipeError, match=said):
        mw.train({**DIGITS, **change}, out="run")
    assert not Path("run").exists() or not list(Path("run").iterdir())


def test_a_language_model_is_refused():
    with pytest.raises(RecipeError, match="this needs a model that predicts a target"):
        mw.train({"data": "text.txt", "model": {"kind": "language"}, "privacy": {"epsilon": 1}}, out="run")


def test_without_opacus_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opacus", None)
    with pytest.raises(mw.UserError, match=r"modelwright\[privacy\]"):
        mw.train(DIGITS, out="run")


def test_pictures_are_trained_without_batch_norm_unless_it_is_asked_for():
    recipe = {**DIGITS, "model": {}, "train": {"epochs": 1, "threads": 1}}
    run, ledger = trained(recipe, "run", report=False)
    assert run.recipe.model.encoders["image"]["norm"] == "none"
    assert run.recipe.baselines is False and ledger["trainings"][0]["batch"] == 64
