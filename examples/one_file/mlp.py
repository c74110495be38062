"""A multilayer perceptron with its gradients written out by hand. No autograd, no nn.Module, no optimiser of torch's.

    python examples/one_file/mlp.py

Reads handwritten digits of 8 x 8 pixels (1,797 of them, from scikit-learn) as 64 numbers each.
"""

from itertools import pairwise

import torch
from sklearn.datasets import load_digits


class MLP:
    """Layers of `relu(W x + b)`, the last without relu: its outputs are the logits of the classes."""

    def __init__(self, widths, generator):
        # He 2015: relu keeps half of the variance, so weights of variance 2 / inputs keep the signal's size
        self.weights = [
            torch.randn(after, before, generator=generator) * (2 / before) ** 0.5 for before, after in pairwise(widths)
        ]
        self.biases = [torch.zeros(after) for after in widths[1:]]

    @property
    def parameters(self):
        return [*self.weights, *self.biases]

    def forward(self, x):
        """(B, inputs) -> logits (B, classes). Keeps what each layer read, which the gradients are made of."""
        self.read = []
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            if number:
                x = x.clamp(min=0)  # relu, between layers only
            self.read.append(x)
            x = x @ weight.T + bias
        return x

    def backward(self, slope):
        """dL/dlogits (B, classes) -> dL/dp of every parameter, in the order of `parameters`.

        The chain rule from the last layer to the first. With y = W x + b and the slope dL/dy known:
            dL/dW = dL/dy x^T        dL/db = dL/dy        dL/dx = W^T dL/dy, and 0 where relu cut x off
        """
        weights, biases = [], []
        for weight, x in zip(reversed(self.weights), reversed(self.read)):
            weights.append(slope.T @ x)
            biases.append(slope.sum(0))
            slope = (slope @ weight) * (x > 0)
        return [*reversed(weights), *reversed(biases)]


def cross_entropy(logits, labels):
    """The mean of `-log softmax(logits)[label]`, and its slope: the probabilities, minus 1 at the right class."""
    logits = logits - logits.amax(1, keepdim=True)  # changes no probability, and exp cannot overflow
    log_probabilities = logits - logits.exp().sum(1, keepdim=True).log()
    rows = torch.arange(len(labels))
    loss = -log_probabilities[rows, labels].mean()
    slope = log_probabilities.exp()
    slope[rows, labels] -= 1
    return loss, slope / len(labels)


class Momentum:
    """Gradient descent that keeps rolling: `v = m v + g`, `p = p - lr v` (Polyak 1964)."""

    def __init__(self, parameters, lr, momentum=0.9):
        self.parameters, self.lr, self.momentum = parameters, lr, momentum
        self.velocities = [torch.zeros_like(parameter) for parameter in parameters]

    def step(self, gradients):
        for parameter, velocity, gradient in zip(self.parameters, self.velocities, gradients):
            velocity.mul_(self.momentum).add_(gradient)
            parameter.sub_(self.lr * velocity)


def digits():
    """Pixels (N, 64) of 0..1 and labels (N,), 1,437 to learn from and 360 to be tested on, drawn with seed 0."""
    pixels, labels = (torch.tensor(values) for values in load_digits(return_X_y=True))
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    pixels, labels = pixels[order].float() / 16, labels[order]
    return (pixels[:1437], labels[:1437]), (pixels[1437:], labels[1437:])


def main(epochs=40, hidden=(128, 128), batch=64, lr=0.05, seed=0):
    """Train, and return the test accuracy."""
    (x, y), (test_x, test_y) = digits()
    generator = torch.Generator().manual_seed(seed)
    model = MLP((64, *hidden, 10), generator)
    optimizer = Momentum(model.parameters, lr)
    print(f"{sum(p.numel() for p in model.parameters):,} parameters")
    accuracy = 0.0
    for epoch in range(1, epochs + 1):
        order, total = torch.randperm(len(x), generator=generator), 0.0
        for rows in order.split(batch):
            loss, slope = cross_entropy(model.forward(x[rows]), y[rows])
            optimizer.step(model.backward(slope))
            total += loss.item() * len(rows)
        if epoch % 10 == 0 or epoch == epochs:
            accuracy = (model.forward(test_x).argmax(1) == test_y).float().mean().item()
            print(f"epoch {epoch:3}: training loss {total / len(x):.4f}, test accuracy {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    main()
