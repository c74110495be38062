"""What comes out of a compression: the new run folder, and its one table of what was won and lost."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import yaml

from .. import evaluation, metrics
from ..errors import DataError
from ..files import finite, write_json, write_text
from ..publication import publish
from ..report import Block, Report, Section, Table, Text, shown
from ..run import Run
from ..status import write_status
from ..training import write_environment
from . import _costs
from ._work import Work

COPIED = ("recipe.yaml", "history.jsonl", "privacy.json", "reports/train.json")
FASTER = 1.05  # from which ratio on something is faster


def make(work: Work, folder: Path, steps: list[dict[str, Any]], blocks: Sequence[Block], timing: bool) -> Run:
    """Write the model as a run into the empty `folder`, load it again, measure that beside the run it was made of.

    It is written beside the folder and moved there when it is whole.
    """
    staging = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    (staging / "reports").mkdir(parents=True)
    try:
        made = _written(work, staging, steps)
        report = _measured(work, made, folder, steps, timing)
        report.blocks += [*blocks, *work.blocks, *evaluation.learning_curves(work.history)]
        publish(report, staging, "compress")
        write_status(staging, "finished")
        folder.rmdir()
        staging.rename(folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    made = Run.load(folder)
    made.made_by = "compress"
    return made


def _written(work: Work, folder: Path, steps: list[dict[str, Any]]) -> Run:
    """The run as it is loaded from its new folder, all but what is measured."""
    source = work.run.path
    assert source is not None
    changed = copy(work.run)
    changed.model, changed.transforms, changed.recipe = work.model, work.transforms, work.recipe
    changed.save(folder)
    own = work.recipe is work.run.recipe
    origin = {"from": str(source.resolve()), "steps": steps}
    values = {
        **(work.run.resolved if own else work.recipe.plain()),
        "transforms": work.transforms,
        "compressed": origin,
    }
    write_text(folder / "resolved.yaml", yaml.safe_dump(finite(values), sort_keys=False, allow_unicode=True))
    for name in COPIED if own else ():  # a student's are its own
        if (source / name).exists():
            shutil.copyfile(source / name, folder / name)
    if not own:
        write_text(folder / "recipe.yaml", yaml.safe_dump(work.recipe.plain(), sort_keys=False, allow_unicode=True))
    with open(folder / "history.jsonl", "a", encoding="utf-8") as file:
        file.writelines(json.dumps(finite(record)) + "\n" for record in work.history)
    write_environment(folder)
    write_status(folder, "running")
    return Run.load(folder)


def _measured(work: Work, made: Run, folder: Path, steps: list[dict[str, Any]], timing: bool) -> Report:
    """Measure both runs; writes `metrics.json`."""
    run, prepared = work.run, work.prepared
    assert run.path is not None and made.path is not None
    began = time.perf_counter()
    before, after = (work.task.scores(one.model, prepared) for one in (run, made))
    seconds, part = (time.perf_counter() - began) / 2, next((p for p in ("test", "validation") if p in after), None)
    if part is None:
        raise DataError("no row was held back to measure what compression costs.", where=str(run.path))
    files = (run.path, made.path)
    costs = _costs.sizes(run.model, made.model, files)
    costs += _costs.timings(run.model, made.model, work, files) if timing else []
    quality, warnings = _quality(run, before[part], after[part], part)
    warnings += _hopes(costs)
    rows = [*quality, *([f"{c.name}{f' ({c.unit})' * bool(c.unit)}", c.before, c.after, c.words] for c in costs)]
    note = f"Quality on the {part} rows, in brackets the 95 % interval. Times are medians of calls in turns."
    table = Table("Before and after", ["figure", "before", "after", "change"], rows, note=note)
    outcome = {
        "from": str(run.path),
        "steps": steps,
        "measured_on": part,
        "before": before[part],
        "costs": {c.name: {"unit": c.unit, "before": c.before, "after": c.after, "gain": c.gain} for c in costs},
        "warnings": warnings,
    }
    values = {key: value for key, value in run.metrics.items() if key != "folds"}
    values |= {
        "test": after[part],
        "validation": after.get("validation", {}),
        "seconds": {**run.metrics.get("seconds", {}), "test": round(seconds, 3)},
        "parameters": int(costs[1].after),
        "flops": evaluation.flops(made.model, work.calibration(1)[0]),
        "bytes": (made.path / "model.safetensors").stat().st_size,
        "compress": outcome,
    }
    write_json(made.path / "metrics.json", values)
    names = [config["kind"] for config in steps]
    report = Report(f"{run.path} compressed: {', '.join(names)}", [table], {"run": str(folder), **values})
    report.blocks += [Text("", warning, "warning") for warning in warnings]
    rows = [[c["kind"], ", ".join(f"{k} {v}" for k, v in c.items() if k != "kind")] for c in steps]
    report.blocks += [Section("How"), Table("Steps", ["step", "options"], rows)]
    return report


def _quality(run: Run, before: dict, after: dict, part: str) -> tuple[list[list[Any]], list[str]]:
    """The main score of each target, and a warning where it fell by more than its interval."""
    rows, warnings = [], []
    for target, scores in before.items():
        name, higher = _main(run, target, scores)
        old, new = scores.get(name), after[target].get(name)
        if old is None or new is None:
            continue
        intervals = [each[target].get(f"{name}_interval") for each in (before, after)]
        label = name if len(before) == 1 else f"{target} {name}"
        share = higher and min(old, new) >= 0 and max(old, new) <= 1
        change = f"{100 * (new - old):+.2f} points" if share else f"{(new - old) / (abs(old) or 1):+.1%}"
        rows.append([label, *map(_with_interval, (old, new), intervals), change])
        low, high = intervals[0] or (old - 0.01 * abs(old), old + 0.01 * abs(old))
        if new < low if higher else new > high:
            bound = "more than chance explains" if intervals[0] else "by more than one per cent"
            warnings.append(f"{label} on the {part} rows went from {shown(old)} to {shown(new)}, {bound}.")
    return rows, warnings


def _main(run: Run, target: str, scores: dict[str, Any]) -> tuple[str, bool]:
    """The score that counts, and whether higher is better."""
    if target not in run.kinds:  # a language model's text
        return "perplexity", False
    name, higher = metrics.main(run.kinds[target])
    return (name, higher) if name in scores else ("loss", False)


def _with_interval(value: float, interval: Sequence[float] | None) -> str:
    return shown(value) + (f" ({shown(float(interval[0]))} to {shown(float(interval[1]))})" if interval else "")


def _hopes(costs: Sequence[_costs.Cost]) -> list[str]:
    """What a person may have hoped for in vain."""
    found = []
    file, _, real = costs[:3]
    if file.gain < FASTER:
        zeros = ": zeros take room until int8 stores only what is not 0" * (real.gain > FASTER)
        found.append(f"The file is not smaller{zeros}.")
    speeds = [cost for cost in costs if cost.better == "faster"]
    if speeds and all(cost.gain < FASTER for cost in speeds):
        found.append(
            "Nothing got faster here: zeros and few bits save room; only narrower layers save time on every machine."
        )
    return found
