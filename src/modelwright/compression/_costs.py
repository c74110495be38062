"""What two models cost beside each other: bytes, weights, latency, memory; measured, in turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from ..blocks.stream import Batch
from ..checkpoint import save_tensors
from ._work import Work

SECONDS = 1.0  # for one comparison
MANY = 64  # rows of the larger batch
TOKENS = 64  # of a row that a language model is timed on
WRITTEN = 16  # tokens that it writes


@dataclass(frozen=True)
class Cost:
    """A figure of both models. `gain` is how many times better the second is, whichever way is better."""

    name: str
    unit: str
    before: float
    after: float
    gain: float
    better: str  # the word for a gain: smaller, faster
    worse: str

    @property
    def words(self) -> str:
        """The gain as a person says it."""
        if abs(self.gain - 1) < 0.005:
            return "the same"
        return f"{self.gain:.2f} times {self.better}" if self.gain > 1 else f"{1 / self.gain:.2f} times {self.worse}"


def sizes(first: nn.Module, second: nn.Module, files: tuple[Path, Path]) -> list[Cost]:
    """Bytes on disk, weights, and weights that are not 0."""
    kilobytes = [(file / "model.safetensors").stat().st_size / 1000 for file in files]
    counts = [[(w.numel(), int(w.count_nonzero())) for w in weights(model)] for model in (first, second)]
    found = [_smaller("model.safetensors", "kB", *kilobytes)]
    for place, name in enumerate(("parameters", "of these not 0")):
        before, after = (sum(count[place] for count in each) for each in counts)
        found.append(Cost(name, "", before, after, before / max(after, 1), "fewer", "more"))
    return found


def weights(model: nn.Module) -> Iterator[Tensor]:
    """Every parameter once, and those that are stored in few bits as what they stand for."""
    yield from model.parameters()
    yield from (module.weight for module in model.modules() if "codes" in module._buffers)  # type: ignore[misc]


def _smaller(name: str, unit: str, before: float, after: float) -> Cost:
    return Cost(name, unit, before, after, before / max(after, 1e-9), "smaller", "larger")


def timings(first: nn.Module, second: nn.Module, work: Work, files: tuple[Path, Path]) -> list[Cost]:
    """Latency of one row and of a batch, tokens a second where a model writes from left to right, and peak memory."""
    found = [latency(first, second, batches := rows(work, size)) for size in (1, MANY)]
    if hasattr(first, "step"):
        before, after, gain = _race(_writing(first), _writing(second))
        found.append(Cost("writing, 1 row", "tokens/s", WRITTEN / before, WRITTEN / after, gain, "faster", "slower"))
    if memory := _peaks(batches[0], files):
        found.append(_smaller("peak memory", "MB", *memory))
    return found


def latency(first: nn.Module, second: nn.Module, batches: list[Batch]) -> Cost:
    """Of a batch, one after the other."""
    before, after, gain = _race(_predicting(first, batches), _predicting(second, batches))
    count = len(next(iter(batches[0].values())))
    return Cost(f"latency, {count} row{'s' * (count > 1)}", "ms", 1000 * before, 1000 * after, gain, "faster", "slower")


def rows(work: Work, size: int) -> list[Batch]:
    """Inputs of rows that the model has not learned, as far as there are any, in batches of `size`; of texts that a
    language model reads, their beginnings."""
    batches = next(filter(None, (work.calibration(MANY, size, part) for part in (2, 1, 0))))
    if "labels" in batches[0]:
        return [{key: value[:, :TOKENS].contiguous() for key, value in batch.items()} for batch in batches]
    return [{key: value for key, value in batch.items() if not key.startswith("target.")} for batch in batches]


def _predicting(model: nn.Module, batches: list[Batch]) -> Callable[[], Any]:
    following = cycle(batches)
    return lambda: model.predict(next(following))  # type: ignore[operator]


def _writing(model: Any) -> Callable[[], Any]:
    def write() -> None:
        state, ids = model.start(1), torch.zeros(1, 1, dtype=torch.long)
        for _ in range(WRITTEN):
            logits, state = model.step(ids, state)
            ids = logits.argmax(-1, keepdim=True)

    return write


@torch.inference_mode()
def _race(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[float, float, float]:
    """Seconds of each and how many times faster the second is: medians of calls in turns."""
    first(), second()
    pairs, end = list[tuple[float, float]](), time.perf_counter() + SECONDS
    while len(pairs) < 3 or (len(pairs) < 200 and time.perf_counter() < end):
        pairs.append((_timed(first), _timed(second)))
    return median(a for a, _ in pairs), median(b for _, b in pairs), median(a / b for a, b in pairs)


def _timed(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _peaks(batch: Batch, folders: tuple[Path, Path]) -> list[float]:
    """MB beyond the bare program that each run needs to load and predict a batch, in a process of its own. Nothing where
    the system cannot tell."""
    if not hasattr(os, "fork"):
        return []
    with tempfile.TemporaryDirectory() as place:
        save_tensors(Path(place) / "batch", batch)
        command = [sys.executable, "-m", "modelwright.compression._memory", f"{place}/batch", *map(str, folders)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        print(f"peak memory could not be measured: {done.stderr.splitlines()[-1:]}", file=sys.stderr)
        return []
    return json.loads(done.stdout)
