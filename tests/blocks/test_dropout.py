from __future__ import annotations

import pytest
import torch

from modelwright.blocks.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_share_is_zero_and_the_mean_stays(share, dtype):
    torch.manual_seed(0)
    module, x = Dropout(share), torch.ones(300, 1001, dtype=dtype)
    y = module(x)
    assert y.dtype == dtype and (y == 0).float().mean() == pytest.approx(round(256 * share) / 256, abs=5e-3)
    assert y.float().mean() == pytest.approx(1, abs=1e-2) and len(y.unique()) == 2
    rows, columns = (y == 0).float().mean(1), (y == 0).float().mean(0)
    assert rows.std() < 0.025 and columns.std() < 0.04, "every place is as likely as any other"
    assert torch.equal(module.eval()(x), x)


def test_the_seed_decides_and_gradients_pass_where_values_do():
    module, x = Dropout(0.3), torch.randn(50, 7, requires_grad=True)
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(module(x))
    assert torch.equal(*draws) and not torch.equal(module(x), draws[0])
    draws[0].sum().backward()
    assert torch.equal(x.grad != 0, draws[0] != 0)
