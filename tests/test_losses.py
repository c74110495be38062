"""Missing targets, weights and soft targets: what the formulas' tests leave open."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright import losses

NAN = float("nan")
FLOAT_LOSSES = [losses.mse, losses.mae, losses.huber, losses.binary_cross_entropy]


@pytest.mark.parametrize("loss", FLOAT_LOSSES)
def test_missing_float_targets_count_nothing_and_pass_no_gradient(loss):
    prediction = torch.tensor([0.5, 2.0, -1.0], requires_grad=True)
    total, count = loss(prediction, torch.tensor([1.0, NAN, 0.0]))
    total.backward()
    known, _ = loss(prediction.detach()[[0, 2]], torch.tensor([1.0, 0.0]))
    assert count == 2 and torch.allclose(total, known)
    assert prediction.grad[1] == 0 and prediction.grad.isfinite().all() and prediction.grad[0] != 0


@pytest.mark.parametrize("loss", FLOAT_LOSSES)
@settings(max_examples=20, deadline=None)
@given(weights=st.lists(st.floats(0, 3), min_size=4, max_size=4))
def test_weights_multiply_sum_and_count(loss, weights):
    prediction, target = torch.tensor([0.5, 2.0, -1.0, 0.1]), torch.tensor([1.0, NAN, 0.0, 0.0])
    total, count = loss(prediction, target, torch.tensor(weights))
    rows = [loss(prediction[i : i + 1], target[i : i + 1])[0] for i in range(4)]
    expected = sum(row * weight for row, weight in zip(rows, weights))
    assert torch.allclose(total, torch.as_tensor(expected), atol=1e-5)
    assert count == pytest.approx(weights[0] + weights[2] + weights[3], abs=1e-5)


def test_huber_is_half_the_square_near_and_linear_far():
    total, _ = losses.huber(torch.tensor([0.5, 5.0]), torch.zeros(2), delta=2.0)
    assert total == pytest.approx(0.125 + 2 * (5 - 1))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("class_weights", [None, torch.tensor([1.0, 2.0, 0.5])])
def test_cross_entropy_agrees_with_torch_and_soft_with_hard(smoothing, class_weights):
    torch.manual_seed(0)
    logits, target = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 1, -1])
    expected = F.cross_entropy(logits, target, weight=class_weights, ignore_index=-1, label_smoothing=smoothing)
    total, count = losses.cross_entropy(logits, target, smoothing=smoothing, class_weights=class_weights)
    assert torch.allclose(total / count, expected)
    soft = F.one_hot(target.clamp(min=0), 3).float() * (target >= 0).unsqueeze(1)
    soft_total, soft_count = losses.cross_entropy(logits, soft, smoothing=smoothing, class_weights=class_weights)
    assert torch.allclose(soft_total, total) and torch.allclose(soft_count, count)
    assert torch.equal(losses.class_count(target, class_weights=class_weights), count)


def test_cross_entropy_weighs_rows():
    torch.manual_seed(0)
    logits, target, weights = torch.randn(3, 4), torch.tensor([1, -1, 0]), torch.tensor([0.5, 9.0, 2.0])
    each = F.cross_entropy(logits, target, ignore_index=-1, reduction="none")
    total, count = losses.cross_entropy(logits, target, weights)
    assert torch.allclose(total, (each * weights).sum()) and count == 2.5


def test_mixed_classes_lie_between_the_two():
    """Mixup's soft target gives the mixture of both losses."""
    logits = torch.randn(1, 3)
    one, other = (losses.cross_entropy(logits, torch.tensor([k]))[0] for k in (0, 2))
    mixed, count = losses.cross_entropy(logits, torch.tensor([[0.3, 0.0, 0.7]]))
    assert torch.allclose(mixed, 0.3 * one + 0.7 * other) and count == pytest.approx(1)


def test_binary_cross_entropy_against_its_formula():
    logits, target = torch.tensor([1.5, -0.5]), torch.tensor([1.0, 0.0])
    total, _ = losses.binary_cross_entropy(logits, target, positive_weight=3.0)
    expected = -3 * torch.log(torch.sigmoid(logits[0])) - torch.log(1 - torch.sigmoid(logits[1]))
    assert torch.allclose(total, expected)
    smoothed, _ = losses.binary_cross_entropy(logits, target, smoothing=0.2)
    direct, _ = losses.binary_cross_entropy(logits, torch.tensor([0.9, 0.1]))
    assert torch.allclose(smoothed, direct)


def test_losses_are_float32_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        logits = torch.nn.Linear(4, 3)(torch.randn(5, 4))
        assert logits.dtype == torch.bfloat16
        for total, count in (
            losses.cross_entropy(logits, torch.zeros(5, dtype=torch.long)),
            losses.mse(logits, torch.zeros(5, 3)),
            losses.binary_cross_entropy(logits, torch.zeros(5, 3)),
        ):
            assert total.dtype == count.dtype == torch.float32
