"""The distribution between encoder and decoder: its prior term, its draws, its rising weight."""

from __future__ import annotations

import torch
from torch.distributions import Normal, kl_divergence

from modelwright.blocks.stream import Stream
from modelwright.checks import check_fuse
from modelwright.fuse.gaussian import Gaussian


def fused(**options):
    torch.manual_seed(0)
    fuse = Gaussian([5], size=3, **options)
    return fuse, fuse([Stream(torch.randn(7, 1, 5))])


def test_contract_with_options():
    check_fuse(Gaussian, size=3, beta=4.0, warmup=10)


def test_prior_term_is_that_of_torch_and_of_many_draws():
    _, stream = fused()
    q, prior = Normal(stream.x, (stream.log_variance / 2).exp()), Normal(0.0, 1.0)
    total, count = stream.aux["kl"]
    assert count == 7
    assert torch.allclose(total, kl_divergence(q, prior).sum())
    z = q.sample((20_000,))
    drawn = (q.log_prob(z) - prior.log_prob(z)).mean(0).sum()
    assert torch.allclose(total, drawn, rtol=0.02)


def test_draws_have_the_mean_and_the_deviation():
    _, stream = fused()
    generator = torch.Generator().manual_seed(1)
    z = torch.stack([stream.drawn(generator).x for _ in range(20_000)])
    assert torch.allclose(z.mean(0), stream.x, atol=0.05)
    assert torch.allclose(z.std(0), (stream.log_variance / 2).exp(), rtol=0.05)


def test_the_weight_rises_and_scales_the_gradient_alone():
    grown = {}
    for step in (0, 5, 10, 50):
        fuse, _ = fused(beta=2.0, warmup=10)
        fuse.at_step(step)
        total = fuse([Stream(torch.ones(7, 1, 5))]).aux["kl"][0]
        total.backward()
        grown[step] = (float(total.detach()), float(fuse.mean.bias.grad.norm()))
    assert len({round(total, 4) for total, _ in grown.values()}) == 1
    assert grown[0][1] == 0
    assert 2 * grown[5][1] == grown[10][1] == grown[50][1]
