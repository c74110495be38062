"""A folder of things that can be made again: entries of files, size-capped, safe to delete at any time.

An entry is a folder `<cache>/<kind>/<key>/`. It appears whole or not at all (written aside, then renamed), so two
processes may make the same one. Knows nothing of what is inside.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

CAPPED = ("encoded", "tables")  # downloads are never removed: making them again needs a network
ABANDONED_SECONDS = 24 * 3600  # an unfinished entry older than this was left by a process that died


def folder() -> Path:
    """`$MODELWRIGHT_CACHE`, or `modelwright` in the platform's cache folder."""
    if given := os.environ.get("MODELWRIGHT_CACHE"):
        return Path(given).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "modelwright" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/modelwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelwright"


def capacity() -> int:
    """The most bytes the capped kinds may fill: `$MODELWRIGHT_CACHE_SIZE` in GB, 20 by default."""
    try:
        return int(float(os.environ.get("MODELWRIGHT_CACHE_SIZE", "20")) * 1e9)
    except ValueError:
        return 20_000_000_000


def entry(kind: str, key: str, make: Callable[[Path], None]) -> Path | None:
    """The folder of an entry, made by `make(folder)` when it is not there; None when the cache cannot be written."""
    final = folder() / kind / key
    if final.is_dir():
        with contextlib.suppress(OSError):  # read-only caches are fine to read; then only the order of use is lost
            os.utime(final)
        return final
    aside = final.with_name(f"{key}.{uuid.uuid4().hex}.part")
    try:
        aside.mkdir(parents=True)
        make(aside)
        _publish(aside, final)
    except OSError as error:
        warnings.warn(f"The cache folder {folder()} cannot be used ({error}); going on without it.", stacklevel=2)
        return None
    finally:
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
    trim(keep=final)
    return final


def _publish(aside: Path, final: Path) -> None:
    try:
        aside.rename(final)
    except OSError:
        if not final.is_dir():  # else another process was faster, with the same content
            raise


def trim(keep: Path | None = None) -> None:
    """Remove the entries used longest ago until the capped kinds fit; `keep` stays."""
    entries = []
    for kind in CAPPED:
        for path in _listed(folder() / kind):
            used, size = _measured(path)
            if path.name.endswith(".part"):
                if time.time() - used > ABANDONED_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
            else:
                entries.append((used, size, path))
    excess = sum(size for _, size, _ in entries) - capacity()
    for _, size, path in sorted(entries, key=lambda item: item[0]):
        if excess <= 0:
            break
        if path != keep:
            _remove(path)
            excess -= size


def _remove(path: Path) -> None:
    """Whole or not at all, so that no one finds half an entry; files that a process has mapped stay readable to it."""
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    with contextlib.suppress(OSError):  # another process is removing it too
        path.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _listed(path: Path) -> list[Path]:
    return [child for child in path.iterdir() if child.is_dir()] if path.is_dir() else []


def _measured(path: Path) -> tuple[float, int]:
    """When it was last used, and its bytes; zeros when another process removed it meanwhile."""
    try:
        return path.stat().st_mtime, sum(file.stat().st_size for file in path.iterdir())
    except FileNotFoundError:
        return 0.0, 0
