"""The introductory CNN as Keras's own examples write it; the back end is the second argument: torch or jax."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import task

os.environ["KERAS_BACKEND"] = sys.argv[2]
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras  # after the back end is chosen


class Timer(keras.callbacks.Callback):
    """Times the epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.watch = task.Stopwatch()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the watch."""
        self.watch.start()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Stop the watch."""
        self.watch.stop()


def network() -> keras.Sequential:
    """The net of `task`, on (B, 28, 28, 1)."""
    first, second, third = task.CHANNELS
    layers = keras.layers
    return keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(first, task.KERNEL, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(second, task.KERNEL, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(third, task.KERNEL, activation="relu"),
        layers.Flatten(), layers.Dense(task.DENSE, activation="relu"), layers.Dense(task.CLASSES),
    ])  # fmt: skip


def main(folder: Path, seed: int) -> None:
    """Train, time the last epoch, answer."""
    if keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(task.THREADS)
    keras.utils.set_random_seed(seed)
    images, labels, test_images, test_labels = task.standardised(folder)
    model, timer = network(), Timer()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(task.LEARNING_RATE), loss=loss)
    model.fit(images[..., None], labels, batch_size=task.BATCH, epochs=task.EPOCHS, verbose=0, callbacks=[timer])
    found = model.predict(test_images[..., None], batch_size=512, verbose=0).argmax(1)
    task.answer(rate=len(images) / timer.watch.seconds, accuracy=float((found == test_labels).mean()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[-1]))
