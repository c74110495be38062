"""The verb `check`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ..report import Report, Table, Text


def check(recipe: str, *overrides: str, target: str | None = None) -> Report:
    """Dry run of a recipe: one batch through every stage, time and memory estimated, every mistake at once.

    Args:
        recipe: a recipe (.yaml), or a data file, folder or named data set
        overrides: key=value, for example train.lr=3e-4
        target: the column to predict, when a data file is given
    """
    from ..loop import StepOptions, batch_gradients
    from ..preparation import build_model, open_rows, prepare
    from ..recipe import load

    given: Any = (
        recipe
        if not isinstance(recipe, (str, Path)) or str(recipe).endswith((".yaml", ".yml"))
        else {"data": str(recipe)}
    )
    loaded = load(given, overrides)
    if target is not None:
        loaded.target = target
    rows = open_rows(loaded)
    prepared = prepare(loaded, rows=rows, sample=20_000)
    model = build_model(loaded, prepared.columns)
    train = loaded.train
    index = prepared.index(0)
    size = min(len(index), train.batch if isinstance(train.batch, int) else 64) * train.accumulate
    batch = prepared.encoded.batch(index[:size])
    stages = _trace(model, batch)
    options = StepOptions(seed=train.seed)
    batch_gradients(model, batch, options)
    model.zero_grad(set_to_none=True)
    began = time.perf_counter()
    terms = batch_gradients(model, batch, options)
    seconds = time.perf_counter() - began
    silent = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    parameters = sum(p.numel() for p in model.parameters())
    count = rows.table.num_rows
    training_rows = round(count * len(index) / max(1, len(prepared.part)))
    steps = train.steps or (train.epochs or 1) * -(-training_rows // max(size, 1))
    memory = 4 * parameters * 4 + sum(v.numel() * v.element_size() for v in batch.values()) + _activations(stages)
    losses = {name: float(value / n.clamp(min=1)) for name, (value, n) in terms.items()}
    report = Report(
        f"{loaded.source}: ready to train" if not silent else f"{loaded.source}: parts of the model learn nothing"
    )
    report.blocks.append(Table("Columns", ["column", "role", "kind", "why", "doubt"], _columns(prepared)))
    report.blocks.append(_as_seen(prepared, batch))
    report.blocks.append(Table(f"Stages (one batch of {size})", ["stage", "module", "output", "parameters"], stages))
    report.blocks.append(
        Table(
            "Estimate",
            ["what", "value"],
            [
                ["rows", count],
                ["parameters", parameters],
                ["loss before training", ", ".join(f"{k} {v:.4g}" for k, v in losses.items())],
                ["memory", f"{memory / 2**20:,.0f} MiB"],
                ["steps", steps],
                [
                    "time",
                    f"{_duration(seconds * steps)} at most ({seconds * 1000:.1f} ms a step, before early stopping)",
                ],
            ],
        )
    )
    report.blocks += [Text("Gradient", f"no gradient reaches {', '.join(silent)}", "warning")] if silent else []
    report.blocks += [Text("Note", note, "warning") for note in rows.notes]
    report.blocks.append(Text("Next", f"modelwright train {loaded.source if Path(loaded.source).exists() else recipe}"))
    report.data = {
        "rows": count,
        "parameters": parameters,
        "memory_bytes": memory,
        "steps": steps,
        "seconds": round(seconds * steps, 3),
        "loss": losses,
        "stages": [dict(zip(("stage", "module", "output", "parameters"), s)) for s in stages],
        "columns": {n: c["kind"] for n, c in loaded.columns.items() if isinstance(c, dict)},
        "no_gradient": silent,
    }
    return report


def _columns(prepared: Any) -> list[list[Any]]:
    table = []
    for name, guess in prepared.inferred.items():
        used = prepared.columns.get(name)
        role = "left out" if used is None else "target" if used.target else "input"
        kind = "drop" if used is None else prepared.recipe.columns[name]["kind"]
        table.append([name, role, kind, guess.reason if kind == guess.kind else "given in the recipe", guess.doubt])
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


def _activations(stages: list[list[Any]]) -> int:
    import math

    return sum(4 * math.prod(int(n) for n in stage[2].strip("()").split(",") if n.strip()) for stage in stages)


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
