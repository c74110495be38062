"""Attacks: the numbers of an independent library, and training that withstands them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import modelwright as mw
from modelwright import adversarial
from modelwright.audits._case import Case
from modelwright.blocks.stream import Source
from modelwright.building import model_sources

from .conftest import QUICK, clean_rows, train, values


def digits(folder, adversarially: dict | None = None) -> mw.Run:
    recipe = {
        "data": {"path": "digits", "split": {"fractions": [0.65, 0.1, 0.25]}},
        "target": "label",
        "model": {"encoders": {"image": {"kind": "mlp", "hidden": [64, 64, 64], "dropout": 0.0}}},
        "train": {"epochs": 15, "batch": 64, "lr": 3e-3, "optimizer": "adam", **QUICK, "adversarial": adversarially},
        "baselines": False,
    }
    return mw.train(recipe, out=str(folder / "run"), report=False)


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> mw.Run:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("digits")
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        return digits(folder)


def test_the_numbers_are_those_of_an_independent_library(plain):
    art = pytest.importorskip("art.attacks.evasion")
    from art.estimators.classification import PyTorchClassifier

    case = Case(plain)
    pixels = plain_pixels(case)
    codes = case.prepared.encoded.targets["label"][case.held.index]

    class Logits(torch.nn.Module):
        def forward(self, x):
            return plain.model.predict({"image": x * 255})["label"]["probabilities"].clamp(min=1e-12).log()

    judged = PyTorchClassifier(
        Logits(), torch.nn.CrossEntropyLoss(), (8, 8, 1), 10, clip_values=(0.0, 1.0), device_type="cpu"
    )

    def accuracy(attack) -> float:
        return float((judged.predict(attack.generate(pixels, codes)).argmax(1) == codes).mean())

    np.random.seed(0)
    fast = art.FastGradientMethod(judged, eps=0.1, batch_size=512)
    projected = art.ProjectedGradientDescent(
        judged, eps=0.1, eps_step=0.25 / 20, max_iter=20, num_random_init=1, batch_size=512, verbose=False
    )
    ours = values(mw.audit(plain, None, "attack.epsilon=0.1", only="attack"), "attack")
    assert ours["FGSM: label"] == pytest.approx(accuracy(fast), abs=0.003)
    assert ours["PGD: label"] == pytest.approx(accuracy(projected), abs=0.01)


def plain_pixels(case: Case) -> np.ndarray:
    return case.prepared.encoded.inputs["image"][case.held.index].astype(np.float32) / 255


def test_training_on_attacks_withstands_them(plain, tmp_path):
    hardened = digits(tmp_path, {"epsilon": 0.1, "steps": 3})
    before, after = (values(mw.audit(run, only="attack"), "attack")["PGD: label"] for run in (plain, hardened))
    assert before < 0.5 and after > 0.75
    assert hardened.metrics["test"]["label"]["accuracy"] > 0.95
    assert mw.Run.load(hardened.path).recipe.train.adversarial.steps == 3


def test_an_attack_stays_in_its_box_and_raises_the_loss(plain):
    case = Case(plain)
    batch = case.prepared.encoded.batch(case.held.index[:64])
    reach = adversarial.reach_of(model_sources(plain.recipe, plain.columns), case.prepared.encoded.inputs)
    before = plain.model(batch)["label"][0]
    for steps in (1, 5):
        moved = adversarial.attack(plain.model, batch, reach, epsilon=0.05, steps=steps, random=steps > 1)
        change = (moved["image"] - batch["image"].float()).abs().max()
        assert change <= 0.05 * 255 + 1e-3
        assert moved["image"].min() >= 0 and moved["image"].max() <= 255
        assert plain.model(moved)["label"][0] > before
    assert batch["image"].dtype == torch.uint8  # the batch itself is as it was


def test_numbers_are_moved_and_marks_of_missing_ones_are_not(tmp_path):
    rows = clean_rows(300)
    rows["a"][::7] = [""] * len(rows["a"][::7])
    run = train(rows, tmp_path)
    case = Case(run)
    reach = adversarial.reach_of(model_sources(run.recipe, run.columns), case.prepared.encoded.inputs)
    assert reach["number"].tolist() == [1, 0, 1, 1]
    found = values(mw.audit(run, None, "attack.epsilon=0.3", only="attack"), "attack")
    assert found["PGD: bought"] < run.metrics["test"]["bought"]["accuracy"] - 0.1


def test_dark_pictures_have_their_own_range():
    source = Source("image", "image", {"height": 2, "width": 2, "channels": 1, "mean": [0.0], "deviation": [1.0]})
    dark, bright = np.full((3, 2, 2, 1), 16, np.uint8), np.full((3, 2, 2, 1), 200, np.uint8)
    assert adversarial.reach_of([source], {"image": dark})["image"] == 16
    assert adversarial.reach_of([source], {"image": bright})["image"] == 255


def words(folder, **more) -> dict:
    rows = {"note": ["red fox", "blue dog", "red dog", "blue fox"] * 20, "bought": ["yes", "no", "yes", "no"] * 20}
    return {"data": rows, "target": "bought", "columns": {"note": "text"}, "baselines": False, **more}


def test_words_have_no_small_steps(tmp_path):
    run = mw.train(words(tmp_path, train={"epochs": 1, **QUICK}), out=str(tmp_path / "run"), report=False)
    with pytest.raises(mw.RunError, match="this needs a model that reads numbers, pictures or vectors"):
        mw.audit(run, only="attack")
    whole = mw.audit(run, quick=True)
    assert [one["value"] for one in whole.data["checks"]["attack"]] == ["not applicable"]


def test_training_on_attacks_of_words_is_refused_with_its_place(tmp_path):
    recipe = words(tmp_path, train={"epochs": 1, **QUICK, "adversarial": {"epsilon": 0.1}})
    with pytest.raises(mw.RecipeError, match=r"train\.adversarial: the model reads no numbers"):
        mw.train(recipe, out=str(tmp_path / "run"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epsilon": 0}, "train.adversarial.epsilon: expected more than 0, given 0"),
        ({"epsilon": 0.1, "steps": 0}, "train.adversarial.steps: expected at least 1, given 0"),
        ({"epsilons": 0.1}, "train.adversarial.epsilons: no such key. Did you mean 'epsilon'"),
    ],
)
def test_mistakes_in_the_option_are_named(given, message):
    with pytest.raises(mw.RecipeError) as error:
        mw.check({"data": "digits", "target": "label", "train": {"adversarial": given}})
    assert message in str(error.value)
