"""Times the ways to run one training step on this machine and keeps the fastest.

A choice is made once per (chip, versions, model, batch shape), kept in the cache folder, and handed back with its
timings so that the run can record it. Every choice can be forced, and then nothing is timed.
"""

from __future__ import annotations

import copy
import hashlib
import json
import platform
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .blocks.stream import Batch, Model
from .data._cache import folder as cache_folder
from .errors import StorageError
from .files import write_json
from .loop import StepOptions, batch_gradients
from .recipe import TrainOptions

WORTH_MEASURING = 2.0  # seconds of training; trying all variants takes about twenty steps
WORTH_COMPILING = 1200.0  # compiling takes a minute or two
MARGIN = 1.1  # a variant must be this much faster than the default to be chosen
WORTH_THREADS = 1.2  # more threads must be this much faster than one: they cost their CPU time whether they help or not


@dataclass(frozen=True)
class Speed:
    """How steps are run; `timings` are seconds a step of each variant that was tried. threads 0: torch's default."""

    precision: str = "fp32"
    channels_last: bool = False
    compile: bool = False
    threads: int = 0
    timings: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    complete: bool = True  # False: too few steps to try every variant; a longer training tries them


def choose_speed(model: nn.Module, batch: Batch, train: TrainOptions, steps: int) -> Speed:
    """Pick precision, memory format, compilation and threads for `steps` steps on batches like `batch`.

    Unless something else is forced, the documented default is fp32, channels-last for convolutions, all threads.
    """
    plain = _variants(model, batch, train)[0]
    if train.speed == "fixed":
        return Speed(*plain, train.threads or 0, reason="train.speed is fixed: the documented defaults")
    key = _key(model, batch, train)
    known = _cached().get(key)
    if known and (known.get("complete") or min(known["timings"].values()) * steps < WORTH_MEASURING):
        return Speed(**known)
    threads = train.threads or torch.get_num_threads()
    timings = {f"{_name(plain)}, {threads} threads": _time_step(copy.deepcopy(model), batch, plain, rounds=3)}
    if train.threads is None and threads > 1:
        timings[f"{_name(plain)}, 1 thread"] = _time_alone(copy.deepcopy(model), batch, plain)
        several, one = timings.values()
        threads = 1 if one < WORTH_THREADS * several else threads
    first = min(timings.values())
    if first * steps < WORTH_MEASURING:
        reason = f"a step takes {first * 1000:.1f} ms, {steps} steps: too little to try more"
        return _remember(key, Speed(*plain, threads, timings, reason, complete=False))
    torch.set_num_threads(threads)
    variants = _variants(model, batch, train)
    if train.compile == "auto" and first * steps > WORTH_COMPILING:
        variants = variants + [(p, c, True) for p, c, _ in variants]
    timings |= _time_all(model, batch, variants)
    base, best = timings[_name(plain)], min(variants, key=lambda v: timings[_name(v)])
    if base < MARGIN * timings[_name(best)]:
        best = plain
    reason = f"{_name(best)} is the fastest of {len(variants)}, {base / timings[_name(best)]:.2f}x the plain way"
    return _remember(key, Speed(*best, threads, timings, reason))


Variant = tuple[str, bool, bool]


def _variants(model: nn.Module, batch: Batch, train: TrainOptions) -> list[Variant]:
    """Every allowed combination, the documented default first. bf16 is tried only where products are large enough to
    gain and the chip has it; tables stay in fp32, their steps are dominated by small operations."""
    wide = any(value.dim() >= 3 or key.endswith(".mask") or key == "labels" for key, value in batch.items())
    bf16 = torch.backends.cpu.get_cpu_capability().startswith("AVX512") and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    precisions = [train.precision] if train.precision != "auto" else ["fp32", "bf16"] if wide and bf16 else ["fp32"]
    pictures = any(isinstance(m, nn.Conv2d) for m in model.modules())
    formats = [train.channels_last] if train.channels_last != "auto" else [True, False] if pictures else [False]
    return [(precision, bool(last), train.compile is True) for precision in precisions for last in formats]


def _name(variant: Variant) -> str:
    precision, last, compiled = variant
    return precision + (" channels_last" if last else "") + (" compiled" if compiled else "")


def apply(model: nn.Module, speed: Speed) -> nn.Module:
    """The model laid out (in place) and, where chosen, compiled."""
    if speed.channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if speed.compile:
        model.compile()
    return model


