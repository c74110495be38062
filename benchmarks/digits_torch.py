"""What `modelwright train digits` does, as a person's own script: load, split, train, validate, keep the best, test.

The argument is the number of epochs. Net, plan and rows a step are those that modelwright chooses for digits.
"""

from __future__ import annotations

import copy
import sys

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

BATCH, RATE, DECAY = 32, 2e-3, 0.01


def network() -> nn.Sequential:
    """Three convolutions on 8 x 8 pixels."""

    def layer(before: int, after: int, shrink: int) -> list[nn.Module]:
        pool = [nn.MaxPool2d(shrink)] if shrink > 1 else []
        return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(), *pool]

    layers = [*layer(1, 32, 1), *layer(32, 64, 2), *layer(64, 64, 2)]
    return nn.Sequential(*layers, nn.Dropout2d(0.1), nn.Flatten(), nn.Linear(64 * 4, 10))


@torch.inference_mode()
def evaluate(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Loss and accuracy."""
    model.eval()
    logits = model(images)
    return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).float().mean().item()


def main(epochs: int) -> None:
    """Train and print the accuracy."""
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    pictures, classes = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(labels)
    order = torch.randperm(len(pictures))
    train, validation, test = order.split([len(order) - 2 * (len(order) // 10)] + [len(order) // 10] * 2)
    pictures = (pictures - pictures[train].mean()) / pictures[train].std()
    model, steps = network(), -(-len(train) // BATCH)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * steps)
    best, weights = -1.0, {}
    for _ in range(epochs):
        model.train()
        for rows in train[torch.randperm(len(train))].split(BATCH):
            loss = F.cross_entropy(model(pictures[rows]), classes[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        _, accuracy = evaluate(model, pictures[validation], classes[validation])
        if accuracy > best:
            best, weights = accuracy, copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    _, accuracy = evaluate(model, pictures[test], classes[test])
    print(f'{{"accuracy": {accuracy}}}')


if __name__ == "__main__":
    main(int(sys.argv[1]))
