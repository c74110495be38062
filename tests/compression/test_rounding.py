"""int8, int4 and Wanda on runs of every family: smaller, near the original, and the same after saving."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from modelwright import Run, parts, preparation
from modelwright.blocks.quantized import Int4Linear, Int8Linear, from_int4, to_grid, to_int4
from modelwright.compression._work import Work
from modelwright.compression.int4 import rounded
from modelwright.compression.wanda import least
from modelwright.errors import UserError
from modelwright.recipe import Recipe, load

from ..test_verb_family_matrix import FAMILIES, FIELD_OF, QUICK, write_data

APART = ("language", "policy")  # kinds of models with a preparation of their own
SUPERVISED = {name: recipe for name, recipe in FAMILIES.items() if recipe.get("model", {}).get("kind") not in APART}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder with the data of each field."""
    found = {}
    for family in SUPERVISED:
        field = FIELD_OF.get(family)
        if field not in found:
            found[field] = tmp_path_factory.mktemp("rounding")
            (field.write if field else write_data)(found[field])
    return found


@pytest.fixture
def folder(folders):
    return folders[None]


def recipe_of(folder, recipe: dict) -> Recipe:
    file = folder / "recipe.yaml"
    file.write_text(json.dumps({"data": "rows.jsonl", "train": QUICK, **recipe}))  # JSON is YAML
    return load(file)


def prepared_rows(folder, recipe: dict):
    """The rows of a family's data, as columns read them."""
    return preparation.open_rows(recipe_of(folder, recipe)).table


def untrained(folder, recipe: dict) -> Run:
    """A run of a family as it begins, on its data."""
    prepared = preparation.prepare(recipe_of(folder, recipe))
    return Run(prepared.recipe, prepared.columns, model=prepared.build().eval())


def compressed(run: Run, *steps: object) -> Run:
    work = Work(run)
    for step in steps:
        parts.build("compression", step).apply(work)
    return Run(run.recipe, run.columns, model=work.model.eval(), transforms=work.transforms)


def values(table) -> list:
    return [x for column in table.columns for x in column.to_pylist()]


@pytest.mark.parametrize("step", ["int8", "int4", {"kind": "int8", "activations": "static"}], ids=str)
@pytest.mark.parametrize("family", SUPERVISED)
def test_every_family_is_rounded_saved_and_predicts(family, step, folders):
    folder = folders[FIELD_OF.get(family)]
    run = untrained(folder, SUPERVISED[family])
    small = compressed(run, step)
    again = Run.from_bytes(small.to_bytes())
    rows = prepared_rows(folder, SUPERVISED[family])
    assert values(again.predict(rows, probabilities=True)) == values(small.predict(rows, probabilities=True))
    assert not any(w.ndim > 1 and w.is_floating_point() for n, w in small.model.state_dict().items() if "grid" not in n)
    with torch.no_grad():
        batch = next(iter(Work(run).calibration(32)))
        for name, (total, count) in small.model(batch).items():
            assert float(total / count) == pytest.approx(float(run.model(batch)[name][0] / count), rel=0.1, abs=0.1)


def test_run_time_quantisation_leaves_the_run_alone(folder):
    run = untrained(folder, SUPERVISED["transformer on text"])
    fast = run.quantized()
    assert any(isinstance(module, Int8Linear) for module in fast.model.modules())
    assert not any(isinstance(module, Int8Linear) for module in run.model.modules())
    assert run.transforms == [] and fast.transforms == [{"kind": "int8", "activations": "dynamic"}]
    ours, theirs = (values(each.predict(str(folder / "rows.jsonl"), True)) for each in (fast, run))
    assert np.allclose(
        [x for x in ours if isinstance(x, float)], [x for x in theirs if isinstance(x, float)], atol=0.02
    )


@pytest.mark.parametrize("second", ["int8", "int4", "wanda"])
def test_rounded_weights_are_not_rounded_again(second, folder):
    small = compressed(untrained(folder, SUPERVISED["mlp on a table"]), "int8")
    with pytest.raises(UserError, match="int8 already"):
        compressed(small, second)


def test_error_feedback_beats_rounding_to_the_nearest():
    torch.manual_seed(0)
    x = torch.randn(400, 16) @ torch.randn(16, 128) + 0.1 * torch.randn(400, 128)  # inputs that hang together
    weight = torch.randn(48, 128)
    grouped = weight.unflatten(1, (-1, 32))
    grid = to_grid(grouped)
    nearest = from_int4(to_int4(grouped, grid), grid).flatten(1)
    codes, grid = rounded(weight, x.T @ x, 32, 0.01)
    fed = from_int4(codes, grid).flatten(1)
    errors = [float((x @ (found - weight).T).norm() / (x @ weight.T).norm()) for found in (nearest, fed)]
    assert errors[1] < 0.5 * errors[0]
    layer = nn.Linear(128, 48, bias=False)
    layer.weight.data = weight
    small = Int4Linear(layer, 32)
    small.set(codes, grid)
    assert torch.equal(small.weight, fed)


def test_inputs_that_never_occur_do_no_harm():
    x = torch.randn(50, 64)
    x[:, 7] = 0
    codes, grid = rounded(torch.randn(16, 64), x.T @ x, 32, 0.01)
    assert torch.isfinite(from_int4(codes, grid)).all()


def test_the_least_scores_are_found():
    scores = torch.tensor([[4.0, 1.0, 3.0, 2.0, 9.0], [1.0, 2.0, 3.0, 4.0, 0.0]])
    assert least(scores, 0.4).tolist() == [[False, True, False, True, False], [True, False, False, False, True]]
    assert least(scores, 2, 4).tolist() == [[False, True, False, True, False], [True, True, False, False, False]]


@pytest.mark.parametrize(
    "options, share", [({"sparsity": 0.7}, 0.7), ({"pattern": "2:4"}, 0.5), ({"pattern": "1:4"}, 0.75)]
)
def test_wanda_keeps_what_is_read(options, share, folder):
    run = untrained(folder, SUPERVISED["transformer on text"])
    small = compressed(run, {"kind": "wanda", **options})
    for layer in small.model.modules():
        if isinstance(layer, nn.Linear):
            zeros = (layer.weight == 0).sum(1).tolist()
            assert set(zeros) == {int(share * layer.in_features)}
    assert small.transforms == []


@pytest.mark.parametrize("pattern", ["4:2", "2", "2:4:8", "0:4"])
def test_a_pattern_that_is_none_is_refused(pattern):
    with pytest.raises(UserError, match="is no pattern"):
        parts.build("compression", {"kind": "wanda", "pattern": pattern})