def _time_all(model: nn.Module, batch: Batch, variants: list[Variant], rounds: int = 3) -> dict[str, float]:
    models = {_name(v): apply(copy.deepcopy(model), Speed(*v)) for v in variants}
    best: dict[str, float] = {}
    for _ in range(rounds):  # interleaved, so that a slow moment of the machine hits all
        for variant in variants:
            name = _name(variant)
            best[name] = min(
                best.get(name, float("inf")), _time_step(models[name], batch, variant, rounds=1, warm=name in best)
            )
    return best


def _time_step(model: nn.Module, batch: Batch, variant: Variant, rounds: int, warm: bool = False) -> float:
    model = model if warm else apply(model, Speed(*variant))
    model.train()
    options = StepOptions(precision=variant[0])
    times = []
    for _ in range(rounds + (0 if warm else 1)):
        began = time.perf_counter()
        batch_gradients(model, batch, options)
        times.append(time.perf_counter() - began)
        model.zero_grad(set_to_none=True)
    return min(times[-rounds:])


def _time_alone(model: nn.Module, batch: Batch, variant: Variant) -> float:
    """The same on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _time_step(model, batch, variant, rounds=3)
    finally:
        torch.set_num_threads(threads)


def _key(model: nn.Module, batch: Batch, train: TrainOptions) -> str:
    shapes = {key: (tuple(value.shape), str(value.dtype)) for key, value in batch.items() if not key.endswith(".mask")}
    ragged = {key.removesuffix(".mask") for key in batch if key.endswith(".mask")}
    described = [
        platform.processor() or platform.machine(),
        torch.__version__,
        torch.get_num_threads(),
        repr(model),
        {key: value for key, value in shapes.items() if key not in ragged},
        sorted(ragged),
        train.precision,
        train.channels_last,
        train.compile,
        train.threads,
    ]
    return hashlib.blake2b(repr(described).encode(), digest_size=16).hexdigest()


def _file() -> Path:
    return cache_folder() / "speed.json"


def _cached() -> dict[str, Any]:
    try:
        return json.loads(_file().read_text())
    except (OSError, ValueError):
        return {}


def _remember(key: str, speed: Speed) -> Speed:
    try:
        write_json(_file(), {**_cached(), key: asdict(speed)})
    except StorageError:
        return speed  # a cache that cannot be written costs time, never the run
    return speed


def find_rate(
    model: Model, batches: Any, optimizer: Any, options: StepOptions, steps: int = 100
) -> tuple[float, list[tuple[float, float]]]:
    """Learning-rate range test (Smith 2017): raise the rate from 1e-6 to 1 and watch the smoothed loss.

    `model` and `optimizer` are used up: hand in copies. Returns a tenth of the rate with the lowest loss, bounded by
    the steepest descent, and the curve of (rate, loss).
    """
    from .loop import total_loss, train_steps

    base = optimizer.param_groups[0]["initial_lr"]
    curve: list[tuple[float, float]] = []
    smooth = best = 0.0

    def factor(step: int) -> float:
        return 10 ** (-6 + 6 * step / steps) / base

    def endless() -> Any:
        epoch = 0
        while True:
            yield from batches.epoch(epoch)
            epoch += 1

    model.train()
    for step, terms in enumerate(train_steps(model, endless(), optimizer, factor=factor, options=options)):
        loss = float(total_loss(terms, {name: count for name, (_, count) in terms.items()}, model.weights))
        smooth = loss if step == 0 else 0.9 * smooth + 0.1 * loss
        best = smooth if step == 0 else min(best, smooth)
        curve.append((10 ** (-6 + 6 * step / steps), smooth))
        if step + 1 >= steps or not smooth < 4 * best + 1e-9:
            break
    lowest = min(curve, key=lambda pair: pair[1])[0]
    return float(f"{lowest / 10:.2g}"), curve


def find_batch(model: Model, make_batch: Any, precision: str, rows: int, memory: float) -> tuple[int, dict[int, float]]:
    """Double the batch while rows per second still grow by a tenth and a step fits in `memory` bytes.

    Returns the size and the seconds a row took at each size tried.
    """
    size, tried = 16, dict[int, float]()
    while size <= max(16, rows // 8) and size <= 4096:
        batch = make_batch(size)
        if sum(value.numel() * value.element_size() for value in batch.values()) * 50 > memory:
            break
        tried[size] = _time_step(copy.deepcopy(model), batch, (precision, False, False), rounds=2) / size
        if len(tried) > 1 and tried[size] > 0.9 * tried[size // 2]:
            break
        size *= 2
    best = min(tried, key=lambda s: tried[s])
    return best, tried
