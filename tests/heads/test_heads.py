"""What the contract's checks leave open: class weights, soft targets, members, labels."""

from __future__ import annotations

import pytest
import torch

from modelwright import losses
from modelwright.blocks.stream import Stream
from modelwright.checks import check_head
from modelwright.errors import UserError
from modelwright.heads.boolean import Boolean
from modelwright.heads.category import Category
from modelwright.heads.multilabel import Multilabel
from modelwright.heads.number import Number

SIZES = {"classes": ["a", "b", "c"], "counts": [6, 3, 1]}


@pytest.mark.parametrize(
    ("head", "options"),
    [
        (Category, {"label_smoothing": 0.1, "class_weights": "balanced"}),
        (Number, {"loss": "mae"}),
        (Number, {"loss": "huber"}),
        (Boolean, {"label_smoothing": 0.1, "positive_weight": "balanced"}),
        (Boolean, {"positive_weight": 2.5}),
        (Multilabel, {"label_smoothing": 0.1}),
    ],
)
def test_contract_with_options(head, options):
    check_head(head, **options)


def test_balanced_classes_weigh_the_same():
    head = Category(2, SIZES, class_weights="balanced")
    assert torch.allclose(head.class_weights * torch.tensor([6.0, 3.0, 1.0]), torch.full((3,), 10 / 3))
    target = torch.tensor([0] * 6 + [1] * 3 + [2])
    assert head.count(target) == pytest.approx(10)
    assert "class_weights" not in head.state_dict()


def test_balanced_positive_weight():
    assert Boolean(2, {"counts": [9, 3]}, positive_weight="balanced").positive_weight == 3
    assert Boolean(2, {"counts": [9, 0]}, positive_weight="balanced").positive_weight == 9


def test_balanced_needs_counts():
    with pytest.raises(UserError, match="number of rows of each class"):
        Category(2, {"classes": ["a", "b"]}, class_weights="balanced")
    with pytest.raises(UserError):
        Boolean(2, {}, positive_weight="balanced")


def test_soft_targets_and_their_count():
    torch.manual_seed(0)
    head, stream = Category(4, SIZES, class_weights="balanced"), Stream(torch.randn(2, 1, 4))
    hard, soft = torch.tensor([1, -1]), torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    for one, other in zip(head.loss(stream, hard), head.loss(stream, soft)):
        assert torch.allclose(one, other)
    assert torch.equal(head.count(soft), head.count(hard))


def test_members_learn_one_by_one_and_predict_together():
    torch.manual_seed(0)
    head, stream = Category(4, SIZES), Stream(torch.randn(5, 3, 4))
    target = torch.tensor([0, 2, -1, 1, 1])
    alone = [Stream(stream.x[:, member : member + 1]) for member in range(3)]
    total = sum(head.loss(one, target)[0] for one in alone) / 3
    assert torch.allclose(head.loss(stream, target)[0], total) and head.loss(stream, target)[1] == 4
    mean = sum(head.predict(one)["probabilities"] for one in alone) / 3
    assert torch.allclose(head.predict(stream)["probabilities"], mean, atol=1e-6)


def test_padding_predicts_nothing():
    torch.manual_seed(0)
    head, x, mask = Number(4, {}), torch.randn(2, 3, 4), torch.tensor([[True, True, False]] * 2)
    target, other = torch.tensor([1.0, 2.0]), torch.where(mask.unsqueeze(-1), x, 99.0)
    assert torch.allclose(head.loss(Stream(x, mask), target)[0], head.loss(Stream(other, mask), target)[0])
    assert torch.allclose(head.predict(Stream(x, mask))["value"], head.predict(Stream(x[:, :2]))["value"], atol=1e-6)


def test_multilabel_counts_rows_times_labels():
    head, stream = Multilabel(4, {"classes": ["a", "b"]}), Stream(torch.randn(2, 1, 4))
    target = torch.tensor([[1.0, 0.0], [float("nan")] * 2])
    expected = losses.binary_cross_entropy(head.output(stream.x[:1, 0]), target[:1])
    for found, wanted in zip(head.loss(stream, target), expected):
        assert torch.allclose(found, wanted)
