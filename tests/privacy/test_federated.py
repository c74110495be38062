"""Federated training through the public door: rules, attacks, privacy, clients that fail, exact resume."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

import modelwright as mw
from modelwright import checkpoint
from modelwright.columns import build, dump
from modelwright.data.encoding import fit, fit_shards
from modelwright.errors import DataError, RecipeError, RunError, TrainingError
from modelwright.preparation import prepare
from modelwright.privacy.federated import Federated, ways
from modelwright.privacy.partition import deal
from modelwright.privacy.rounds import Rounds
from modelwright.recipe import load

TRAIN = {"optimizer": "sgd", "lr": 0.1, "schedule": "constant", "speed": "fixed", "threads": 1}


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> str:
    """300 rows of two blobs and a town, in three towns."""
    random = np.random.default_rng(0)
    side = random.integers(0, 2, 300)
    lines = [
        f"{side[i] * 3 + random.normal():.4f},{random.normal():.4f},{'ab'[side[i]]},{('north', 'south', 'west')[i % 3]}"
        for i in range(300)
    ]
    path = tmp_path_factory.mktemp("federated") / "blobs.csv"
    path.write_text("x,y,side,town\n" + "\n".join(lines) + "\n")
    return str(path)


def recipe(table: str, **federated: object) -> dict:
    given = {"clients": 6, "fraction": 1.0, "rounds": 4, "epochs": 2, **federated}
    encoder = {"kind": "mlp", "hidden": [8], "dropout": 0.0}
    model = {"encoders": {"table": encoder}}
    columns = {"town": "drop"}
    return {"data": table, "target": "side", "columns": columns, "model": model, "train": TRAIN, "federated": given} | {
        "baselines": False
    }


def train(given: dict, out: Path, *overrides: str, **options: object):
    loaded = load(given, overrides)
    from modelwright import training
    from modelwright.fitting import Watch

    return training.train(loaded, out, Watch(**options))


def weights(run) -> torch.Tensor:
    return torch.cat([value.flatten() for value in run.model.state_dict().values()])


def accuracy(run) -> float:
    return run.metrics["test"]["side"]["accuracy"]


def privacy(run) -> dict:
    return json.loads((run.path / "privacy.json").read_text())


# ---- who has which rows


def test_every_row_has_one_client_and_alpha_says_how_unequal_they_are():
    labels = pa.table({"label": [str(i % 4) for i in range(400)]})

    def shares(by: str, alpha: float) -> list[np.ndarray]:
        dealt = deal(400, labels, by=by, clients=10, alpha=alpha, target="label", seed=0)
        assert sorted(np.concatenate(list(dealt.values())).tolist()) == list(range(400))
        classes = np.arange(400) % 4
        return [np.bincount(classes[rows], minlength=4) / max(len(rows), 1) for rows in dealt.values()]

    purity = {
        name: np.mean([s.max() for s in shares(*name)])
        for name in (("iid", 1.0), ("dirichlet", 0.1), ("dirichlet", 100.0))
    }
    assert purity["dirichlet", 0.1] > 0.7 > 0.45 > purity["iid", 1.0]
    assert purity["dirichlet", 100.0] < 0.45


def test_a_column_makes_each_value_a_client():
    dealt = deal(4, pa.table({"town": ["b", "a", "b", None]}), by="town", clients=9, alpha=1, target=None, seed=0)
    assert {name: rows.tolist() for name, rows in dealt.items()} == {"b": [0, 2], "a": [1], "None": [3]}


def test_splits_that_cannot_be(table):
    bad = partial(deal, 3, pa.table({"x": [1, 1, 1], "tags": [[1], [2], [3]]}), alpha=1, seed=0)
    with pytest.raises(DataError, match="3 rows cannot be dealt to 4 clients"):
        bad(by="iid", clients=4, target=None)
    with pytest.raises(DataError, match="has one value only"):
        bad(by="x", clients=4, target=None)
    with pytest.raises(DataError, match="no column 'town'"):
        bad(by="town", clients=4, target=None)
    with pytest.raises(DataError, match="the recipe has none"):
        bad(by="dirichlet", clients=2, target=None)
    with pytest.raises(DataError, match="several values in a row"):
        bad(by="dirichlet", clients=2, target="tags")


def test_columns_fitted_by_clients_equal_those_fitted_in_one_place():
    random = np.random.default_rng(1)
    rows = {
        "number": [None if i % 50 == 0 else float(v) for i, v in enumerate(random.normal(5, 3, 500))],
        "category": random.choice(["red", "green", "blue"], 500, p=[0.7, 0.2, 0.1]).tolist(),
        "boolean": random.choice(["yes", "no"], 500).tolist(),
        "date": [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(500)],
        "text": [" ".join(random.choice(["a", "few", "words", "more"], 4)) for _ in range(500)],
        "multilabel": [[str(v) for v in random.choice(3, 2, replace=False)] for _ in range(500)],
        "vector": random.normal(size=(500, 3)).tolist(),
    }
    whole, shards = ({kind: build(kind, kind) for kind in rows} for _ in range(2))
    fit(pa.table(rows), whole)
    fit_shards(pa.table(rows), shards, np.array_split(random.permutation(500), 7))
    assert_close(dump(shards), dump(whole))


def assert_close(one: object, other: object) -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_close(one[key], other[key])
    elif isinstance(one, list) and one and isinstance(one[0], float):
        assert one == pytest.approx(other, rel=1e-6, abs=1e-9)
    else:
        assert one == (pytest.approx(other, rel=1e-9) if isinstance(one, float) else other)


# ---- training


def test_the_verb_gives_a_run_that_predicts_and_tells_what_was_sent(table, tmp_path):
    run = mw.federate(recipe(table), "federated.rounds=6", clients=5, compare=True, out=str(tmp_path / "run"))
    assert accuracy(run) > 0.85
    assert run.predict([{"x": 3.5, "y": 0.0}])["side"].to_pylist() == ["b"]
    found = privacy(run)
    assert found["clients"] == 5 and found["rounds"] == 6
    size = 4 * len(weights(run))
    assert found["bytes"] == {"down": 5 * 6 * size, "up": 5 * 6 * size}
    assert "5 clients, 6 rounds" in run.notes[0]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Federated training" in page and "Over clients" in page and "in one place, 12 epochs" in page
    assert mw.evaluate(str(run.path)).data["test"]["side"]["accuracy"] == accuracy(mw.Run.load(run.path))


def test_one_local_step_of_all_rows_is_gradient_descent_in_one_place(table, tmp_path):
    """FedSGD: the clients' gradients, weighted by their rows, add up to the gradient of all rows."""
    given = recipe(table, epochs=1, batch=1000, rounds=5, split="dirichlet", clients=4)
    federated = train(given, tmp_path / "federated")
    central = train(
        {**given, "federated": None}, tmp_path / "central", "train.optimizer=gradient_descent", "train.epochs=5",
        "train.early_stop=0",
    )  # fmt: skip
    assert torch.allclose(weights(federated), weights(central), atol=1e-5)


