"""Structured pruning: a narrowed model equals the wide one with the units silenced that were taken out."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import modelwright as mw
from modelwright import parts, tasks, transforms
from modelwright.blocks.stream import Batch, Source
from modelwright.compression import structured
from modelwright.compression._work import Work
from modelwright.errors import RunError, UserError
from modelwright.models.assembled import Assembled
from modelwright.recipe import load
from modelwright.run import Run
from modelwright.transforms._layers import find
from modelwright.transforms.narrow import Narrow

from ..test_verb_family_matrix import (
    FAMILIES,
    FIELD_OF,
    NOTE,
    QUICK,
    UNABLE,
    rewriting,
    supervised,
    write_data,
    writing,
)

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    return folder


@pytest.mark.parametrize("family", [*FAMILIES, *WIDE], ids=str)
def test_a_narrow_model_equals_the_wide_one_without_these_units(family, folder, tmp_path, monkeypatch):
    if family in FIELD_OF:  # of a field with data of its own
        FIELD_OF[family].write(folder := tmp_path)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
    recipe = load({"data": "rows.jsonl", "train": QUICK, **json.loads(json.dumps({**FAMILIES, **WIDE}[family]))})
    for name, encoder in recipe.model.encoders.items():
        if parts.split(encoder)[0] == "sage":  # what is left of a state of length 1 would be made longer
            recipe.model.encoders[name] = {**encoder, "normalize": False}
    prepared = tasks.find(recipe.model.kind).prepare(recipe)
    model = prepared.build()
    if ("compress: structured", family) in UNABLE:
        assert not find(model)
    else:
        require_equal(prepared.build, prepared.first_batch())


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_pretrained_encoders_lose_neurons_and_heads(kind):
    transformers = pytest.importorskip("transformers")
    shape = {
        "vocab_size": 9,
        "hidden_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 3,
        "max_position_embeddings": 8,
    }
    shape |= {"hidden_dim": 10} if kind == "distilbert" else {"intermediate_size": 10}
    config = transformers.AutoConfig.for_model(kind, **shape).to_dict()
    source = Source("note", "text", {"vocabulary": 18, "pieces": 9, "length": 8})

    def build() -> Assembled:
        encoders = {"note": {"kind": "pretrained", "config": config}}
        return Assembled([source], {"y": ("category", {"classes": ["a", "b"]})}, encoders=encoders)

    ids = torch.randint(1, 9, (4, 6))
    batch = {"note": ids, "note.mask": torch.ones(4, 6, dtype=torch.bool), "target.y": torch.tensor([0, 1, 1, 0])}
    assert len(require_equal(build, batch)) == 4


def require_equal(build: Callable[[], Any], batch: Batch) -> dict[str, int]:
    """Narrow a model to random halves of all its layers; gives the layers."""
    wide = build().eval()
    torch.manual_seed(0)
    for weight in wide.parameters():  # none is 0 or 1, so that nothing hides
        weight.data.add_(torch.randn_like(weight) * 0.3)
    narrow, fresh, layers = copy.deepcopy(wide), build().eval(), dict[str, int]()
    for name, units in find(wide).items():
        layers[name] = max(1, len(units) // 2)
        kept = torch.randperm(len(units))[: layers[name]].sort().values
        gone = [unit for unit in range(len(units)) if unit not in kept]
        for part in units.read:
            if part is not None and isinstance(part.value, torch.Tensor):
                part.value.data.index_fill_(part.dim, part.index[gone].flatten(), 0.0)
        find(narrow)[name].keep(kept)
    Narrow(layers=layers).apply(fresh)
    fresh.load_state_dict(narrow.state_dict(), strict=True)
    with torch.no_grad():
        expected, found, again = wide(batch), narrow(batch), fresh(batch)
        for name, (total, _) in expected.items():
            torch.testing.assert_close(found[name][0], total, rtol=1e-4, atol=1e-4)
            assert torch.equal(again[name][0], found[name][0])
        written = narrow.predict(batch)
        for target, tensors in wide.predict(batch).items():
            for name, value in tensors.items():
                torch.testing.assert_close(
                    written[target][name].float(), value.float(), rtol=1e-3, atol=1e-3, equal_nan=True
                )
    sizes = [sum(weight.numel() for weight in model.parameters()) for model in (wide, narrow)]
    assert sizes[1] < sizes[0]
    return layers


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """A convolutional net on digits of 8 x 8."""
    return mw.train(
        {
            "data": "digits", "target": "label", "baselines": False,
            "model": {"encoders": {"image": {"kind": "cnn", "channels": [16, 32], "norm": "batch", "pool": "flatten"}},
                      "fuse": {"kind": "concat", "hidden": [32]}},
            "train": {"epochs": 6, "batch": 64, "lr": 5e-3, "speed": "fixed", "early_stop": 0, "threads": 1},
        },
        out=str(tmp_path_factory.mktemp("runs") / "digits"),
    )  # fmt: skip


def accuracy(work: Work) -> float:
    return work.task.scores(work.model, work.prepared)["test"]["label"]["accuracy"]


@pytest.mark.parametrize("options", [{}, {"by": "taylor"}, {"rounds": 2, "by": "taylor"}], ids=str)
def test_half_of_the_channels_go_and_the_score_stays(options, run):
    work = Work(run)
    before = accuracy(work)
    parts.build("compression", {"kind": "structured", "epochs": 6, **options}).apply(work)
    (transform,) = work.transforms
    assert transform["kind"] == "narrow" and sorted(transform["layers"].values()) == [8, 16, 16]
    assert accuracy(work) > before - 0.03
    replayed = transforms.replay(work.prepared.build(), work.transforms)
    replayed.load_state_dict(work.model.state_dict(), strict=True)
    parameters = [sum(weight.numel() for weight in model.parameters()) for model in (run.model, replayed)]
    assert parameters[1] < 0.35 * parameters[0]


def test_taylor_scores_are_the_first_order_change_of_the_loss(run):
    work = Work(run)
    batch = work.calibration(64)[0]
    units = find(work.model)["fuse.layers.0"]
    total, count = work.model(batch)["label"]
    (total / count).backward()
    scores = structured.first_order(units)
    for unit in range(3):
        changed = copy.deepcopy(work.model)
        for part in find(changed)["fuse.layers.0"].read:
            if isinstance(part.value, torch.Tensor):
                part.value.data[:, part.index[unit]] *= 1 - 1e-3
        with torch.no_grad():
            moved = (changed(batch)["label"][0] - total) / count
        assert float(moved) == pytest.approx(-1e-3 * float(scores[unit]), rel=0.05, abs=1e-6)


def test_narrowing_twice_and_by_steps_chains(run):
    work = Work(run)
    for _ in range(2):
        parts.build("compression", {"kind": "structured", "epochs": 0}).apply(work)
    assert [sorted(each["layers"].values()) for each in work.transforms] == [[8, 16, 16], [4, 8, 8]]
    transforms.replay(work.prepared.build(), work.transforms).load_state_dict(work.model.state_dict(), strict=True)


def test_a_model_without_layers_to_narrow_is_refused(run):
    work = Work(run)
    work.model = torch.nn.Linear(2, 2)
    with pytest.raises(RunError, match="this needs a model that has layers to narrow"):
        parts.build("compression", {"kind": "structured"}).apply(work)
    with pytest.raises(RunError, match="no layer nowhere with 3 units"):
        Narrow(layers={"nowhere": 3}).apply(run.model)


def test_a_language_model_narrows_and_is_found_again(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
    recipe = {"data": str(folder / "rows.jsonl"), "train": QUICK, "baselines": False, **WIDE["groups of heads"]}
    teacher = mw.train(recipe, out=str(tmp_path / "run"))
    small = mw.compress(str(teacher.path), "structured", "epochs=1", "int8", out=str(tmp_path / "small"), timing=False)
    assert [each["kind"] for each in small.transforms] == ["narrow", "int8"]
    assert set(small.transforms[0]["layers"].values()) == {1, 32}  # one head of each group, half of the neurons
    before, after = (mw.evaluate(str(path)).data["test"]["text"]["loss"] for path in (teacher.path, small.path))
    assert after == pytest.approx(small.metrics["test"]["text"]["loss"]) and after < before + 0.5
    assert len(small.generate("red", max_tokens=3)) == 1
    with pytest.raises(UserError, match=r"narrowed before they are changed otherwise \(int8\)"):
        mw.compress(str(small.path), "structured", out=str(tmp_path / "again"), timing=False)
