"""The introductory CNN under Lightning's Trainer, with a DataLoader; bar, logger and checkpoints are off."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path

import lightning
import task
import torch
import torch.nn.functional as F
from cnn_torch import accuracy, network, tensors
from torch.utils.data import DataLoader, TensorDataset


class Classifier(lightning.LightningModule):
    """The net with its loss and optimiser; times its epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.watch = network(), task.Stopwatch()

    def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
        """The loss of one batch."""
        images, labels = batch
        return F.cross_entropy(self.network(images), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=task.LEARNING_RATE)

    def on_train_epoch_start(self) -> None:
        """Start the watch."""
        self.watch.start()

    def on_train_epoch_end(self) -> None:
        """Stop the watch."""
        self.watch.stop()


def main(folder: Path, seed: int) -> None:
    """Train, time the last epoch, answer."""
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(task.THREADS)
    lightning.seed_everything(seed, verbose=False)
    images, labels, test_images, test_labels = tensors(folder)
    loader = DataLoader(TensorDataset(images, labels), batch_size=task.BATCH, shuffle=True)
    model = Classifier()
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    quiet = dict.fromkeys(off, False)
    lightning.Trainer(max_epochs=task.EPOCHS, accelerator="cpu", **quiet).fit(model, loader)
    task.answer(rate=len(images) / model.watch.seconds, accuracy=accuracy(model.network, test_images, test_labels))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[-1]))
