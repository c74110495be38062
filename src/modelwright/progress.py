"""Shows a training as it goes: a bar with loss, metric, rows a second and time left, and TensorBoard files.

Listens to a session's events; knows nothing of models.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from .errors import MissingExtra
from .session import Event


class Bar:
    """One line on stderr that is redrawn, and a line an epoch where stderr is not a terminal."""

    def __init__(self, steps: int, rows_a_step: float, start: int = 0) -> None:
        from tqdm import tqdm

        self.rows, self.terminal = rows_a_step, sys.stderr.isatty()
        self.bar = tqdm(
            total=steps,
            initial=start,
            unit="step",
            file=sys.stderr,
            disable=not self.terminal,
            leave=False,
            dynamic_ncols=True,
            mininterval=0.2,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]",
        )
        self.began, self.first, self.shown = time.perf_counter(), start, 0.0

    def __call__(self, event: Event) -> None:
        """Take note of one event."""
        if event.note:
            print(event.note, file=sys.stderr, flush=True)
        if event.record is None:
            self.bar.update(event.step - self.bar.n)
            return
        record = event.record
        speed = (event.step - self.first) * self.rows / max(time.perf_counter() - self.began, 1e-9)
        shown = {"loss": f"{record['loss']:.4g}"}
        if "validation_loss" in record:
            shown["validation loss"] = f"{record['validation_loss']:.4g}"
        for name, value in record.get("metrics", {}).items():
            shown[name] = f"{value:.4g}"
        shown["rows/s"] = f"{speed:,.0f}"
        self.bar.set_description_str(f"epoch {record['epoch']}", refresh=False)
        self.bar.set_postfix(shown)
        if not self.terminal and (time.perf_counter() - self.shown > 5 or record["epoch"] == 1):
            self.shown = time.perf_counter()
            line = "  ".join(f"{name} {value}" for name, value in shown.items())
            print(f"epoch {record['epoch']:>3}  {line}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Remove the bar."""
        self.bar.close()


class TensorBoard:
    """Writes every epoch's figures as TensorBoard event files into `<run>/tensorboard`."""

    def __init__(self, path: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingExtra("tensorboard", "tracking") from None
        self.writer = SummaryWriter(str(path / "tensorboard"))

    def __call__(self, event: Event) -> None:
        """Take note of one event."""
        if event.record is None:
            return
        figures: dict[str, Any] = {
            k: v for k, v in event.record.items() if isinstance(v, (int, float)) and k not in ("epoch", "step")
        }
        for name, value in {**figures, **event.record.get("metrics", {})}.items():
            self.writer.add_scalar(name, value, event.record["step"])

    def close(self) -> None:
        """Flush the files."""
        self.writer.close()
