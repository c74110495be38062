"""Heads that rank all items: their losses against plain softmax, their ranks against sorting, and what they learn."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import modelwright as mw
from modelwright.blocks.factors import item_factors
from modelwright.blocks.ranking import Drawn, ranked, sampled_losses
from modelwright.blocks.stream import Stream
from modelwright.heads.rank import Rank
from modelwright.heads.two_tower import TwoTower
from modelwright.preparation import prepare
from modelwright.recipe import load

V, D = 9, 4


def test_the_loss_is_the_softmax_over_all_items_at_each_step():
    torch.manual_seed(0)
    table, x = torch.randn(V, D), torch.randn(2, 3, D)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    target = torch.tensor(
        [[3, 1, 5], [4, -1, -1]]
    )  # 1 was never seen; the second row's only item follows its last step
    total, count = Rank(D, {"vocabulary": V, "counts": [1] * 7}).loss(Stream(x, mask, table=table), target)
    steps, items = torch.stack([x[0, 0], x[0, 2], x[1, 1]]), torch.tensor([3, 5, 4])
    assert count == 3
    assert float(total) == pytest.approx(
        float(F.cross_entropy(steps @ table[2:].T, items - 2, reduction="sum")), rel=1e-5
    )


@pytest.mark.parametrize("power", [0.0, 0.75])
def test_many_drawn_items_give_the_loss_of_all(power):
    torch.manual_seed(0)
    vocabulary, x = 400, torch.randn(50, 16) / 3
    table, target = torch.randn(vocabulary, 16), torch.randint(2, vocabulary, (50,))
    others, expected = Drawn(range(1, vocabulary - 1), 400_000, power)()
    found = sampled_losses(x @ table[others].T, (x * table[target]).sum(1), others, expected, target)
    whole = F.cross_entropy(x @ table[2:].T, target - 2, reduction="none")
    assert torch.allclose(found, whole, atol=0.03)


@pytest.mark.parametrize("negatives", [0, 200_000])
def test_others_may_count_as_fewer(negatives):
    """-log(e^t / (e^t + among / others * sum of the others' e^s)), with the validation rows too; a likelihood is that of all."""
    torch.manual_seed(0)
    table, x, target = torch.randn(V, D), torch.randn(1, 1, D), torch.tensor([[4]])
    head = Rank(D, {"vocabulary": V, "counts": [1] * 7}, negatives=negatives, among=3)
    stream = Stream(x, torch.ones(1, 1, dtype=torch.bool), table=table)
    scores = (x[0, 0] @ table.T).exp()
    others = scores[2:].sum() - scores[4]
    expected = -torch.log(scores[4] / (scores[4] + 3 / 7 * others))
    assert float(head.loss(stream, target)[0]) == pytest.approx(float(expected), abs=0.03 if negatives else 1e-5)
    assert float(head.eval().loss(stream, target)[0]) == pytest.approx(float(expected), abs=1e-5)
    whole = -torch.log(scores[4] / (scores[4] + others))
    assert float(head.nats(stream, target)) == pytest.approx(float(whole), abs=1e-5)


def test_drawn_items_change_from_step_to_step():
    draw = Drawn([5, 4, 3, 2, 1], 20, 1.0)
    torch.manual_seed(1)
    first = draw()[0]
    assert torch.equal(first, draw()[0]) and first.min() >= 2  # the micro-batches of a step draw the same
    torch.manual_seed(2)
    assert not torch.equal(first, draw()[0])


def test_ranks_are_those_of_sorting_without_what_was_seen():
    torch.manual_seed(0)
    scores, seen, true = torch.randn(6, V), torch.tensor([[2, 3]] * 6), torch.tensor([4, 5, 6, 2, 1, -1])
    found = ranked(scores.clone(), 3, seen, true)
    for row in range(6):
        order = [i for i in scores[row].argsort(descending=True).tolist() if i > 3]
        assert found["ids"][row].tolist() == order[:3]
        wanted = order.index(int(true[row])) if true[row] > 3 else -1
        assert found["rank"][row] == wanted
        assert found["others"][row] == len(order) - int(true[row] > 3)


def test_ties_and_scores_that_are_not_finite_are_no_hits():
    true = torch.tensor([4, 4])
    scores = torch.stack([torch.zeros(V), torch.full((V,), float("nan"))])
    assert ranked(scores, 3, None, true)["rank"].tolist() == [V - 3, -1]


def test_the_softmax_over_a_batch_is_corrected_for_how_often_items_come():
    torch.manual_seed(0)
    counts = [8, 4, 2, 1, 1, 1, 1]
    head = TwoTower(D, {"vocabulary": V, "counts": counts}, temperature=1.0).train()
    stream, target = Stream(torch.randn(3, 1, D)), torch.tensor([[2], [3], [2]])
    user, items = head._user(stream), head._vectors(target[:, 0])
    scores = user @ items.T - torch.tensor([8 / 18, 4 / 18, 8 / 18]).log()
    scores[0, 2] = scores[2, 0] = -torch.inf  # the same item is no negative of itself
    wanted = F.cross_entropy(scores, torch.arange(3), reduction="sum")
    assert float(head.loss(stream, target)[0].detach()) == pytest.approx(float(wanted.detach()), rel=1e-5)


CYCLE = [f"i{k}" for k in range(12)]


def actions(folder: Path) -> str:
    """Everybody goes round the same circle of items, each from another start."""
    lines = [" ".join([f"u{n}", *(CYCLE[(n + k) % 12] for k in range(4 + n % 4))]) for n in range(120)]
    (folder / "actions.txt").write_text("\n".join(lines))
    return str(folder / "actions.txt")


def learnt(folder: Path, encoder: dict, head: dict, each: str = "user"):
    return mw.train(
        {
            "data": {"interactions": actions(folder), "each": each},
            "model": {"encoders": {"history": encoder}, "heads": {"next": head}},
            "train": {"epochs": 25, "batch": 32, "lr": 0.01, "speed": "fixed", "threads": 1, "early_stop": 0},
        },
        out=str(folder / "run"),
        report=False,
    )


@pytest.mark.parametrize(
    ("encoder", "head", "each"),
    [
        ({"kind": "transformer", "causal": True, "width": 16, "heads": 2}, {"kind": "rank"}, "user"),
        ({"kind": "rnn", "cell": "gru", "hidden": 16}, {"kind": "rank", "tied": False, "negatives": 8}, "user"),
        ({"kind": "rnn", "hidden": 16}, {"kind": "two_tower", "size": 16}, "action"),
    ],
    ids=["transformer", "gru", "two towers"],
)
def test_it_learns_what_comes_next(tmp_path, encoder, head, each):
    run = learnt(tmp_path, encoder, head, each)
    scores = run.metrics["test"]["next"]
    assert scores["ndcg_10"] > 0.9 > run.metrics["baselines"]["popularity"]["next"]["ndcg_10"]
    rows = [{"history": ["i3", "i4"]}, {"history": []}, {"history": None}, {"history": ["new", "i7"]}]
    lists = run.predict(rows).column("next").to_pylist()
    assert lists[0][0] == "i5" and not {"i3", "i4"} & set(lists[0])
    assert all(len(one) >= 10 for one in lists)
    again = mw.Run.load(tmp_path / "run").predict(rows).column("next").to_pylist()
    assert again == lists


def test_an_encoder_that_looks_ahead_is_refused(tmp_path):
    with pytest.raises(mw.RecipeError if hasattr(mw, "RecipeError") else Exception, match="looked ahead"):
        learnt(tmp_path, {"kind": "transformer", "width": 8, "heads": 2}, {"kind": "rank"})
    with pytest.raises(Exception, match="embeddings of an encoder that has none"):
        learnt(tmp_path, {"kind": "rnn", "hidden": 8}, {"kind": "rank"})


def test_a_causal_step_knows_nothing_of_those_behind_it():
    from modelwright.blocks.stream import Source
    from modelwright.encoders.transformer import Transformer

    torch.manual_seed(0)
    encoder = Transformer(Source("x", "text", {"vocabulary": 9, "length": 6}), width=8, heads=2, causal=True).eval()
    one, other = torch.tensor([[2, 3, 4, 5]]), torch.tensor([[2, 3, 8, 7]])
    mask = torch.ones(1, 4, dtype=torch.bool)
    x, y = (encoder({"x": ids, "x.mask": mask}).x for ids in (one, other))
    assert torch.allclose(x[:, :2], y[:, :2], atol=1e-6) and not torch.allclose(x[:, 2:], y[:, 2:], atol=1e-3)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="needs $MODELWRIGHT_DATA")
def test_popularity_on_beauty_is_what_it_was(tmp_path):
    recipe = {
        "data": {"interactions": "amazon_beauty"},
        "train": {"steps": 1, "batch": 16, "speed": "fixed", "threads": 1},
    }
    mw.train(
        {**recipe, "model": {"encoders": {"history": {"kind": "transformer", "causal": True, "width": 8, "heads": 2}}}},
        out=str(tmp_path / "r"),
        report=False,
    )
    found = json.loads((tmp_path / "r" / "metrics.json").read_text())["baselines"]["popularity"]["next"]
    assert found["hr_10"] == pytest.approx(0.0111, abs=0.0001)


SMALL = {"kind": "transformer", "causal": True, "width": 8, "heads": 2, "layers": 1}


def begun(folder: Path, head: dict, **more) -> tuple[torch.Tensor, list[str]]:
    """The embeddings (V - 2, D) of the items before the first step, by the head's or the encoder's table, and the items."""
    data = {"interactions": actions(folder)}
    recipe = load({"data": data, "model": {"encoders": {"history": SMALL}, "heads": {"next": head}}, **more})
    prepared = prepare(recipe)
    model = prepared.build()
    own, encoder = model.head("next").output, next(iter(model.encoders.values()))
    return (own.weight if own is not None else encoder.embeddings).detach()[2:], prepared.columns["next"].vocabulary


@pytest.mark.parametrize("tied", [True, False])
def test_embeddings_begin_as_factors_of_what_training_users_took(tmp_path, tied):
    found, items = begun(tmp_path, {"kind": "rank", "tied": tied})
    lines = [line.split()[1:-2] for line in (tmp_path / "actions.txt").read_text().splitlines()]  # two are held out
    pairs = [(user, items.index(item)) for user, line in enumerate(lines) for item in line]
    wanted = torch.from_numpy(item_factors(*map(np.array, zip(*pairs)), len(items), 8))
    assert torch.allclose(found / found.std(), wanted / wanted.std(), atol=1e-4)


@pytest.mark.parametrize(
    ("head", "more"),
    [
        ({"begin": "random"}, {}),
        ({}, {"privacy": {"epsilon": 3.0}}),
        ({}, {"federated": {"clients": 2}}),
    ],
    ids=["random", "private", "federated"],
)
def test_embeddings_are_random_where_rows_may_not_be_looked_at(tmp_path, head, more):
    found, _ = begun(tmp_path, {"kind": "rank", **head}, **more)
    other = begun(tmp_path, {"kind": "rank", "begin": "random"})[0]
    assert torch.equal(found, other) and 0.01 < float(found.std()) < 0.03
