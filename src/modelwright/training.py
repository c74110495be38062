"""Recipe -> Run: makes the run folder, trains and measures into it, and keeps it in a state that can be continued.

Thin over `tasks`. Knows nothing of the command line.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import platform
import shutil
import sys
import time
from pathlib import Path

import torch
import yaml

from . import __version__, tasks
from .errors import RunError, StorageError, TrainingError, UserError
from .files import write_json, write_text
from .fitting import Watch, write_resolved
from .recipe import Recipe, load
from .run import Run
from .status import AGAIN, hold, intact, read_status, write_status


def train(recipe: Recipe, out: Path | None = None, watch: Watch | None = None) -> Run:
    """Train a recipe into a new run folder (`runs/<name>-<n>` unless `out` is given)."""
    folder = new_folder(recipe.name(), out)
    if recipe.model.start:
        recipe.model.start = str((recipe.base / recipe.model.start).resolve())
        _require_unchanged(Path(recipe.model.start))
    source = Path(recipe.source)
    with hold(folder):
        write_resolved(folder, recipe, {})  # first: with it a run can be continued
        written = source.read_text("utf-8-sig") if source.is_file() else None
        write_text(
            folder / "recipe.yaml", written or yaml.safe_dump(recipe.plain(), sort_keys=False, allow_unicode=True)
        )
        try:
            return _guarded(recipe, folder, watch or Watch())
        except UserError:
            _remove_unstarted(folder)
            raise


def _require_unchanged(start: Path) -> None:
    """Raise RunError for a run to start from whose structure is no longer what a recipe builds."""
    if not (start / "resolved.yaml").exists():
        return
    with intact(start / "resolved.yaml"):
        values = yaml.safe_load((start / "resolved.yaml").read_text("utf-8"))
        changes = ", ".join(change["kind"] for change in values.get("transforms") or ())
    if changes:
        origin = (values.get("compressed") or {}).get("from", "the run it was made from")
        reason = f"its weights fit no model that a recipe builds: it was compressed ({changes})."
        raise RunError(reason, where=str(start), hint=f"Start from {origin}.")


def _remove_unstarted(folder: Path) -> None:
    """A mistake that showed before the first step leaves no run behind."""
    if not (folder / "resolved.yaml").exists() or (folder / "checkpoints").exists() or (folder / "folds").exists():
        return
    for name in ("status", "resolved.yaml", "recipe.yaml", "environment.json"):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it holds something else
        folder.rmdir()


def resume(path: Path, watch: Watch | None = None) -> Run:
    """Continue a run that was killed, interrupted or has failed; the result equals the uninterrupted run's.

    Raises RunError when the folder is no run or is being trained right now; a finished run is given back as it is.
    """
    if not (path / "resolved.yaml").exists():
        state = read_status(path).state
        raise RunError(f"the run is {state}, and resolved.yaml is missing.", where=str(path), hint=AGAIN)
    with hold(path):
        if (path / "status").exists() and read_status(path).state == "finished":
            done = Run.load(path)
            done.notes.append("already finished")
            return done
        with intact(path / "resolved.yaml"):
            values = yaml.safe_load((path / "resolved.yaml").read_text("utf-8"))
            recipe = load({key: value for key, value in values.items() if key in Recipe.model_fields})
        recipe.base, recipe.source = path, str(path / "resolved.yaml")  # a name of data is not a file nearby
        if str(recipe.data).startswith("<"):
            hint = "Train again from a file to be able to resume."
            raise RunError("the data lived in the memory of another process.", where=str(path), hint=hint)
        _restore_threads(path)
        return _guarded(recipe, path, watch or Watch(), values)


def _guarded(recipe: Recipe, folder: Path, watch: Watch, resolved: dict | None = None) -> Run:
    """Train and measure; whatever happens, the folder says what it is."""
    try:
        write_status(folder, "running")
        write_environment(folder)
        run = tasks.find(recipe.model.kind).measure(recipe, folder, watch, resolved)
        write_status(folder, "finished")
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        return run
    except KeyboardInterrupt:
        following = f"continue with: modelwright train --resume {folder}"
        write_status(folder, "interrupted", following)
        raise KeyboardInterrupt(f"What was trained is saved; {following}") from None
    except BaseException as error:
        try:
            write_status(folder, "failed", str(error))
        except StorageError:
            print(f"{folder}: the status could not be written either.", file=sys.stderr)
        if isinstance(error, (MemoryError, RuntimeError)) and "memory" in str(error).lower():
            reason = f"memory ran out ({str(error).splitlines()[0]})."
            raise TrainingError(reason, hint="Lower train.batch or raise train.accumulate.") from error
        raise


def new_folder(name: str, out: Path | None = None) -> Path:
    """An empty folder for a run, `runs/<name>-<n>` unless `out` is given. Raises RunError when `out` holds something, StorageError when it cannot be made."""
    if out is not None and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        resumable = (
            f"Continue it with: modelwright train --resume {out}, or " if (out / "resolved.yaml").exists() else ""
        )
        hint = f"{resumable}choose another --out."
        raise RunError("the folder is not empty.", where=str(out), hint=hint[0].upper() + hint[1:])
    try:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            return out
        for number in itertools.count(1):
            folder = Path("runs") / f"{name}-{number}"
            folder.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                break
        return folder
    except OSError as error:
        where = str(out or Path("runs"))
        reason = f"the run folder cannot be made ({error.strerror})."
        raise StorageError(reason, where=where, hint="Choose another --out.") from None


def _restore_threads(path: Path) -> None:
    """As many threads as the run began with: their number changes the order of sums, and so the last digits."""
    try:
        threads = json.loads((path / "environment.json").read_text("utf-8"))["threads"]
    except (OSError, ValueError, KeyError):
        return  # it never came to training
    torch.set_num_threads(int(threads))


def write_environment(folder: Path) -> None:
    """Write `environment.json`: versions, machine, command and time."""
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
