"""The introductory CNN as a bare PyTorch loop: the least a person can write, with batches cut by index."""

from __future__ import annotations

import sys
from pathlib import Path

import task
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def network() -> nn.Sequential:
    """The net of `task`, on (B, 1, 28, 28)."""
    first, second, third = task.CHANNELS
    return nn.Sequential(
        nn.Conv2d(1, first, task.KERNEL), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(first, second, task.KERNEL), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(second, third, task.KERNEL), nn.ReLU(),
        nn.Flatten(), nn.Linear(third * 9, task.DENSE), nn.ReLU(), nn.Linear(task.DENSE, task.CLASSES),
    )  # fmt: skip


def tensors(folder: Path) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training pictures (N, 1, 28, 28) and labels, test pictures and labels."""
    images, labels, test_images, test_labels = (torch.from_numpy(values) for values in task.standardised(folder))
    return images.unsqueeze(1), labels, test_images.unsqueeze(1), test_labels


@torch.inference_mode()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Share of pictures put into the right class."""
    model.eval()
    found = torch.cat([model(part).argmax(1) for part in images.split(512)])
    return (found == labels).float().mean().item()


def main(folder: Path, seed: int) -> None:
    """Train, time the last epoch, answer."""
    torch.set_num_threads(task.THREADS)
    torch.manual_seed(seed)
    images, labels, test_images, test_labels = tensors(folder)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=task.LEARNING_RATE)
    watch = task.Stopwatch()
    for _ in range(task.EPOCHS):
        watch.start()
        for rows in torch.randperm(len(images)).split(task.BATCH):
            loss = F.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        watch.stop()
    task.answer(rate=len(images) / watch.seconds, accuracy=accuracy(model, test_images, test_labels))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[-1]))
