"""Streams as a normal distribution over a few numbers: the middle of a variational autoencoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..blocks.members import average
from ..blocks.stream import Batch, Stream
from ..losses import gaussian_kl
from ..parts import Count, NoneOrMore, NotNegative


class Gaussian(nn.Module):
    """Linear mean and log-variance of the latents z, whose prior is N(0, 1) (Kingma & Welling 2014).

    Losses are taken at a draw of z, predictions at its mean. Adds the term `kl`, the closed form of KL(q(z|x) || p(z)) in
    nats a row: with the loss of a `reconstruct` head it is the negative ELBO, whatever `beta` and `warmup` are, which
    only scale its gradient.

    Options:
        size: latents.
        beta: weight of the KL term (Higgins 2017); 1 is the ELBO.
        warmup: steps over which that weight rises from 0 (Bowman 2016).
    """

    def __init__(
        self,
        widths: list[int],
        *,
        size: Count = 20,
        beta: NotNegative = 1.0,
        warmup: NoneOrMore = 0,
    ) -> None:
        super().__init__()
        self.width, self.beta, self.warmup = size, beta, warmup
        self.mean, self.log_variance = nn.Linear(sum(widths), size), nn.Linear(sum(widths), size)
        self.register_buffer("weight", torch.tensor(float(beta)), persistent=False)
        self.weight: Tensor

    def at_step(self, step: int) -> None:
        """Set the weight of that step, counted from 0."""
        self.weight.fill_(self.beta * min(1.0, step / self.warmup) if self.warmup else self.beta)

    def forward(self, streams: list[Stream]) -> Stream:
        x = torch.cat([average(stream.x, stream) for stream in streams], -1).unsqueeze(1)
        mean, log_variance = self.mean(x).float(), self.log_variance(x).float()
        total, count = gaussian_kl(mean, log_variance)
        total = total.detach() + self.weight * (total - total.detach())  # the true KL, with a weighted gradient
        aux = {name: term for stream in streams for name, term in stream.aux.items()}
        return Stream(mean, aux={**aux, "kl": (total, count)}, log_variance=log_variance)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """The rows of a batch."""
        some = next(iter(batch.values()))
        return {"kl": torch.tensor(float(len(some)), device=some.device)}

    def prior(self, count: int, generator: torch.Generator) -> Tensor:
        """Latents (count, D) as they are before anything is known of a row."""
        return torch.randn(count, self.width, generator=generator)
