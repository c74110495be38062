"""A tiny net as a bare PyTorch loop, milliseconds a step; the argument is the batch size."""

from __future__ import annotations

import sys

import task
import torch
import torch.nn.functional as F
from torch import nn


def main(batch: int) -> None:
    """Train two epochs of task.STEPS steps, time the second, answer."""
    torch.set_num_threads(task.THREADS)
    torch.manual_seed(0)
    values = torch.randn(task.STEPS * batch, task.WIDTH)
    labels = (values.sum(1) > 0).long()
    model = nn.Sequential(nn.Linear(task.WIDTH, task.HIDDEN), nn.ReLU(), nn.Linear(task.HIDDEN, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=task.LEARNING_RATE, fused=True)
    watch = task.Stopwatch()
    for _ in range(2):
        watch.start()
        for rows in torch.randperm(len(values)).split(batch):
            loss = F.cross_entropy(model(values[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        watch.stop()
    task.answer(milliseconds=1000 * watch.seconds / task.STEPS)


if __name__ == "__main__":
    main(int(sys.argv[1]))
