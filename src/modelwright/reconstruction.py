"""What a model that writes its inputs again can say of rows: how likely they are, and what else it would write.

Knows assembled models with `rebuilt` targets; where their fuse is no distribution, only the likelihood is defined.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .blocks.draws import place_of
from .blocks.stream import Batch, Model, Stream
from .errors import UserError

SAMPLES = 64
_SETS = 256  # of fixed draws
Rebuilt = dict[str, dict[str, np.ndarray]]  # target -> its head's tensors


@torch.inference_mode()
def row_bounds(model: Model, batch: Batch, samples: int = SAMPLES) -> dict[str, Tensor]:
    """In nats, each (B,): `loss`, the expected negative log-likelihood of all that is rebuilt; `kl`; `elbo`, which is
    -(loss + kl); and `bound_<samples>`, the tighter importance-weighted bound on log p(x) (Burda 2016, eq. 8).

    The draws are fixed: a row's figures depend on no other row. Call in evaluation mode.
    """
    heads = [(model.head(name), model.target(name, batch)) for name in model.rebuilt]
    stream = model.streams(batch)[model.rebuilt[0]]

    def nats(x: Tensor) -> Tensor:
        return sum((head.nats(Stream(x), target) for head, target in heads), torch.zeros(len(x), device=x.device))

    if stream.log_variance is None:
        return {"loss": nats(stream.x)}
    mean, deviation = stream.x, (stream.log_variance / 2).exp()
    draws = torch.randn(_SETS, samples, mean.shape[-1], generator=torch.Generator().manual_seed(0)).to(mean.device)
    losses, ratios = [], []
    for noise in draws[place_of(heads[0][1], _SETS)].unsqueeze(2).unbind(1):  # (B, 1, D) each
        z = mean + deviation * noise
        losses.append(nats(z))
        ratios.append(((noise.square() - z.square()) / 2 + deviation.log()).sum((1, 2)))  # log p(z) - log q(z|x)
    each = torch.stack(losses)
    kl = 0.5 * (mean.square() + deviation.square() - 1 - 2 * deviation.log()).sum((1, 2))
    bound = (torch.stack(ratios) - each).logsumexp(0) - math.log(samples)
    return {"loss": each.mean(0), "kl": kl, "elbo": -(each.mean(0) + kl), f"bound_{samples}": bound}


def sample(model: Model, count: int, seed: int = 0) -> Rebuilt:
    """What the model writes for `count` draws from the prior. Raises UserError where it has none."""
    prior = getattr(getattr(model, "fuse", None), "prior", None)
    if prior is None or not model.rebuilt:
        hint = "Train with targets: {image: {head: reconstruct}} and model: {fuse: gaussian}."
        raise UserError("only a variational autoencoder draws samples.", hint=hint)
    return _written(model, prior(count, torch.Generator().manual_seed(seed)))


@torch.inference_mode()
def between(model: Model, batch: Batch, steps: int = 10) -> Rebuilt:
    """What the model writes on the straight way between the latents of the batch's first two rows."""
    first, second = model.streams(batch)[model.rebuilt[0]].x[:2, 0]
    return _written(model, torch.lerp(first, second, torch.linspace(0, 1, steps)[:, None]))


@torch.inference_mode()
def _written(model: Model, latents: Tensor) -> Rebuilt:
    stream = Stream(latents.unsqueeze(1))
    written = {name: model.head(name).predict(stream) for name in model.rebuilt}
    return {name: {key: value.numpy() for key, value in tensors.items()} for name, tensors in written.items()}
