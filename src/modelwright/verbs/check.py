"""The verb `check`."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from ..report import Report, Table, Text


def check(recipe: str, *overrides: str, target: str | None = None) -> Report:
    """Dry run: every mistake at once, shapes, time, memory.

    Args:
        recipe: a recipe (.yaml), or a data file, folder or named data set
        overrides: key=value, for example train.lr=3e-4
        target: the column to predict, when a data file is given; several with commas
    """
    from ..preparation import build_model, prepare

    loaded, rows = _read(recipe, overrides, target)
    total = rows.table.num_rows
    prepared = prepare(loaded, rows=rows, sample=20_000)
    model = build_model(loaded, prepared.columns)
    batch = _first_batch(prepared)
    stages = _trace(model, batch)
    silent, losses, seconds = _one_step(model, batch, loaded.train.seed)
    data = {
        "rows": total,
        "parameters": sum(p.numel() for p in model.parameters()),
        "loss": losses,
        "memory_bytes": _memory(model, batch, stages),
        **_steps(prepared, total, seconds),
        "stages": [dict(zip(("stage", "module", "output", "parameters"), s)) for s in stages],
        "columns": {n: c["kind"] for n, c in loaded.columns.items() if isinstance(c, dict)},
        "no_gradient": silent,
    }
    report = Report(f"{recipe}: {'parts of the model learn nothing' if silent else 'ready to train'}", data=data)
    report.blocks.append(Table("Columns", ["column", "role", "kind", "first", "why", "doubt"], _columns(prepared)))
    report.blocks.append(_as_seen(prepared, batch))
    rows_of_batch = len(next(iter(batch.values())))
    title = f"Stages (one batch of {rows_of_batch})"
    report.blocks.append(Table(title, ["stage", "module", "output", "parameters"], stages))
    report.blocks.append(_estimate(data, seconds))
    report.blocks += [Text("Gradient", f"no gradient reaches {', '.join(silent)}", "warning")] if silent else []
    problems = [problem for column in prepared.columns.values() for problem in column.problems]
    report.blocks += [Text("Note", note, "warning") for note in [*rows.notes, *problems]]
    more = f" --target {target}" if target else ""
    report.blocks.append(Text("Next", " ".join(["modelwright train", str(recipe), *overrides]) + more))
    return report


def _read(recipe: str, overrides: tuple[str, ...], target: str | None) -> tuple[Any, Any]:
    """The recipe and its rows; mistakes in its keys and names that the data do not have are told together."""
    from ..data.reading import read
    from ..errors import DataError, Problem
    from ..fitting import device_of
    from ..preparation import fold_count, open_rows, unknown_names
    from ..recipe import load

    def names(values: dict[str, Any], base: Path) -> list[Problem]:
        try:
            return unknown_names(values, read(values.get("data"), base))
        except DataError as error:
            where = error.where.removeprefix("data").removeprefix(": ")
            where = f"{where}: " if where else ""
            return [Problem(("data",), f"{where}{error.message}", error.hint)]

    loaded = load(recipe, overrides, target=target, also=names)
    device_of(loaded)
    rows = open_rows(loaded)
    fold_count(loaded, rows)
    return loaded, rows


def _first_batch(prepared: Any) -> dict[str, Any]:
    """The first rows as training sees them, augmented."""
    import torch

    from ..fitting import batches_of

    train = prepared.recipe.train
    index = prepared.index(0)
    size = train.batch if isinstance(train.batch, int) else 64
    batch = prepared.encoded.batch(index[: min(len(index), size * train.accumulate)])
    augment = batches_of(prepared.recipe, prepared, size).augment
    with prepared.recipe.places():
        return augment(batch, torch.Generator().manual_seed(train.seed)) if augment else batch


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


def _steps(prepared: Any, total: int, seconds: float) -> dict[str, float]:
    """How many steps the training makes on all rows, and how long they take."""
    train, share = prepared.recipe.train, len(prepared.index(0)) / max(1, len(prepared.part))
    rows = round(total * share)
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


def _columns(prepared: Any) -> list[list[Any]]:
    table = []
    for name, guess in prepared.inferred.items():
        used = prepared.columns.get(name)
        role = "left out" if used is None else "target" if used.target else "input"
        kind = "drop" if used is None else prepared.recipe.columns[name]["kind"]
        first = "".join(c if c.isprintable() else " " for c in str(prepared.rows.table.column(name)[0])[:40])
        reason = guess.reason if kind == guess.kind else "given in the recipe"
        table.append([name, role, kind, first, reason, guess.doubt])
    return table


def _as_seen(prepared: Any, batch: dict) -> Table:
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
        model.predict(batch)
        model.train()
    for handle in handles:
        handle.remove()
    return stages


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
