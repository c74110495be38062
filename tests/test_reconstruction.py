"""Variational autoencoders through the public door: bounds, anomaly scores, samples, resume, accumulation."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

import modelwright as mw
from modelwright.blocks.stream import Source
from modelwright.errors import RecipeError, UserError
from modelwright.loop import StepOptions, batch_gradients
from modelwright.models.assembled import Assembled
from modelwright.reconstruction import row_bounds

TRAIN = {"epochs": 3, "batch": 64, "speed": "fixed", "threads": 1, "early_stop": 0}
HEAD = {"kind": "reconstruct", "hidden": [32]}
MODEL = {
    "encoders": {"image": {"kind": "mlp", "hidden": [32], "dropout": 0.0}},
    "fuse": {"kind": "gaussian", "size": 4},
}
PICTURES = {"data": "digits", "targets": {"image": {"head": HEAD}}, "model": MODEL, "train": TRAIN}


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return mw.train(PICTURES, out=str(tmp_path_factory.mktemp("vae") / "run"))


def linear(size=2, latents=1):
    """A model of a vector whose every part is linear, so that p(x) is known."""
    torch.manual_seed(0)
    head = {"kind": "reconstruct", "hidden": [], "variance": "unit"}
    encoders = {"x": {"kind": "mlp", "hidden": [], "dropout": 0.0}}
    source = Source("x", "vector", {"size": size})
    targets = {"x": ("reconstruct", {"source": source})}
    model = Assembled(
        [source], targets, encoders=encoders, fuse={"kind": "gaussian", "size": latents}, heads={"x": head}
    )
    return model.eval()


@torch.no_grad()
def test_bounds_lie_below_the_likelihood_of_a_linear_model():
    model, x = linear(), torch.randn(2000, 2, generator=torch.Generator().manual_seed(1))
    decoder = model.head("x").decoder[-1]
    covariance = decoder.weight @ decoder.weight.T + torch.eye(2)  # x = W z + b + noise
    truth = torch.distributions.MultivariateNormal(decoder.bias, covariance).log_prob(x).mean()
    found = {name: float(values.mean()) for name, values in row_bounds(model, {"x": x}).items()}
    assert found["elbo"] == pytest.approx(-(found["loss"] + found["kl"]), abs=1e-4)
    assert found["elbo"] < found["bound_64"] < float(truth) + 0.01
    assert found["bound_64"] == pytest.approx(float(truth), abs=0.05)
    many = row_bounds(model, {"x": x}, samples=1024)["bound_1024"].mean()
    assert abs(float(many) - float(truth)) < 0.01


@torch.no_grad()
def test_the_bound_is_exact_where_the_posterior_is():
    model, x = linear(), torch.randn(50, 2)
    decoder = model.head("x").decoder[-1]
    precision = decoder.weight.T @ decoder.weight + torch.eye(1)
    model.fuse.mean.weight.copy_(decoder.weight.T / precision)
    model.fuse.mean.bias.copy_(-(decoder.weight.T @ decoder.bias) / precision[0])
    model.fuse.log_variance.weight.zero_()
    model.fuse.log_variance.bias.fill_(-math.log(float(precision)))
    covariance = decoder.weight @ decoder.weight.T + torch.eye(2)
    truth = torch.distributions.MultivariateNormal(decoder.bias, covariance).log_prob(x)
    assert torch.allclose(row_bounds(model, {"x": x})["bound_64"], truth, atol=1e-4)


def test_a_row_depends_on_no_other():
    model, x = linear(), torch.randn(9, 2)
    whole, alone = row_bounds(model, {"x": x}), row_bounds(model, {"x": x[4:5]})
    for name in whole:
        assert torch.allclose(whole[name][4:5], alone[name], atol=1e-5)


def test_pictures_from_recipe_to_report(pictures):
    scores = pictures.metrics["test"]["image"]
    assert scores["elbo"] == pytest.approx(-(scores["loss"] + scores["kl"]), abs=1e-3)
    assert scores["elbo"] < scores["bound_64"]
    assert scores["elbo_interval"][0] < scores["elbo"] < scores["elbo_interval"][1]
    history = [json.loads(line) for line in (pictures.path / "history.jsonl").read_text().splitlines()]
    assert history[-1]["loss"] == pytest.approx(sum(history[-1]["terms"].values()))
    assert set(history[-1]["terms"]) == set(history[-1]["metrics"]) == {"image", "kl"}
    assert history[-1]["validation_loss"] < history[0]["validation_loss"]
    page = (pictures.path / "report.html").read_text()
    for title in ("Reconstructions", "Samples", "Interpolation", "Most surprising"):
        assert title in page


def test_predicting_gives_a_score_a_row_and_samples_are_pictures(pictures):
    run = mw.Run.load(pictures.path)
    rows = {"image": list(np.random.default_rng(0).integers(0, 17, (5, 8, 8)).astype(np.uint8))}
    scores = run.predict(rows)
    assert scores.column_names == ["image_score"]
    one = run.predict({"image": rows["image"][3:4]})
    assert one.column("image_score")[0].as_py() == pytest.approx(scores.column("image_score")[3].as_py(), rel=1e-5)
    drawn = run.sample(6, seed=1)["image"]
    assert (drawn.shape, drawn.dtype) == ((6, 8, 8, 1), np.uint8)
    assert np.array_equal(drawn, run.sample(6, seed=1)["image"])
    assert not np.array_equal(drawn, run.sample(6, seed=2)["image"])


def test_evaluating_again_gives_the_same(pictures):
    again, first = mw.evaluate(str(pictures.path)).data["test"]["image"], pictures.metrics["test"]["image"]
    assert again["elbo_interval"] == pytest.approx(first["elbo_interval"], rel=1e-5)
    assert again["bound_64"] == pytest.approx(first["bound_64"], rel=1e-5)


def test_a_resumed_run_is_the_same(tmp_path, pictures):
    def stop(event):
        if event.step == 30 and event.record is None:
            raise KeyboardInterrupt

    train = {**TRAIN, "checkpoint_seconds": 0}
    model = {**MODEL, "fuse": {"kind": "gaussian", "size": 4, "warmup": 60}}
    recipe = {**PICTURES, "model": model, "train": train}
    whole = mw.train(recipe, out=str(tmp_path / "whole"), report=False)
    with pytest.raises(KeyboardInterrupt):
        mw.train(recipe, out=str(tmp_path / "cut"), on_step=stop, report=False)
    mw.train(resume=str(tmp_path / "cut"), report=False)
    files = [(folder / "model.safetensors").read_bytes() for folder in (whole.path, tmp_path / "cut")]
    assert files[0] == files[1]


def test_parts_of_a_step_add_up_to_it():
    """With draws that do not differ (no variance) the gradients of 3 parts are those of the whole."""
    gradients = []
    for parts in (1, 3):
        model = linear(size=4, latents=2).train()
        with torch.no_grad():
            model.fuse.log_variance.weight.zero_()
            model.fuse.log_variance.bias.fill_(-60.0)
        model.at_step(0)
        x = torch.randn(10, 4, generator=torch.Generator().manual_seed(2))
        terms = batch_gradients(model, {"x": x}, StepOptions(accumulate=parts))
        assert {name: float(count) for name, (_, count) in terms.items()} == {"kl": 10.0, "x": 10.0}
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        gradients.append([weight.grad for weight in weights] + [value for value, _ in terms.values()])
    for one, other in zip(*gradients):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def table(rows=400):
    random = np.random.default_rng(0)
    a = random.normal(size=rows)
    cells = {
        "a": a,
        "b": 3 * a + 5 + 0.1 * random.normal(size=rows),
        "kind": np.where(a > 0, "up", "down"),
        "yes": a > 0.5,
    }
    cells["a"] = np.where(random.random(rows) < 0.1, np.nan, a)
    return cells


def test_a_table_is_written_again_and_odd_rows_surprise():
    model = {
        "encoders": {"table": {"kind": "mlp", "hidden": [32], "dropout": 0.0}},
        "fuse": {"kind": "gaussian", "size": 2},
    }
    recipe = {
        "data": table(),
        "targets": {"table": {"head": HEAD}},
        "model": model,
        "train": {**TRAIN, "epochs": 60, "batch": 16},
    }
    run = mw.train(recipe)
    usual = {"a": [1.0, -1.0], "b": [8.0, 2.0], "kind": ["up", "down"], "yes": [True, False]}
    odd = {"a": [1.0, -1.0], "b": [2.0, 8.0], "kind": ["down", "up"], "yes": [True, False]}
    found, strange = run.predict(usual), run.predict(odd)
    assert found.column_names == ["table_score", "a", "b", "kind", "yes"]
    assert found.column("kind").to_pylist() == ["up", "down"]
    assert found.column("yes").to_pylist() == [True, False]
    assert found.column("b").to_pylist() == pytest.approx([8, 2], abs=1.5)
    assert min(strange.column("table_score").to_pylist()) > max(found.column("table_score").to_pylist()) + 1
    assert run.sample(7)["table"].num_rows == 7


def test_without_a_gaussian_it_is_an_autoencoder():
    recipe = {
        **PICTURES,
        "model": {**MODEL, "fuse": {"kind": "concat", "hidden": [4]}},
        "train": {**TRAIN, "epochs": 1},
    }
    run = mw.train(recipe)
    assert set(run.metrics["test"]["image"]) == {"rows", "loss"}
    with pytest.raises(UserError, match="only a variational autoencoder draws samples"):
        run.sample(2)


def test_beside_a_supervised_target():
    targets = {"image": {"head": HEAD}, "label": {}}
    run = mw.train({**PICTURES, "targets": targets, "train": {**TRAIN, "epochs": 1}, "baselines": False})
    assert set(run.metrics["test"]) == {"image", "label"}
    assert run.predict({"image": [np.zeros((8, 8), np.uint8)]}).column_names == ["label", "image_score"]


def test_a_column_of_the_table_alone_is_refused():
    with pytest.raises(RecipeError, match=r"targets\.a: it is one of the table's columns"):
        mw.train({"data": table(), "targets": {"a": {"head": HEAD}}, "model": {"fuse": "gaussian"}, "train": TRAIN})
