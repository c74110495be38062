"""The verb `check`."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from ..report import Report, Table, Text

SAMPLE = 20_000  # rows that are enough to look at


def check(recipe: str, *overrides: str, target: str | None = None) -> Report:
    """Dry run: every mistake at once, shapes, time, memory.

    Args:
        recipe: a recipe (.yaml), or a data file, folder or named data set
        overrides: key=value, for example train.lr=3e-4
        target: the column to predict, when a data file is given; several with commas
    """
    from .. import tasks
    from ..fitting import device_of
    from ..recipe import load

    loaded = load(recipe, overrides, target=target, also=_unknown_names)
    device_of(loaded)
    task = tasks.find(loaded.model.kind)
    prepared = task.prepare(loaded, sample=SAMPLE)
    model = prepared.build()
    batch = prepared.first_batch()
    stages = _trace(model, batch)
    silent, losses, seconds = _one_step(model, batch, loaded.train.seed)
    data = {
        "rows": prepared.total,
        "parameters": sum(p.numel() for p in model.parameters()),
        "loss": losses,
        "memory_bytes": _memory(model, batch, stages),
        **_steps(prepared, seconds),
        "stages": [dict(zip(("stage", "module", "output", "parameters"), s)) for s in stages],
        "columns": {n: c["kind"] for n, c in loaded.columns.items() if isinstance(c, dict)},
        "no_gradient": silent,
    }
    report = Report(f"{recipe}: {'parts of the model learn nothing' if silent else 'ready to train'}", data=data)
    shown = task.look(prepared)
    report.blocks += [*(block for block in shown if not isinstance(block, Text)), _as_seen(batch)]
    rows_of_batch = len(next(iter(batch.values())))
    title = f"Stages (one batch of {rows_of_batch})"
    report.blocks.append(Table(title, ["stage", "module", "output", "parameters"], stages))
    report.blocks.append(_estimate(data, seconds))
    report.blocks += [Text("Gradient", f"no gradient reaches {', '.join(silent)}", "warning")] if silent else []
    report.blocks += [block for block in shown if isinstance(block, Text)]
    more = f" --target {target}" if target else ""
    report.blocks.append(Text("Next", " ".join(["modelwright train", str(recipe), *overrides]) + more))
    return report


def _unknown_names(values: dict[str, Any], base: Path) -> list[Any]:
    """Mistakes in names that only the data can show: told together with those in the recipe's keys."""
    from ..columns import maskers
    from ..data.reading import read
    from ..errors import DataError, Problem
    from ..preparation import unknown_names

    model = values.get("model")
    if isinstance(model, dict) and model.get("kind", "assembled") != "assembled":
        return []  # no columns to name
    try:
        masks = maskers(values["columns"]) if isinstance(values.get("columns"), dict) else {}
    except DataError:
        return []  # the recipe's own checks tell it, and unmasked data is not read
    try:
        return unknown_names(values, read(values.get("data"), base, masks))
    except DataError as error:
        where = error.where.removeprefix("data").removeprefix(": ")
        where = f"{where}: " if where else ""
        return [Problem(("data",), f"{where}{error.message}", error.hint)]


def _one_step(model: Any, batch: dict, seed: int) -> tuple[list[str], dict[str, float], float]:
    """The weights that no gradient reaches, the loss of each term before training, the seconds of a step."""
    from ..loop import StepOptions, batch_gradients

    options = StepOptions(seed=seed)
    batch_gradients(model, batch, options)  # the first one also sets up
    model.zero_grad(set_to_none=True)
    began = time.perf_counter()
    terms = batch_gradients(model, batch, options)
    seconds = time.perf_counter() - began
    silent = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    return silent, {name: float(value / n.clamp(min=1)) for name, (value, n) in terms.items()}, seconds


def _steps(prepared: Any, seconds: float) -> dict[str, float]:
    """How many steps the training makes on all rows, and how long they take."""
    train, rows = prepared.recipe.train, round(prepared.train_rows * prepared.total / max(1, prepared.sampled))
    size = rows if train.batch == "all" else (train.batch if isinstance(train.batch, int) else 64) * train.accumulate
    steps = train.steps or (train.epochs or 1) * -(-rows // max(1, size))
    return {"steps": steps, "seconds": round(seconds * steps, 3)}


def _memory(model: Any, batch: dict, stages: list[list[Any]]) -> int:
    """Bytes: weights, gradients and two moments of the optimiser, the batch, what the stages keep for backward."""
    weights = sum(p.numel() for p in model.parameters())
    activations = sum(4 * math.prod(int(n) for n in stage[2].strip("()").split(",") if n.strip()) for stage in stages)
    return 4 * 4 * weights + sum(v.numel() * v.element_size() for v in batch.values()) + activations


def _estimate(data: dict[str, Any], seconds: float) -> Table:
    losses = ", ".join(f"{name} {value:.4g}" for name, value in data["loss"].items())
    step = f"{seconds * 1000:.1f} ms a step, before early stopping"
    rows = [
        ["rows", data["rows"]],
        ["parameters", data["parameters"]],
        ["loss before training", losses],
        ["memory", f"{data['memory_bytes'] / 2**20:,.0f} MiB"],
        ["steps", data["steps"]],
        ["time", f"{_duration(data['seconds'])} at most ({step})"],
    ]
    return Table("Estimate", ["what", "value"], rows)


def _as_seen(batch: dict) -> Table:
    """The first rows as the model sees them: tensor by tensor."""
    lines = []
    for key, value in batch.items():
        first = value[0].flatten()
        shown = ", ".join(f"{v:.3g}" for v in first[:8].tolist()) + (", ..." if first.numel() > 8 else "")
        lines.append([key, f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}", shown])
    return Table("The data as the model sees it", ["tensor", "shape", "first row"], lines)


def _trace(model: Any, batch: dict) -> list[list[Any]]:
    """Every stage one level below the model (and the modules inside encoders) with the shape it gives."""
    import torch

    from ..blocks.stream import Stream

    stages: list[list[Any]] = []
    handles = []

    def watch(name: str, module: Any) -> None:
        def note(_module: Any, _inputs: Any, output: Any) -> None:
            value = output.x if isinstance(output, Stream) else output
            if isinstance(value, torch.Tensor):
                stages.append(
                    [name, type(module).__name__, str(tuple(value.shape)), sum(p.numel() for p in module.parameters())]
                )

        handles.append(module.register_forward_hook(note))

    for name, module in model.named_modules():
        if name and name.count(".") <= 4 and not isinstance(module, (torch.nn.ModuleDict, torch.nn.ModuleList)):
            watch(name, module)
    with torch.no_grad():
        model.eval()
        model(batch)  # not `predict`, which in a head that writes sequences takes many steps
        model.train()
    for handle in handles:
        handle.remove()
    return stages


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
