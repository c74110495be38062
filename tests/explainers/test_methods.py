"""The other methods find the reasons that were planted, and say how far they may be believed."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.errors import DataError, RunError
from modelwright.explainers import explain
from modelwright.explainers._faithfulness import agreement, deletion, interval, sanity
from modelwright.explainers._opening import Opened
from modelwright.explainers.gradients import Gradients
from modelwright.explainers.lime import Lime
from modelwright.explainers.occlusion import Occlusion

from .test_shap import subject_of


@pytest.mark.parametrize("method", ["shap", "lime", "gradients", "occlusion"])
def test_planted_columns_come_first(method, planted):
    found = explain(planted, method=method, rows="6")
    assert list(found.data["whole"])[:2] == ["a", "city"]
    assert found.data["faithfulness"]["gain_interval"][0] > 0


@pytest.mark.parametrize("method", ["shap", "lime", "gradients", "occlusion"])
@pytest.mark.parametrize("which", ["english", "chinese"])
def test_words_that_decide_come_first(method, which, request):
    run = request.getfixturevalue(which)
    deciding = {"great", "fine", "poor", "dull", "好", "差"}
    rows = explain(run, method=method, rows="8").data["rows"]
    first = [max(row["parts"], key=lambda part: part["adds"])["name"] for row in rows]
    assert sum(name in deciding for name in first) >= (5 if method == "gradients" else 7), first


@pytest.mark.parametrize("which", ["planted", "numbers", "english", "chinese", "pictures", "tic_tac_toe"])
def test_integrated_gradients_add_up(which, request):
    subject = subject_of(request.getfixturevalue(which), 10)
    found = Gradients().explain(subject)
    assert found.exact < 0.01
    assert found.answer == pytest.approx(subject.whole(), abs=1e-4), "the way ends at the row itself"


def test_lime_of_a_linear_model_is_the_model(numbers):
    subject = subject_of(numbers, 5)
    subject.answer.model = subject.answer.model.eval()

    class Linear:
        kind, run = "number", numbers

        def __call__(self, batch, goal):
            return batch["number"][:, 0] * 3 - batch["number"][:, 1] * 2

    subject.answer = Linear()
    found = Lime(samples=400, shrinkage=1e-6).explain(subject)
    away = (subject.batch["number"] - subject.background["number"][0]).numpy()
    assert found.fit > 0.999
    assert found.values[:, 0] == pytest.approx(3 * away[:, 0], abs=1e-3)
    assert found.values[:, 1] == pytest.approx(-2 * away[:, 1], abs=1e-3)


def test_occlusion_of_a_picture_beats_chance_and_leaves_nothing_out(pictures):
    subject = subject_of(pictures, 12)
    found = Occlusion().explain(subject)
    assert subject.names.shape == (12, 64)
    assert deletion(subject, found)["gain_interval"][0] > 0.1


def test_random_values_do_not_pass_for_faithful(pictures):
    subject = subject_of(pictures, 12)
    found = Occlusion().explain(subject)
    found.values = np.random.default_rng(3).normal(size=found.values.shape)
    assert deletion(subject, found)["gain_interval"][0] < 0
    assert any(b.tone == "warning" and "no better than chance" in b.text for b in told(pictures, subject, found))


def told(run, subject, found):
    from modelwright.explainers._telling import faithfulness

    return faithfulness(Opened(run), subject, deletion(subject, found), found)[0]


@pytest.mark.parametrize("which", ["english", "pictures", "numbers"])
def test_a_trained_model_is_told_from_one_with_random_weights(which, request):
    """Adebayo 2018: an explanation that stays the same when the weights are random does not explain the model."""
    subject = subject_of(request.getfixturevalue(which), 10)
    method = Gradients()
    found = method.explain(subject)
    same = agreement(found.values, method.explain(subject).values, subject.valid)
    other = sanity(method.explain, subject, found)
    assert same > 0.999 and abs(other) < 0.6


def test_a_constant_model_needs_nothing_and_says_so(planted):
    import copy

    import torch

    run = copy.copy(planted)
    run.model = copy.deepcopy(planted.model)
    with torch.no_grad():
        for weight in run.model.heads.parameters():
            weight.zero_()
    for method in ("shap", "lime", "gradients", "occlusion"):
        found = explain(run, method=method)
        assert all(abs(value) < 1e-9 for value in found.data["whole"].values())
        assert any("it is constant" in getattr(block, "text", "") for block in found.blocks)
    found = explain(run, method="permutation")
    assert all(one["p"] > 0.05 for one in found.data["columns"].values())


def test_the_interval_of_a_mean():
    assert interval(np.array([1.0])) is None
    low, high = interval(np.array([1.0, 2.0, 3.0]))
    assert (low, high) == (pytest.approx(2 - 4.3027 / 3**0.5, abs=1e-3), pytest.approx(2 + 4.3027 / 3**0.5, abs=1e-3))


def test_permutation_finds_the_planted_columns(planted):
    found = explain(planted, method="permutation").data["columns"]
    assert list(found)[:2] == ["a", "city"]
    assert [name for name, one in found.items() if one["p"] < 0.05] == ["a", "city"]


def test_permutation_knows_tic_tac_toe(tic_tac_toe):
    found = list(explain(tic_tac_toe, method="permutation").data["columns"])
    assert found[0] == "middle middle", "it lies on four of the eight lines"
    corners = {f"{row} {side}" for row in ("top", "bottom") for side in ("left", "right")}
    assert set(found[1:5]) == corners, "three lines each; edges lie on two"


def test_permutation_needs_the_truth(planted):
    rows = [{"a": 1.0, "noise": 0.0, "other": 0.0, "more": 0.0, "city": "Rome"}] * 3
    with pytest.raises(DataError, match="'label' is missing"):
        explain(planted, rows, method="permutation")


def test_selection_retrains_on_the_best_columns(planted):
    found = explain(planted, method="selection").data
    assert found["ranked"][:2] == ["a", "city"] and found["enough"] <= 3
    assert [point["columns"] for point in found["points"]] == [1, 2, 3, 5]
    best = next(point for point in found["points"] if point["columns"] == 2)
    assert best["test"] > 0.9 and best["interval"][0] < best["test"]


def test_selection_needs_columns_and_the_runs_own_data(pictures, planted):
    with pytest.raises(RunError, match="this needs a model that predicts from several columns"):
        explain(pictures, method="selection")
    with pytest.raises(DataError, match="own data"):
        explain(planted, [{"a": 1.0, "noise": 0.0, "other": 0.0, "more": 0.0, "city": "Rome"}], method="selection")
