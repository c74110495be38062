"""Encoders of one input that learn and predict side by side."""

from __future__ import annotations

import pytest
import torch
import yaml

import modelwright as mw
from modelwright import parts
from modelwright.blocks.stream import Source
from modelwright.checks import check_encoder
from modelwright.encoders.ensemble import Ensemble
from modelwright.encoders.rnn import Rnn
from modelwright.errors import RecipeError, UserError
from modelwright.models.assembled import Assembled

TEXT = Source("note", "text", {"vocabulary": 20, "length": 9})
LAYERS = [
    {"kind": "rnn", "hidden": 4, "pool": "max"},
    "transformer",
    {"kind": "cnn", "parallel": True, "channels": [8], "kernel": [2, 3]},
]


class Words(Ensemble):
    """Text alone: the members of the checks do not read everything that an ensemble reads.

    Options:
        members: see above.
        width: see above.
        dropout: see above.
        mirror: see above.
        pool: see above.
    """

    reads = ("text",)


@pytest.mark.parametrize(
    "options",
    [
        {"members": LAYERS, "width": 5},
        {"members": ["rnn", "rnn"], "pool": "mean"},
        {"members": ["bag", {"kind": "rnn", "pool": "none"}]},
        {"members": ["bag", {"kind": "ensemble", "members": ["bag", "cnn"]}]},
    ],
)
def test_contract_with_options(options):
    check_encoder(Words, **options)


def _batch(rows: int = 6) -> dict[str, torch.Tensor]:
    ids = torch.randint(2, 20, (rows, 9), generator=torch.Generator().manual_seed(0), dtype=torch.int32)
    return {"note": ids, "note.mask": torch.ones(rows, 9, dtype=torch.bool), "target.y": torch.arange(rows) % 3}


def test_the_loss_and_the_prediction_are_the_means_of_the_members():
    def model(members):
        torch.manual_seed(0)
        encoders = {"note": {"kind": "ensemble", "members": members, "width": 8}}
        return Assembled([TEXT], {"y": ("category", {"classes": ["a", "b", "c"]})}, encoders=encoders).eval()

    both, batch = model(LAYERS[:2]), _batch()
    losses, predictions = [], []
    for place in range(2):
        one, weights = model([LAYERS[place]]), both.state_dict()
        one.load_state_dict(
            {
                name.replace(f".{place}.", ".0.", 1): value
                for name, value in weights.items()
                if f"members.{place}." in name or f"exits.{place}." in name or name.startswith("heads")
            }
        )
        losses.append(one(batch)["y"][0])
        predictions.append(one.predict(batch)["y"]["probabilities"])
    assert torch.allclose(both(batch)["y"][0], sum(losses) / 2, atol=1e-5)
    assert torch.allclose(both.predict(batch)["y"]["probabilities"], sum(predictions) / 2, atol=1e-6)


def test_members_of_one_kind_start_different():
    torch.manual_seed(0)
    x = Ensemble(TEXT, members=["rnn", "rnn"])(_batch()).x
    assert x.shape == (6, 2, 128) and not torch.allclose(x[:, 0], x[:, 1])


class Twice(Rnn):
    """An encoder that adds a loss term."""

    def forward(self, batch):
        stream = super().forward(batch)
        return type(stream)(stream.x, stream.mask, aux={"extra": (stream.x.sum(), self.counts(batch)["extra"])})

    def counts(self, batch):
        return {"extra": batch["note"].new_tensor(len(batch["note"]))}


def test_loss_terms_of_members_keep_apart(monkeypatch):
    monkeypatch.setitem(parts._registered, ("encoders", "twice"), Twice)
    encoders = {"note": {"kind": "ensemble", "members": ["twice", "bag", "twice"]}}
    model = Assembled([TEXT], {"y": ("category", {"classes": ["a", "b", "c"]})}, encoders=encoders)
    terms = model(_batch())
    assert set(terms) == {"extra.0", "extra.2", "y"} and terms["extra.0"][0] != terms["extra.2"][0]
    assert model.counts(_batch()) == {name: count for name, (_, count) in terms.items()}