def test_added_under_masks_the_model_is_the_same(table, tmp_path):
    pytest.importorskip("cryptography")
    plain = train(recipe(table), tmp_path / "plain")
    masked = train(recipe(table, secure=True), tmp_path / "masked")
    assert torch.allclose(weights(plain), weights(masked), atol=1e-5)
    assert privacy(masked)["bytes"]["up"] > 2 * privacy(plain)["bytes"]["up"]


def test_a_killed_federation_resumes_to_the_same_bytes(table, tmp_path):
    given = recipe(table, rule="fedadam", server_lr=0.05, vanish=0.2)
    whole = train(given, tmp_path / "whole", "train.checkpoint_seconds=0")

    def stop(event: object) -> None:
        if event.record and event.record["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(given, tmp_path / "killed", "train.checkpoint_seconds=0", on_step=stop)
    resumed = mw.train(resume=str(tmp_path / "killed"))
    assert (whole.path / "model.safetensors").read_bytes() == (resumed.path / "model.safetensors").read_bytes()
    assert privacy(whole) == privacy(resumed)


def test_what_a_client_learns_depends_on_nothing_but_seed_round_and_client(table):
    given = load(recipe(table))
    ways(given)
    federation, prepared = Federated(**given.federated), prepare(given)
    rounds = Rounds(federation, prepared, federation.deal(given, prepared.index(0), prepared.rows.table))
    model = prepared.build()
    start = torch.cat([value.flatten() for value in model.state_dict().values()])
    forward = {name: rounds.learn(model, start, name, 3).update for name in rounds.names}
    for name in reversed(rounds.names):
        assert torch.equal(rounds.learn(model, start, name, 3).update, forward[name])
    assert not torch.equal(rounds.learn(model, start, rounds.names[0], 4).update, forward[rounds.names[0]])


@pytest.mark.parametrize("rule", ["fedprox", "fedadam", "median", "trimmed"])
def test_every_rule_learns(rule, table, tmp_path):
    assert accuracy(train(recipe(table, rule=rule, server_lr=0.05), tmp_path / "run")) > 0.8


def test_fedprox_holds_clients_near_the_server(table, tmp_path):
    free, held = (train(recipe(table, rule="fedprox", mu=mu, rounds=1), tmp_path / str(mu)) for mu in (0.0, 5.0))
    start = torch.cat([value.flatten() for value in prepare(load(recipe(table))).build().state_dict().values()])
    assert (weights(held) - start).norm() < 0.6 * (weights(free) - start).norm()


def test_attackers_break_the_mean_and_not_the_robust_rules(table, tmp_path):
    given = {"clients": 10, "rounds": 6, "malicious": 0.2}
    found = {
        rule: accuracy(train(recipe(table, rule=rule, **given), tmp_path / rule))
        for rule in ("fedavg", "median", "trimmed")
    }
    assert found["fedavg"] < 0.6
    assert found["median"] > 0.8 and found["trimmed"] > 0.8
    assert len(privacy(mw.Run.load(tmp_path / "median"))["attackers"]) == 2


def test_batch_norm_statistics_are_averaged_and_counted_in_whole_numbers(tmp_path):
    encoder = {"kind": "cnn", "channels": [4], "norm": "batch", "pool": "mean"}
    given = {
        "data": "digits",
        "target": "label",
        "model": {"encoders": {"image": encoder}},
        "train": TRAIN,
        "baselines": False,
    }
    given |= {"federated": {"clients": 4, "fraction": 0.5, "rounds": 1, "epochs": 1, "batch": 32}}
    state = checkpoint.load_tensors(train(given, tmp_path / "run").path / "model.safetensors")
    means = [value for name, value in state.items() if name.endswith("running_mean")]
    counts = [value for name, value in state.items() if name.endswith("num_batches_tracked")]
    assert means and all(value.abs().sum() > 0 for value in means)
    assert counts and all(value.dtype == torch.int64 and value == 12 for value in counts)


@pytest.mark.parametrize("kind", ["language", "writer"])
def test_other_families_learn_in_rounds_too(kind, tmp_path):
    federated = {"clients": 3, "fraction": 1.0, "rounds": 2, "epochs": 1, "batch": 4}
    train_ = {"speed": "fixed", "threads": 1, "lr": 1e-3}
    if kind == "language":
        (tmp_path / "text.txt").write_text("the fox saw the dog and the dog saw the fox. " * 80)
        model = {"kind": "language", "width": 8, "layers": 1, "heads": 2, "context": 16, "tokenizer": "characters"}
        given = {"data": str(tmp_path / "text.txt"), "model": model}
    else:
        rows = [{"a": "red fox" if i % 2 else "blue dog", "b": "rot" if i % 2 else "blau"} for i in range(40)]
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        columns = {"a": {"kind": "text", "tokenizer": "words"}, "b": {"kind": "text", "tokenizer": "characters"}}
        model = {"encoders": {"a": {"kind": "rnn", "hidden": 4}}, "heads": {"b": {"hidden": 4}}}
        given = {"data": str(tmp_path / "rows.jsonl"), "target": "b", "columns": columns, "model": model}
    run = train({**given, "train": train_, "federated": federated, "baselines": False}, tmp_path / "run")
    history = [json.loads(line) for line in (run.path / "history.jsonl").read_text().splitlines()]
    assert len(history) == 2 and history[1]["loss"] < history[0]["loss"]
    assert run.generate(["red fox"])


# ---- clients that fail


def test_a_client_without_numbers_is_left_out_and_named(table, tmp_path):
    run = train(recipe(table, malicious=0.2, attack="nan"), tmp_path / "run")
    found = privacy(run)
    assert accuracy(run) > 0.8
    assert found["left_out"] == found["attackers"] and len(found["attackers"]) == 1
    assert found["attackers"][0] in (run.path / "card.md").read_text()


def test_when_no_client_gives_a_finite_answer_training_ends(table, tmp_path):
    with pytest.raises(
        TrainingError, match=r"none of the 6 clients of round 1 gave an answer: 6 of their answers are not finite"
    ):
        train(recipe(table), tmp_path / "run", "train.lr=1e30")


def test_vanished_clients_are_missing_and_told(table, tmp_path):
    run = train(recipe(table, vanish=0.3), tmp_path / "run")
    assert accuracy(run) > 0.8 and privacy(run)["vanished"]
    assert privacy(run)["bytes"]["up"] < privacy(run)["bytes"]["down"]


def test_vanished_clients_under_masks(table, tmp_path):
    pytest.importorskip("cryptography")
    plain = train(recipe(table, vanish=0.15), tmp_path / "plain")
    masked = train(recipe(table, vanish=0.15, secure=True), tmp_path / "masked")
    assert privacy(plain)["vanished"] == privacy(masked)["vanished"] != []
    assert torch.allclose(weights(plain), weights(masked), atol=1e-5)
    with pytest.raises(TrainingError, match="a secure sum needs 4"):
        train(recipe(table, vanish=0.8, secure=True), tmp_path / "lost")


def test_a_single_client_and_clients_without_rows(table, tmp_path):
    assert accuracy(train(recipe(table, clients=1), tmp_path / "one")) > 0.8
    few = train(recipe(table, clients=40, split="dirichlet", alpha=0.02, rounds=1), tmp_path / "few")
    assert privacy(few)["empty"] and privacy(few)["rows"]["lowest"] >= 1


def test_a_column_of_the_table_makes_the_clients(table, tmp_path):
    found = privacy(train(recipe(table, split="town"), tmp_path / "run"))
    assert found["clients"] == 3


# ---- privacy of whole clients


def test_noise_is_accounted_for_and_written_down(table, tmp_path):
    accountants = pytest.importorskip("opacus.accountants")
    run = train(recipe(table, clip=0.5, noise=1.2, fraction=0.5), tmp_path / "run", "federated.delta=1e-4")
    accountant = accountants.RDPAccountant()
    accountant.history = [(1.2, 0.5, 4)]
    found = privacy(run)
    assert found["epsilon"] == pytest.approx(accountant.get_epsilon(1e-4))
    assert found["unit"] == "client" and "epsilon" in (run.path / "card.md").read_text()


def test_noise_has_the_deviation_it_says(table, tmp_path):
    """With a clip so small that nothing is learned, the first update is noise alone: noise * clip / expected clients."""
    pytest.importorskip("opacus")
    run = train(recipe(table, clip=1e-6, noise=1e6, rounds=1), tmp_path / "run")
    start = torch.cat([value.flatten() for value in prepare(load(recipe(table))).build().state_dict().values()])
    assert float((weights(run) - start).std()) == pytest.approx(1 / 6, rel=0.25)


def test_batch_norm_and_noise_do_not_go_together(tmp_path):
    pytest.importorskip("opacus")
    encoder = {"kind": "cnn", "channels": [4], "norm": "batch", "pool": "mean"}
    given = {"data": "digits", "target": "label", "model": {"encoders": {"image": encoder}}, "train": TRAIN}
    with pytest.raises(RecipeError, match="running statistics of a batch norm cannot be made private"):
        train({**given, "federated": {"clients": 4, "clip": 1.0, "noise": 1.0}}, tmp_path / "run")


def test_a_clip_bounds_what_a_client_changes(table, tmp_path):
    run = train(recipe(table, clip=0.01, rounds=1), tmp_path / "run")
    start = torch.cat([value.flatten() for value in prepare(load(recipe(table))).build().state_dict().values()])
    assert 0.005 < float((weights(run) - start).norm()) <= 0.0101


# ---- what cannot be


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"secure": True, "rule": "median"}, "a secure sum hides the single updates that median compares"),
        ({"noise": 1.0}, "given no clip"),
        ({"noise": 1.0, "clip": 1.0, "rule": "trimmed"}, "given rule trimmed"),
        ({"rule": "fedagv"}, "fedavg"),
        ({"fraction": 0.0}, "more than 0"),
        ({"client": 3}, "Did you mean 'clients'"),
        ({"kind": "median"}, "no such option"),
    ],
)
def test_options_that_cannot_be_are_one_clear_error(options, message, table, tmp_path):
    with pytest.raises(RecipeError, match=message):
        train(recipe(table, **options), tmp_path / "run")


def test_what_a_federation_cannot_go_with(table, tmp_path):
    with pytest.raises(DataError, match="rows cannot be dealt to 400 clients"):
        train(recipe(table, clients=400), tmp_path / "run")
    with pytest.raises(RecipeError, match="this schedule watches a single training"):
        train(recipe(table), tmp_path / "run", "train.schedule=plateau")
    with pytest.raises(RecipeError, match="folds are trained in one place"):
        train(recipe(table), tmp_path / "run", "data.split={kind: folds, folds: 3}")
    with pytest.raises((RunError, RecipeError)):
        load({**recipe(table), "federated": 3})
