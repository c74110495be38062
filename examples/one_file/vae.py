"""A variational autoencoder (Kingma & Welling 2014): compress pictures to a few numbers, and draw new ones.

    python examples/one_file/vae.py

A picture x is thought to come from latents z ~ N(0, 1) through a decoder p(x|z). Its likelihood p(x) is an integral over
all z that nobody can do; an encoder q(z|x) proposes the z that matter, and

    log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z))        (the ELBO: how well it is rebuilt, less what z gave away)
"""

import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class VAE(nn.Module):
    """Pixels (B, D) of 0 or 1 -> a normal distribution of z (B, latents) -> the logit of each pixel being 1."""

    def __init__(self, pixels=64, hidden=256, latents=8):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(pixels, hidden), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(hidden, latents), nn.Linear(hidden, latents)
        self.decoder = nn.Sequential(nn.Linear(latents, hidden), nn.GELU(), nn.Linear(hidden, pixels))

    def encode(self, x):
        h = self.encoder(x)
        return self.mean(h), self.log_variance(h)

    def forward(self, x, noise=None):
        """The two halves of the negative ELBO in nats, each (B,): of the pixels, and of the latents.

        z is drawn as mean + deviation * noise, and not from N(mean, deviation^2), because the gradient has to go through
        mean and deviation, and the noise is the same whatever they are (the reparameterisation).
        """
        mean, log_variance = self.encode(x)
        noise = torch.randn_like(mean) if noise is None else noise
        z = mean + (log_variance / 2).exp() * noise
        rebuilding = F.binary_cross_entropy_with_logits(self.decoder(z), x, reduction="none").sum(1)
        kl = (mean**2 + log_variance.exp() - 1 - log_variance).sum(1) / 2  # between two normals it has a closed form
        return rebuilding, kl

    def bound(self, x, draws):
        """(B,) a tighter bound of log p(x), by importance sampling: log mean over z ~ q of p(x|z) p(z) / q(z|x)."""
        mean, log_variance = self.encode(x)
        noise = torch.randn(draws, *mean.shape)
        z = mean + (log_variance / 2).exp() * noise
        likelihood = -F.binary_cross_entropy_with_logits(
            self.decoder(z), x.expand(draws, -1, -1), reduction="none"
        ).sum(2)
        prior, proposal = -(z**2).sum(2) / 2, -(noise**2 + log_variance).sum(2) / 2  # both less D/2 log 2 pi
        return torch.logsumexp(likelihood + prior - proposal, 0) - math.log(draws)


def digits():
    """Pixels (N, 64) of 0 or 1: 1,437 pictures to learn from and 360 to be tested on, drawn with seed 0."""
    pixels = torch.tensor(load_digits().data)
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    pixels = (pixels[order] >= 8).float()
    return pixels[:1437], pixels[1437:]


def show(pictures):
    """Pictures (N, 64) side by side in the terminal."""
    for row in range(8):
        print(
            "   ".join("".join(" ░▒▓█"[int(4.99 * p)] for p in picture[8 * row : 8 * row + 8]) for picture in pictures)
        )


def main(epochs=120, hidden=256, latents=8, batch=64, lr=2e-3, draws=64, seed=0):
    """Train, and return the test ELBO and the tighter bound, in nats a picture."""
    x, test = digits()
    torch.manual_seed(seed)
    model = VAE(hidden=hidden, latents=latents)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    shares = x.mean(0).clamp(1e-3, 1 - 1e-3)
    alone = -F.binary_cross_entropy(shares.expand_as(test), test, reduction="none").sum(1).mean().item()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters; nats a test picture, higher is better")
    print(f"each pixel by itself: log p {alone:.2f}")
    elbo = bound = 0.0
    for epoch in range(1, epochs + 1):
        for rows in torch.randperm(len(x)).split(batch):
            rebuilding, kl = model(x[rows])
            loss = (rebuilding + kl).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 20 == 0 or epoch == epochs:
            with torch.no_grad():
                rebuilding, kl = (term.mean().item() for term in model(test))
                elbo, bound = -rebuilding - kl, model.bound(test, draws).mean().item()
            print(
                f"epoch {epoch:3}: training ELBO {-loss.item():.2f}; test ELBO {elbo:.2f} "
                f"(pixels {-rebuilding:.2f}, latents {-kl:.2f}), bound of {draws} draws {bound:.2f}"
            )
    with torch.no_grad():
        print("test pictures, and below them what is rebuilt from their latents' means:")
        show(test[:8])
        show(model.decoder(model.encode(test[:8])[0]).sigmoid())
        print("new pictures, from latents drawn from N(0, 1):")
        show(model.decoder(torch.randn(8, latents)).sigmoid())
    return elbo, bound


if __name__ == "__main__":
    main()