def test_mistakes_in_members_are_named_with_their_place(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "data: iris\ntarget: species\nmodel:\n  encoders:\n    table:\n      kind: ensemble\n      members:\n"
        "      - {kind: rnn, hiden: 3}\n      - bagg\n      - kind: cnn\n        dropout: 2\n"
        "      - {hidden: 3}\n      - {kind: ensemble, members: [{kind: bag, width: wide}]}\n"
    )
    with pytest.raises(RecipeError) as error:
        mw.check(str(recipe))
    prefix = "model.encoders.table.members"
    lines = [line.removeprefix(f"{recipe}:") for line in error.value.lines]
    assert lines[0] == f"8:21: {prefix}.0.hiden: no such option. Did you mean 'hidden'?"
    assert lines[1] == f"9:9: {prefix}.1.kind: 'bagg' is not a kind of encoders. Did you mean 'bag'?"
    assert lines[2] == f"11:9: {prefix}.2.dropout: expected less than 1, given 2."
    assert lines[3].startswith(f"12:9: {prefix}.3.kind: '' is not a kind of encoders.")
    assert lines[4] == f"13:48: {prefix}.4.members.0.width: expected a whole number, given 'wide'."


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([{"kind": "rnn", "pool": "flatten"}], r"members\.0\.pool: pool 'flatten' needs a fixed length"),
        (["bag", {"kind": "cnn", "padding": "valid"}], r"members\.1\.padding: texts may be shorter"),
        (["bag", "mlp"], r"members\.1: a flat encoder cannot read text"),
    ],
)
def test_members_that_do_not_fit_the_source_are_named(members, message):
    with pytest.raises(UserError, match=rf"model\.encoders\.note\.{message}"):
        Assembled([TEXT], {"y": ("boolean", {})}, encoders={"note": {"kind": "ensemble", "members": members}})


def test_a_run_stores_every_option_of_every_member(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    rows = [{"note": f"{word} thing number {n}", "y": word} for n in range(30) for word in ("good", "bad")]
    recipe = {
        "data": rows,
        "target": "y",
        "model": {"encoders": {"note": {"kind": "ensemble", "members": ["bag", {"kind": "rnn", "hidden": 8}]}}},
        "train": {"epochs": 1, "speed": "fixed", "threads": 1},
        "baselines": False,
    }
    run = mw.train(recipe, out=str(tmp_path / "run"))
    stored = yaml.safe_load((tmp_path / "run" / "resolved.yaml").read_text())["model"]["encoders"]["note"]
    bag, rnn = stored["members"]
    assert (bag["kind"], bag["width"], bag["longest"]) == ("bag", 64, 2)
    assert (rnn["kind"], rnn["hidden"], rnn["cell"]) == ("rnn", 8, "lstm")
    assert run.predict(rows[:3]).equals(mw.Run.load(tmp_path / "run").predict(rows[:3]))


def test_the_usual_members_follow_the_size(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    recipe = {"data": "iris", "model": {"size": "small", "encoders": {"table": "ensemble"}}, "baselines": False}
    mw.train({**recipe, "train": {"epochs": 1, "speed": "fixed", "threads": 1}}, out=str(tmp_path / "run"))
    stored = yaml.safe_load((tmp_path / "run" / "resolved.yaml").read_text())["model"]["encoders"]["table"]
    assert [member["kind"] for member in stored["members"]] == ["mlp", "transformer"]
    assert stored["width"] == 64 and stored["members"][0]["hidden"] == [128, 128]


def test_mirrored_pictures_are_further_members_when_predicting():
    source = Source("image", "image", {"height": 8, "width": 6, "channels": 1, "mean": [0.5], "deviation": [0.3]})
    check_encoder(
        type("Pictures", (Ensemble,), {"__doc__": Ensemble.__doc__, "reads": ("image",)}), members=["cnn"], mirror=True
    )
    torch.manual_seed(0)
    encoders = {"image": {"kind": "ensemble", "members": ["cnn"], "mirror": True}}
    model = Assembled([source], {"y": ("category", {"classes": list("abc")})}, encoders=encoders)
    images = torch.randint(0, 256, (5, 8, 6, 1), dtype=torch.uint8)
    both = [{"image": images}, {"image": images.flip(2)}]
    assert model.train().streams(both[0])["y"].x.shape[1] == 1
    once, again = (model.eval().predict(batch)["y"]["probabilities"] for batch in both)
    assert torch.allclose(once, again, atol=1e-6)
    model.encoders["of_image"].mirrored = None
    alone = [model.predict(batch)["y"]["probabilities"] for batch in both]
    assert not torch.allclose(*alone, atol=1e-4) and torch.allclose(once, sum(alone) / 2, atol=1e-6)
    with pytest.raises(UserError, match="only pictures can be mirrored"):
        Ensemble(TEXT, mirror=True)
