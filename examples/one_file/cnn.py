"""A convolutional network whose convolution, batch norm and pooling are written from their definitions.

    python examples/one_file/cnn.py

Reads the same handwritten digits as mlp.py, but as pictures: what is learned in one place is known in all places.
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Convolution(nn.Module):
    """`y[o, i, j] = sum_cpq w[o, c, p, q] x[c, i + p, j + q]`, with zeros round the picture so that it keeps its size."""

    def __init__(self, before, after, side):
        super().__init__()
        inputs = before * side * side
        self.weight = nn.Parameter(torch.randn(after, before, side, side) * (2 / inputs) ** 0.5)

    def forward(self, x):
        side = self.weight.shape[-1]
        x = F.pad(x, [side // 2] * 4)
        windows = x.unfold(2, side, 1).unfold(3, side, 1)  # (B, C, H, W, side, side): a view, nothing is copied
        return torch.einsum("bchwpq,ocpq->bohw", windows, self.weight)


class BatchNorm(nn.Module):
    """`(x - mean) / deviation * scale + shift` of each channel (Ioffe & Szegedy 2015).

    In training over the batch, and a running average is kept; that average serves when single pictures are asked about.
    """

    def __init__(self, channels):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x):
        mean, variance = self.mean, self.variance
        if self.training:
            variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
            values = x.numel() / x.shape[1]
            with torch.no_grad():
                self.mean.lerp_(mean, 0.1)
                self.variance.lerp_(variance * values / (values - 1), 0.1)  # unbiased, for other pictures than these
        factor = self.scale / (variance + 1e-5).sqrt()
        return (x - mean[:, None, None]) * factor[:, None, None] + self.shift[:, None, None]


def halve(x):
    """Max pooling: the largest value of each 2 x 2 square."""
    rows, channels, height, width = x.shape
    return x.view(rows, channels, height // 2, 2, width // 2, 2).amax((3, 5))


class CNN(nn.Module):
    """Convolution, pooling, norm, relu; again; then one dense layer on all that is left of the picture.

    Pooling before relu gives the same values as after it, since relu never changes which value is the largest, and
    leaves a quarter of the work to norm and relu.
    """

    def __init__(self, channels=(32, 64), side=8, classes=10):
        super().__init__()
        self.convolutions = nn.ModuleList([Convolution(1, channels[0], 3), Convolution(channels[0], channels[1], 3)])
        self.norms = nn.ModuleList([BatchNorm(channels[0]), BatchNorm(channels[1])])
        self.output = nn.Linear(channels[1] * (side // 4) ** 2, classes)

    def forward(self, x):
        """(B, 1, side, side) -> logits (B, classes)."""
        for convolution, norm in zip(self.convolutions, self.norms):
            x = norm(halve(convolution(x))).relu()
        return self.output(x.permute(0, 2, 3, 1).flatten(1))  # place by place, all channels of a place together


def digits():
    """Pictures (N, 1, 8, 8) of 0..1 and labels (N,), 1,437 to learn from and 360 to be tested on, drawn with seed 0."""
    pixels, labels = (torch.tensor(values) for values in load_digits(return_X_y=True))
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    pixels, labels = pixels[order].float().view(-1, 1, 8, 8) / 16, labels[order]
    return (pixels[:1437], labels[:1437]), (pixels[1437:], labels[1437:])


def shifted(x):
    """Each picture moved by up to one pixel: a digit stays what it is, and the network never sees quite the same twice."""
    down, right = torch.randint(-1, 2, (2, len(x), 1))
    place = torch.arange(x.shape[-1])
    framed = F.pad(x, [1] * 4)
    rows = torch.arange(len(x))[:, None, None]
    return framed[rows, 0, (place + 1 + down)[:, :, None], (place + 1 + right)[:, None, :]][:, None]


def main(epochs=20, channels=(32, 64), batch=64, lr=3e-3, seed=0):
    """Train, and return the test accuracy."""
    (x, y), (test_x, test_y) = digits()
    torch.manual_seed(seed)
    model = CNN(channels)
    steps = epochs * -(-len(x) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)  # small steps at the end, to settle
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    accuracy = 0.0
    for epoch in range(1, epochs + 1):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(batch):
            loss = F.cross_entropy(model(shifted(x[rows])), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(rows)
        if epoch % 5 == 0 or epoch == epochs:
            model.eval()
            with torch.no_grad():
                accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
            print(f"epoch {epoch:3}: training loss {total / len(x):.4f}, test accuracy {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    main()
