"""Recipe -> Run: makes the run folder, trains and measures into it, and keeps it in a state that can be continued.

Thin over `results`. Knows nothing of the command line.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from pathlib import Path

import torch
import yaml

from . import __version__
from .errors import ModelwrightError, RunError, StorageError, TrainingError
from .files import write_json, write_text
from .fitting import Watch, write_resolved
from .recipe import Recipe, load
from .results import measure
from .run import Run, read_status, write_status


def train(recipe: Recipe, out: Path | None = None, watch: Watch | None = None) -> Run:
    """Train a recipe into a new run folder (`runs/<name>-<n>` unless `out` is given)."""
    folder = _new_folder(recipe, out)
    write_status(folder, "running")
    source = Path(recipe.source)
    as_written = (
        source.read_text("utf-8-sig")
        if source.is_file()
        else yaml.safe_dump(recipe.plain(), sort_keys=False, allow_unicode=True)
    )
    write_text(folder / "recipe.yaml", as_written)
    write_resolved(folder, recipe, {})
    return _guarded(recipe, folder, watch or Watch())


def resume(path: Path, watch: Watch | None = None) -> Run:
    """Continue a run that was killed, interrupted or has failed; the result equals the uninterrupted run's.

    Raises RunError when the folder is no run or is being trained right now; a finished run is given back as it is.
    """
    status = read_status(path)
    if status.state == "finished":
        return Run.load(path)
    if status.state == "running" and status.pid != os.getpid():
        raise RunError(f"is being trained right now (process {status.pid} on {status.host}).", where=str(path))
    values = yaml.safe_load((path / "resolved.yaml").read_text("utf-8")) if (path / "resolved.yaml").exists() else None
    if not isinstance(values, dict):
        raise RunError("resolved.yaml is missing or damaged.", where=str(path), hint="Train the recipe again.")
    recipe = load({key: value for key, value in values.items() if key in Recipe.model_fields})
    recipe.source = str(path / "resolved.yaml")
    if str(recipe.data).startswith("<"):
        raise RunError(
            "the data lived in the memory of another process.",
            where=str(path),
            hint="Train again from a file to be able to resume.",
        )
    write_status(path, "running")
    return _guarded(recipe, path, watch or Watch(), values)


def _guarded(recipe: Recipe, folder: Path, watch: Watch, resolved: dict | None = None) -> Run:
    """Train and measure; whatever happens, the folder says what it is."""
    try:
        _write_environment(folder)
        run = measure(recipe, folder, watch, resolved)
        write_status(folder, "finished")
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        return run
    except KeyboardInterrupt:
        write_status(folder, "interrupted", f"continue with: modelwright train --resume {folder}")
        raise
    except BaseException as error:
        try:
            write_status(folder, "failed", str(error))
        except StorageError:
            print(f"{folder}: the status could not be written either.", file=sys.stderr)
        if isinstance(error, (ModelwrightError, SystemExit)):
            raise
        if isinstance(error, (MemoryError, RuntimeError)) and "memory" in str(error).lower():
            raise TrainingError(
                f"memory ran out ({str(error).splitlines()[0]}).", hint="Lower train.batch or raise train.accumulate."
            ) from error
        raise


def _new_folder(recipe: Recipe, out: Path | None) -> Path:
    if out is None:
        name, number = recipe.name(), 1
        while (folder := Path("runs") / f"{name}-{number}").exists():
            number += 1
    else:
        folder = Path(out)
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            hint = (
                f"Continue it with --resume {folder}, or choose another --out."
                if (folder / "status").exists()
                else "Choose another --out."
            )
            raise RunError("the folder is not empty.", where=str(folder), hint=hint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"the run folder cannot be made ({error.strerror}).", where=str(folder), hint="Choose another --out."
        ) from None
    return folder


def _write_environment(folder: Path) -> None:
    versions = {"modelwright": __version__, "python": platform.python_version(), "torch": torch.__version__}
    write_json(
        folder / "environment.json",
        {
            **versions,
            "platform": platform.platform(),
            "processor": platform.processor(),
            "threads": torch.get_num_threads(),
            "command": sys.argv,
            "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        },
    )
