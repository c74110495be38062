"""Structured pruning: a narrowed model equals the wide one with the units silenced that were taken out."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch

from modelwright import tasks
from modelwright.recipe import load
from modelwright.transforms._units import find
from modelwright.transforms.narrow import Narrow

from ..test_verb_family_matrix import FAMILIES, NOTE, QUICK, only, rewriting, supervised, write_data, writing

WIDE = {
    "deep cnn": supervised(
        ("picture",),
        encoders={"picture": {"kind": "cnn", "channels": [4, 4, 6], "residual": True, "shrink": 1, "norm": "none"}},
        fuse={"kind": "concat", "hidden": [6], "norm": "batch"},
    ),
    "parallel cnn": supervised(NOTE, encoders={"note": {"kind": "cnn", "channels": [4], "kernel": [2, 3], "parallel": True}}),
    "rnn in two directions": supervised(
        NOTE, encoders={"note": {"kind": "rnn", "hidden": 6, "layers": 2, "bidirectional": True}}
    ),
    "attention pooling": supervised(NOTE, encoders={"note": {"kind": "rnn", "hidden": 6, "pool": "attention"}}),
    "convolutions that draw": rewriting(
        "picture",
        target="picture",
        fuse={"kind": "gaussian", "size": 2},
        encoders={"picture": {"kind": "cnn", "channels": [4]}},
        heads={"picture": {"decoder": "convolution", "channels": [6, 4], "hidden": [8]}},
    ),
    "deep lstm that writes": writing(
        encoders={"note": {"kind": "rnn", "hidden": 6}}, heads={"city": {"hidden": 6, "layers": 2}}
    ),
    "groups of heads": {
        "model": {
            "kind": "language", "width": 16, "layers": 2, "heads": 4, "groups": 2, "head_width": 4, "context": 32,
            "tokenizer": "characters",
        }
    },
}  # fmt: skip
KEPT = {"transformer that writes": {"encoders.of_note.layers.layers.0.dense.0"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    return folder


@pytest.mark.parametrize("family", [*FAMILIES, *WIDE], ids=str)
def test_a_narrow_model_equals_the_wide_one_without_these_units(family, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
    recipe = load({"data": "rows.jsonl", "train": QUICK, **json.loads(json.dumps({**FAMILIES, **WIDE}[family]))})
    prepared = tasks.find(recipe.model.kind).prepare(recipe)
    wide, batch = prepared.build().eval(), prepared.first_batch()
    torch.manual_seed(0)
    for weight in wide.parameters():  # none is 0 or 1, so that nothing hides
        weight.data.add_(torch.randn_like(weight) * 0.3)
    narrow, fresh, layers = copy.deepcopy(wide), prepared.build().eval(), {}
    for name, units in find(wide).items():
        layers[name] = max(1, len(units) // 2)
        kept = torch.randperm(len(units))[: layers[name]].sort().values
        gone = [unit for unit in range(len(units)) if unit not in kept]
        for part in units.read:
            if isinstance(part.value, torch.Tensor):
                part.value.data.index_fill_(part.dim, part.index[gone].flatten(), 0.0)
        find(narrow)[name].keep(kept)
    assert layers
    with torch.no_grad():
        expected, found = wide(batch), narrow(batch)
        for name, (total, _) in expected.items():
            torch.testing.assert_close(found[name][0], total, rtol=1e-4, atol=1e-4)
    Narrow(layers=layers).apply(fresh)
    fresh.load_state_dict(narrow.state_dict(), strict=True)
    with torch.no_grad():
        assert {name: term[0] for name, term in fresh(batch).items()} == {n: t[0] for n, t in narrow(batch).items()}
        written = narrow.predict(batch)
        for target, tensors in wide.predict(batch).items():
            for name, value in tensors.items():
                torch.testing.assert_close(written[target][name].float(), value.float(), rtol=1e-3, atol=1e-3)
    sizes = [sum(weight.numel() for weight in model.parameters()) for model in (wide, narrow)]
    assert sizes[1] < sizes[0]
